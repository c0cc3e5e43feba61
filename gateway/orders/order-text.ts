import { Buffer } from 'node:buffer';
import { parseDuration } from '../../config/duration.ts';
import { isTextValue, NOT_SHOWN } from '../../drivers/reading.ts';
import { utcMs } from '../../drivers/utc.ts';
import { isObject, parseJson } from '../json.ts';

/** A longer text is no order for an output. */
const TEXT_BYTES_MAX = 1_024;
const ID_CHARACTERS_MAX = 64;
const KEYS: readonly string[] = ['set', 'state', 'for', 'id'];
/** What says itself who has sent it and when, where the way on which it comes does not. */
const SENDER_KEYS: readonly string[] = ['by', 'time'];
const STATES: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ['on', true],
  ['off', false],
  ['1', true],
  ['0', false],
  ['true', true],
  ['false', false],
  [1, true],
  [0, false],
  [true, true],
  [false, false],
]);
const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z$/;

/** What the text of an order asks of an output. */
export interface Asked {
  readonly on: boolean;
  readonly forMs?: number;
  /** By which whoever sent it knows it: the same id twice is one order. */
  readonly id?: string;
}

/** The same, where the text says who has sent it and when: milliseconds since 1970. */
export interface SenderAsked extends Asked {
  readonly by?: string;
  readonly sentMs?: number;
}

interface Problem {
  readonly problem: string;
}

/**
 * Understands the text of an order, which the city takes as it comes: `on`, `off`, `1`, `0`, `true`, `false` in any case, or JSON such
 * as `{"set":"on","for":"30s","id":"a1"}`, where `set` may be called `state`. Orders are absolute: one that depends on how the output is
 * now, such as `toggle`, would do something else when it comes late or twice. Returns what is wrong with any other text, and nothing of
 * the text.
 */
export function askedOf(text: string): Asked | Problem {
  return asked(text, KEYS);
}

/** The same for a broker, which does not say who has sent an order, nor when: `by` and `time` (RFC 3339, in UTC) may say it. */
export function askedBySender(text: string): SenderAsked | Problem {
  return asked(text, [...KEYS, ...SENDER_KEYS]);
}

function asked(text: string, keys: readonly string[]): SenderAsked | Problem {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) return { problem: `longer than ${TEXT_BYTES_MAX} bytes` };
  const word = text.trim();
  if (word.startsWith('{')) return askedInJson(word, keys);
  const on = stateOf(word);
  if (on !== undefined) return { on };
  if (word.toLowerCase() === 'toggle') return { problem: 'toggle is not absolute: send on or off' };
  return { problem: 'expected on, off, 1, 0, or {"set":"on","for":"30s","id":"…"}' };
}

function askedInJson(text: string, keys: readonly string[]): SenderAsked | Problem {
  const json = parseJson(text);
  if (!isObject(json)) return { problem: 'not JSON' };
  const unknown = Object.keys(json).find((key) => !keys.includes(key));
  if (unknown !== undefined) return { problem: `no key of it is called that: expected ${keys.join(', ')}` };
  const { set, state, for: length, id, by, time } = json;
  if (set !== undefined && state !== undefined) return { problem: 'expected set or state, not both' };
  const on = stateOf(set ?? state);
  if (on === undefined) return { problem: `${state === undefined ? 'set' : 'state'}: expected on or off` };
  const forMs = typeof length === 'string' ? parseDuration(length) : undefined;
  if (length !== undefined && !(typeof forMs === 'number' && forMs > 0)) return { problem: 'for: expected a time such as 30s' };
  if (id !== undefined && !isId(id)) return { problem: `id: expected a text of at most ${ID_CHARACTERS_MAX} characters` };
  if (by !== undefined && !isName(by)) return { problem: 'by: expected a short text' };
  const sentMs = typeof time === 'string' ? momentOf(time) : undefined;
  if (time !== undefined && sentMs === undefined) return { problem: 'time: expected one such as 2026-11-25T12:00:00Z' };
  return {
    on,
    ...(typeof forMs === 'number' && { forMs }),
    ...(isId(id) && { id }),
    ...(isName(by) && { by }),
    ...(sentMs !== undefined && { sentMs }),
  };
}

function stateOf(written: unknown): boolean | undefined {
  return STATES.get(typeof written === 'string' ? written.toLowerCase() : written);
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= ID_CHARACTERS_MAX && !NOT_SHOWN.test(id);
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && isTextValue(name);
}

/** Milliseconds since 1970; undefined when there is no such moment. */
function momentOf(text: string): number | undefined {
  const parts = TIME.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  return utcMs({ year, month, day, hour, minute, second, millisecond: 0 });
}
