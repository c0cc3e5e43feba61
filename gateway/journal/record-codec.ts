import type { Event, JournalRecord, Observation } from '../record.ts';
import { encodeCbor, withoutNullsAtEnd } from './cbor.ts';
import { JournalError } from './journal.ts';
import { isOfSeries } from './series.ts';

/** The largest record, in bytes of CBOR by itself. */
export const RECORD_BYTES_MAX = 16_384;

/** Says what a field must be, or undefined when the value is right. */
type Check = (value: unknown) => string | undefined;
type Field<R> = readonly [name: Exclude<keyof R, 'kind'> & string, check: Check];

/** A lone surrogate has no UTF-8: it would come back as another text. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === 'string' && !LONE_SURROGATE.test(value);
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSequence = (value: unknown): value is number => isCount(value) && value >= 1;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const number: Check = (value) => (isNumber(value) ? undefined : 'a finite number');
const text: Check = (value) => (isText(value) ? undefined : 'a text without lone surrogates');
const boolean: Check = (value) => (isBoolean(value) ? undefined : 'true or false');
const numberOrBoolean: Check = (value) => (isNumber(value) || isBoolean(value) ? undefined : 'a finite number, true or false');
const anyValue: Check = (value) =>
  isNumber(value) || isBoolean(value) || isText(value)
    ? undefined
    : 'a finite number, true or false, or a text without lone surrogates';
const sequence: Check = (value) => (isSequence(value) ? undefined : 'a sequence');
const count: Check = (value) => (isCount(value) ? undefined : 'a count');
const texts: Check = (value) =>
  Array.isArray(value) && value.every(isText) ? undefined : 'an array of texts without lone surrogates';
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value as string) ? undefined : words.join(' or ');
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);
const eventFields: Check = (value) =>
  isObject(value) &&
  Object.entries(value).every(([key, field]) => isText(key) && (isText(field) || isNumber(field) || isBoolean(field)))
    ? undefined
    : 'an object of texts, finite numbers, true and false';
const isPoint = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(isNumber);
const calibration: Check = (value) =>
  isObject(value) &&
  ('points' in value
    ? Array.isArray(value['points']) && value['points'].every(isPoint)
    : isNumber(value['offset']) && isNumber(value['scale']))
    ? undefined
    : 'an offset and a scale, or points';
const window: Check = (value) =>
  isObject(value) &&
  isNumber(value['fromMonotonicMs']) &&
  isCount(value['count']) &&
  number(value['min'] ?? 0) === undefined &&
  number(value['max'] ?? 0) === undefined
    ? undefined
    : 'a time, a count and perhaps a least and a greatest value';

const STAMP: readonly Field<JournalRecord>[] = [
  ['boot', text],
  ['monotonicMs', number],
  ['wallMs', number],
  ['wallQuality', oneOf('synced', 'holdover', 'floor', 'none')],
];

/** Observations are stored in columns (columns.ts); what they must be is the same as for the records below. */
const OBSERVATION: readonly Field<Observation>[] = [
  ['sensor', text],
  ['channel', text],
  ['value', anyValue],
  ['uncalibrated', optional(numberOrBoolean)],
  ['unit', text],
  ['precision', number],
  ['readingKind', oneOf('gauge', 'total', 'delta', 'rate', 'state', 'position', 'answer')],
  ['calibration', optional(calibration)],
  ['quality', oneOf('good', 'suspect')],
  ['reason', optional(text)],
  ['location', optional(text)],
  ['publish', boolean],
  ['heldFrom', optional(sequence)],
  ['firstPlace', optional(sequence)],
  ['window', optional(window)],
];

/** A record that is stored by itself. */
export type OtherRecord = Exclude<JournalRecord, Observation>;

/** The fields of each other kind after the stamp, in the order in which they stand in the array. Only ever extended at the end, with fields that may be absent. */
const FIELDS: { readonly [K in OtherRecord['kind']]: readonly Field<Extract<OtherRecord, { kind: K }>>[] } = {
  order: [
    ['id', text],
    ['output', text],
    ['on', boolean],
    ['from', text],
    ['forMs', optional(number)],
  ],
  intent: [
    ['order', text],
    ['output', text],
    ['on', boolean],
  ],
  result: [
    ['order', text],
    ['output', text],
    ['done', boolean],
    ['reason', optional(text)],
  ],
  anchor: [
    ['source', text],
    ['errorMs', number],
  ],
  gap: [
    ['firstSequence', sequence],
    ['lastSequence', sequence],
    ['cause', text],
    ['recordClass', optional(oneOf('gauges', 'counts', 'events'))],
    ['count', optional(count)],
    ['sensors', optional(texts)],
    ['fromWallMs', optional(number)],
    ['toWallMs', optional(number)],
  ],
  event: [
    ['code', text],
    ['fields', eventFields],
  ],
};

/** A kind is written as its place in this list, counted from 1: a zeroed byte is no kind. Only ever extended at the end. */
const KINDS: readonly OtherRecord['kind'][] = ['order', 'intent', 'result', 'anchor', 'gap', 'event'];

/**
 * The most bytes that the record takes in a payload of its own with its definition. Every record goes through this
 * before it is put into one: what could not be stored as it is is refused.
 * @throws JournalError when a field is not what its type says (NaN, a lone surrogate) or the record is too long
 */
export function recordBytesMax(record: JournalRecord): number {
  const sizeBytes =
    record.kind === 'observation' ? observationBytesMax(record) : OTHER_BYTES + encodeCbor(packRecord(record)).length;
  if (sizeBytes <= RECORD_BYTES_MAX) return sizeBytes;
  throw new JournalError(
    `a record of kind ${record.kind} has ${sizeBytes} bytes, more than the ${RECORD_BYTES_MAX} a record may have`,
  );
}

/**
 * Whether the observation passes `recordBytesMax`, with the same result, because `right` has passed: all that can be wrong
 * or long is the same. Looking at every field takes four times as long.
 */
export function isAsRight(observation: Observation, right: Observation): boolean {
  return (
    isOfSeries(observation, right) &&
    // One that only says the same may say more.
    observation.calibration === right.calibration &&
    observation.boot === right.boot &&
    observation.wallQuality === right.wallQuality &&
    isNumber(observation.monotonicMs) &&
    isNumber(observation.wallMs) &&
    // A text is that of the other.
    (typeof observation.value !== 'number' || isNumber(observation.value)) &&
    observation.uncalibrated === undefined &&
    observation.heldFrom === undefined &&
    observation.firstPlace === undefined &&
    observation.window === undefined
  );
}

/** More than what stands in a payload besides its records, without the low-water marks. */
const OTHER_BYTES = 64;
/** More than all numbers, heads and nulls of an observation and its definition. */
const OBSERVATION_BYTES = 384;
/** Of a point of a calibration. */
const POINT_BYTES = 19;

function observationBytesMax(record: Observation): number {
  for (const [name, check] of ALL_OBSERVATION) checkField(record, name, check);
  const { boot, sensor, channel, unit, reason = '', location = '', calibration: own, value } = record;
  const texts = [boot, sensor, channel, unit, reason, location, typeof value === 'string' ? value : ''];
  const unitCount = texts.reduce((sum, each) => sum + each.length, 0);
  const pointCount = own !== undefined && 'points' in own ? own.points.length : 0;
  // UTF-8 takes at most 3 bytes for a unit of UTF-16.
  return OBSERVATION_BYTES + 3 * unitCount + POINT_BYTES * pointCount;
}

/**
 * One CBOR array: `[kind, boot, monotonicMs, wallMs, wallQuality, …]`, followed by the fields of the kind; an absent
 * optional field is null, and nulls at the end are left out; the fields of an event are a flat array `[name, value, name, value, …]`. Minus zero becomes zero.
 * @throws JournalError when a field is not what its type says
 */
export function packRecord(record: OtherRecord): unknown[] {
  const items: unknown[] = [KINDS.indexOf(record.kind) + 1];
  for (const [name, check] of fieldsOf(record.kind)) {
    const value = checkField(record, name, check);
    items.push(name === 'fields' ? Object.entries(value as Event['fields']).flat() : (value ?? null));
  }
  return withoutNullsAtEnd(items);
}

/** The record that such an array stands for; undefined when it is none. */
export function unpackRecord(items: unknown): OtherRecord | undefined {
  if (!Array.isArray(items) || typeof items[0] !== 'number') return undefined;
  const kind = KINDS[items[0] - 1];
  if (kind === undefined) return undefined;
  const fields = fieldsOf(kind);
  if (items.length > fields.length + 1) return undefined;
  const record: Record<string, unknown> = { kind };
  for (const [i, [name, check]] of fields.entries()) {
    const value = name === 'fields' ? unflatten(items[i + 1]) : (items[i + 1] ?? undefined);
    if (check(value) !== undefined) return undefined;
    if (value !== undefined) record[name] = value;
  }
  return record as unknown as OtherRecord;
}

type AnyField = readonly [name: string, check: Check];

const ALL_OBSERVATION = [...STAMP, ...OBSERVATION] as readonly AnyField[];
const ALL_FIELDS = new Map(KINDS.map((kind) => [kind, [...STAMP, ...FIELDS[kind]] as readonly AnyField[]]));

function fieldsOf(kind: OtherRecord['kind']): readonly AnyField[] {
  const fields = ALL_FIELDS.get(kind);
  if (fields === undefined) throw new JournalError(`there is no record of kind ${String(kind)}`);
  return fields;
}

/** The value of the field. */
function checkField(record: JournalRecord, name: string, check: Check): unknown {
  const value = (record as unknown as Record<string, unknown>)[name];
  const expected = check(value);
  if (expected === undefined) return value;
  throw new JournalError(`a record of kind ${record.kind} cannot be stored: ${name} must be ${expected}`);
}

function unflatten(items: unknown): unknown {
  if (!Array.isArray(items) || items.length % 2 !== 0) return undefined;
  // Object.fromEntries defines `__proto__` as an own key like any other.
  return Object.fromEntries(items.flatMap((name, i) => (i % 2 === 0 ? [[name, items[i + 1]]] : [])));
}
