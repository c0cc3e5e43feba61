import { Buffer } from 'node:buffer';
import type { Clock } from '../drivers/clock.ts';
import { isoTime } from '../drivers/utc.ts';
import type { FrameTap, Log, LogLevel } from './host.ts';

/** Priorities of syslog, which journald takes from a `<N>` in front of a line. */
const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6, debug: 7 };
/** A longer field is cut: a line must stay readable, and a hostile peer must not fill the card. */
const FIELD_LENGTH_MAX = 1024;

export interface JsonLogOptions {
  readonly clock: Clock;
  readonly write: (line: string) => void;
  /** The least serious level that is written. */
  readonly level: LogLevel;
  /** Whether journald reads the lines (it then takes the priority from a prefix). */
  readonly journald: boolean;
}

/** A log of JSON lines, one event each: `{"time":…,"level":…,"code":…,…fields}`. */
export function jsonLog({ clock, write, level, journald }: JsonLogOptions): Log {
  return (eventLevel, code, fields = {}) => {
    if (PRIORITY[eventLevel] > PRIORITY[level]) return;
    const time = isoTime(clock.wall().ms);
    const line = JSON.stringify({ ...fields, time, level: eventLevel, code }, (_key, value: unknown) => plain(value));
    write(`${journald ? `<${PRIORITY[eventLevel]}>` : ''}${line}\n`);
  };
}

/** Shows every frame of every bus as a debug line, its bytes in hexadecimal. */
export function frameLog(log: Log): FrameTap {
  return ({ bus, direction, label, bytes }) => {
    log('debug', 'bus-frame', { bus, direction, ...(label === '' ? {} : { label }), bytes: Buffer.from(bytes).toString('hex') });
  };
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return plain(value.message);
  if (typeof value === 'string' && value.length > FIELD_LENGTH_MAX) return `${value.slice(0, FIELD_LENGTH_MAX)}…`;
  return value;
}
