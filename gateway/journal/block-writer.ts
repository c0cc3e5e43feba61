import { Buffer } from 'node:buffer';
import type { DiskFile } from '../host.ts';
import type { JournalRecord, Observation } from '../record.ts';
import { BLOCK_RECORDS, type Block, blockOf, type Extent, wrapBlock } from './block-file.ts';
import { encodeIndex } from './block-index.ts';
import { encodeBlock } from './columns.ts';
import { writeAll } from './disk-tools.ts';
import { encodeFrame, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, placesOf, toPage } from './frame.ts';
import { JournalError, type StoredRecord } from './journal.ts';
import { isOfText } from './record-split.ts';
import { type Dictionary, isOfSeries } from './series.ts';

/** Batches of records in ascending order of their sequences. */
export type Batches = AsyncIterable<readonly StoredRecord[]> | Iterable<readonly StoredRecord[]>;

/** No observation takes more in a block, without what its series and its texts take. */
const OBSERVATION_BYTES_MAX = 90;
/** Of a definition, without its texts and the points of its calibration. */
const DEFINITION_BYTES = 200;
const POINT_BYTES = 19;
/** What another record takes besides its JSON. */
const OTHER_BYTES = 64;
/** A block for which more is reckoned ends early, so that it always fits a frame. */
const BLOCK_BYTES_MAX = FRAME_BYTES_MAX - 131_072;
/** A file with so many series is finished before it has its size, so that they all fit into its index. */
const SERIES_MAX = 6000;

/** Where writing begins: at the start of a new file, or behind the last extent of one. */
export interface WriterStart {
  /** That the file has for good. */
  readonly name: string;
  readonly epoch: number;
  readonly dictionary: Dictionary;
  readonly blocks: readonly Block[];
  readonly endBytes: number;
}

/**
 * Writes extents to one file. Blocks are handed to the disk one by one; `sync` makes all of them durable and only then
 * shows them in `blocks`. After an error nothing more may be written with it, and the file is not synced again.
 */
export class BlockWriter {
  readonly epoch: number;
  readonly dictionary: Dictionary;
  readonly file: DiskFile;
  readonly #places: number;
  #blocks: readonly Block[];
  #pending: Block[] = [];
  #extent: Extent | undefined;
  #endBytes: number;
  #syncedBytes: number;
  #seriesMax = 0;

  constructor(file: DiskFile, start: WriterStart) {
    this.file = file;
    this.#places = placesOf(start.name);
    this.epoch = start.epoch;
    this.dictionary = start.dictionary;
    this.#blocks = start.blocks;
    this.#endBytes = start.endBytes;
    this.#syncedBytes = start.endBytes;
  }

  /** Durable blocks. A new array after each sync. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }
  /** Where the next block goes, or the page of the next extent begins before. */
  get endBytes(): number {
    return this.#endBytes;
  }
  /** Up to here everything is durable. */
  get syncedBytes(): number {
    return this.#syncedBytes;
  }
  /** Something was written that is not durable yet. */
  get hasPending(): boolean {
    return this.#endBytes !== this.#syncedBytes;
  }
  /** The index would hardly take more series. */
  get isCrowded(): boolean {
    return this.#seriesMax >= SERIES_MAX;
  }

  /** Writes one block, at least one record, and at most BLOCK_RECORDS. @throws DiskError */
  async write(records: readonly StoredRecord[]): Promise<void> {
    const first = records[0] as StoredRecord;
    this.#extent ??= { offset: toPage(this.#endBytes), firstSequence: first.sequence };
    const offset = this.#pending.length === 0 ? this.#extent.offset : this.#endBytes;
    const { payload: body, summary } = encodeBlock(records, this.dictionary, offset);
    const payload = wrapBlock(this.#extent, body);
    const sizeBytes = FRAME_HEADER_BYTES + payload.length;
    if (sizeBytes > FRAME_BYTES_MAX) throw new JournalError(`a block of ${records.length} records takes ${sizeBytes} bytes`);
    const { firstSequence, lastSequence, count } = summary;
    const frame = encodeFrame(
      { epoch: this.epoch, firstSequence, lastSequence, count, type: 'block', hasTexts: records.some(isOfText) },
      payload,
      this.#places + offset,
    );
    await writeAll(this.file, frame, offset);
    this.#endBytes = offset + sizeBytes;
    this.#seriesMax = Math.max(this.#seriesMax, (summary.series.at(-1) ?? -1) + 1);
    this.#pending.push(blockOf(offset, sizeBytes, summary, this.#pending.at(-1) ?? this.#blocks.at(-1)));
  }

  /**
   * Writes the index: the last frame of the file. When it does not fit a frame the file ends without one, and is walked
   * when it is opened. `coversTo`: the last sequence of what the file was thinned from. @throws DiskError
   */
  async writeIndex(isThinned: boolean, coversTo = 0): Promise<void> {
    const offset = toPage(this.#endBytes);
    const blocks = [...this.#blocks, ...this.#pending];
    const frame = encodeIndex(
      { epoch: this.epoch, isThinned, coversTo, blocks, definitions: this.dictionary.all() },
      this.#places + offset,
    );
    if (frame === undefined) return;
    await writeAll(this.file, frame, offset);
    this.#endBytes = offset + frame.length;
  }

  /** Makes what was written durable, and shows it. @throws DiskError */
  async sync(): Promise<void> {
    await this.file.fdatasync();
    this.#syncedBytes = this.#endBytes;
    this.#blocks = [...this.#blocks, ...this.#pending];
    this.#pending = [];
    this.#extent = undefined;
  }
}

/** Cuts batches into blocks, without records up to `after`. @throws JournalError when the sequences do not ascend */
export async function* toBlocks(batches: Batches, after: number, recordsMax = BLOCK_RECORDS): AsyncGenerator<StoredRecord[]> {
  let block: StoredRecord[] = [];
  let size = new BlockSize();
  let last = after;
  for await (const batch of batches) {
    for (const stored of batch) {
      if (stored.sequence <= after) continue;
      if (stored.sequence <= last) throw new JournalError(`record ${stored.sequence} comes after record ${last}`);
      last = stored.sequence;
      if (size.add(stored.record) > BLOCK_BYTES_MAX && block.length > 0) {
        yield block;
        block = [];
        size = new BlockSize();
        size.add(stored.record);
      }
      block.push(stored);
      if (block.length < recordsMax) continue;
      yield block;
      block = [];
      size = new BlockSize();
    }
  }
  if (block.length > 0) yield block;
}

/** Reckons what records take in a block at most, without encoding them. */
class BlockSize {
  /** The last observation of each sensor. */
  readonly #last = new Map<string, Observation>();
  #bytes = 0;
  #boot: string | undefined;

  /** The bytes so far, with this record. */
  add(record: JournalRecord): number {
    if (record.boot !== this.#boot) this.#bytes += textBytes(record.boot);
    this.#boot = record.boot;
    if (record.kind !== 'observation') this.#bytes += OTHER_BYTES + Buffer.byteLength(JSON.stringify(record));
    else this.#bytes += OBSERVATION_BYTES_MAX + this.#definitionBytes(record);
    return this.#bytes;
  }

  /** A text, a location, a reason or a calibration that is another each time makes a series of each reading. */
  #definitionBytes(record: Observation): number {
    const before = this.#last.get(record.sensor);
    this.#last.set(record.sensor, record);
    if (before !== undefined && isOfSeries(record, before)) return 0;
    const { sensor, channel, unit, reason = '', location = '', calibration, value } = record;
    const pointCount = calibration !== undefined && 'points' in calibration ? calibration.points.length : 0;
    const text = typeof value === 'string' ? value : '';
    return DEFINITION_BYTES + textBytes(sensor, channel, unit, reason, location, text) + POINT_BYTES * pointCount;
  }
}

/** UTF-8 takes at most 3 bytes for a unit of UTF-16, and a definition may stand in two blocks. */
function textBytes(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + 6 * text.length, 0);
}
