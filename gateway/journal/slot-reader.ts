import { join } from 'node:path';
import { type Disk, DiskError, type DiskFile } from '../host.ts';
import { type DecodedRecords, decodeCommit, learnFrom, readLowWaters } from './columns.ts';
import { decodeFrame } from './frame.ts';
import { endOf, type FramePlace, groupsOf, type Slot } from './slot.ts';
import type { SlotFrame } from './slot-scan.ts';

/** What the operating system says of a file that may be read and not written. */
const READ_ONLY_CODES = new Set(['EROFS', 'EACCES', 'EPERM']);

/** The files of the slots, and what stands in their frames. */
export class SlotReader {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #slotBytes: number;
  /** A slot can only be read. */
  readonly #onReadOnly: (slot: Slot, error: DiskError) => void;

  constructor(disk: Disk, folder: string, slotBytes: number, onReadOnly: (slot: Slot, error: DiskError) => void) {
    this.#disk = disk;
    this.#folder = folder;
    this.#slotBytes = slotBytes;
    this.#onReadOnly = onReadOnly;
  }

  /** The records of a frame; undefined when the slot is in other use by now, or the disk does not give the frame as it was written. */
  async read(slot: Slot, frame: SlotFrame): Promise<DecodedRecords | undefined> {
    for await (const { decoded } of this.readEach([{ slot, frame }])) return decoded;
    return undefined;
  }

  /** As `read`, of one frame after the other; with `sensors` only the observations of these. `isRefused`: the disk gave an error. */
  async *readEach(
    places: readonly FramePlace[],
    sensors?: ReadonlySet<string>,
  ): AsyncGenerator<FramePlace & { readonly decoded: DecodedRecords | undefined; readonly isRefused: boolean }> {
    let learned: Slot | undefined;
    for (const group of groupsOf(places)) {
      const { slot } = group[0] as FramePlace;
      // Once for all of its frames: while the disk refuses, each time means to ask it for every frame.
      if (slot !== learned) await this.learn(slot);
      learned = slot;
      const { dictionary } = slot;
      for (const { frame, payload, isRefused } of await this.#payloads(slot, group)) {
        const decoded = payload && decodeCommit(payload, frame.firstSequence, dictionary, sensors);
        // What nobody defined may be defined in a frame that the disk refuses now.
        const isInDoubt = !slot.isLearned && (decoded?.unknownCount ?? 0) > 0;
        yield { slot, frame, decoded, isRefused: isRefused || isInDoubt };
      }
    }
  }

  /** Whether the frames still are as they were written; `isRefused`: the disk gave an error. */
  async *check(
    places: readonly FramePlace[],
  ): AsyncGenerator<FramePlace & { readonly isReadable: boolean; readonly isRefused: boolean }> {
    for (const group of groupsOf(places)) {
      const { slot } = group[0] as FramePlace;
      for (const { frame, payload, isRefused } of await this.#payloads(slot, group))
        yield { slot, frame, isReadable: payload !== undefined, isRefused };
    }
  }

  /** The open file of a slot. @throws DiskError */
  opened(slot: Slot): Promise<DiskFile> {
    slot.file ??= this.#open(slot).catch((error: unknown) => {
      slot.file = undefined;
      throw error;
    });
    return slot.file;
  }

  /** What may not be written, on a card that has become read-only, is read all the same. */
  async #open(slot: Slot): Promise<DiskFile> {
    const path = join(this.#folder, slot.name);
    if (slot.isFinished) return await this.#disk.open(path, 'read');
    try {
      return await this.#disk.open(path, 'write');
    } catch (error) {
      if (!(error instanceof DiskError && READ_ONLY_CODES.has(error.code))) throw error;
      this.#onReadOnly(slot, error);
      return await this.#disk.open(path, 'read');
    }
  }

  async shut(slot: Slot): Promise<void> {
    const opening = slot.file;
    slot.file = undefined;
    await opening?.then((file) => file.close()).catch(() => undefined);
  }

  /** Once, or again as long as the disk refuses some of it. Where a definition may be missing nothing more is written. */
  async learn(slot: Slot): Promise<void> {
    if (slot.isLearned) return;
    const { dictionary } = slot;
    let isWhole = true;
    for (const frame of slot.frames) {
      const [read] = await this.#payloads(slot, [{ slot, frame }]);
      // It may have been let go meanwhile, and be in another use.
      if (slot.dictionary !== dictionary) return;
      if (read?.payload !== undefined) learnFrom(read.payload, dictionary, frame.offset);
      else slot.endBytes = this.#slotBytes;
      if (read?.isRefused === true) isWhole = false;
    }
    slot.isLearned = isWhole;
  }

  /** The low-water marks that a frame carries. */
  async lowWaters(place: FramePlace): Promise<ReadonlyMap<string, number>> {
    const [read] = await this.#payloads(place.slot, [place]);
    return read?.payload === undefined ? new Map() : readLowWaters(read.payload);
  }

  /** Of frames that follow each other in the slot, with one call of the disk; when it refuses, one by one. */
  async #payloads(slot: Slot, group: readonly FramePlace[]): Promise<readonly ReadFrame[]> {
    const { epoch } = slot;
    const start = group[0]?.frame.offset ?? 0;
    let bytes: Uint8Array = new Uint8Array();
    let isRefused = false;
    try {
      const file = await this.opened(slot);
      bytes = await file.pread(start, endOf(group.at(-1)) - start);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (group.length > 1) return (await Promise.all(group.map((place) => this.#payloads(slot, [place])))).flat();
      isRefused = true;
    }
    return group.map(({ frame }) => {
      const found = decodeFrame(bytes, frame.offset - start, slot.places + frame.offset);
      const isRight = found?.epoch === epoch && found.firstSequence === frame.firstSequence;
      return { frame, payload: isRight ? found.payload : undefined, isRefused };
    });
  }
}

/** What the disk gave of a frame. */
interface ReadFrame {
  readonly frame: SlotFrame;
  /** Undefined when it is not what was written. */
  readonly payload: Uint8Array | undefined;
  readonly isRefused: boolean;
}
