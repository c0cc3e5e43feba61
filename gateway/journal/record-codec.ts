import { Encoder } from 'cbor-x';
import type { Event, JournalRecord } from '../record.ts';
import { JournalError } from './journal.ts';

/** The largest record, in bytes of CBOR. An observation takes about 150. */
export const RECORD_BYTES_MAX = 65_536;

/** Plain CBOR (RFC 8949): no cbor-x records, no shared structures, no tags. Any CBOR tool reads it. */
const cbor = new Encoder({ useRecords: false, tagUint8Array: false });

/** Says what a field must be, or undefined when the value is right. */
type Check = (value: unknown) => string | undefined;
type Field<R> = readonly [name: Exclude<keyof R, 'kind'> & string, check: Check];

/** A lone surrogate has no UTF-8: it would come back as another text. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const isText = (value: unknown) => typeof value === 'string' && !LONE_SURROGATE.test(value);
const isBoolean = (value: unknown) => typeof value === 'boolean';

const number: Check = (value) => (isNumber(value) ? undefined : 'a finite number');
const text: Check = (value) => (isText(value) ? undefined : 'a text without lone surrogates');
const boolean: Check = (value) => (isBoolean(value) ? undefined : 'true or false');
const numberOrBoolean: Check = (value) => (isNumber(value) || isBoolean(value) ? undefined : 'a finite number, true or false');
const sequence: Check = (value) => (Number.isSafeInteger(value) && (value as number) >= 1 ? undefined : 'a sequence');
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value as string) ? undefined : words.join(' or ');
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);
const eventFields: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(([key, field]) => isText(key) && (isText(field) || isNumber(field) || isBoolean(field)))
    ? undefined
    : 'an object of texts, finite numbers, true and false';

const STAMP: readonly Field<JournalRecord>[] = [
  ['boot', text],
  ['monotonicMs', number],
  ['wallMs', number],
  ['wallQuality', oneOf('synced', 'holdover', 'floor', 'none')],
];

/** The fields of each kind after the stamp, in the order in which they stand in the array. Only ever extended with a new format version. */
const FIELDS: { readonly [K in JournalRecord['kind']]: readonly Field<Extract<JournalRecord, { kind: K }>>[] } = {
  observation: [
    ['sensor', text],
    ['channel', text],
    ['value', numberOrBoolean],
    ['uncalibrated', optional(numberOrBoolean)],
    ['unit', text],
    ['precision', number],
    ['quality', oneOf('good', 'suspect')],
    ['reason', optional(text)],
    ['location', optional(text)],
    ['publish', boolean],
    ['heldFrom', optional(sequence)],
  ],
  order: [
    ['id', text],
    ['output', text],
    ['on', boolean],
    ['from', text],
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
  ],
  event: [
    ['code', text],
    ['fields', eventFields],
  ],
};

/** A kind is written as its place in this list, counted from 1: a zeroed byte is no kind. Only ever extended at the end. */
const KINDS: readonly JournalRecord['kind'][] = ['observation', 'order', 'intent', 'result', 'anchor', 'gap', 'event'];

/**
 * One CBOR array: `[kind, boot, monotonicMs, wallMs, wallQuality, …]`, followed by the fields of the kind; an absent
 * optional field is null, the fields of an event are a flat array `[name, value, name, value, …]`. Minus zero becomes zero.
 * @throws JournalError when a field is not what its type says (NaN, a lone surrogate) or the record is too long
 */
export function encodeRecord(record: JournalRecord): Uint8Array {
  const items: unknown[] = [KINDS.indexOf(record.kind) + 1];
  for (const [name, check] of fieldsOf(record.kind)) {
    const value = (record as unknown as Record<string, unknown>)[name];
    const expected = check(value);
    if (expected !== undefined)
      throw new JournalError(`a record of kind ${record.kind} cannot be stored: ${name} must be ${expected}`);
    items.push(name === 'fields' ? Object.entries(value as Event['fields']).flat() : (value ?? null));
  }
  // cbor-x hands out a view of its own buffer; a copy keeps only what is needed.
  const bytes = new Uint8Array(cbor.encode(items));
  if (bytes.length > RECORD_BYTES_MAX) {
    throw new JournalError(
      `a record of kind ${record.kind} has ${bytes.length} bytes, more than the ${RECORD_BYTES_MAX} a record may have`,
    );
  }
  return bytes;
}

/** The record, or undefined when the bytes are not exactly one record. To be called only after their CRC was right. */
export function decodeRecord(bytes: Uint8Array): JournalRecord | undefined {
  let items: unknown;
  try {
    items = cbor.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(items)) return undefined;
  const kind = KINDS[items[0] - 1];
  if (kind === undefined) return undefined;
  const fields = fieldsOf(kind);
  if (items.length !== fields.length + 1) return undefined;
  const record: Record<string, unknown> = { kind };
  for (const [i, [name, check]] of fields.entries()) {
    const value = name === 'fields' ? unflatten(items[i + 1]) : (items[i + 1] ?? undefined);
    if (check(value) !== undefined) return undefined;
    if (value !== undefined) record[name] = value;
  }
  return record as unknown as JournalRecord;
}

const ALL_FIELDS = new Map(KINDS.map((kind) => [kind, [...STAMP, ...FIELDS[kind]] as readonly (readonly [string, Check])[]]));

function fieldsOf(kind: JournalRecord['kind']): readonly (readonly [string, Check])[] {
  const fields = ALL_FIELDS.get(kind);
  if (fields === undefined) throw new JournalError(`there is no record of kind ${String(kind)}`);
  return fields;
}

function unflatten(items: unknown): unknown {
  if (!Array.isArray(items) || items.length % 2 !== 0) return undefined;
  // Object.fromEntries defines `__proto__` as an own key like any other.
  return Object.fromEntries(items.flatMap((name, i) => (i % 2 === 0 ? [[name, items[i + 1]]] : [])));
}
