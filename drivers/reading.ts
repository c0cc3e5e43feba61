import type { BusError, DeviceError } from './errors.ts';

/** What a reading's value can be. Numbers are finite; a state is a boolean; of a text `isTextValue` is true. */
export type Value = number | boolean | string;

/** The most that a text may take, in bytes of UTF-8: it is shown in a table, and the city keeps each one of them. */
export const TEXT_BYTES_MAX = 120;

/** Characters that control a terminal, turn the writing round, break a line or cannot be seen at all. */
export const NOT_SHOWN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Whether it may be the value of a reading: not too long, and all of it can be shown on a line of a terminal. */
export function isTextValue(text: string, bytesMax: number = TEXT_BYTES_MAX): boolean {
  return Buffer.byteLength(text) <= bytesMax && !NOT_SHOWN.test(text);
}

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
