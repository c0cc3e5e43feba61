import { Buffer } from 'node:buffer';
import { parseDuration } from '../../config/duration.ts';
import { NOT_SHOWN } from '../../drivers/reading.ts';
import { isObject, parseJson } from '../json.ts';

/** A longer text is no order for an output. */
const TEXT_BYTES_MAX = 1_024;
const ID_CHARACTERS_MAX = 64;
const KEYS: readonly string[] = ['set', 'for', 'id'];
const STATES: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ['on', true],
  ['off', false],
  ['1', true],
  ['0', false],
  [1, true],
  [0, false],
  [true, true],
  [false, false],
]);

/** What the text of an order asks of an output. */
export interface Asked {
  readonly on: boolean;
  readonly forMs?: number;
  /** By which whoever sent it knows it: the same id twice is one order. */
  readonly id?: string;
}

/**
 * Understands the text of an order, which the city takes as it comes: `on`, `off`, `1`, `0`, or JSON such as
 * `{"set":"on","for":"30s","id":"a1"}`. Orders are absolute: one that depends on how the output is now, such as `toggle`, would
 * do something else when it comes late or twice. Returns what is wrong with any other text.
 */
export function askedOf(text: string): Asked | { readonly problem: string } {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) return { problem: `longer than ${TEXT_BYTES_MAX} bytes` };
  const word = text.trim();
  if (word.startsWith('{')) return askedInJson(word);
  const on = stateOf(word);
  if (on !== undefined) return { on };
  if (word.toLowerCase() === 'toggle') return { problem: 'toggle is not absolute: send on or off' };
  return { problem: 'expected on, off, 1, 0, or {"set":"on","for":"30s","id":"…"}' };
}

function askedInJson(text: string): Asked | { readonly problem: string } {
  const json = parseJson(text);
  if (!isObject(json)) return { problem: 'not JSON' };
  const unknown = Object.keys(json).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return { problem: `no key of it is called that: expected ${KEYS.join(', ')}` };
  const { set, for: time, id } = json;
  const on = stateOf(set);
  if (on === undefined) return { problem: 'set: expected on or off' };
  const forMs = typeof time === 'string' ? parseDuration(time) : undefined;
  if (time !== undefined && !(typeof forMs === 'number' && forMs > 0)) return { problem: 'for: expected a time such as 30s' };
  if (id !== undefined && !isId(id)) return { problem: `id: expected a text of at most ${ID_CHARACTERS_MAX} characters` };
  return { on, ...(typeof forMs === 'number' && { forMs }), ...(isId(id) && { id }) };
}

function stateOf(written: unknown): boolean | undefined {
  return STATES.get(typeof written === 'string' ? written.toLowerCase() : written);
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= ID_CHARACTERS_MAX && !NOT_SHOWN.test(id);
}
