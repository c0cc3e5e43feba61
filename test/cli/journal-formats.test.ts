import { spawnSync } from 'node:child_process';
import { decodeMultiple } from 'cbor-x';
import { describe, expect, test } from 'vitest';
import { csvText, csvValue, openWriter } from '../../cli/journal-formats.ts';
import type { TimeOf } from '../../cli/journal-time.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { hall } from './journal-kit.ts';

const timeOf: TimeOf = ({ wallMs, wallQuality }) => (wallQuality === 'none' ? { why: 'clock-not-set' } : { wallMs });

function stored(records: readonly JournalRecord[]) {
  return records.map((record, index) => ({ sequence: index + 1, record }));
}

const event: JournalRecord = {
  kind: 'event',
  code: 'gateway-started',
  boot: 'b1',
  monotonicMs: 0,
  wallMs: Date.UTC(2026, 10, 25),
  wallQuality: 'synced',
  fields: { version: '0.1.0' },
};

describe('CSV', () => {
  test.each([
    [21.5, '21.5'],
    [-5, '-5'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1e-7, '0.0000001'],
    [-1.25e-9, '-0.00000000125'],
    [1.5e21, '1500000000000000000000'],
    [123456789.12345678, '123456789.12345678'],
    [true, 'true'],
    [false, 'false'],
    [undefined, ''],
  ])('writes %s with all its digits and no exponent', (value, text) => {
    expect(csvValue(value)).toBe(text);
    if (typeof value === 'number') expect(Number(csvValue(value))).toBe(value);
  });

  // RFC 4180, section 2, rules 6 and 7.
  test.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['two\r\nlines', '"two\r\nlines"'],
    [undefined, ''],
  ])('writes the text %j', (text, cell) => {
    expect(csvText(text)).toBe(cell);
  });

  test.each(['=1+1', '+1', '-1', '@sum', '=cmd|"/C calc"!A0'])('writes %j so that no spreadsheet computes it', (text) => {
    expect(csvText(text)).toMatch(/^"'/);
  });

  test('has texts as values, none of which a spreadsheet computes, read by another program', async () => {
    const texts = ['DOOR OPEN', 'say "OK", then go', '=1+1', '-5', '@sum', '', "l'ascensor és obert 🛗", '0012.50', 'true'];
    const writer = await openWriter('csv', timeOf);
    const { bytes } = writer.write(
      stored(texts.map((value, minute) => hall(minute, { value, unit: '{text}', readingKind: 'state' }))),
    );
    const values = readByPython(writer.head + bytes).map(({ value }) => value);
    expect(values).toEqual(texts.map((text) => (/^[=@-]/.test(text) ? `'${text}` : text)));
  });

  test('has a header, lines that end in CR and LF, and a place for every reading, read by another program', async () => {
    const writer = await openWriter('csv', timeOf);
    const records = [
      hall(0, { value: 21.5, uncalibrated: 21.25, unit: 'Cel', location: '41.4036 2.2038' }),
      event,
      hall(1, { value: 7, quality: 'suspect', reason: 'jump, "high"', wallQuality: 'none' }),
      hall(2, { value: 3.5, window: { fromMonotonicMs: 0, count: 30, min: 1, max: 1e-7 } }),
    ];
    const { bytes, count } = writer.write(stored(records));
    expect(count).toBe(3);
    const csv = writer.head + bytes;
    expect(csv.split('\r\n')).toHaveLength(5);
    const rows = readByPython(csv);
    expect(rows.map(({ sensor, time, value, uncalibrated, unit }) => [sensor, time, value, uncalibrated, unit])).toEqual([
      ['makers-hall-temperature', '2026-11-25T00:00:00.000Z', '21.5', '21.25', 'Cel'],
      ['makers-hall-temperature', '', '7', '', 'Cel'],
      ['makers-hall-temperature', '2026-11-25T00:02:00.000Z', '3.5', '', 'Cel'],
    ]);
    expect(rows[0]).toMatchObject({ location: '41.4036 2.2038', readings: '1', publish: 'true', sequence: '1' });
    expect(rows[1]).toMatchObject({ quality: 'suspect', reason: 'jump, "high"', time_unknown: 'clock-not-set', clock: 'none' });
    expect(rows[2]).toMatchObject({ readings: '30', min: '1', max: '0.0000001', sequence: '4' });
  });
});

/** Rows as the CSV module of Python reads them. */
function readByPython(csv: string): Record<string, string>[] {
  const program =
    'import csv, io, json, sys; print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode(), newline="")))))';
  const { stdout, stderr } = spawnSync('python3', ['-c', program], { input: csv, encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, string>[];
}

test('JSON lines have every kind of record with its sequence, its time and all its fields', async () => {
  const { head, write } = await openWriter('jsonl', timeOf);
  const { bytes, count } = write(stored([hall(1, { value: 21.5 }), event, hall(2, { wallQuality: 'none' })]));
  expect(head).toBe('');
  expect(count).toBe(3);
  const lines = String(bytes).split('\n');
  expect(lines.pop()).toBe('');
  const [first, second, third] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toEqual({ sequence: 1, time: '2026-11-25T00:01:00.000Z', ...hall(1, { value: 21.5 }) });
  expect(second).toEqual({ sequence: 2, time: '2026-11-25T00:00:00.000Z', ...event });
  expect(third).toMatchObject({ sequence: 3, timeUnknown: 'clock-not-set' });
  expect(third).not.toHaveProperty('time');
});

test('CBOR is a sequence of the same maps', async () => {
  const records = stored([hall(1, { value: 21.5 }), event, hall(2, { value: true }), hall(3, { value: 'say "OK"' })]);
  const { bytes } = (await openWriter('cbor', timeOf)).write(records);
  const lines = String((await openWriter('jsonl', timeOf)).write(records).bytes)
    .trim()
    .split('\n');
  const items = decodeMultiple(Buffer.from(bytes)) as unknown[];
  expect(items).toEqual(lines.map((line) => JSON.parse(line)));
  // RFC 8949, section 3: a map of up to 23 pairs begins with its major type 5 and their number.
  expect((bytes as Uint8Array)[0]).toBe(0xa0 + Object.keys(items[0] as object).length);
});
