/** What a disk writes in one piece, whatever happens to the power. */
export const SECTOR_BYTES = 512;

/**
 * The content of one simulated file: as programs see it now, and how to go back to what is durable. For each sector that
 * was written since the last sync it keeps the durable bytes, so that syncing costs nothing but to forget them.
 */
export class DiskContent {
  #bytes = new Uint8Array(0);
  #sizeBytes = 0;
  #durableSizeBytes = 0;
  /** Durable bytes of the sectors that differ from it, by number; the next sync makes these sectors durable. */
  readonly #unsynced = new Map<number, Uint8Array>();
  /** The same of sectors that a failed sync has given up: only writing them again can make them durable. */
  readonly #forgotten = new Map<number, Uint8Array>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(position: number, length: number): Uint8Array {
    return this.#bytes.slice(position, Math.max(position, Math.min(this.#sizeBytes, position + length)));
  }

  write(bytes: Uint8Array, position: number): void {
    this.#reserve(position + bytes.length);
    this.#remember(Math.min(position, this.#sizeBytes), position + bytes.length);
    this.#bytes.set(bytes, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, position + bytes.length);
  }

  truncate(sizeBytes: number): void {
    this.#reserve(sizeBytes);
    this.#remember(Math.min(sizeBytes, this.#sizeBytes), Math.max(sizeBytes, this.#sizeBytes));
    this.#bytes.fill(0, sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  makeDurable(): void {
    this.#unsynced.clear();
    this.#durableSizeBytes = this.#sizeBytes;
  }

  /** A sync has failed: the operating system counts these sectors as clean, although they never reached the disk. */
  forgetUnsynced(): void {
    for (const [sector, durable] of this.#unsynced) this.#forgotten.set(sector, durable);
    this.#unsynced.clear();
  }

  /** Goes back to what is durable, except for those sectors, and that size, which chance has brought to the disk in time. */
  crash(random: () => number): void {
    for (const sectors of [this.#unsynced, this.#forgotten]) {
      for (const [sector, durable] of sectors) if (random() < 0.5) this.#bytes.set(durable, sector * SECTOR_BYTES);
      sectors.clear();
    }
    const sizeBytes = random() < 0.5 ? this.#durableSizeBytes : this.#sizeBytes;
    this.#bytes.fill(0, sizeBytes);
    this.#sizeBytes = sizeBytes;
    this.#durableSizeBytes = sizeBytes;
  }

  /** Keeps the durable bytes of the sectors in [from, to) that are about to change. */
  #remember(from: number, to: number): void {
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector += 1) {
      if (this.#unsynced.has(sector)) continue;
      const start = sector * SECTOR_BYTES;
      this.#unsynced.set(sector, this.#forgotten.get(sector) ?? this.#bytes.slice(start, start + SECTOR_BYTES));
      this.#forgotten.delete(sector);
    }
  }

  /** Room for so many bytes, in whole sectors, with zeros beyond the end of the file. */
  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return;
    const sectors = Math.ceil(Math.max(sizeBytes, 2 * this.#bytes.length) / SECTOR_BYTES);
    const grown = new Uint8Array(sectors * SECTOR_BYTES);
    grown.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = grown;
  }
}
