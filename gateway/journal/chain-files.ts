import { join } from 'node:path';
import { type Disk, DiskError, type DiskFile, type Log } from '../host.ts';
import type { RecordClass } from '../record.ts';
import { BLOCK_FILE_LOOKED_MAX, type BlockDamage, type BlockFilePlace, blockFileName, totalsOf } from './block-file.ts';
import { type BlockFile, BlockReader } from './block-reader.ts';
import { type Batches, BlockWriter, toBlocks } from './block-writer.ts';
import { type ChainEntry, listedOf, newEntry, update } from './chain-entry.ts';
import { ignoreDiskError } from './disk-tools.ts';
import type { FileList } from './file-list.ts';
import { freeName } from './foreign.ts';
import { type HistoryQuery, JournalError, type StoredRecord } from './journal.ts';
import { Dictionary } from './series.ts';

/** What the files need of the options of a chain (block-chain.ts). */
export interface ChainFilesOptions {
  readonly log: Log;
  readonly fileBytesMax: number;
  readonly newEpoch: () => number;
  readonly isReadOnly?: boolean;
  readonly list?: Pick<FileList, 'missed' | 'update'>;
  readonly onDamage?: (damage: BlockDamage) => void;
  readonly onUnsettled?: () => void;
  readonly isLost?: (place: string) => boolean;
  readonly blockRecords?: number;
}

/** What opening found. */
export interface OpenedChain {
  readonly entries: ChainEntry[];
  readonly damage: BlockDamage[];
  readonly epochMax: number;
}

/** A chain (block-chain.ts) at work: its files, the one that is written, and who reads them. */
export class ChainFiles {
  readonly recordClass: RecordClass;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #options: ChainFilesOptions;
  readonly #reader: BlockReader;
  readonly #damage: BlockDamage[];
  #entries: ChainEntry[];
  #lastSequence = 0;
  #epochMax: number;
  /** The new file that has no name yet: its first extent is being written. */
  #unnamed: { readonly entry: ChainEntry; readonly writer: BlockWriter } | undefined;
  /** What changes files, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, folder: string, recordClass: RecordClass, opened: OpenedChain, options: ChainFilesOptions) {
    this.recordClass = recordClass;
    this.#disk = disk;
    this.#folder = folder;
    this.#options = options;
    this.#entries = opened.entries;
    this.#damage = opened.damage;
    this.#epochMax = opened.epochMax;
    this.#reader = new BlockReader({
      disk,
      folder,
      recordClass,
      onDamage: (damage) => this.#tell(damage),
      isLost: options.isLost,
      onGone: (file) => this.#lose(file),
    });
    this.#changed();
  }

  get firstSequence(): number {
    return this.#entries.find((entry) => entry.recordCount > 0)?.firstSequence ?? 0;
  }
  get lastSequence(): number {
    return this.#lastSequence;
  }
  get sizeBytes(): number {
    return this.#entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  }
  get recordCount(): number {
    return this.#entries.reduce((sum, entry) => sum + entry.recordCount, 0);
  }
  get epochMax(): number {
    return this.#epochMax;
  }
  get files(): readonly BlockFile[] {
    return this.#entries;
  }
  get damage(): readonly BlockDamage[] {
    return this.#damage;
  }

  append(batches: Batches): Promise<void> {
    return this.#change(() => this.#append(batches));
  }

  async read(from: number, limit: number): Promise<readonly StoredRecord[]> {
    return await this.#reader.read([...this.#entries], from, limit);
  }

  history(query: HistoryQuery): AsyncIterable<readonly StoredRecord[]> {
    return this.#reader.history([...this.#entries], query);
  }

  async *recordsOf(file: object): AsyncGenerator<readonly StoredRecord[]> {
    const entry = this.#entries.find((other) => other === file);
    if (entry !== undefined) yield* this.#reader.recordsOf(entry);
  }

  finish(): Promise<void> {
    return this.#change(async () => {
      const open = this.#open;
      if (open !== undefined) await this.#finish(open.entry, open.writer);
    });
  }

  drop(file: object): Promise<void> {
    return this.#change(async () => {
      const entry = this.#entries.find((other) => other === file);
      if (entry === undefined) return;
      await this.#giveUp(entry);
      // Out of the list first: a reader that does not find it any more must not take it for lost.
      const at = this.#entries.indexOf(entry);
      this.#entries = this.#entries.filter((other) => other !== entry);
      this.#changed();
      this.#reader.forget(entry);
      try {
        // Before it goes: a file that is listed and not there passes for one that somebody else has deleted.
        await this.#tellList();
        await this.#disk.unlink(this.#pathOf(entry.name)).catch(ignoreMissing);
      } catch (error) {
        this.#entries = this.#entries.toSpliced(at, 0, entry);
        this.#changed();
        throw error;
      }
      await this.#syncFolder();
    });
  }

  replace(file: object, batches: Batches, { isThinned }: { readonly isThinned: boolean }): Promise<void> {
    return this.#change(async () => {
      const entry = this.#entries.find((other) => other === file);
      if (entry === undefined) return;
      // Without an index it is as good to read; what fails here has given it up.
      if (entry.writer !== undefined) await this.#finish(entry, entry.writer).catch(ignoreDiskError);
      const temporary = this.#pathOf(`${entry.name}.new`);
      await freeName(this.#disk, temporary, BLOCK_FILE_LOOKED_MAX);
      const handle = await this.#disk.open(temporary, 'create');
      let writer: BlockWriter;
      try {
        writer = this.#newWriter(handle, entry.name);
        for await (const block of toBlocks(batches, 0, this.#options.blockRecords)) await writer.write(block);
        await writer.writeIndex(isThinned, entry.lastSequence);
        await writer.sync();
        await this.#disk.rename(temporary, this.#pathOf(entry.name));
      } catch (error) {
        await this.#disk.unlink(temporary).catch(ignoreDiskError);
        throw error;
      } finally {
        await handle.close().catch(ignoreDiskError);
      }
      // From the rename on the new one is what everybody reads, whether or not it will still be there after a power cut.
      this.#reader.forget(entry);
      entry.named.clear();
      const totals = totalsOf(writer.blocks);
      const lastSequence = Math.max(entry.lastSequence, totals.lastSequence);
      update(entry, { ...totals, lastSequence }, writer.endBytes);
      entry.isThinned = isThinned;
      this.#changed();
      await this.#syncFolder();
    });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#reader.close();
      for (const entry of this.#entries) await this.#giveUp(entry);
    });
  }

  get #open(): { readonly entry: ChainEntry; readonly writer: BlockWriter } | undefined {
    const entry = this.#entries.find((other) => other.writer !== undefined);
    return entry?.writer && { entry, writer: entry.writer };
  }

  async #append(batches: Batches): Promise<void> {
    await this.#noticeDeletion();
    try {
      for await (const block of toBlocks(batches, this.#lastSequence, this.#options.blockRecords)) {
        const { entry, writer } = this.#open ?? this.#unnamed ?? (await this.#begin(block[0]?.sequence ?? 0));
        await writer.write(block);
        if (this.#isFull(writer)) await this.#finish(entry, writer);
      }
      const { entry, writer } = this.#open ?? this.#unnamed ?? {};
      if (entry === undefined || writer === undefined) return;
      if (this.#isFull(writer)) await this.#finish(entry, writer);
      else await this.#complete(entry, writer);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  #isFull(writer: BlockWriter): boolean {
    return writer.endBytes >= this.#options.fileBytesMax || writer.isCrowded;
  }

  /** A new file, under a name that nobody takes for a block file before its first extent is durable. */
  async #begin(firstSequence: number): Promise<{ readonly entry: ChainEntry; readonly writer: BlockWriter }> {
    let place: BlockFilePlace = { recordClass: this.recordClass, firstSequence, attempt: 0 };
    const isTaken = async (name: string) => (await this.#disk.size(this.#pathOf(name))) !== undefined;
    while ((await isTaken(blockFileName(place))) || (await isTaken(`${blockFileName(place)}.new`)))
      place = { ...place, attempt: place.attempt + 1 };
    const name = blockFileName(place);
    const writer = this.#newWriter(await this.#disk.open(this.#pathOf(`${name}.new`), 'create'), name);
    this.#unnamed = { entry: newEntry(name, firstSequence, writer), writer };
    return this.#unnamed;
  }

  #newWriter(file: DiskFile, name: string): BlockWriter {
    const epoch = this.#options.newEpoch();
    this.#epochMax = Math.max(this.#epochMax, epoch);
    return new BlockWriter(file, { name, epoch, dictionary: new Dictionary(), blocks: [], endBytes: 0 });
  }

  /** Makes what was written durable and shows it. */
  async #complete(entry: ChainEntry, writer: BlockWriter): Promise<void> {
    if (writer.hasPending) await writer.sync();
    const isNew = this.#unnamed?.entry === entry;
    if (isNew) {
      await this.#disk.rename(this.#pathOf(`${entry.name}.new`), this.#pathOf(entry.name));
      await this.#disk.fsyncDir(this.#folder);
      this.#unnamed = undefined;
      this.#entries = [...this.#entries, entry];
    }
    update(entry, totalsOf(writer.blocks), writer.endBytes);
    this.#changed();
    // What the disk refuses of it is only less to know at the next opening.
    if (isNew) await this.#tellList().catch(ignoreDiskError);
  }

  /** What has happened to a name has happened; that it is not durable has to be made good before anything depends on it. */
  async #syncFolder(): Promise<void> {
    await this.#disk.fsyncDir(this.#folder).catch((error: unknown) => {
      ignoreDiskError(error);
      this.#options.onUnsettled?.();
    });
  }

  async #tellList(): Promise<void> {
    await this.#options.list?.update(this.recordClass, this.#entries.slice(0, -1).map(listedOf));
  }

  /** An index says that its blocks are durable, so they are before it is written: it could outlive them otherwise. */
  async #finish(entry: ChainEntry, writer: BlockWriter): Promise<void> {
    try {
      await this.#complete(entry, writer);
      await writer.writeIndex(false);
      await this.#complete(entry, writer);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    await this.#giveUp(entry);
    this.#reader.forget(entry);
  }

  /** Nothing more is written to the file; what is durable in it stays. */
  async #giveUp(entry: ChainEntry): Promise<void> {
    const file = entry.writer?.file;
    Object.assign(entry, { isOpen: false, writer: undefined });
    await file?.close().catch(ignoreDiskError);
  }

  /** After a failure: nobody knows what of the last extent is on the disk, and none of it was promised. */
  async #abandon(): Promise<void> {
    const unnamed = this.#unnamed;
    this.#unnamed = undefined;
    if (unnamed !== undefined) {
      await unnamed.writer.file.close().catch(ignoreDiskError);
      // Best effort: the next file has another name in any case.
      for (const name of [`${unnamed.entry.name}.new`, unnamed.entry.name])
        await this.#disk.unlink(this.#pathOf(name)).catch(ignoreDiskError);
      return;
    }
    const open = this.#open;
    if (open === undefined) return;
    // What of the extent is in the file would come back once the file that has it instead is dropped. Where it cannot be cut
    // off it counts against the size, and is not read by this process.
    const isCut = await open.writer.file.truncate(open.writer.syncedBytes).then(
      () => true,
      () => false,
    );
    if (!isCut) open.entry.sizeBytes = Math.max(open.entry.sizeBytes, open.writer.endBytes);
    await this.#giveUp(open.entry);
    this.#reader.forget(open.entry);
    this.#options.log('warning', 'journal-block-file-given-up', { file: open.entry.name });
  }

  /** What is written to a file without a name is gone with the process, and no operation on it ever fails. */
  async #noticeDeletion(): Promise<void> {
    const open = this.#open;
    if (open !== undefined && (await this.#disk.size(this.#pathOf(open.entry.name))) === undefined) this.#lose(open.entry);
  }

  /** Someone has deleted the file. */
  #lose(file: BlockFile): void {
    const entry = this.#entries.find((other) => other === file);
    if (entry === undefined) return;
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#reader.forget(entry);
    entry.writer?.file.close().catch(ignoreDiskError);
    Object.assign(entry, { isOpen: false, writer: undefined });
    const { name, nameSequence, firstSequence, lastSequence, recordCount, isThinned, fromWallMs, toWallMs } = entry;
    const time = fromWallMs === undefined || toWallMs === undefined ? {} : { fromWallMs, toWallMs };
    // What was merged into the first window had a lower sequence than it.
    const missing = { first: Math.max(isThinned ? nameSequence : firstSequence, entry.clipFrom), last: lastSequence };
    const lost = recordCount === 0 ? {} : { missing, ...(isThinned ? {} : { count: recordCount }), ...time };
    if (recordCount > 0) this.#options.list?.missed(this.recordClass, listedOf(entry), missing.first);
    this.#changed();
    this.#tell({ file: name, offset: 0, sizeBytes: 0, kind: 'gone', recordClass: this.recordClass, ...lost });
  }

  #tell(damage: BlockDamage): void {
    this.#damage.push(damage);
    this.#options.onDamage?.(damage);
  }

  /** After a failed append the same sequences stand in two files: the first one's count. */
  #changed(): void {
    let last = 0;
    for (const entry of this.#entries) {
      entry.clipFrom = last + 1;
      last = Math.max(last, entry.lastSequence);
    }
    this.#lastSequence = Math.max(this.#lastSequence, last);
  }

  #pathOf(name: string): string {
    return join(this.#folder, name);
  }

  /** @throws JournalError for a chain that is only read */
  async #change(work: () => Promise<void>): Promise<void> {
    if (this.#options.isReadOnly === true)
      throw new JournalError(`the ${this.recordClass} of the journal are open for reading only`);
    await this.#inTurn(work);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
}
