import type { Clock } from '../drivers/clock.ts';
import { type Disk, DiskError, type DiskFile } from '../gateway/host.ts';
import { DiskContent } from './disk-content.ts';
import { activeFault, type DiskOperation, type Fault } from './faults.ts';
import type { Random } from './random.ts';

export interface SimulatedDiskOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults?: readonly Fault[];
  /** Bytes that all files together may have; no limit without it. */
  readonly capacityBytes?: number;
  /** The part of the writes, 0 to 1, that write only a beginning of what they were given. */
  readonly shortWriteRate?: number;
  /** How long an fdatasync or fsyncDir takes. With 0 nothing waits for the clock. */
  readonly syncMs?: number;
}

/**
 * A disk in memory that keeps apart what is durable and what is not, and loses the latter in a crash.
 *
 * What may be lost, and so what a store must be ready for:
 * - a name that was created, renamed or deleted since the last fsyncDir of its folder: the folder is as it was then;
 * - bytes written since the last fdatasync of their file: each sector of 512 bytes on its own, old or new, by the seed;
 * - a file's size since then: old or new, and zeros where no sector of it became durable;
 * - all that a failed fdatasync should have made durable: the kernel has forgotten it, and the next one that succeeds
 *   does not bring it back.
 * What is durable stays. A sector is never half written, and nothing is written to a wrong place.
 */
export class SimulatedDisk implements Disk {
  readonly #options: SimulatedDiskOptions;
  readonly #random: Random;
  #folders = new Set(['/']);
  #files = new Map<string, DiskContent>();
  /** The names as they would be after a crash. */
  #durableFiles = new Map<string, DiskContent>();
  /** How often the power has failed; a file that was opened before is of no use afterwards. */
  #crashCount = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.#random = options.random.fork('disk');
  }

  /** The power fails: what was not durable is gone or half there, and open files are closed. */
  crash(): void {
    this.#crashCount += 1;
    this.#files = new Map(this.#durableFiles);
    for (const content of this.#files.values()) content.crash(this.#random);
  }

  async readDir(path: string): Promise<string[]> {
    if (!this.#folders.has(path)) throw new DiskError('ENOENT', `no folder ${path}`);
    const names = [...this.#folders, ...this.#files.keys()].filter((each) => each !== '/' && folderOf(each) === path);
    return names.map((name) => name.slice(name.lastIndexOf('/') + 1)).sort();
  }

  async mkdir(path: string): Promise<void> {
    for (let folder = path; folder !== '/'; folder = folderOf(folder)) this.#folders.add(folder);
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    this.#fail('open', path);
    if (this.#folders.has(path)) throw new DiskError('EISDIR', `${path} is a folder`);
    let content = this.#files.get(path);
    if (content === undefined && mode === 'create') {
      if (!this.#folders.has(folderOf(path))) throw new DiskError('ENOENT', `no folder ${folderOf(path)}`);
      content = new DiskContent();
      this.#files.set(path, content);
    }
    if (content === undefined) throw new DiskError('ENOENT', `no file ${path}`);
    return this.#opened(path, content, mode !== 'read');
  }

  async size(path: string): Promise<number | undefined> {
    return this.#files.get(path)?.sizeBytes;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#fail('rename', from);
    const content = this.#files.get(from);
    if (content === undefined) throw new DiskError('ENOENT', `no file ${from}`);
    if (!this.#folders.has(folderOf(to))) throw new DiskError('ENOENT', `no folder ${folderOf(to)}`);
    this.#files.delete(from);
    this.#files.set(to, content);
  }

  async unlink(path: string): Promise<void> {
    this.#fail('unlink', path);
    if (!this.#files.delete(path)) throw new DiskError('ENOENT', `no file ${path}`);
  }

  async fsyncDir(path: string): Promise<void> {
    if (!this.#folders.has(path)) throw new DiskError('ENOENT', `no folder ${path}`);
    await this.#sync();
    this.#fail('fsyncDir', path);
    for (const name of this.#durableFiles.keys()) {
      if (folderOf(name) === path && !this.#files.has(name)) this.#durableFiles.delete(name);
    }
    for (const [name, content] of this.#files) if (folderOf(name) === path) this.#durableFiles.set(name, content);
  }

  #freeBytes(): number {
    return Math.max(0, (this.#options.capacityBytes ?? Number.MAX_SAFE_INTEGER) - this.#usedBytes());
  }

  #usedBytes(): number {
    let used = 0;
    for (const content of this.#files.values()) used += content.sizeBytes;
    return used;
  }

  #opened(path: string, content: DiskContent, isWritable: boolean): DiskFile {
    let isOpen = true;
    const crashCount = this.#crashCount;
    const check = (operation: DiskOperation | undefined, writes: boolean) => {
      if (!isOpen || crashCount !== this.#crashCount) throw new DiskError('EBADF', `${path} is not open any more`);
      if (writes && !isWritable) throw new DiskError('EBADF', `${path} was opened for reading only`);
      if (operation !== undefined) this.#fail(operation, path);
    };
    return {
      pread: async (position, length) => {
        check('pread', false);
        return content.read(position, length);
      },
      pwrite: async (bytes, position) => {
        check('pwrite', true);
        const length = await this.#writable(path, content, position, bytes.length);
        content.write(bytes.subarray(0, length), position);
        return length;
      },
      fdatasync: async () => {
        check(undefined, true);
        await this.#sync();
        check(undefined, true);
        try {
          this.#fail('fdatasync', path);
        } catch (error) {
          content.forgetUnsynced();
          throw error;
        }
        content.makeDurable();
      },
      truncate: async (sizeBytes) => {
        check('truncate', true);
        content.truncate(sizeBytes);
      },
      size: async () => {
        check(undefined, false);
        return content.sizeBytes;
      },
      close: async () => {
        isOpen = false;
      },
    };
  }

  /** How many of `length` bytes a write at `position` takes: as many as fit, and now and then fewer. */
  async #writable(path: string, content: DiskContent, position: number, length: number): Promise<number> {
    const growth = Math.max(0, position + length - content.sizeBytes);
    const fits = growth === 0 ? length : length - Math.max(0, growth - this.#freeBytes());
    if (fits <= 0 && length > 0) throw new DiskError('ENOSPC', `no space left for ${path}`);
    const { shortWriteRate = 0 } = this.#options;
    return fits > 1 && this.#random() < shortWriteRate ? 1 + Math.floor(this.#random() * (fits - 1)) : fits;
  }

  #fail(operation: DiskOperation, path: string): void {
    const { faults = [], clock } = this.#options;
    const fault = activeFault(faults, 'disk', clock.monotonicMs(), ({ operations }) => operations.includes(operation));
    if (fault !== undefined) throw new DiskError(fault.code, `${operation} of ${path} failed: ${fault.code}`);
  }

  async #sync(): Promise<void> {
    const { syncMs = 0, clock } = this.#options;
    if (syncMs > 0) await new Promise<void>((resolve) => clock.timer(syncMs, resolve));
  }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
