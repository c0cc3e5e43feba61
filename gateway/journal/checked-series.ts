import type { Observation } from '../record.ts';
import { isAsRight, recordBytesMax } from './record-codec.ts';
import type { SeriesTag } from './series.ts';

/** As many sensors as are remembered. */
const CHECKED_MAX = 1_000;

/** An observation that was looked at as a whole. Its series is that of all that were taken for its sake. */
export interface Checked extends SeriesTag {
  readonly record: Observation;
  readonly bytesMax: number;
}

/** Remembers the last observation of each sensor that was looked at as a whole: most that follow only have another value. */
export class CheckedSeries {
  readonly #bySensor = new Map<string, Checked>();

  /** @throws JournalError as recordBytesMax */
  check(observation: Observation): Checked {
    const before = this.#bySensor.get(observation.sensor);
    if (before !== undefined && isAsRight(observation, before.record)) return before;
    const checked = { record: observation, bytesMax: recordBytesMax(observation), dictionary: undefined, id: 0 };
    const [oldest] = this.#bySensor.keys();
    if (this.#bySensor.size >= CHECKED_MAX && oldest !== undefined) this.#bySensor.delete(oldest);
    this.#bySensor.set(observation.sensor, checked);
    return checked;
  }
}
