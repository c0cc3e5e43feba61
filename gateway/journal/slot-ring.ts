import { join } from 'node:path';
import { type Disk, DiskError } from '../host.ts';
import { encodeCommit } from './columns.ts';
import { ignoreDiskError, writeAll } from './disk-tools.ts';
import type { SlotUse } from './file-list.ts';
import { foreignAt, freeName } from './foreign.ts';
import { encodeFrameInto, FRAME_HEADER_BYTES, toPage, type WritableHead } from './frame.ts';
import { Dictionary } from './series.ts';
import { type FramePlace, SLOT_LOOKED_MAX, type Slot, slotName } from './slot.ts';
import { type Entry, framePart, headOf } from './slot-entry.ts';
import { makeSlot, writeOver } from './slot-making.ts';
import { SlotReader } from './slot-reader.ts';
import { slotFrame } from './slot-scan.ts';

/** Commits after which a use is noted that could not be. */
const NOTED_AGAIN_AFTER = 16;

export interface SlotRingOptions {
  readonly slotBytes: number;
  readonly slotCount: number;
  /** Names of slots that are left alone. */
  readonly foreign: readonly string[];
  /** Higher than any epoch in the journal. */
  readonly nextEpoch: () => number;
  /** A commit of a use is durable that is not noted yet; it is promised when this resolves. Rejects with a DiskError when it cannot be noted. */
  readonly onUse: (use: SlotUse) => Promise<void>;
}

/**
 * The slots: files of one fixed size that are written once and then, when what they hold is sealed, used again under a
 * higher epoch. Nothing ever grows here, so that a commit costs one write and one flush, and a full disk is no obstacle.
 * A page that is durable is not written again before the slot is used again.
 */
export class SlotRing {
  /** Reads what stands in them. */
  readonly reader: SlotReader;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #options: SlotRingOptions;
  readonly #slots: Slot[];
  readonly #foreign: string[];
  #current: Slot | undefined;
  /** Of the use that is noted. What an earlier process noted may be older than what it wrote. */
  #notedEpoch = 0;
  /** Commits until it is tried again, after a failure. */
  #unnotedLeft = 0;
  /** Of slots that are left alone. */
  #leftBytes = 0;
  #isPrepared = false;
  #isSettled = false;
  #isFolderSettled = false;
  /** What the operating system said when a slot could only be read. */
  #readOnlyCode = '';

  /** `found`: the slots that are there, in any order; the one that is being filled is that of the highest epoch. */
  constructor(disk: Disk, folder: string, found: readonly Slot[], options: SlotRingOptions) {
    this.#disk = disk;
    this.#folder = folder;
    this.#options = options;
    this.#slots = [...found];
    this.#foreign = [...options.foreign];
    this.reader = new SlotReader(disk, folder, options.slotBytes, (slot, { code }) => {
      this.#readOnlyCode = code;
      slot.isFinished = true;
      if (slot === this.#current) this.#current = undefined;
    });
    const newest = found.filter(({ frames }) => frames.length > 0).sort((a, b) => b.epoch - a.epoch)[0];
    if (newest !== undefined && !newest.isFinished && !hasCopies(newest, found)) this.#current = newest;
  }

  /** Slots that hold something which is not sealed, oldest first; `withCurrent` also the one that is being filled. */
  full(withCurrent = false): readonly Slot[] {
    const full = this.#slots.filter((slot) => slot.frames.length > 0 && (withCurrent || slot !== this.#current));
    return full.sort((a, b) => a.epoch - b.epoch);
  }

  /** Frames of all slots by sequence. The same sequences can stand in two: the disk failed under the first. */
  get frames(): readonly FramePlace[] {
    return this.full(true).flatMap((slot) => slot.frames.map((frame) => ({ slot, frame })));
  }

  get sizeBytes(): number {
    return this.#slots.reduce((sum, { fileBytes }) => sum + fileBytes, this.#leftBytes);
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Slots that can be used without sealing anything first, besides the one that is being filled. */
  get freeCount(): number {
    const missing = this.#isPrepared ? 0 : Math.max(0, this.#options.slotCount - this.#slots.length);
    return missing + this.#slots.filter((slot) => slot.frames.length === 0 && slot !== this.#current).length;
  }

  /** Whether the next write finds a slot. */
  get hasRoom(): boolean {
    return this.#current !== undefined || this.freeCount > 0;
  }

  /** What is sealed needs its slot no more. One that may hold more than could be read is left alone, and another is made. */
  free(slot: Slot): void {
    slot.frames = [];
    if (slot === this.#current) this.#current = undefined;
    if (!slot.hasUnreadable) return;
    this.#foreign.push(slot.name);
    this.#leftBytes += slot.fileBytes;
    this.#forget(slot);
    this.#isPrepared = false;
  }

  /** To be called before it is asked whether there is room, and before each write. @throws DiskError */
  async prepare(): Promise<void> {
    await this.settle();
    await this.#makeSlots();
  }

  /**
   * Makes as many of the entries durable as fit the slot, at least one, and returns how many. One write, one flush.
   * `onHanded` is called before the disk is given anything of them.
   * @throws DiskError; the slot is finished then, and the next call takes another one. There must be room (`hasRoom`).
   */
  async write(entries: readonly Entry[], lowWaters: ReadonlyMap<string, number>, onHanded: () => void): Promise<number> {
    const free = this.#slots.filter(({ frames }) => frames.length === 0);
    const slot = this.#current ?? (await this.#nextSlot());
    await this.reader.learn(slot);
    if (slot.endBytes >= this.#options.slotBytes) {
      // Full, or a definition in it cannot be read: the next series would get its number.
      this.#current = undefined;
      return 0;
    }
    const built = this.#build(slot, entries, lowWaters);
    if (built.count === 0) {
      if (slot.endBytes === 0) throw new Error(`a record of ${entries[0]?.bytesMax} bytes does not fit an empty slot`);
      this.#current = undefined;
      return 0;
    }
    try {
      const file = await this.reader.opened(slot);
      if (slot.isFinished) throw new DiskError(this.#readOnlyCode, `${slot.name} can only be read`);
      onHanded();
      await writeAll(file, built.bytes, built.offset);
      await file.fdatasync();
      if (!(await this.#isNamed(slot))) throw new DiskError('ENOENT', `${slot.name} was deleted`);
    } catch (error) {
      slot.isFinished = true;
      this.#current = undefined;
      throw error;
    }
    slot.frames.push(...built.frames);
    slot.endBytes = built.offset + built.bytes.length;
    // The dictionary takes the definitions for written that did not fit any more: no frame may follow.
    if (built.isFull) this.#current = undefined;
    await this.#noteUse(slot, built.frames[0]?.firstSequence ?? 0);
    await this.#trim(free);
    return built.count;
  }

  /** The low-water marks that the newest frame carries. The same sequences may stand in two: the disk failed under the first. */
  async lowWaters(): Promise<ReadonlyMap<string, number>> {
    const newest = this.frames.toSorted(
      (a, b) => b.frame.lastSequence - a.frame.lastSequence || b.slot.epoch - a.slot.epoch || b.frame.offset - a.frame.offset,
    )[0];
    return newest === undefined ? new Map() : await this.reader.lowWaters(newest);
  }

  /**
   * Makes durable what an earlier process left: it may have died between a write and its sync, or between the renaming of a
   * block file and the sync of the folder. Done before the first write and
   * before anything is sent, and not at opening: measuring does not wait for it.
   * @throws DiskError
   */
  async settle(): Promise<void> {
    if (!this.#isSettled) await this.#settleSlots();
    this.#isSettled = true;
    if (this.#isFolderSettled) return;
    try {
      await this.#disk.fsyncDir(this.#folder);
    } catch (error) {
      // A folder that is not there yet has nothing to lose.
      if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
    }
    this.#isFolderSettled = true;
  }

  /** What has happened to a name in the folder is not durable: `settle` makes it so before the next write. */
  unsettle(): void {
    this.#isFolderSettled = false;
  }

  async #settleSlots(): Promise<void> {
    for (const slot of this.full(true)) {
      try {
        const file = await this.reader.opened(slot);
        await file.fdatasync();
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        // It is read, and becomes durable when it is sealed.
        slot.isFinished = true;
        if (slot === this.#current) this.#current = undefined;
      }
    }
  }

  async close(): Promise<void> {
    for (const slot of this.#slots) {
      await this.reader.shut(slot);
    }
  }

  /** Frames for as many entries as the rest of the slot takes. Sequences within one are consecutive. */
  #build(slot: Slot, entries: readonly Entry[], lowWaters: ReadonlyMap<string, number>) {
    const parts: { readonly head: WritableHead; readonly payload: Uint8Array }[] = [];
    let end = slot.endBytes;
    let count = 0;
    let isFull = false;
    while (count < entries.length) {
      const part = framePart(entries, count, this.#options.slotBytes);
      const payload = encodeCommit(part, slot.dictionary, end, lowWaters);
      const sizeBytes = toPage(FRAME_HEADER_BYTES + payload.length);
      isFull = end + sizeBytes > this.#options.slotBytes;
      if (isFull) break;
      parts.push({ head: headOf(slot.epoch, part), payload });
      end += sizeBytes;
      count += part.length;
    }
    const bytes = new Uint8Array(end - slot.endBytes);
    let at = 0;
    const frames = parts.map(({ head, payload }) => {
      const offset = slot.endBytes + at;
      const sizeBytes = encodeFrameInto(bytes, at, head, payload, slot.places + offset) - at;
      at += toPage(sizeBytes);
      return slotFrame(offset, { ...head, sizeBytes });
    });
    return { offset: slot.endBytes, bytes, frames, count, isFull };
  }

  /** Were the file gone at the next opening, nothing else would tell. What cannot be noted is durable all the same. */
  async #noteUse({ name, epoch }: Slot, firstSequence: number): Promise<void> {
    if (epoch === this.#notedEpoch) return;
    if (this.#unnotedLeft > 0) {
      this.#unnotedLeft -= 1;
      return;
    }
    try {
      await this.#options.onUse({ slot: name, epoch, firstSequence, sizeBytes: this.#options.slotBytes });
      this.#notedEpoch = epoch;
    } catch (error) {
      ignoreDiskError(error);
      this.#unnotedLeft = NOTED_AGAIN_AFTER;
    }
  }

  /** All slots are made at once, while there is room for them: later the disk may be full. */
  async #makeSlots(): Promise<void> {
    if (this.#isPrepared) return;
    while (this.#slots.length < this.#options.slotCount) {
      try {
        await this.#makeAnother();
      } catch (error) {
        // With at least two the journal works; the others are made with the next opening.
        if (this.#slots.length < 2) throw error;
        break;
      }
    }
    this.#isPrepared = true;
  }

  /**
   * Somebody may delete the file or the folder. What is written to a file without a name is gone with the process, and no
   * operation on it ever fails; what stands in it can be read until then, and sealed.
   */
  async #isNamed(slot: Slot): Promise<boolean> {
    return (await this.#disk.size(join(this.#folder, slot.name))) !== undefined;
  }

  /** The free slot that was used longest ago. When it cannot be made ready the next one is taken, as long as there is one. */
  async #nextSlot(): Promise<Slot> {
    const free = this.#slots.filter(({ frames }) => frames.length === 0).sort((a, b) => a.epoch - b.epoch);
    let failure: unknown = new DiskError('ENOSPC', 'a slot is needed and none is free');
    for (const slot of free) {
      try {
        const ready = await this.#ready(slot);
        ready.epoch = this.#options.nextEpoch();
        ready.endBytes = 0;
        ready.dictionary = new Dictionary();
        ready.isLearned = true;
        this.#current = ready;
        return ready;
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /**
   * The slot, or another one in its place: after a failed sync nobody knows what the system still holds of a file. It is
   * deleted when the other one is there, and written over as a whole where there is no room for one, or one too many already:
   * room that is given up on a full disk may be somebody else's before it can be used again.
   * @throws DiskError
   */
  async #ready(slot: Slot): Promise<Slot> {
    const path = join(this.#folder, slot.name);
    if (!slot.isFinished && (await this.#disk.size(path)) !== undefined) return slot;
    await this.reader.shut(slot);
    slot.isFinished = true;
    const other = this.#slots.length > this.#options.slotCount ? undefined : await this.#makeAnother().catch(unlessFull);
    if (other === undefined) {
      const foreign = await foreignAt(this.#disk, path, SLOT_LOOKED_MAX);
      if (foreign !== undefined) throw new DiskError('ENOSPC', `no room for a slot instead of ${slot.name}, which is none`);
      await writeOver(this.#disk, path, this.#options.slotBytes);
      slot.fileBytes = this.#options.slotBytes;
      slot.isFinished = false;
      return slot;
    }
    await freeName(this.#disk, path, SLOT_LOOKED_MAX).then(() => this.#forget(slot), ignoreDiskError);
    return other;
  }

  /**
   * After `max_size` was made smaller: of slots that are too large or too many those are deleted that are free. Of others are
   * made that fit, with the next write. The last free one stays: without it the next write would have to wait for room.
   * Only what was free before the last durable frame was made may go: that frame says that it is.
   */
  async #trim(free: readonly Slot[]): Promise<void> {
    const { slotBytes, slotCount } = this.#options;
    for (const slot of free.toSorted((a, b) => b.fileBytes - a.fileBytes)) {
      const isSuperfluous = slot.fileBytes > slotBytes || this.#slots.length > slotCount;
      if (!isSuperfluous || slot.frames.length > 0 || !this.#slots.includes(slot)) continue;
      if (!this.#slots.some((other) => other !== slot && other !== this.#current && other.frames.length === 0)) return;
      try {
        await this.reader.shut(slot);
        await freeName(this.#disk, join(this.#folder, slot.name), SLOT_LOOKED_MAX);
        slot.fileBytes = 0;
        await this.#disk.fsyncDir(this.#folder);
      } catch (error) {
        ignoreDiskError(error);
        continue;
      }
      this.#forget(slot);
      this.#isPrepared = this.#slots.length >= slotCount;
    }
  }

  /** A slot under a name that no other has. */
  async #makeAnother(): Promise<Slot> {
    const isTaken = (name: string) => this.#slots.some((slot) => slot.name === name) || this.#foreign.includes(name);
    let number = 0;
    while (isTaken(slotName(number))) number += 1;
    const name = slotName(number);
    const slot = await makeSlot(this.#disk, this.#folder, name, this.#options.slotBytes);
    this.#slots.push(slot);
    return slot;
  }

  #forget(slot: Slot): void {
    const at = this.#slots.indexOf(slot);
    if (at >= 0) this.#slots.splice(at, 1);
  }
}

/**
 * Whether another slot holds some of its records as well, as the disk failed under a group and a power cut left a part of it
 * there: then both must be sealed together, since sealing a part would pass for sealing all.
 */
function hasCopies({ frames, name }: Slot, found: readonly Slot[]): boolean {
  const first = frames[0]?.firstSequence ?? 0;
  return found.some((other) => other.name !== name && (other.frames.at(-1)?.lastSequence ?? 0) >= first);
}

/** For what has another way where the disk is full. */
function unlessFull(error: unknown): undefined {
  if (!(error instanceof DiskError && error.code === 'ENOSPC')) throw error;
}
