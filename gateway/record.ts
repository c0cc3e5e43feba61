import type { ChannelConfig } from '../config/config.ts';
import type { WallQuality } from '../drivers/clock.ts';
import type { Value } from '../drivers/reading.ts';

/** When something happened: the boot, its monotonic clock, and the wall clock with what was known about it. */
export interface Stamp {
  readonly boot: string;
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly wallQuality: WallQuality;
}

/** Whether a value is a measurement that may be shown as current. */
export type Quality = 'good' | 'suspect';

/** One value of one sensor at one moment: what the journal keeps and the city gets. */
export interface Observation extends Stamp {
  readonly kind: 'observation';
  /** The city's sensor id. */
  readonly sensor: string;
  /** `<device>.<reading>` in the site file. */
  readonly channel: string;
  /** Calibrated, not rounded. */
  readonly value: Value;
  /** What the driver gave, in the driver's own unit, where conversion or calibration made another value of it; a text has none. */
  readonly uncalibrated?: Exclude<Value, string>;
  /** UCUM code of the unit. */
  readonly unit: string;
  /** Smallest step worth telling; rounds the text that the city gets. */
  readonly precision: number;
  /**
   * What the values of this reading mean over time, from its board; `answer`: each is about another order. Decides what is kept
   * longest, and how a window of them is thinned.
   */
  readonly readingKind: ChannelConfig['kind'] | 'answer';
  /** The calibration in force when it was taken. */
  readonly calibration?: NonNullable<ChannelConfig['calibrate']>;
  readonly quality: Quality;
  /** Code that says why the quality is not good. */
  readonly reason?: string;
  /** `latitude longitude` in decimal degrees. */
  readonly location?: string;
  /** False: kept here, never sent. */
  readonly publish: boolean;
  /** Set on a record that was appended again because the city refused it for now: the sequence it had before. */
  readonly heldFrom?: number;
  /** Set besides on one that was appended again more than once: the sequence it had first. */
  readonly firstPlace?: number;
  /** Set on a record that stands for several, because the disk was full: `value` is their mean, last value or sum, by `readingKind`. */
  readonly window?: Window;
}

/** What is left of the observations of one sensor in five minutes. The record has the stamp and the sequence of the last of them. */
export interface Window {
  /** Monotonic time of the first. */
  readonly fromMonotonicMs: number;
  readonly count: number;
  /** Of a gauge. */
  readonly min?: number;
  readonly max?: number;
}

/** The copy of an observation that stands at `sequence`, to be appended again. */
export function copyOf(observation: Observation, sequence: number): Observation {
  const { heldFrom, firstPlace = heldFrom } = observation;
  return { ...observation, heldFrom: sequence, ...(firstPlace !== undefined && { firstPlace }) };
}

/** The sequence that an observation had before it was appended again for the first time, or has. Each has its own. */
export function firstPlaceOf({ heldFrom, firstPlace = heldFrom }: Observation, sequence: number): number {
  return firstPlace ?? sequence;
}

/** What someone wants an output to do. */
export interface Order extends Stamp {
  readonly kind: 'order';
  readonly id: string;
  readonly output: string;
  readonly on: boolean;
  readonly from: string;
  /** How long it was to stay so, where that was said; milliseconds. */
  readonly forMs?: number;
}

/** Durable before the output moves. */
export interface Intent extends Stamp {
  readonly kind: 'intent';
  readonly order: string;
  readonly output: string;
  readonly on: boolean;
}

/** What became of an intent. */
export interface Result extends Stamp {
  readonly kind: 'result';
  readonly order: string;
  readonly output: string;
  readonly done: boolean;
  /** Why it was not done; where it was, what limits it, or why the gateway itself wanted it. */
  readonly reason?: string;
}

/** The wall time that belongs to a monotonic time of a boot. */
export interface TimeAnchor extends Stamp {
  readonly kind: 'anchor';
  readonly source: string;
  readonly errorMs: number;
}

/** Records that are known to be missing. */
export interface Gap extends Stamp {
  readonly kind: 'gap';
  /** The range in which records are gone: all of them, or those of `recordClass`. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly cause: string;
  /** The class that was dropped, where others of the range are still there. */
  readonly recordClass?: RecordClass;
  /** How many are gone, where it is known; fewer than the range where the rest was never written. */
  readonly count?: number;
  /** Sensors that lack values, as far as known: at most GAP_SENSORS_MAX of them. */
  readonly sensors?: readonly string[];
  /** Wall time of the first and the last that are gone, or of their neighbours; milliseconds since 1970. */
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
}

/** Sensors that one gap record names at most. */
export const GAP_SENSORS_MAX = 64;

/** Something that a person may want to know later: started, stopped, a device lost or back. */
export interface Event extends Stamp {
  readonly kind: 'event';
  readonly code: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** The seven kinds of records. */
export type JournalRecord = Observation | Order | Intent | Result | TimeAnchor | Gap | Event;

/**
 * How long a record is kept when there is too little room: `gauges` go first, then `counts` (totals, deltas, states), and
 * `events` (orders, intents, results, anchors, gaps and events) last.
 */
export type RecordClass = 'gauges' | 'counts' | 'events';

/** In the order in which they go. */
export const RECORD_CLASSES: readonly RecordClass[] = ['gauges', 'counts', 'events'];

/** The class of a record. */
export function classOf(record: JournalRecord): RecordClass {
  return record.kind === 'observation' ? classOfReading(record.readingKind) : 'events';
}

/** The class of a reading's observations. */
function classOfReading(kind: Observation['readingKind']): RecordClass {
  return kind === 'total' || kind === 'delta' || kind === 'state' || kind === 'answer' ? 'counts' : 'gauges';
}
