import { join } from 'node:path';
import { type Disk, DiskError, type DiskFile, noFileOf } from '../host.ts';
import { GAP_SENSORS_MAX, type RecordClass } from '../record.ts';
import { type Block, type BlockDamage, unpackSeries, unwrapBlock } from './block-file.ts';
import { readIndex } from './block-index.ts';
import { blockFilter, blockFrom, groupsOf, indexFrom } from './block-search.ts';
import { isUnreadable, type WalkDamage, walkBlocks } from './block-walk.ts';
import type { BlockWriter } from './block-writer.ts';
import { type DecodedRecords, decodeBlock } from './columns.ts';
import { decodeFrame, placesOf } from './frame.ts';
import { canMatch, matcherOf } from './history-query.ts';
import { type HistoryQuery, JournalError, type RecordSpan, type StoredRecord } from './journal.ts';
import { PageRoom } from './page-room.ts';
import { Dictionary } from './series.ts';

/** Files whose list of blocks is in memory, with a handle each; the one that is written is among them when it is read. */
const LOADED_MAX = 3;

/** A file as the chain knows it. */
export interface BlockFile extends RecordSpan {
  /** Name in the folder. */
  readonly name: string;
  /** The first sequence in its name. */
  readonly nameSequence: number;
  /** Records whose wall clock was not set. */
  readonly untimedCount: number;
  /** Its observations were merged into windows. */
  readonly isThinned: boolean;
  /** The file that is appended to. */
  readonly isOpen: boolean;
  /** Nothing is read from here on. */
  readonly endBytes: number;
  /** Smaller sequences stand in a file before it. */
  readonly clipFrom: number;
  /** What writes it. */
  readonly writer: BlockWriter | undefined;
  /** Offsets of damage that was named; -1 minus the offset for a block that lacks a part of its records. */
  readonly named: Set<number>;
}

interface Loaded {
  readonly handle: DiskFile;
  readonly blocks: () => readonly Block[];
  readonly dictionary: Dictionary;
  users: number;
  /** To be closed when the last user is done. */
  isForgotten: boolean;
}

export interface BlockReaderOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly recordClass: RecordClass;
  readonly onDamage: (damage: BlockDamage) => void;
  /** The disk refuses a block: whether it is lost, or is to be asked for again later. By default it is lost. */
  readonly isLost?: ((place: string) => boolean) | undefined;
  /** The file is not there any more. */
  readonly onGone: (file: BlockFile) => void;
}

/** Reads the files of a chain. Keeps a few of them open, and the records of the last few blocks. */
export class BlockReader {
  readonly #options: BlockReaderOptions;
  /** The last one used is the last. */
  readonly #loaded = new Map<BlockFile, Promise<Loaded | undefined>>();
  /** The block read last, so that the next small reading goes on in it. Only one: the records of a block take 300 bytes each. */
  #decoded: { readonly file: BlockFile; readonly offset: number; readonly records: readonly StoredRecord[] } | undefined;

  constructor(options: BlockReaderOptions) {
    this.#options = options;
  }

  /** What stands in the file has changed, or it is gone. Who reads it at the moment reads on in the old one. */
  forget(file: BlockFile): void {
    if (this.#decoded?.file === file) this.#decoded = undefined;
    const loaded = this.#loaded.get(file);
    this.#loaded.delete(file);
    loaded?.then((entry) => entry && this.#retire(entry)).catch(() => undefined);
  }

  close(): void {
    for (const file of [...this.#loaded.keys()]) this.forget(file);
  }

  /** As Chain.read (block-chain.ts). The files are those of the chain. @throws JournalError */
  async read(files: readonly BlockFile[], from: number, limit: number): Promise<readonly StoredRecord[]> {
    let found: readonly StoredRecord[] = [];
    const room = new PageRoom(limit);
    for (const file of files) {
      if (file.lastSequence < from) continue;
      if (room.isFull) break;
      const first = Math.max(from, file.clipFrom);
      const more = await this.#use(file, (loaded) => this.#readFile(file, loaded, first, room));
      if (more !== undefined && more.length > 0) found = found.length === 0 ? more : [...found, ...more];
    }
    return found;
  }

  async *history(files: readonly BlockFile[], query: HistoryQuery): AsyncGenerator<readonly StoredRecord[]> {
    const matches = matcherOf(query);
    for (const file of files) {
      if (!canMatch(query, file)) continue;
      const loaded = await this.#load(file);
      if (loaded === undefined) continue;
      try {
        const isWanted = blockFilter(query, loaded.dictionary, file.clipFrom);
        for (const group of groupsOf(loaded.blocks().filter(isWanted))) {
          for await (const { records } of this.#readGroup(file, loaded, group, query.sensors)) {
            const matching = records.filter((stored) => stored.sequence >= file.clipFrom && matches(stored));
            if (matching.length > 0) yield matching;
          }
        }
      } finally {
        this.#release(loaded);
      }
    }
  }

  async *recordsOf(file: BlockFile): AsyncGenerator<readonly StoredRecord[]> {
    const loaded = await this.#load(file);
    if (loaded === undefined) return;
    try {
      for (const block of loaded.blocks()) {
        if (block.lastSequence < file.clipFrom) continue;
        const records = await this.#readBlock(file, loaded, block);
        if (records.length > 0) yield records.slice(indexFrom(records, file.clipFrom));
      }
    } finally {
      this.#release(loaded);
    }
  }

  async #readFile(file: BlockFile, loaded: Loaded, from: number, room: PageRoom): Promise<readonly StoredRecord[]> {
    const blocks = loaded.blocks();
    let found: readonly StoredRecord[] = [];
    for (let i = blockFrom(blocks, from); i < blocks.length && !room.isFull; i++) {
      const records = await this.#decode(file, loaded, blocks[i] as Block);
      const part = room.take(records, indexFrom(records, from));
      found = found.length === 0 ? part : [...found, ...part];
    }
    return found;
  }

  async #decode(file: BlockFile, loaded: Loaded, block: Block): Promise<readonly StoredRecord[]> {
    if (this.#decoded?.file === file && this.#decoded.offset === block.offset) return this.#decoded.records;
    // Before the next one is decoded, so that never both take memory.
    this.#decoded = undefined;
    const records = await this.#readBlock(file, loaded, block);
    // Not when the file was replaced while it was read.
    if (!loaded.isForgotten) this.#decoded = { file, offset: block.offset, records };
    return records;
  }

  async #readBlock(file: BlockFile, loaded: Loaded, block: Block): Promise<readonly StoredRecord[]> {
    for await (const { records } of this.#readGroup(file, loaded, [block], undefined)) return records;
    return [];
  }

  /**
   * Reads neighbouring blocks at once and decodes those that are right, each when it is asked for, since a decoded block
   * takes a hundred times its bytes; when the disk refuses, they are read one by one.
   */
  async *#readGroup(
    file: BlockFile,
    loaded: Loaded,
    group: readonly Block[],
    sensors: ReadonlySet<string> | undefined,
  ): AsyncGenerator<DecodedRecords> {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined || (group.length === 1 && file.named.has(first.offset))) return;
    let bytes: Uint8Array;
    try {
      bytes = await loaded.handle.pread(first.offset, last.offset + last.sizeBytes - first.offset);
    } catch (error) {
      if (!isUnreadable(error)) throw readError(file, error);
      if (group.length > 1) for (const block of group) yield* this.#readGroup(file, loaded, [block], sensors);
      else if (this.#isLost(file, first.offset)) this.#nameBlock(file, loaded, first, 'unreadable');
      else {
        await this.#lookAhead(file, loaded, first);
        throw readError(file, error);
      }
      return;
    }
    for (const block of group) {
      const decoded = decodeAt(bytes, block.offset - first.offset, block, file.name, loaded.dictionary, sensors);
      if (decoded === undefined) this.#nameBlock(file, loaded, block, 'damaged');
      else {
        if (decoded.unknownCount > 0) this.#nameBlock(file, loaded, block, 'damaged', decoded.unknownCount);
        yield decoded;
      }
    }
  }

  #isLost({ name }: BlockFile, place: string | number): boolean {
    return this.#options.isLost?.(`${name} ${place}`) ?? true;
  }

  /** Asks for all blocks behind one that is refused: they wait together, and not one after the other. */
  async #lookAhead(file: BlockFile, { handle, blocks }: Loaded, from: Block): Promise<void> {
    for (const { offset, sizeBytes } of blocks()) {
      if (offset <= from.offset || file.named.has(offset)) continue;
      try {
        await handle.pread(offset, sizeBytes);
      } catch (error) {
        if (!isUnreadable(error)) throw readError(file, error);
        this.#isLost(file, offset);
      }
    }
  }

  async #use<T>(file: BlockFile, work: (loaded: Loaded) => Promise<T>): Promise<T | undefined> {
    const loaded = await this.#load(file);
    if (loaded === undefined) return undefined;
    try {
      return await work(loaded);
    } finally {
      this.#release(loaded);
    }
  }

  /** Whoever gets it calls #release. Undefined when the file is not there. */
  async #load(file: BlockFile): Promise<Loaded | undefined> {
    const promise = this.#loaded.get(file) ?? this.#open(file);
    this.#loaded.delete(file);
    this.#loaded.set(file, promise);
    for (const other of this.#loaded.keys()) {
      if (this.#loaded.size <= LOADED_MAX) break;
      const entry = this.#loaded.get(other);
      this.#loaded.delete(other);
      entry?.then((loaded) => loaded && this.#retire(loaded)).catch(() => undefined);
    }
    try {
      const loaded = await promise;
      if (loaded === undefined) this.#loaded.delete(file);
      else loaded.users += 1;
      return loaded;
    } catch (error) {
      if (this.#loaded.get(file) === promise) this.#loaded.delete(file);
      throw error;
    }
  }

  #release(loaded: Loaded): void {
    loaded.users -= 1;
    if (loaded.isForgotten && loaded.users === 0) loaded.handle.close().catch(() => undefined);
  }

  #retire(loaded: Loaded): void {
    if (loaded.isForgotten) return;
    loaded.isForgotten = true;
    if (loaded.users === 0) loaded.handle.close().catch(() => undefined);
  }

  async #open(file: BlockFile): Promise<Loaded | undefined> {
    let handle: DiskFile;
    try {
      handle = await this.#options.disk.open(join(this.#options.folder, file.name), 'read');
    } catch (error) {
      const isGone = error instanceof DiskError && (error.code === 'ENOENT' || noFileOf(error) !== undefined);
      if (isGone) this.#options.onGone(file);
      else if (isUnreadable(error) && this.#isLost(file, 'whole')) this.#nameFile(file);
      else throw readError(file, error);
      return undefined;
    }
    try {
      const content = await this.#contentOf(file, handle);
      return { handle, ...content, users: 0, isForgotten: false };
    } catch (error) {
      handle.close().catch(() => undefined);
      throw readError(file, error);
    }
  }

  async #contentOf(file: BlockFile, handle: DiskFile): Promise<Pick<Loaded, 'blocks' | 'dictionary'>> {
    const { writer } = file;
    if (writer !== undefined) return { blocks: () => writer.blocks, dictionary: writer.dictionary };
    // Of the file as it is: a thinned one may have taken its name since it was asked for.
    const index = await readIndex(handle, file.name, await handle.size()).catch((error: unknown) => {
      if (!isUnreadable(error) || !this.#isLost(file, 'whole')) throw error;
      return undefined;
    });
    // An index that says more is of an append that failed.
    const details = index !== undefined && index.totals.lastSequence <= file.lastSequence ? index.details() : undefined;
    if (details !== undefined) {
      const dictionary = new Dictionary();
      dictionary.learn(details.definitions);
      return { blocks: () => details.blocks, dictionary };
    }
    const place = { name: file.name, firstSequence: file.nameSequence, coveredFrom: undefined, nextFirst: undefined };
    const { blocks, dictionary, damage } = await walkBlocks(handle, file.endBytes, place);
    // Without these blocks the file would pass for one that never had them.
    if (damage.some(({ kind }) => kind === 'unreadable') && !this.#isLost(file, 'whole'))
      throw new DiskError('EIO', `${file.name} cannot be read whole`);
    for (const found of damage) this.name(file, found);
    return { blocks: () => blocks, dictionary };
  }

  /** Tells of damage, once. */
  name(file: BlockFile, damage: WalkDamage & Partial<BlockDamage>, key = damage.offset): void {
    if (file.named.has(key)) return;
    file.named.add(key);
    this.#options.onDamage({ file: file.name, recordClass: this.#options.recordClass, ...damage });
  }

  /** The disk does not open it. */
  #nameFile(file: BlockFile): void {
    const { sizeBytes, recordCount, clipFrom, firstSequence, lastSequence, fromWallMs, toWallMs, isThinned } = file;
    const missing = { first: Math.max(firstSequence, clipFrom), last: lastSequence };
    const times = fromWallMs === undefined || toWallMs === undefined ? {} : { fromWallMs, toWallMs };
    const count = isThinned ? {} : { count: recordCount };
    if (recordCount > 0) this.name(file, { offset: 0, sizeBytes, kind: 'unreadable', missing, ...count, ...times });
  }

  #nameBlock(file: BlockFile, { dictionary }: Loaded, block: Block, kind: 'damaged' | 'unreadable', count = block.count): void {
    const sensors = new Set<string>();
    for (const id of unpackSeries(block.series)) {
      const sensor = dictionary.get(id)?.sensor;
      if (sensor !== undefined && sensors.size < GAP_SENSORS_MAX) sensors.add(sensor);
    }
    const { offset, sizeBytes, firstSequence, lastSequence, fromWallMs, toWallMs } = block;
    const damage = {
      offset,
      sizeBytes,
      kind,
      missing: { first: firstSequence, last: lastSequence },
      // How many readings the windows of a thinned one were is not known.
      ...(file.isThinned ? {} : { count }),
      ...(fromWallMs === undefined || toWallMs === undefined ? {} : { fromWallMs, toWallMs }),
      ...(sensors.size === 0 ? {} : { sensors: [...sensors].sort() }),
    };
    this.name(file, damage, count === block.count ? offset : -1 - offset);
  }
}

/** The records of the block whose frame begins at `at`; undefined when it is not what the index says. */
function decodeAt(
  bytes: Uint8Array,
  at: number,
  block: Block,
  name: string,
  dictionary: Dictionary,
  sensors: ReadonlySet<string> | undefined,
): DecodedRecords | undefined {
  const frame = decodeFrame(bytes, at, placesOf(name) + block.offset);
  if (frame?.type !== 'block' || frame.firstSequence !== block.firstSequence || frame.count !== block.count) return undefined;
  const wrapped = unwrapBlock(frame.payload);
  return wrapped && decodeBlock(wrapped.body, dictionary, sensors);
}

function readError(file: BlockFile, error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return new JournalError(`the journal cannot be read: ${file.name}: ${error.code}`, { cause: error });
}
