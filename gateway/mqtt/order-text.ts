import { parseDuration } from '../../config/duration.ts';
import { isTextValue } from '../../drivers/reading.ts';
import { utcMs } from '../../drivers/utc.ts';
import { isObject, parseJson } from '../json.ts';

/** An order as somebody has sent it. */
export interface OrderText {
  readonly on: boolean;
  readonly forMs?: number;
  /** Tells two sendings of one order from two orders. */
  readonly id?: string;
  readonly by?: string;
  /** When it was given: RFC 3339, in UTC. */
  readonly sentMs?: number;
}

const KEYS = ['state', 'for', 'id', 'by', 'time'];
const STATES: ReadonlyMap<unknown, boolean> = new Map([
  ['on', true],
  ['off', false],
]);
const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z$/;

/**
 * What an order says: `on`, `off`, or JSON `{"state":"on","for":"30s","id":"…","by":"…","time":"2026-11-25T12:00:00Z"}`, of which
 * `state` alone is needed. A text says what is wrong with it. There is no `toggle`: sent twice it would do what nobody wants.
 */
export function orderOf(text: string): OrderText | string {
  const word = STATES.get(text);
  if (word !== undefined) return { on: word };
  const json = parseJson(text);
  if (!isObject(json)) return 'expected on, off, or JSON like {"state":"on","for":"30s"}';
  const unknown = Object.keys(json).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return `expected no other keys than ${KEYS.join(', ')}`;
  const { state, for: written, id, by, time } = json;
  const on = STATES.get(state);
  if (on === undefined) return '"state" has to be "on" or "off"';
  const forMs = typeof written === 'string' ? parseDuration(written) : written;
  if (forMs !== undefined && (typeof forMs !== 'number' || typeof written !== 'string' || forMs <= 0)) {
    return '"for" has to be a length of time with its unit, like "30s" or "10min"';
  }
  const sentMs = typeof time === 'string' ? momentOf(time) : undefined;
  if (time !== undefined && sentMs === undefined) return '"time" has to be like "2026-11-25T12:00:00Z"';
  for (const [key, value] of Object.entries({ id, by })) {
    if (value !== undefined && !(typeof value === 'string' && value !== '' && isTextValue(value)))
      return `"${key}" has to be a short text`;
  }
  return {
    on,
    ...(forMs !== undefined && { forMs }),
    ...(sentMs !== undefined && { sentMs }),
    ...(typeof id === 'string' && { id }),
    ...(typeof by === 'string' && { by }),
  };
}

/** Milliseconds since 1970; undefined when there is no such moment. */
function momentOf(text: string): number | undefined {
  const parts = TIME.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  return utcMs({ year, month, day, hour, minute, second, millisecond: 0 });
}
