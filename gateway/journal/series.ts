import { deflateRawSync } from 'node:zlib';
import type { Value } from '../../drivers/reading.ts';
import type { Observation } from '../record.ts';
import { decodeCbor, encodeCbor, inflate, withoutNullsAtEnd } from './cbor.ts';
import { PAGE_BYTES } from './frame.ts';

/**
 * What the observations of one sensor have in common for a long time. `value` is like all of theirs: 0 where they are
 * numbers, true where they are true and false, and a text where each of them is that text.
 */
export type Series = Pick<
  Observation,
  | 'sensor'
  | 'channel'
  | 'unit'
  | 'precision'
  | 'readingKind'
  | 'calibration'
  | 'quality'
  | 'reason'
  | 'location'
  | 'publish'
  | 'value'
>;

/** A series and its number in one file. */
export interface Definition {
  readonly id: number;
  readonly series: Series;
}

export type Definitions = readonly Definition[];

/** Where a frame stands in its file: from `offset` to before `end`. */
export interface FramePlace {
  readonly offset: number;
  readonly end: number;
}

interface Entry extends Definition {
  /** The next series of the same key, as after a change of calibration or quality. */
  next: Entry | undefined;
  /** A frame that holds the definition. */
  place: FramePlace | undefined;
  /** Two frames hold it that 4 KiB of damage cannot reach both. */
  isSafe: boolean;
  /** Where the last frame begins that holds it. */
  lastOffset: number;
}

/** What observations of one series share from where they were compared on, so that nobody compares them again. */
export interface SeriesTag {
  /** The dictionary that was asked last for their number, and what it said. */
  dictionary: Dictionary | undefined;
  id: number;
}

/** Definitions longer than this are deflated. */
const PLAIN_BYTES_MAX = 512;
/** More definitions than fit in a frame when each is as long as it gets here are not believed. */
const INFLATED_BYTES_MAX = 16 << 20;

/** A definition is written again with its first use so far behind the last frame that holds it. */
const REPEAT_BYTES = 131_072;

/**
 * The series of one file by their numbers. A definition is written with every use until two frames hold it of which the
 * one begins a page or more after the end of the other: whatever 4 KiB are damaged, each frame that is left can be read.
 * Then it is written again now and then, so that more damage costs little besides what it covers: whichever of them is left
 * says what a number means in all frames.
 */
export class Dictionary {
  readonly #byKey = new Map<string, Entry>();
  readonly #byId = new Map<number, Entry>();
  #nextId = 0;
  /** How many are to be written with their next use. */
  #unsafeCount = 0;
  /** Before this offset no definition has to be written again. */
  #repeatFrom = 0;

  /** As `idOf`, for one of many observations with this tag. */
  idOfTagged(observation: Observation, tag: SeriesTag): number {
    if (tag.dictionary !== this) {
      tag.id = this.idOf(observation);
      tag.dictionary = this;
    }
    return tag.id;
  }

  /** The number of the observation's series; a new number for a series that the file does not know. */
  idOf(observation: Observation): number {
    let entry = this.#byKey.get(keyOf(observation));
    while (entry !== undefined) {
      if (isOfSeries(observation, entry.series)) return entry.id;
      entry = entry.next;
    }
    const id = this.#nextId;
    this.#add(id, seriesOf(observation));
    return id;
  }

  get(id: number): Series | undefined {
    return this.#byId.get(id)?.series;
  }

  /**
   * Takes over what a frame of the file defines. `place` is where the frame stands; without it the definitions count as
   * not written, and are written again when they are used.
   */
  learn(definitions: Definitions, place?: FramePlace): void {
    for (const { id, series } of definitions) {
      if (!this.#byId.has(id)) this.#add(id, series);
    }
    if (place !== undefined) this.wrote(definitions, place);
  }

  /** All series, by number: for the index of a finished file. */
  all(): Definitions {
    return [...this.#byId.values()].map(({ id, series }) => ({ id, series })).sort((a, b) => a.id - b.id);
  }

  /** Those of `ids` whose definition a frame at `offset` that uses them must hold. */
  missing(ids: Iterable<number>, offset: number): Definitions {
    if (this.#unsafeCount === 0 && offset < this.#repeatFrom) return [];
    const missing = new Set<Definition>();
    for (const id of ids) {
      const entry = this.#byId.get(id);
      if (entry !== undefined && (!entry.isSafe || offset >= entry.lastOffset + REPEAT_BYTES)) missing.add(entry);
    }
    return [...missing];
  }

  /** Notes that the frame at `place` holds these definitions. They count as written: a frame that was made must be written there, or nothing more to the file. */
  wrote(definitions: Definitions, place: FramePlace): void {
    if (definitions.length === 0) return;
    for (const { id } of definitions) {
      const entry = this.#byId.get(id);
      if (entry === undefined) continue;
      entry.lastOffset = Math.max(entry.lastOffset, place.offset);
      if (entry.isSafe) continue;
      if (entry.place === undefined) entry.place = place;
      else if (isApart(entry.place, place)) {
        entry.isSafe = true;
        this.#unsafeCount -= 1;
      }
    }
    let oldest = Number.POSITIVE_INFINITY;
    for (const { lastOffset } of this.#byId.values()) oldest = Math.min(oldest, lastOffset);
    this.#repeatFrom = oldest + REPEAT_BYTES;
  }

  #add(id: number, series: Series): void {
    const key = keyOf(series);
    const entry: Entry = { id, series, next: this.#byKey.get(key), place: undefined, isSafe: false, lastOffset: 0 };
    this.#byKey.set(key, entry);
    this.#byId.set(id, entry);
    this.#unsafeCount += 1;
    if (id >= this.#nextId) this.#nextId = id + 1;
  }
}

/** By what series are looked for: a sensor has few of them, but of one whose text is another each time there are thousands in a file. */
function keyOf({ sensor, value }: Series): string {
  return typeof value === 'string' ? `${sensor} ${value}` : sensor;
}

/** No 4 KiB reach both. */
function isApart(a: FramePlace, b: FramePlace): boolean {
  return b.offset >= a.end + PAGE_BYTES || a.offset >= b.end + PAGE_BYTES;
}

/** Whether all that a series says is true of the observation; `series` may be another observation. */
export function isOfSeries(observation: Observation, series: Series): boolean {
  return (
    observation.sensor === series.sensor &&
    observation.channel === series.channel &&
    observation.quality === series.quality &&
    observation.reason === series.reason &&
    observation.publish === series.publish &&
    observation.location === series.location &&
    observation.unit === series.unit &&
    observation.precision === series.precision &&
    observation.readingKind === series.readingKind &&
    isLike(observation.value, series.value) &&
    (observation.calibration === series.calibration || isSameCalibration(observation.calibration, series.calibration))
  );
}

/** Both are numbers, or true and false, or one and the same text. */
function isLike(a: Value, b: Value): boolean {
  if (typeof a === 'number') return typeof b === 'number';
  return typeof a === 'boolean' ? typeof b === 'boolean' : a === b;
}

function isSameCalibration(a: Series['calibration'], b: Series['calibration']): boolean {
  if (a === undefined || b === undefined) return false;
  if ('points' in a) {
    return (
      'points' in b &&
      a.points.length === b.points.length &&
      a.points.every(([x, y], i) => x === b.points[i]?.[0] && y === b.points[i]?.[1])
    );
  }
  return !('points' in b) && a.offset === b.offset && a.scale === b.scale;
}

function seriesOf(observation: Observation): Series {
  const { sensor, channel, unit, precision, readingKind, calibration, quality, reason, location, publish, value } = observation;
  return {
    sensor,
    channel,
    unit,
    precision,
    readingKind,
    ...(calibration !== undefined && { calibration }),
    quality,
    ...(reason !== undefined && { reason }),
    ...(location !== undefined && { location }),
    publish,
    value: typeof value === 'number' ? 0 : typeof value === 'boolean' ? true : value,
  };
}

/** Written as their places, counted from 0. Only ever extended at the end. */
const READING_KINDS: readonly Series['readingKind'][] = ['gauge', 'total', 'delta', 'rate', 'state', 'position', 'answer'];
const QUALITIES: readonly Series['quality'][] = ['good', 'suspect'];
const PUBLISH = 1;
const IS_BOOLEAN = 2;

/**
 * Definitions as a CBOR item: null for none, otherwise an array of
 * `[id, sensor, channel, unit, precision, reading kind, quality, flags, calibration, reason, location, text]` without the
 * nulls at its end, or the raw deflate of that array as a byte string when it is long. Flags: 1 publish, 2 boolean values.
 * Text: that of each value, which then stands as true in the column; only in frames that say so (frame.ts).
 * Calibration: `[offset, scale]` or an array of pairs. Reading kind and quality are places in READING_KINDS and QUALITIES.
 */
export function packDefinitions(definitions: Definitions): unknown {
  if (definitions.length === 0) return null;
  const rows = definitions.map(({ id, series }) => {
    const flags = (series.publish ? PUBLISH : 0) | (series.value === true ? IS_BOOLEAN : 0);
    return withoutNullsAtEnd([
      id,
      series.sensor,
      series.channel,
      series.unit,
      series.precision,
      READING_KINDS.indexOf(series.readingKind),
      QUALITIES.indexOf(series.quality),
      flags,
      packCalibration(series.calibration),
      series.reason ?? null,
      series.location ?? null,
      typeof series.value === 'string' ? series.value : null,
    ]);
  });
  const bytes = encodeCbor(rows);
  return bytes.length > PLAIN_BYTES_MAX ? deflateRawSync(bytes) : rows;
}

/** The definitions of such an item; undefined when it is none. */
export function unpackDefinitions(item: unknown): Definitions | undefined {
  if (item === null) return [];
  const rows = item instanceof Uint8Array ? decodeCbor(inflate(item, INFLATED_BYTES_MAX)) : item;
  if (!Array.isArray(rows)) return undefined;
  const definitions = rows.map(unpackDefinition);
  return definitions.includes(undefined) ? undefined : (definitions as Definition[]);
}

function unpackDefinition(row: unknown): Definition | undefined {
  if (!Array.isArray(row)) return undefined;
  const [id, sensor, channel, unit, precision, readingKind, quality, flags, calibration, reason, location, text] = row;
  const isRight =
    Number.isSafeInteger(id) &&
    id >= 0 &&
    [sensor, channel, unit].every((each) => typeof each === 'string') &&
    [reason, location, text].every((each) => each === undefined || each === null || typeof each === 'string') &&
    [precision, readingKind, quality, flags].every((each) => typeof each === 'number') &&
    READING_KINDS[readingKind] !== undefined &&
    QUALITIES[quality] !== undefined;
  if (!isRight) return undefined;
  const unpacked = unpackCalibration(calibration ?? null);
  if (unpacked === undefined) return undefined;
  return {
    id,
    series: {
      sensor,
      channel,
      unit,
      precision,
      readingKind: READING_KINDS[readingKind] as Series['readingKind'],
      ...(unpacked !== null && { calibration: unpacked }),
      quality: QUALITIES[quality] as Series['quality'],
      ...(typeof reason === 'string' && { reason }),
      ...(typeof location === 'string' && { location }),
      publish: (flags & PUBLISH) !== 0,
      value: typeof text === 'string' ? text : (flags & IS_BOOLEAN) !== 0 ? true : 0,
    },
  };
}

function packCalibration(calibration: Series['calibration']): unknown {
  if (calibration === undefined) return null;
  return 'points' in calibration ? calibration.points : [calibration.offset, calibration.scale];
}

function unpackCalibration(item: unknown): NonNullable<Series['calibration']> | null | undefined {
  if (item === null) return null;
  if (!Array.isArray(item)) return undefined;
  const [offset, scale] = item;
  if (item.length === 2 && typeof offset === 'number' && typeof scale === 'number') return { offset, scale };
  const isPoint = (point: unknown) =>
    Array.isArray(point) && point.length === 2 && point.every((part) => typeof part === 'number');
  return item.every(isPoint) ? { points: item } : undefined;
}
