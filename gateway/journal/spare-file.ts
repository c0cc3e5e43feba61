import { type Disk, DiskError, type DiskFile } from '../host.ts';
import { ignoreDiskError, withFile, writeAll } from './disk-tools.ts';
import { foreignAt, freeName } from './foreign.ts';

/** A spare that found no room is made once there have been so many more occasions: each try costs the card something. */
const OCCASIONS_BETWEEN = 64;

/**
 * A file that is there before it is needed, so that replacing another one of its size needs no room: it is written over and
 * takes the name of that one. Nobody reads it. It is this process's or one's that was killed, in whatever state that left it.
 */
export class SpareFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #sizeBytes: number;
  #isReady = false;
  /** A sync of it has failed: what the system still holds of it is not known, and no later sync would tell. */
  #isFinished = false;
  #occasionsLeft = 0;

  constructor(disk: Disk, path: string, sizeBytes: number) {
    this.#disk = disk;
    this.path = path;
    this.#sizeBytes = sizeBytes;
  }

  /** Makes it while there is room for it. What the disk refuses is tried again, not each time that this is called. */
  async prepare(): Promise<void> {
    if (this.#isReady || this.#occasionsLeft-- > 0) return;
    this.#occasionsLeft = OCCASIONS_BETWEEN;
    try {
      const isThere = !this.#isFinished && (await this.#disk.size(this.path)) === this.#sizeBytes;
      // Zeros, not a hole: otherwise it would need the room when it is written over.
      if (!isThere) await this.fill(new Uint8Array(this.#sizeBytes));
      this.#isReady = true;
    } catch (error) {
      ignoreDiskError(error);
    }
  }

  /**
   * Makes these bytes durable in it, which are as many as it has; it needs no room where `prepare` had some. A write that
   * fails leaves it to be written over another time, as a whole and before anything depends on it; a sync that fails does not.
   * @throws DiskError
   */
  async fill(bytes: Uint8Array): Promise<void> {
    if (this.#isFinished || (await foreignAt(this.#disk, this.path, this.#sizeBytes)) !== undefined) await this.#clear();
    try {
      await withFile(this.#disk, this.path, 'create', async (file) => {
        await writeAll(file, bytes, 0);
        await this.#sync(file);
      });
    } catch (error) {
      ignoreDiskError(error);
      // Half of one is of no use, and in the way of others on a full disk.
      const isWhole = (await this.#disk.size(this.path).catch(() => undefined)) === this.#sizeBytes;
      if (!isWhole) await this.#clear().catch(ignoreDiskError);
      throw error;
    }
  }

  /** It has got the name of the other file. */
  taken(): void {
    this.#isReady = false;
    this.#occasionsLeft = 0;
  }

  async #sync(file: DiskFile): Promise<void> {
    try {
      await file.fdatasync();
    } catch (error) {
      if (error instanceof DiskError) this.#isFinished = true;
      throw error;
    }
  }

  async #clear(): Promise<void> {
    this.#isReady = false;
    await freeName(this.#disk, this.path, this.#sizeBytes);
    this.#isFinished = false;
  }
}
