import { type Refusal, unreadable } from './answer.ts';
import { type Json, JsonError, readJson } from './json.ts';

// How Jackson makes Java objects of JSON, as the server uses it (sentilo.md §1.5.2): of a repeated key the last counts, an
// unknown one is refused, numbers and booleans give their text where a String is wanted.

const LONG_MAX = Number(0x8000_0000_0000_0000n);

/** A class of the server's API, and the names of its fields. */
export interface JavaClass {
  readonly name: string;
  readonly fields: readonly string[];
  /** By default that of the API server's own classes. */
  readonly package?: string;
}

const SERVER_PACKAGE = 'org.sentilo.platform.server.dto';

/** Where the server reads a body. The reference has no lines of these files, and Java says of such that it does not know the source. */
const FRAMES = [
  'com.fasterxml.jackson.databind.ObjectMapper.readValue(Unknown Source)',
  'org.sentilo.platform.server.SentiloHttpRequestTask.run(Unknown Source)',
  'java.base/java.lang.Thread.run(Unknown Source)',
];

/** What Jackson makes of a Java String: null stays null, numbers and booleans give their text. */
export type JavaString = string | null;

/** The JSON value of a body. Throws 400. */
export function readBody(text: string, nowMs: number): Json {
  try {
    return readJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw unreadable(nowMs, traceOf(`com.fasterxml.jackson.core.JsonParseException: ${error.message}`));
  }
}

/** Hands each known field to `set` in the order of the text, so that of a repeated key the last counts. Throws 400. */
export function bindFields(known: JavaClass, json: Json, nowMs: number, set: (key: string, value: Json) => void): void {
  if (json.type !== 'object') throw mismatch(nowMs, `an object of ${known.name}`, json);
  for (const [key, value] of json.entries) {
    if (!known.fields.includes(key)) {
      const what = `Unrecognized field "${key}" (class ${known.package ?? SERVER_PACKAGE}.${known.name})`;
      throw unreadable(nowMs, traceOf(`com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException: ${what}`));
    }
    set(key, value);
  }
}

export function bindArray(json: Json, nowMs: number): readonly Json[] | null {
  if (json.type === 'null') return null;
  if (json.type !== 'array') throw mismatch(nowMs, 'an array', json);
  return json.items;
}

export function bindString(json: Json, nowMs: number): JavaString {
  if (json.type === 'null') return null;
  if (json.type === 'array' || json.type === 'object') throw mismatch(nowMs, 'a string', json);
  return json.text;
}

export function checkLong(json: Json, nowMs: number): void {
  if (json.type === 'null' || json.type === 'number') return;
  if (json.type === 'string' && /^\s*(?:[+-]?\d+)?\s*$/.test(json.text)) return;
  throw mismatch(nowMs, 'an integer', json);
}

/** What Jackson makes of a primitive Java long: null and a blank text give 0, a fraction is cut off. Throws 400. */
export function bindLong(json: Json, nowMs: number): number {
  checkLong(json, nowMs);
  const value = json.type === 'number' || json.type === 'string' ? Math.trunc(Number(json.text)) : 0;
  if (Math.abs(value) > LONG_MAX) throw mismatch(nowMs, 'a long', json);
  return value;
}

/** 400: the JSON value cannot become what the class wants; `expected` as in "an array". */
export function mismatch(nowMs: number, expected: string, found: Json): Refusal {
  const what = `expected ${expected}, found ${found.type}`;
  return unreadable(nowMs, traceOf(`com.fasterxml.jackson.databind.exc.MismatchedInputException: ${what}`));
}

/** An exception as Java prints it with its stack (sentilo.md §1.4): a line for each frame, of which the real one has dozens. */
function traceOf(exception: string): string {
  return [exception, ...FRAMES.map((frame) => `\tat ${frame}`), ''].join('\n');
}
