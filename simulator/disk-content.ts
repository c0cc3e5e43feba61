/** What a disk writes in one piece, whatever happens to the power. */
export const SECTOR_BYTES = 512;
/** What the operating system reads in one piece: an error of the card costs so much. */
const PAGE_BYTES = 4096;
/** Older contents that are remembered of one sector. Beyond it those between the durable and the newest are forgotten. */
const VERSIONS_MAX = 4;
const ZEROS = new Uint8Array(SECTOR_BYTES);

/** A sector that is not durable as it is. */
interface Unsynced {
  /** What the card may hold besides what programs see: the durable bytes first, then what was written over since. */
  readonly versions: Uint8Array[];
  /** False after a failed sync: the operating system counts it as clean, and only writing it again can make it durable. */
  isDirty: boolean;
}

/**
 * The content of one simulated file: as programs see it now, and everything that a crash may leave of it. Syncing costs
 * nothing but to forget the second, and no write copies more than the sectors that it touches.
 */
export class DiskContent {
  #bytes = new Uint8Array(0);
  /** The bytes belong to a copy as well: they are copied before they change. */
  #isShared = false;
  #sizeBytes = 0;
  /** Sizes that a crash may leave besides the present one: the durable one first. */
  #sizes: number[] = [0];
  #isSizeDirty = false;
  readonly #unsynced = new Map<number, Unsynced>();
  readonly #unreadablePages = new Set<number>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(position, Math.max(position, Math.min(this.#sizeBytes, position + length)));
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    this.#reserve(end);
    this.#remember(Math.min(position, this.#sizeBytes), end);
    this.#bytes.set(bytes, position);
    for (let page = Math.ceil(position / PAGE_BYTES); (page + 1) * PAGE_BYTES <= end; page += 1)
      this.#unreadablePages.delete(page);
    if (end > this.#sizeBytes) this.#resize(end);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes === this.#sizeBytes) return;
    this.#reserve(sizeBytes);
    this.#remember(Math.min(sizeBytes, this.#sizeBytes), Math.max(sizeBytes, this.#sizeBytes));
    this.#bytes.fill(0, sizeBytes);
    this.#resize(sizeBytes);
  }

  makeDurable(): void {
    for (const [sector, { isDirty }] of this.#unsynced) if (isDirty) this.#unsynced.delete(sector);
    if (this.#isSizeDirty || this.#sizes.length === 1) this.#sizes = [this.#sizeBytes];
    this.#isSizeDirty = false;
  }

  /** A sync has failed: the operating system counts these sectors as clean, although they never reached the disk. */
  forgetUnsynced(): void {
    for (const unsynced of this.#unsynced.values()) unsynced.isDirty = false;
    this.#isSizeDirty = false;
  }

  /**
   * Goes back to what is durable, except for what chance has brought to the disk in time: nothing, everything, what was
   * written first, what was written last, all but a piece in the middle, such a piece only, or each sector on its own, with any
   * of the contents that it had since. Some sectors that were being replaced are new at their beginning and old at their end.
   */
  crash(random: () => number, tornSectorRate: number): void {
    this.#own();
    const fate = fateOf(random, this.#unsynced.size);
    let index = 0;
    for (const [sector, { versions }] of this.#unsynced) {
      const start = sector * SECTOR_BYTES;
      const newest = this.#bytes.slice(start, start + SECTOR_BYTES);
      const kept = fate(index, [...versions, newest]);
      this.#bytes.set(kept, start);
      if (tornSectorRate > 0 && random() < tornSectorRate)
        this.#bytes.set(torn(versions[0] as Uint8Array, newest, random), start);
      index += 1;
    }
    const sizes = [...this.#sizes, this.#sizeBytes];
    const sizeBytes = fate(Math.floor(random() * index), sizes);
    this.#bytes.fill(0, sizeBytes);
    this.#sizeBytes = sizeBytes;
    this.#unsynced.clear();
    this.#sizes = [sizeBytes];
    this.#isSizeDirty = false;
  }

  /** The same file on another disk: with what is durable and what is not, or, if `isDurable`, with all that programs see. */
  copy(isDurable: boolean): DiskContent {
    const copy = new DiskContent();
    copy.#bytes = this.#bytes;
    copy.#isShared = true;
    this.#isShared = true;
    copy.#sizeBytes = this.#sizeBytes;
    copy.#sizes = isDurable ? [this.#sizeBytes] : [...this.#sizes];
    copy.#isSizeDirty = this.#isSizeDirty && !isDurable;
    for (const page of this.#unreadablePages) copy.#unreadablePages.add(page);
    if (isDurable) return copy;
    for (const [sector, { versions, isDirty }] of this.#unsynced)
      copy.#unsynced.set(sector, { versions: [...versions], isDirty });
    return copy;
  }

  /** The card itself changes these bytes: they are what is durable from now on. Nothing is written beyond the end of the file. */
  damage(bytes: Uint8Array, position: number): void {
    this.#own();
    const fits = bytes.subarray(0, Math.max(0, this.#sizeBytes - position));
    this.#bytes.set(fits, position);
  }

  /** Whether the page, of 4096 bytes, gives an error to whoever reads it. Writing it whole heals it. */
  setUnreadable(page: number, isUnreadable: boolean): void {
    if (isUnreadable) this.#unreadablePages.add(page);
    else this.#unreadablePages.delete(page);
  }

  isReadable(position: number, length: number): boolean {
    if (this.#unreadablePages.size === 0) return true;
    const end = Math.min(this.#sizeBytes, position + length);
    for (const page of this.#unreadablePages) if (page * PAGE_BYTES < end && (page + 1) * PAGE_BYTES > position) return false;
    return true;
  }

  /** Keeps what the sectors in [from, to) hold before they change. */
  #remember(from: number, to: number): void {
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector += 1) {
      const start = sector * SECTOR_BYTES;
      const before = start >= this.#sizeBytes ? ZEROS : this.#bytes.slice(start, start + SECTOR_BYTES);
      const unsynced = this.#unsynced.get(sector);
      if (unsynced === undefined) this.#unsynced.set(sector, { versions: [before], isDirty: true });
      else {
        unsynced.isDirty = true;
        unsynced.versions.push(before);
        if (unsynced.versions.length > VERSIONS_MAX) unsynced.versions.splice(1, 1);
      }
    }
  }

  #resize(sizeBytes: number): void {
    if (this.#sizes.at(-1) !== this.#sizeBytes) this.#sizes.push(this.#sizeBytes);
    if (this.#sizes.length > VERSIONS_MAX) this.#sizes.splice(1, 1);
    this.#sizeBytes = sizeBytes;
    this.#isSizeDirty = true;
  }

  #own(): void {
    if (!this.#isShared) return;
    this.#bytes = this.#bytes.slice();
    this.#isShared = false;
  }

  /** Room for so many bytes, in whole sectors, with zeros beyond the end of the file; and the bytes may be changed. */
  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) {
      this.#own();
      return;
    }
    const sectors = Math.ceil(Math.max(sizeBytes, 2 * this.#bytes.length) / SECTOR_BYTES);
    const grown = new Uint8Array(sectors * SECTOR_BYTES);
    grown.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = grown;
    this.#isShared = false;
  }
}

/** A sector that is new at its beginning and old at its end; where the edge is makes a difference if there is any. */
function torn(old: Uint8Array, newest: Uint8Array, random: () => number): Uint8Array {
  const from = newest.findIndex((byte, i) => byte !== old[i]);
  const to = newest.findLastIndex((byte, i) => byte !== old[i]);
  const edge = from + Math.floor(random() * (to - from + 1));
  const sector = old.slice();
  sector.set(newest.subarray(0, Math.max(0, edge)));
  return sector;
}

/** Chooses one of the contents, oldest first, of the sector that was the `index`-th of `count` to be written. */
type Fate = <T>(index: number, contents: readonly T[]) => T;

function fateOf(random: () => number, count: number): Fate {
  const kind = Math.floor(random() * 8);
  const edge = random() * count;
  const runFrom = Math.floor(edge);
  const runEnd = runFrom + 1 + Math.floor(random() * random() * count);
  const rate = random();
  return (index, contents) => {
    const choose = (isKept: boolean) => contents[isKept ? contents.length - 1 : 0] as (typeof contents)[number];
    if (kind === 0) return choose(false);
    if (kind === 1) return choose(true);
    if (kind === 2) return choose(index < edge);
    if (kind === 3) return choose(index >= edge);
    if (kind === 4) return choose(random() < rate);
    if (kind === 5) return choose(index < runFrom || index >= runEnd);
    if (kind === 6) return choose(index >= runFrom && index < runEnd);
    return contents[Math.floor(random() * contents.length)] as (typeof contents)[number];
  };
}
