import type { Value } from '../../drivers/reading.ts';
import type { Observation } from '../record.ts';
import { DecimalSum } from './decimal-sum.ts';
import type { StoredRecord } from './journal.ts';
import { isOfSeries } from './series.ts';

/** The width of a window of thinned observations, on the monotonic clock of one boot. */
const WINDOW_MS = 5 * 60_000;

/** A window ends when so many records follow its last one: what is ready waits for it no longer. */
const QUIET_RECORDS_MAX = 65_536;
/** How often that is looked at, in records. */
const QUIET_CHECK_RECORDS = 4096;
/** Significant digits of an uncalibrated mean, whose precision nobody states: no converter resolves more. */
const UNCALIBRATED_DIGITS = 7;
/** Larger values stay as they are, so that no sum overflows. */
const VALUE_MAX = 1e300;

export interface ThinningOptions {
  /** Whether the record is on its way to the city, or must stay as it is for another reason. */
  readonly mustStay: (sequence: number) => boolean;
  /** Which uplinks have the record, as bits: what some have and others have not is never merged. */
  readonly deliveredTo: (sequence: number) => number;
}

/** Merges observations into windows; records come in ascending order, in batches of any size. */
export interface Thinner {
  /** Takes the next records of the run; gives those that are ready, ascending by sequence. */
  add(batch: readonly StoredRecord[]): StoredRecord[];
  /** Ends the run: gives the rest. */
  end(): StoredRecord[];
  /** Records that are gone so far: merged into the window of a later one, or a state that did not change. */
  readonly removedCount: number;
}

/**
 * Makes one observation of those of one sensor in five minutes, with the stamp and sequence of the last: gauges, rates and
 * positions become their mean (with least and greatest), totals their last value, deltas their sum; of states the first
 * stays, and each that differs from the one before. The uncalibrated value follows the value. A change of calibration,
 * unit, location or anything else that belongs to the series ends the window. A window of one record stays that record.
 *
 * Untouched, and in the middle of nothing: what `mustStay` names, what is not good, what was thinned before, what was
 * appended again (`heldFrom`), what is published otherwise than the window, and everything that is no observation. A state
 * that stands behind such a one of its sensor stays: left out, it would pass for what that one says. What is delivered and
 * what is not are never in one window: its record is delivered or not as a whole.
 *
 * A mean is rounded to a tenth of the power of ten in the precision (0.1 and 0.5 to 0.01), half away from zero, and stays
 * between the least and the greatest: the mean of 30 readings that are right to ± half a step is uncertain by a twentieth of
 * the step anyway, and digits behind that only cost room. The extremes are what was measured. Sums are not rounded.
 */
export function openThinner(options: ThinningOptions): Thinner {
  return new WindowThinner(options);
}

/** Observations that become one. */
interface OpenWindow {
  readonly number: number;
  readonly deliveredTo: number;
  readonly fromMonotonicMs: number;
  last: StoredRecord & { readonly record: Observation };
  /** How many records were taken before its last. */
  lastTaken: number;
  count: number;
  min: number;
  max: number;
  readonly values: DecimalSum;
  /** Of the uncalibrated values; undefined while calibration has changed none, so that they are the values. */
  uncalibrated: DecimalSum | undefined;
}

class WindowThinner implements Thinner {
  readonly #options: ThinningOptions;
  /** By sensor. */
  readonly #windows = new Map<string, OpenWindow>();
  readonly #states = new Map<string, Observation>();
  /** Records that are ready, but perhaps not before those of windows that are not. */
  #ready: StoredRecord[] = [];
  #takenCount = 0;
  #removedCount = 0;

  constructor(options: ThinningOptions) {
    this.#options = options;
  }

  get removedCount(): number {
    return this.#removedCount;
  }

  add(batch: readonly StoredRecord[]): StoredRecord[] {
    for (const stored of batch) {
      this.#take(stored);
      this.#takenCount += 1;
      if (this.#takenCount % QUIET_CHECK_RECORDS === 0) this.#endQuiet();
    }
    // What an open window becomes has the sequence of its last record or a later one.
    let bound = Number.POSITIVE_INFINITY;
    for (const { last } of this.#windows.values()) bound = Math.min(bound, last.sequence);
    return this.#give(bound);
  }

  end(): StoredRecord[] {
    for (const sensor of [...this.#windows.keys()]) this.#end(sensor);
    this.#states.clear();
    return this.#give(Number.POSITIVE_INFINITY);
  }

  #take(stored: StoredRecord): void {
    const { sequence, record } = stored;
    if (record.kind !== 'observation' || !isPlain(record) || this.#options.mustStay(sequence)) {
      if (record.kind === 'observation') this.#states.delete(record.sensor);
      this.#ready.push(stored);
    } else if (record.readingKind === 'state') this.#takeState(stored, record);
    else if (!isSummable(record.value) || !isSummable(record.uncalibrated ?? record.value)) this.#ready.push(stored);
    else this.#takeNumber(stored, record, record.value);
  }

  #takeState(stored: StoredRecord, record: Observation): void {
    const before = this.#states.get(record.sensor);
    const isSame =
      before?.boot === record.boot &&
      before.value === record.value &&
      before.uncalibrated === record.uncalibrated &&
      isOfSeries(record, before);
    this.#states.set(record.sensor, record);
    if (isSame) this.#removedCount += 1;
    else this.#ready.push(stored);
  }

  #takeNumber(stored: StoredRecord, record: Observation, value: number): void {
    const number = Math.floor(record.monotonicMs / WINDOW_MS);
    let window = this.#windows.get(record.sensor);
    const isInTime = window?.number === number && window.last.record.boot === record.boot;
    if (isInTime && window?.last.record.publish !== record.publish) {
      this.#ready.push(stored);
      return;
    }
    const last = { sequence: stored.sequence, record };
    const deliveredTo = this.#options.deliveredTo(stored.sequence);
    const isSame = isInTime && window?.deliveredTo === deliveredTo && isOfSeries(record, window.last.record);
    if (window === undefined || !isSame) {
      this.#end(record.sensor);
      window = newWindow(number, deliveredTo, last, value);
      this.#windows.set(record.sensor, window);
    }
    window.last = last;
    window.lastTaken = this.#takenCount;
    window.count += 1;
    window.min = Math.min(window.min, value);
    window.max = Math.max(window.max, value);
    if (record.uncalibrated !== undefined) window.uncalibrated ??= window.values.copy();
    window.uncalibrated?.add(typeof record.uncalibrated === 'number' ? record.uncalibrated : value);
    window.values.add(value);
  }

  #end(sensor: string): void {
    const window = this.#windows.get(sensor);
    if (window === undefined) return;
    this.#windows.delete(sensor);
    this.#removedCount += window.count - 1;
    this.#ready.push(window.count === 1 ? window.last : { sequence: window.last.sequence, record: merged(window) });
  }

  #endQuiet(): void {
    for (const [sensor, window] of [...this.#windows])
      if (this.#takenCount - window.lastTaken > QUIET_RECORDS_MAX) this.#end(sensor);
  }

  #give(bound: number): StoredRecord[] {
    this.#ready.sort((a, b) => a.sequence - b.sequence);
    const count = this.#ready.findIndex(({ sequence }) => sequence >= bound);
    return this.#ready.splice(0, count < 0 ? this.#ready.length : count);
  }
}

/** Good, and neither thinned nor appended again before. */
function isPlain({ quality, window, heldFrom }: Observation): boolean {
  return quality === 'good' && window === undefined && heldFrom === undefined;
}

function isSummable(value: Value): value is number {
  return typeof value === 'number' && Math.abs(value) <= VALUE_MAX;
}

function newWindow(number: number, deliveredTo: number, last: OpenWindow['last'], value: number): OpenWindow {
  return {
    number,
    deliveredTo,
    fromMonotonicMs: last.record.monotonicMs,
    last,
    lastTaken: 0,
    count: 0,
    min: value,
    max: value,
    values: new DecimalSum(),
    uncalibrated: undefined,
  };
}

function merged({ last: { record }, fromMonotonicMs, count, min, max, ...sums }: OpenWindow): Observation {
  const { values, uncalibrated } = sums;
  const window = { fromMonotonicMs, count };
  if (record.readingKind === 'total') return { ...record, window };
  if (record.readingKind === 'delta') {
    return { ...record, value: values.value, ...(uncalibrated && { uncalibrated: uncalibrated.value }), window };
  }
  const places = placesOf(record.precision);
  return {
    ...record,
    value: Math.min(Math.max(values.mean(count, places), min), max),
    ...(uncalibrated && { uncalibrated: Number((uncalibrated.value / count).toPrecision(UNCALIBRATED_DIGITS)) }),
    window: { ...window, min, max },
  };
}

/** Digits behind the point of a mean: one more than the power of ten in the precision has. */
function placesOf(precision: number): number {
  const exponent = Number(precision.toExponential().split('e')[1]);
  return 1 - exponent;
}
