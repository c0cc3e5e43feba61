import type { BusError, DeviceError } from './errors.ts';

/** What a reading's value can be. Numbers are finite; a state is a boolean. */
export type Value = number | boolean;

/** One value as a driver read it: converted to the board's unit, not calibrated, not rounded, without identity. */
export interface Reading {
  /** Which of the board's readings this is, such as `temperature`. */
  readonly id: string;
  readonly value: Value;
  /** Set only where the device itself sends a time: milliseconds since 1970, UTC. */
  readonly deviceWallMs?: number;
  /** Set when it is known that something was missed: the true value is this one or a higher one. */
  readonly atLeast?: true;
}

/** Why one reading of an otherwise successful read has no value. */
export interface MissingReading {
  readonly id: string;
  readonly error: BusError | DeviceError;
}

/** True for a reading that has a value. */
export function isReading(result: Reading | MissingReading): result is Reading {
  return 'value' in result;
}
