import type { StoredRecord } from '../gateway/journal/journal.ts';
import type { Observation } from '../gateway/record.ts';
import { isoText, type TimeOf } from './journal-time.ts';

/** Forms in which records leave the journal. */
export const FORMATS = ['csv', 'jsonl', 'cbor'] as const;
export type Format = (typeof FORMATS)[number];

/** Writes records in one form. */
export interface RecordWriter {
  /** What stands before the first record. */
  readonly head: string;
  /** The bytes of some records, and how many of them have a place in this form. */
  write(records: readonly StoredRecord[]): { readonly bytes: string | Uint8Array; readonly count: number };
}

/**
 * The writer of a form. `csv` has the observations only; `jsonl` (a JSON object a line) and `cbor` (a CBOR sequence of
 * maps, RFC 8742) have every record with all its fields.
 */
export async function openWriter(format: Format, timeOf: TimeOf): Promise<RecordWriter> {
  if (format === 'csv') return csvWriter(timeOf);
  if (format === 'jsonl') {
    const line = (stored: StoredRecord) => `${JSON.stringify(plainRecord(stored, timeOf))}\n`;
    return { head: '', write: (records) => ({ bytes: records.map(line).join(''), count: records.length }) };
  }
  const { Encoder } = await import('cbor-x');
  const encoder = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
  return {
    head: '',
    write(records) {
      const items = records.map((stored) => encoder.encode(plainRecord(stored, timeOf)));
      return { bytes: Buffer.concat(items), count: records.length };
    },
  };
}

/** A record as one map: its sequence, its time as ISO 8601 or why there is none, then all its fields. */
function plainRecord({ sequence, record }: StoredRecord, timeOf: TimeOf): Readonly<Record<string, unknown>> {
  const { kind, ...fields } = record;
  const time = timeOf(record);
  return { sequence, kind, ...('wallMs' in time ? { time: isoText(time.wallMs) } : { timeUnknown: time.why }), ...fields };
}

// ------------------------------------------------------------------------------------------------------------------ csv

const COLUMNS: readonly (readonly [string, (observation: Observation, sequence: number, timeOf: TimeOf) => string])[] = [
  ['sensor', ({ sensor }) => csvText(sensor)],
  ['channel', ({ channel }) => csvText(channel)],
  [
    'time',
    (observation, _sequence, timeOf) => {
      const time = timeOf(observation);
      return 'wallMs' in time ? isoText(time.wallMs) : '';
    },
  ],
  ['value', ({ value }) => (typeof value === 'string' ? csvText(value) : csvValue(value))],
  ['uncalibrated', ({ uncalibrated }) => csvValue(uncalibrated)],
  ['unit', ({ unit }) => csvText(unit)],
  ['quality', ({ quality }) => quality],
  ['reason', ({ reason }) => csvText(reason)],
  ['kind', ({ readingKind }) => csvText(readingKind)],
  ['precision', ({ precision }) => csvValue(precision)],
  ['location', ({ location }) => csvText(location)],
  ['publish', ({ publish }) => String(publish)],
  ['readings', ({ window }) => csvValue(window?.count ?? 1)],
  ['min', ({ window }) => csvValue(window?.min)],
  ['max', ({ window }) => csvValue(window?.max)],
  ['clock', ({ wallQuality }) => wallQuality],
  [
    'time_unknown',
    (observation, _sequence, timeOf) => {
      const time = timeOf(observation);
      return 'why' in time ? csvText(time.why) : '';
    },
  ],
  ['sequence', (_observation, sequence) => String(sequence)],
];

/** RFC 4180, with a header line, UTF-8. */
function csvWriter(timeOf: TimeOf): RecordWriter {
  return {
    head: `${COLUMNS.map(([name]) => name).join(',')}\r\n`,
    write(records) {
      let bytes = '';
      let count = 0;
      for (const { sequence, record } of records) {
        if (record.kind !== 'observation') continue;
        bytes += `${COLUMNS.map(([, cell]) => cell(record, sequence, timeOf)).join(',')}\r\n`;
        count += 1;
      }
      return { bytes, count };
    },
  };
}

/**
 * A text of a cell. A spreadsheet takes one that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it: it
 * gets an apostrophe before it, which spreadsheets understand as "this is a text".
 */
export function csvText(text: string | undefined): string {
  if (text === undefined) return '';
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A number with all its digits, a dot and no exponent, whatever its size; `true` or `false` for a state. */
export function csvValue(value: number | boolean | undefined): string {
  if (value === undefined) return '';
  const text = String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, '0');
}
