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
  /** Present when calibration changed the value. */
  readonly uncalibrated?: Value;
  /** UCUM code of the unit. */
  readonly unit: string;
  /** Smallest step worth telling; rounds the text that the city gets. */
  readonly precision: number;
  readonly quality: Quality;
  /** Code that says why the quality is not good. */
  readonly reason?: string;
  /** `latitude longitude` in decimal degrees. */
  readonly location?: string;
  /** False: kept here, never sent. */
  readonly publish: boolean;
  /** Set on a record that was appended again because the city refused it for now: the sequence it had before. */
  readonly heldFrom?: number;
}

/** What someone wants an output to do. (Kinds order, intent and result are written from the issue on that moves outputs by order.) */
export interface Order extends Stamp {
  readonly kind: 'order';
  readonly id: string;
  readonly output: string;
  readonly on: boolean;
  readonly from: string;
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
  /** Sequences from `firstSequence` to `lastSequence` are gone. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly cause: string;
}

/** Something that a person may want to know later: started, stopped, a device lost or back. */
export interface Event extends Stamp {
  readonly kind: 'event';
  readonly code: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** The seven kinds of records. */
export type JournalRecord = Observation | Order | Intent | Result | TimeAnchor | Gap | Event;
