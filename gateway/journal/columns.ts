import { deflateRawSync } from 'node:zlib';
import type { Observation } from '../record.ts';
import { type Item, isSameSeries } from './arrange.ts';
import { type BlockSummary, packSummary, summaryOf, unpackSummary } from './block-summary.ts';
import { decodeCbor, encodeCbor, inflate, isArrayOf } from './cbor.ts';
import { BootList, type ChunkBase, packChunk, unpackChunk } from './chunk-codec.ts';
import { packSteps, type StepBase } from './column-codec.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import type { StoredRecord } from './journal.ts';
import type { OtherRecord } from './record-codec.ts';
import { packOtherRecords, splitRecords, unpackOtherRecords } from './record-split.ts';
import { type Definitions, type Dictionary, type FramePlace, packDefinitions, type Series, unpackDefinitions } from './series.ts';

/*
 * The payloads of frames, as CBOR. Definitions (series.ts), other records (record-codec.ts), chunks (chunk-codec.ts):
 *
 *   commit  [low-water marks, definitions, boots, base, other records, their sequences, chunk]
 *           The marks are a flat array of names and sequences. The chunk is a byte string of CBOR that holds all
 *           observations. Sequences count from the frame's first and are left out where the other records come first.
 *   block   [summary, definitions, body]
 *           The body is a byte string: the raw deflate of the CBOR array
 *           [boots, base, other records, their sequences, chunk, chunk, …]
 *           with a chunk for each series, in the order of their ids, each a byte string of CBOR by itself. In the frame an
 *           extent stands before it (block-file.ts).
 *   base    [first monotonic time, its interval, what the wall clock is ahead of it, interval of sequences]
 *           What the first run of a chunk counts from. The ids of a commit's chunk count from -1, those of a block's from
 *           that of its series. The sequences of the chunk at place p of a block count from the block's first sequence + p.
 *   steps   of the sequences of other records: from the frame's first sequence, with interval 0; null: one after the other
 *   summary [first sequence, last sequence, count, count without time, from, to, series count, changes of their ids]
 *           The changes are a column (column-codec.ts) that begins at -1.
 */

/** Ascending by sequence. */
export interface DecodedRecords {
  readonly records: StoredRecord[];
  /** Observations whose series no definition says: their sequences are lost with the frame that did. */
  readonly unknownCount: number;
}

const DEFINITIONS = 1;
const COMMIT_LENGTH = 7;
const BLOCK_LENGTH = 3;
/** The payload may stand inside another: what that adds is less. */
const AROUND_BYTES_MAX = 64;
/** Of the body of a block; longer is damage. */
const BODY_BYTES_MAX = 16 << 20;
const CHUNKS = 4;
const FROM_ZERO: StepBase = { first: 0, interval: 0 };

/**
 * The payload of a commit that will stand at `offset` of its file. The items have consecutive sequences and have passed
 * `recordBytesMax`; `arrange` made them take few bytes, any other order is right too. The low-water marks are by uplink.
 * The dictionary takes the definitions as written: the frame must be written there, or nothing more to this file.
 */
export function encodeCommit(
  items: readonly Item[],
  dictionary: Dictionary,
  offset: number,
  lowWaters: ReadonlyMap<string, number>,
): Uint8Array {
  const { observations, others, otherPlaces } = splitRecords(items);
  const { ids, runs } = runsOf(items, dictionary);
  const boots = new BootList();
  const base = baseOf(observations, runs[0] ?? 0, FROM_ZERO);
  // Where the others stand first, both kinds have consecutive sequences.
  const isPlain = otherPlaces.length === 0 || otherPlaces.at(-1) === otherPlaces.length - 1;
  const chunk =
    observations.length === 0
      ? null
      : encodeCbor(packChunk(observations, ids, runs, base, boots, isPlain ? undefined : placesIn(items)));
  const definitions = dictionary.missing(ids, offset);
  const payload = encodeCbor([
    packMarks(lowWaters),
    packDefinitions(definitions),
    boots.texts,
    packBase(base),
    packOtherRecords(others),
    isPlain ? null : packSteps(otherPlaces, [others.length], FROM_ZERO),
    chunk,
  ]);
  dictionary.wrote(definitions, placeOf(payload, offset));
  return payload;
}

/**
 * The records of a commit whose frame says `firstSequence`, of its observations only those of `sensors` when these are
 * given; undefined when the bytes are no commit payload. The dictionary learns what the payload defines. To be called only after the CRC was right.
 */
export function decodeCommit(
  payload: Uint8Array,
  firstSequence: number,
  dictionary: Dictionary,
  sensors?: ReadonlySet<string>,
): DecodedRecords | undefined {
  return orNothing(() => commitOf(decodeCbor(payload), firstSequence, dictionary, sensors));
}

function commitOf(
  items: unknown,
  firstSequence: number,
  dictionary: Dictionary,
  sensors: ReadonlySet<string> | undefined,
): DecodedRecords | undefined {
  if (!isArrayOf(items, COMMIT_LENGTH)) return undefined;
  const [, definitions, boots, packedBase, otherItems, otherSequences, chunk] = items;
  const records = unpackOtherRecords(otherItems, otherSequences, firstSequence);
  const learned = unpackDefinitions(definitions);
  const isPlain = otherSequences === null;
  const base = unpackBase(packedBase, firstSequence + (isPlain ? (records?.length ?? 0) : 0));
  if (records === undefined || learned === undefined || base === undefined || !areTexts(boots)) return undefined;
  dictionary.learn(learned);
  if (chunk === null) return { records, unknownCount: 0 };
  const unknownCount = unpackChunk(chunk instanceof Uint8Array ? decodeCbor(chunk) : undefined, {
    base,
    boots,
    seriesOf: (id) => dictionary.get(id),
    isWanted: (series) => sensors === undefined || sensors.has(series.sensor),
    records,
  });
  if (unknownCount === undefined) return undefined;
  return { records: isPlain ? records : records.sort((a, b) => a.sequence - b.sequence), unknownCount };
}

/** The low-water marks of a commit payload, by uplink; empty when it holds none or is another payload. */
export function readLowWaters(payload: Uint8Array): ReadonlyMap<string, number> {
  const lowWaters = new Map<string, number>();
  const items = decodeCbor(payload);
  if (!isArrayOf(items, COMMIT_LENGTH) || !Array.isArray(items[0])) return lowWaters;
  const marks: unknown[] = items[0];
  for (let i = 0; i + 1 < marks.length; i += 2) {
    const [uplink, lowWater] = [marks[i], marks[i + 1]];
    if (typeof uplink === 'string' && Number.isSafeInteger(lowWater)) lowWaters.set(uplink, lowWater as number);
  }
  return lowWaters;
}

/**
 * Only what a commit or block payload defines. With the `offset` of its frame the definitions count as written there;
 * without it they are written again when the file goes on.
 */
export function learnFrom(payload: Uint8Array, dictionary: Dictionary, offset?: number): void {
  const items = decodeCbor(payload);
  if (!isArrayOf(items, COMMIT_LENGTH) && !isArrayOf(items, BLOCK_LENGTH)) return;
  dictionary.learn(unpackDefinitions(items[DEFINITIONS]) ?? [], offset === undefined ? undefined : placeOf(payload, offset));
}

/**
 * The payload of a block that will stand at `offset` of its file. `records` ascend by sequence, there is at least one, and all
 * were decoded from commits or have passed `recordBytesMax`. The dictionary takes the definitions as written.
 */
export function encodeBlock(
  records: readonly StoredRecord[],
  dictionary: Dictionary,
  offset: number,
): { payload: Uint8Array; summary: BlockSummary } {
  const groups = new Map<number, { observations: Observation[]; sequences: number[] }>();
  const others: OtherRecord[] = [];
  const otherSequences: number[] = [];
  for (const { sequence, record } of records) {
    if (record.kind === 'observation') {
      const id = dictionary.idOf(record);
      const group = groups.get(id);
      if (group === undefined) groups.set(id, { observations: [record], sequences: [sequence] });
      else {
        group.observations.push(record);
        group.sequences.push(sequence);
      }
    } else {
      others.push(record);
      otherSequences.push(sequence);
    }
  }
  const ids = [...groups.keys()].sort((a, b) => a - b);
  const firstSequence = records[0]?.sequence ?? 0;
  const first = groups.get(ids[0] as number);
  const [a, b] = first?.sequences ?? [];
  const sequenceBase = { first: firstSequence, interval: a === undefined || b === undefined ? 0 : b - a };
  const base = baseOf(first?.observations ?? [], first?.observations.length ?? 0, sequenceBase);
  const boots = new BootList();
  const chunks = ids.map((id, place) => {
    const { observations, sequences } = groups.get(id) as { observations: Observation[]; sequences: number[] };
    return encodeCbor(packChunk(observations, [id], [observations.length], baseAt(base, place, id), boots, sequences));
  });
  const body = encodeCbor([
    boots.texts,
    packBase(base),
    packOtherRecords(others),
    others.length === 0 ? null : packSteps(otherSequences, [others.length], { first: firstSequence, interval: 0 }),
    ...chunks,
  ]);
  const summary = summaryOf(records, ids);
  const definitions = dictionary.missing(ids, offset);
  const payload = encodeCbor([packSummary(summary), packDefinitions(definitions), deflateRawSync(body, { level: 1 })]);
  dictionary.wrote(definitions, placeOf(payload, offset));
  return { payload, summary };
}

/** The summary and the definitions of a block payload, without inflating it; undefined when it is none. */
export function decodeBlockSummary(payload: Uint8Array): (BlockSummary & { readonly definitions: Definitions }) | undefined {
  const items = decodeCbor(payload);
  if (!isArrayOf(items, BLOCK_LENGTH)) return undefined;
  const summary = unpackSummary(items[0]);
  const definitions = unpackDefinitions(items[DEFINITIONS]);
  return summary && definitions && { ...summary, definitions };
}

/**
 * The records of a block, or only the observations of some sensors, which decodes only their chunks; undefined when the
 * bytes are no block payload. The dictionary learns what the payload defines. To be called only after the CRC was right.
 */
export function decodeBlock(
  payload: Uint8Array,
  dictionary: Dictionary,
  sensors?: ReadonlySet<string>,
): DecodedRecords | undefined {
  return orNothing(() => blockOf(decodeCbor(payload), dictionary, sensors));
}

function blockOf(items: unknown, dictionary: Dictionary, sensors: ReadonlySet<string> | undefined): DecodedRecords | undefined {
  if (!isArrayOf(items, BLOCK_LENGTH)) return undefined;
  const summary = unpackSummary(items[0]);
  const learned = unpackDefinitions(items[DEFINITIONS]);
  if (summary === undefined || learned === undefined || !(items[2] instanceof Uint8Array)) return undefined;
  dictionary.learn(learned);
  const isWanted = (series: Series | undefined) => sensors === undefined || series === undefined || sensors.has(series.sensor);
  if (sensors !== undefined && !summary.series.some((id) => isWanted(dictionary.get(id))))
    return { records: [], unknownCount: 0 };
  const body = decodeCbor(inflate(items[2], BODY_BYTES_MAX));
  if (!isArrayOf(body, CHUNKS + summary.series.length)) return undefined;
  const [boots, packedBase, otherItems, otherSequences] = body;
  const base = unpackBase(packedBase, summary.firstSequence);
  if (base === undefined || !areTexts(boots)) return undefined;
  const records = sensors === undefined ? unpackOtherRecords(otherItems, otherSequences, summary.firstSequence) : [];
  if (records === undefined) return undefined;
  const seriesOf = (id: number) => dictionary.get(id);
  let unknownCount = 0;
  for (const [i, id] of summary.series.entries()) {
    if (!isWanted(dictionary.get(id))) continue;
    const chunk = body[CHUNKS + i];
    const unknown = unpackChunk(chunk instanceof Uint8Array ? decodeCbor(chunk) : undefined, {
      base: baseAt(base, i, id),
      boots,
      seriesOf,
      isWanted,
      records,
    });
    if (unknown === undefined) return undefined;
    unknownCount += unknown;
  }
  if (sensors === undefined && records.length + unknownCount !== summary.count) return undefined;
  return { records: bySequence(records, summary), unknownCount };
}

/** Not every item is looked at before numbers are made of it: what a foreign one makes throw (a BigInt, a Map) was no payload. */
function orNothing<T>(decode: () => T | undefined): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

/** Chunks give the records series by series; where they stand close together their places are known without comparing. */
function bySequence(records: StoredRecord[], { firstSequence, lastSequence }: BlockSummary): StoredRecord[] {
  const range = lastSequence - firstSequence + 1;
  if (!(range >= 1 && range <= 8 * records.length)) return records.sort((a, b) => a.sequence - b.sequence);
  const places: (StoredRecord | undefined)[] = new Array(range).fill(undefined);
  for (const stored of records) places[stored.sequence - firstSequence] = stored;
  const sorted = places.filter((stored) => stored !== undefined);
  return sorted.length === records.length ? sorted : records.sort((a, b) => a.sequence - b.sequence);
}

function placesIn(items: readonly Item[]): number[] {
  return items.flatMap(({ record }, place) => (record.kind === 'observation' ? [place] : []));
}

function packMarks(lowWaters: ReadonlyMap<string, number>): unknown {
  if (lowWaters.size === 0) return null;
  const marks: (string | number)[] = [];
  lowWaters.forEach((sequence, name) => {
    marks.push(name, sequence);
  });
  return marks;
}

/** How many observations of one series follow each other, and of which; other records do not part them. */
function runsOf(items: readonly Item[], dictionary: Dictionary): { ids: number[]; runs: number[] } {
  const ids: number[] = [];
  const runs: number[] = [];
  let first: Item | undefined;
  let count = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item;
    if (item.record.kind !== 'observation') continue;
    if (first !== undefined && isSameSeries(item, first)) count++;
    else {
      if (count > 0) runs.push(count);
      const { tag } = item;
      ids.push(tag === undefined ? dictionary.idOf(item.record) : dictionary.idOfTagged(item.record, tag));
      first = item;
      count = 1;
    }
  }
  if (count > 0) runs.push(count);
  return { ids, runs };
}

function placeOf(payload: Uint8Array, offset: number): FramePlace {
  return { offset, end: offset + FRAME_HEADER_BYTES + payload.length + AROUND_BYTES_MAX };
}

/** From the first observations of the first series, which is how the others of a polling grid are too. */
function baseOf(observations: readonly Observation[], runLength: number, sequences: StepBase): ChunkBase {
  const first = observations[0];
  const second = runLength > 1 ? observations[1] : undefined;
  const monotonicMs = Math.floor(first?.monotonicMs ?? 0);
  return {
    id: -1,
    sequences,
    times: { first: monotonicMs, interval: second === undefined ? 0 : Math.floor(second.monotonicMs) - monotonicMs },
    wallAheadMs: Math.floor((first?.wallMs ?? 0) - monotonicMs),
  };
}

/** The base of the chunk at a place of a block: its id is in the summary, and in a polling grid its sequences begin one after those of the chunk before. */
function baseAt(base: ChunkBase, place: number, id: number): ChunkBase {
  const { sequences } = base;
  return { ...base, id, sequences: { first: sequences.first + place, interval: sequences.interval } };
}

function packBase({ sequences, times, wallAheadMs }: ChunkBase): number[] {
  return [times.first, times.interval, wallAheadMs, sequences.interval];
}

function unpackBase(item: unknown, firstSequence: number): ChunkBase | undefined {
  if (!isArrayOf(item, 4) || !item.every((each) => typeof each === 'number')) return undefined;
  const [first, interval, wallAheadMs, step] = item as [number, number, number, number];
  return { id: -1, sequences: { first: firstSequence, interval: step }, times: { first, interval }, wallAheadMs };
}

function areTexts(item: unknown): item is readonly string[] {
  return Array.isArray(item) && item.every((text) => typeof text === 'string');
}
