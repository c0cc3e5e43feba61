import type { WallQuality } from '../../drivers/clock.ts';
import type { Value } from '../../drivers/reading.ts';
import type { Observation } from '../record.ts';
import { withoutNullsAtEnd } from './cbor.ts';
import {
  type Numbers,
  packColumn,
  packNumbers,
  packSteps,
  packTimes,
  type Runs,
  type StepBase,
  unpackColumn,
  unpackNumbers,
  unpackSteps,
  unpackTimes,
} from './column-codec.ts';
import type { StoredRecord } from './journal.ts';
import { NOTHING_RARE, packRare, RARE_AT, type Rare, unpackRare } from './rare-columns.ts';
import type { Series } from './series.ts';

/** What the columns of a chunk count from, so that their numbers are small. Integers. */
export interface ChunkBase {
  readonly id: number;
  readonly sequences: StepBase;
  readonly times: StepBase;
  /** What the wall clock is ahead of the whole milliseconds of the monotonic one. */
  readonly wallAheadMs: number;
}

/** The boots of a payload by their places in its list. */
export class BootList {
  readonly texts: string[] = [];
  #last = 0;

  placeOf(boot: string): number {
    if (this.texts[this.#last] !== boot) {
      const place = this.texts.indexOf(boot);
      this.#last = place < 0 ? this.texts.push(boot) - 1 : place;
    }
    return this.#last;
  }
}

/*
 * A chunk is an array of columns (column-codec.ts), without the nulls at its end:
 *
 *   0      count of runs: observations of one series that follow each other
 *   1, 2   of each run the change of its series' id, and its count
 *   3, 4   monotonic times: exponent, steps
 *   5      what the wall time is ahead of the whole milliseconds (rounded down) of the monotonic one, as changes that begin
 *          at the base's and go on from run to run; or all wall times as float64 where one does not come back that way
 *   6-8    values as numbers; true is 1, false is 0; the text of a series is 1
 *   9      wall quality: 0 synced, 1 holdover, 2 floor, 3 none
 *   10     boot: its place in the payload's list
 *   11     sequences as steps; null where they are consecutive from the base's first on
 *   12-    rare columns (rare-columns.ts)
 */
const AT = {
  runCount: 0,
  ids: 1,
  counts: 2,
  timeExponent: 3,
  times: 4,
  walls: 5,
  values: 6,
  wallQualities: 9,
  boots: 10,
  sequences: 11,
  rare: RARE_AT,
} as const;
/** More records than this in one chunk are not believed: a frame has at most 1 MiB. */
const COUNT_MAX = 1 << 20;

const WALL_QUALITIES: readonly WallQuality[] = ['synced', 'holdover', 'floor', 'none'];

/**
 * The columns of some observations: `ids` and `counts` say of which series how many follow each other.
 * `sequences` stands only where they are not consecutive.
 */
export function packChunk(
  observations: readonly Observation[],
  ids: readonly number[],
  runs: Runs,
  base: ChunkBase,
  boots: BootList,
  sequences?: readonly number[],
): unknown[] {
  const count = observations.length;
  const { boot, wallQuality } = observations[0] as Observation;
  const times = new Array<number>(count);
  const aheads = new Array<number>(count);
  const values = new Array<number>(count);
  let aheadBefore = base.wallAheadMs;
  let areWallsWhole = true;
  let areAlike = true;
  let isRare = false;
  for (let i = 0; i < count; i++) {
    const observation = observations[i] as Observation;
    const { monotonicMs, wallMs, value } = observation;
    times[i] = monotonicMs;
    const whole = Math.floor(monotonicMs);
    const ahead = wallMs - whole;
    const change = ahead - aheadBefore;
    if (whole + (aheadBefore + change) !== wallMs) areWallsWhole = false;
    aheads[i] = change;
    aheadBefore += change;
    values[i] = typeof value === 'number' ? value : value === false ? 0 : 1;
    if (observation.boot !== boot || observation.wallQuality !== wallQuality) areAlike = false;
    // A first place stands beside `heldFrom` only, and yet what is written is what was given.
    if (
      observation.uncalibrated !== undefined ||
      observation.heldFrom !== undefined ||
      observation.window !== undefined ||
      observation.firstPlace !== undefined
    )
      isRare = true;
  }
  // Nearly always one boot and one quality: then no array is made of them.
  const some = areAlike ? observations.slice(0, 1) : observations;
  const columns: unknown[] = [
    ids.length,
    packColumn(ids.map((id, i) => id - (ids[i - 1] ?? base.id))),
    packColumn(runs as number[]),
    ...packTimes(times, runs, base.times),
    areWallsWhole ? packColumn(aheads) : Float64Array.from(observations, ({ wallMs }) => wallMs + 0),
    ...packNumbers(values, runs),
    packColumn(some.map((each) => WALL_QUALITIES.indexOf(each.wallQuality))),
    packColumn(some.map((each) => boots.placeOf(each.boot))),
    sequences === undefined ? null : packSteps(sequences, runs, base.sequences),
  ];
  if (isRare) columns.push(...packRare(observations, runs));
  return withoutNullsAtEnd(columns);
}

/** What a reader wants of a chunk, and where it goes. */
export interface ChunkReader {
  readonly base: ChunkBase;
  readonly boots: readonly string[];
  /** Undefined for a series that nobody defined. */
  seriesOf(id: number): Series | undefined;
  isWanted(series: Series): boolean;
  readonly records: StoredRecord[];
}

interface Columns {
  readonly ids: readonly number[];
  readonly runs: Runs;
  readonly times: Numbers;
  readonly walls: Numbers;
  readonly values: Numbers;
  readonly qualities: readonly number[];
  readonly places: readonly number[];
  /** Undefined when they are consecutive. */
  readonly sequences: Numbers | undefined;
  readonly count: number;
}

/** Adds the records to those of the reader; returns how many belong to no known series, or undefined when this is no chunk. */
export function unpackChunk(item: unknown, reader: ChunkReader): number | undefined {
  if (!Array.isArray(item)) return undefined;
  const columns = unpackColumns(item, reader.base);
  if (columns === undefined) return undefined;
  const rare = item.length > AT.rare ? unpackRare(item, columns.runs, columns.count) : NOTHING_RARE;
  if (rare === undefined) return undefined;
  let unknownCount = 0;
  let start = 0;
  for (let run = 0; run < columns.runs.length; run++) {
    const end = start + (columns.runs[run] as number);
    const series = reader.seriesOf(columns.ids[run] as number);
    if (series === undefined) unknownCount += end - start;
    else if (reader.isWanted(series) && !takeRun(columns, rare, start, end, series, reader)) return undefined;
    start = end;
  }
  return unknownCount;
}

/** Builds objects of one shape, which is what makes it fast: fields that a series never has are not even looked for. */
function takeRun(columns: Columns, rare: Rare, start: number, end: number, series: Series, reader: ChunkReader): boolean {
  const { times, walls, values, qualities, places, sequences } = columns;
  const { sensor, channel, unit, precision, readingKind, quality, publish, value: like, location } = series;
  const { boots, base, records } = reader;
  const hasMore = rare !== NOTHING_RARE || series.calibration !== undefined || series.reason !== undefined;
  for (let i = start; i < end; i++) {
    const boot = boots[places[i] as number];
    const wallQuality = WALL_QUALITIES[qualities[i] as number];
    if (boot === undefined || wallQuality === undefined) return false;
    const monotonicMs = times[i] as number;
    const wallMs = walls[i] as number;
    const number = values[i] as number;
    const value: Value = typeof like === 'number' ? number : typeof like === 'boolean' ? number === 1 : like;
    const sequence = sequences === undefined ? base.sequences.first + i : (sequences[i] as number);
    const record: Observation =
      location === undefined
        ? {
            kind: 'observation',
            boot,
            monotonicMs,
            wallMs,
            wallQuality,
            sensor,
            channel,
            value,
            unit,
            precision,
            readingKind,
            quality,
            publish,
          }
        : {
            kind: 'observation',
            boot,
            monotonicMs,
            wallMs,
            wallQuality,
            sensor,
            channel,
            value,
            unit,
            precision,
            readingKind,
            quality,
            location,
            publish,
          };
    if (hasMore) addMore(record, series, rare, i);
    records.push({ sequence, record });
  }
  return true;
}

function addMore(record: { -readonly [K in keyof Observation]: Observation[K] }, series: Series, rare: Rare, i: number): void {
  if (series.calibration !== undefined) record.calibration = series.calibration;
  if (series.reason !== undefined) record.reason = series.reason;
  const uncalibrated = rare.uncalibrated?.[i];
  if (uncalibrated !== undefined) record.uncalibrated = uncalibrated;
  const heldFrom = rare.heldFrom?.[i];
  if (heldFrom !== undefined) record.heldFrom = heldFrom;
  const firstPlace = rare.firstPlace?.[i];
  if (firstPlace !== undefined) record.firstPlace = firstPlace;
  const window = rare.windows?.[i];
  if (window !== undefined) record.window = window;
}

function unpackColumns(item: readonly unknown[], base: ChunkBase): Columns | undefined {
  const runCount = item[AT.runCount];
  if (!isCount(runCount)) return undefined;
  const idChanges = unpackColumn(item[AT.ids], runCount);
  const runs = unpackColumn(item[AT.counts], runCount);
  if (idChanges === undefined || !runs?.every(isCount)) return undefined;
  const count = runs.reduce((sum, length) => sum + length, 0);
  if (count > COUNT_MAX) return undefined;
  const times = unpackTimes(item[AT.timeExponent], item[AT.times], runs, count, base.times);
  const walls = times && unpackWalls(item[AT.walls], times, count, base.wallAheadMs);
  const values = unpackNumbers(item, AT.values, runs, count);
  const qualities = unpackColumn(item[AT.wallQualities], count);
  const places = unpackColumn(item[AT.boots], count);
  const hasSequences = item[AT.sequences] !== null && item[AT.sequences] !== undefined;
  const sequences = hasSequences ? unpackSteps(item[AT.sequences], runs, count, base.sequences) : undefined;
  if (times === undefined || walls === undefined || values === undefined || qualities === undefined || places === undefined)
    return undefined;
  if (hasSequences && sequences === undefined) return undefined;
  let { id } = base;
  const ids = idChanges.map((change) => {
    id += change;
    return id;
  });
  return { ids, runs, times, walls, values, qualities, places, sequences, count };
}

function unpackWalls(item: unknown, times: Numbers, count: number, base: number): Numbers | undefined {
  if (item instanceof Float64Array) return item.length === count ? item : undefined;
  const changes = unpackColumn(item, count);
  if (changes === undefined) return undefined;
  const walls: number[] = [];
  let ahead = base;
  for (let i = 0; i < count; i++) {
    ahead += changes[i] as number;
    walls.push(Math.floor(times[i] as number) + ahead);
  }
  return Number.isFinite(ahead) ? walls : undefined;
}

function isCount(item: unknown): item is number {
  return Number.isSafeInteger(item) && (item as number) >= 1 && (item as number) <= COUNT_MAX;
}
