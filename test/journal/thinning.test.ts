import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Value } from '../../drivers/reading.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { openThinner } from '../../gateway/journal/thinning.ts';
import type { Event, Observation } from '../../gateway/record.ts';

const MINUTE_MS = 60_000;
const WALL_MS = Date.UTC(2026, 10, 25, 12);

function reading(sequence: number, minutes: number, value: Value, more: Partial<Observation> = {}): StoredRecord {
  const monotonicMs = minutes * MINUTE_MS;
  const record: Observation = {
    kind: 'observation',
    boot: 'b1',
    monotonicMs,
    wallMs: WALL_MS + monotonicMs,
    wallQuality: 'synced',
    sensor: 'makers-balcony-temperature',
    channel: 'balcony.temperature',
    value,
    unit: 'Cel',
    precision: 0.1,
    readingKind: 'gauge',
    quality: 'good',
    publish: true,
    ...more,
  };
  return { sequence, record };
}

function started(sequence: number, minutes: number): StoredRecord {
  const { boot, monotonicMs, wallMs, wallQuality } = reading(sequence, minutes, 0).record;
  const record: Event = { kind: 'event', boot, monotonicMs, wallMs, wallQuality, code: 'started', fields: {} };
  return { sequence, record };
}

function thin(
  records: readonly StoredRecord[],
  mustStay: (sequence: number) => boolean = () => false,
  step = records.length || 1,
  deliveredTo: (sequence: number) => number = () => 0,
) {
  const thinner = openThinner({ mustStay, deliveredTo });
  const thinned: StoredRecord[] = [];
  for (let at = 0; at < records.length; at += step) thinned.push(...thinner.add(records.slice(at, at + step)));
  thinned.push(...thinner.end());
  return { thinned, removedCount: thinner.removedCount };
}

/** What of a record is told apart in the tables. */
function brief({ sequence, record }: StoredRecord): unknown[] {
  if (record.kind !== 'observation') return [sequence, record.kind];
  const { value, uncalibrated, window } = record;
  return [sequence, value, ...(uncalibrated === undefined ? [] : [{ uncalibrated }]), ...(window === undefined ? [] : [window])];
}

const thinnedBriefly = (records: readonly StoredRecord[], mustStay?: (sequence: number) => boolean) =>
  thin(records, mustStay).thinned.map(brief);

describe('a window of five minutes', () => {
  it('becomes the mean of a gauge, with the stamp and sequence of its last reading', () => {
    const records = [reading(1, 0, 20), reading(2, 1, 20.1), reading(3, 4.9, 20.3)];
    // 60.4 / 3 = 20.1333…, to a hundredth because the precision is a tenth.
    expect(thin(records).thinned).toEqual([
      reading(3, 4.9, 20.13, { window: { fromMonotonicMs: 0, count: 3, min: 20, max: 20.3 } }),
    ]);
  });

  it.each<{ kind: Observation['readingKind']; precision: number; values: number[]; value: number; min?: number; max?: number }>([
    { kind: 'gauge', precision: 0.1, values: [1, 2], value: 1.5, min: 1, max: 2 },
    { kind: 'rate', precision: 1, values: [1, 2, 2], value: 1.7, min: 1, max: 2 },
    { kind: 'position', precision: 1, values: [10, 90], value: 50, min: 10, max: 90 },
    // 0.1 + 0.2 is not 0.3 in binary; the sum of the decimals is.
    { kind: 'delta', precision: 0.1, values: [0.1, 0.2], value: 0.3 },
    { kind: 'delta', precision: 0.2, values: [0.2, 0.2, 0.2, 0.2, 0.2, 0.2], value: 1.2 },
    { kind: 'total', precision: 1, values: [100, 105, 103], value: 103 },
    // The mean of 1 and 1.01 is 1.005: half a step, which goes away from zero although its binary form lies below it.
    { kind: 'gauge', precision: 0.1, values: [1, 1.01], value: 1.01, min: 1, max: 1.01 },
    { kind: 'gauge', precision: 0.1, values: [-1, -1.01], value: -1.01, min: -1.01, max: -1 },
    // Rounding never takes a mean beyond what was measured.
    { kind: 'gauge', precision: 0.1, values: [1.005, 1.005], value: 1.005, min: 1.005, max: 1.005 },
    { kind: 'gauge', precision: 0.1, values: [-1.005, -1.005], value: -1.005, min: -1.005, max: -1.005 },
    // A precision of 0.5 and of 0.25 has the tenths of its power of ten: hundredths.
    { kind: 'gauge', precision: 0.5, values: [1, 1, 2], value: 1.33, min: 1, max: 2 },
    { kind: 'gauge', precision: 50, values: [1013, 1014, 1018], value: 1015, min: 1013, max: 1018 },
    { kind: 'gauge', precision: 100, values: [1013, 1014, 1018], value: 1018, min: 1013, max: 1018 },
    // No decimals that anyone meant: the digits of a conversion.
    { kind: 'gauge', precision: 0.1, values: [21.358 / 3, 21.364 / 3], value: 7.12, min: 21.358 / 3, max: 21.364 / 3 },
    { kind: 'gauge', precision: 0.001, values: [1e9 + 0.1, 1e9 + 0.2], value: 1e9 + 0.15, min: 1e9 + 0.1, max: 1e9 + 0.2 },
  ])('of the $kind $values at $precision becomes $value', ({ kind, precision, values, value, min, max }) => {
    const records = values.map((each, i) => reading(i + 1, i / 2, each, { readingKind: kind, precision }));
    const window = { fromMonotonicMs: 0, count: values.length, ...(min === undefined ? {} : { min, max }) };
    expect(thinnedBriefly(records)).toEqual([[values.length, value, window]]);
  });

  it('of one reading stays that reading, with all its digits', () => {
    const records = [reading(1, 0, 20.123456), reading(2, 5, 21)];
    expect(thin(records)).toEqual({ thinned: records, removedCount: 0 });
  });

  it('begins at a multiple of five minutes of the monotonic clock', () => {
    const records = [reading(1, 4, 1), reading(2, 4.99, 3), reading(3, 5, 10), reading(4, 9.99, 20)];
    expect(thinnedBriefly(records)).toEqual([
      [2, 2, { fromMonotonicMs: 240_000, count: 2, min: 1, max: 3 }],
      [4, 15, { fromMonotonicMs: 300_000, count: 2, min: 10, max: 20 }],
    ]);
  });

  it('ends with the boot, although the monotonic times go on', () => {
    const records = [reading(1, 1, 1), reading(2, 2, 3), reading(3, 3, 10, { boot: 'b2' }), reading(4, 4, 20, { boot: 'b2' })];
    expect(thinnedBriefly(records)).toEqual([
      [2, 2, { fromMonotonicMs: 60_000, count: 2, min: 1, max: 3 }],
      [4, 15, { fromMonotonicMs: 180_000, count: 2, min: 10, max: 20 }],
    ]);
  });

  it.each<[string, Partial<Observation>]>([
    ['calibration', { calibration: { offset: 1, scale: 1 } }],
    ['location', { location: '41.4 2.2' }],
    ['unit', { unit: 'K' }],
    ['channel', { channel: 'hall.temperature' }],
    ['precision', { precision: 0.01 }],
  ])('ends when the %s changes', (_, more) => {
    const records = [reading(1, 0, 1), reading(2, 1, 2), reading(3, 2, 5, more), reading(4, 3, 6, more)];
    expect(thinnedBriefly(records)).toEqual([
      [2, 1.5, { fromMonotonicMs: 0, count: 2, min: 1, max: 2 }],
      [4, 5.5, { fromMonotonicMs: 120_000, count: 2, min: 5, max: 6 }],
    ]);
  });

  it('is one per sensor, and they are given in the order of their sequences', () => {
    const other = { sensor: 'makers-balcony-humidity' };
    const records = [reading(1, 0, 1), reading(2, 0, 50, other), reading(3, 1, 3), reading(4, 1, 60, other), reading(5, 6, 7)];
    expect(thinnedBriefly(records)).toEqual([
      [3, 2, { fromMonotonicMs: 0, count: 2, min: 1, max: 3 }],
      [4, 55, { fromMonotonicMs: 0, count: 2, min: 50, max: 60 }],
      [5, 7],
    ]);
  });

  it('ends where what is delivered ends', () => {
    const records = [reading(1, 0, 1), reading(2, 1, 3), reading(3, 2, 10), reading(4, 3, 20)];
    const { thinned } = thin(records, undefined, 4, (sequence) => (sequence <= 2 ? 1 : 0));
    expect(thinned.map(brief)).toEqual([
      [2, 2, { fromMonotonicMs: 0, count: 2, min: 1, max: 3 }],
      [4, 15, { fromMonotonicMs: 120_000, count: 2, min: 10, max: 20 }],
    ]);
  });

  it('has the mean of the uncalibrated values, with seven digits, and takes the value where calibration changed nothing', () => {
    const records = [reading(1, 0, 11, { uncalibrated: 10 }), reading(2, 1, 12), reading(3, 2, 13, { uncalibrated: 12 })];
    const window = { fromMonotonicMs: 0, count: 3, min: 11, max: 13 };
    // (10 + 12 + 12) / 3 = 11.3333…
    expect(thinnedBriefly(records)).toEqual([[3, 12, { uncalibrated: 11.33333 }, window]]);
  });

  it('has the sum of the uncalibrated deltas and the last uncalibrated total', () => {
    const delta = { readingKind: 'delta' } as const;
    const records = [reading(1, 0, 0.2, { ...delta, uncalibrated: 0.1 }), reading(2, 1, 0.4, { ...delta, uncalibrated: 0.2 })];
    expect(thinnedBriefly(records)).toEqual([[2, 0.6, { uncalibrated: 0.3 }, { fromMonotonicMs: 0, count: 2 }]]);
    const total = { readingKind: 'total' } as const;
    const totals = [reading(1, 0, 20, { ...total, uncalibrated: 10 }), reading(2, 1, 22, { ...total, uncalibrated: 11 })];
    expect(thinnedBriefly(totals)).toEqual([[2, 22, { uncalibrated: 11 }, { fromMonotonicMs: 0, count: 2 }]]);
  });
});

describe('of states', () => {
  const state = { readingKind: 'state', unit: '1' } as const;

  it('only the first and the changes stay, as they are', () => {
    const values = [true, true, false, false, true];
    const records = values.map((value, i) => reading(i + 1, i * 10, value, state));
    expect(thin(records)).toEqual({ thinned: [records[0], records[2], records[4]], removedCount: 2 });
  });

  it('that are texts, each text that differs from the one before stays, also the empty one', () => {
    const texts = ['OK', 'OK', '', '', 'true', 'OK', 'OK'];
    const records = texts.map((text, i) => reading(i + 1, i * 10, text, { ...state, unit: '{text}' }));
    expect(thin(records)).toEqual({ thinned: [0, 2, 4, 5].map((i) => records[i]), removedCount: 3 });
  });

  it('the first of each boot stays, because nobody saw what was between', () => {
    const records = [reading(1, 0, true, state), reading(2, 1, true, state), reading(3, 0, true, { ...state, boot: 'b2' })];
    expect(thin(records).thinned).toEqual([records[0], records[2]]);
  });

  it.each<[string, Partial<Observation>, boolean]>([
    ['a suspect one', { quality: 'suspect', reason: 'no-answer' }, false],
    ['one that stays here', { publish: false }, false],
    ['one that was appended again', { heldFrom: 1 }, false],
    ['one on its way to the city', {}, true],
  ])('what %s says is no longer so when the next one stays', (_, more, isInFlight) => {
    const records = [true, false, true, true].map((value, i) => reading(i + 1, i, value, { ...state, ...(i === 1 && more) }));
    expect(thin(records, (sequence) => isInFlight && sequence === 2)).toEqual({ thinned: records.slice(0, 3), removedCount: 1 });
  });

  it('those that are published and those that are not are each thinned', () => {
    const isPublished = [true, false, false, true, true];
    const records = isPublished.map((publish, i) => reading(i + 1, i, true, { ...state, publish }));
    expect(thin(records)).toEqual({ thinned: [records[0], records[1], records[3]], removedCount: 2 });
  });
});

describe('untouched, and no end of a window', () => {
  const rows: [string, (sequence: number, minutes: number) => StoredRecord][] = [
    ['a suspect reading', (sequence, minutes) => reading(sequence, minutes, 99, { quality: 'suspect', reason: 'out-of-range' })],
    ['a reading published otherwise', (sequence, minutes) => reading(sequence, minutes, 99, { publish: false })],
    ['a reading that was appended again', (sequence, minutes) => reading(sequence, minutes, 99, { heldFrom: 1 })],
    [
      'a reading that was thinned before',
      (sequence, minutes) => reading(sequence, minutes, 99, { window: { fromMonotonicMs: 0, count: 30, min: 98, max: 100 } }),
    ],
    ['an event', started],
  ];
  it.each(rows)('is %s', (_, make) => {
    const odd = make(2, 1);
    const { thinned, removedCount } = thin([reading(1, 0, 1), odd, reading(3, 2, 3)]);
    expect(thinned).toEqual([odd, reading(3, 2, 2, { window: { fromMonotonicMs: 0, count: 2, min: 1, max: 3 } })]);
    expect(removedCount).toBe(1);
  });

  it('is a reading on its way to the city', () => {
    const records = [reading(1, 0, 1), reading(2, 1, 99), reading(3, 2, 3), reading(4, 3, 98)];
    const window = { fromMonotonicMs: 0, count: 2, min: 1, max: 3 };
    expect(thinnedBriefly(records, (sequence) => sequence === 2 || sequence === 4)).toEqual([
      [2, 99],
      [3, 2, window],
      [4, 98],
    ]);
  });
});

const anyRun = fc
  .array(
    fc.record({
      sensor: fc.constantFrom('a', 'b', 'c'),
      readingKind: fc.constantFrom('gauge', 'total', 'delta', 'state' as const),
      value: fc.oneof(
        fc.integer({ min: -500, max: 500 }).map((tenths) => tenths / 10),
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      ),
      minutes: fc.double({ min: 0, max: 3, noNaN: true }),
      quality: fc.constantFrom('good', 'good', 'good', 'suspect' as const),
      isReboot: fc.integer({ min: 0, max: 20 }).map((chance) => chance === 0),
    }),
    { maxLength: 200 },
  )
  .map((rows) => {
    let [minutes, boot] = [0, 1];
    return rows.map(({ minutes: more, isReboot, ...row }, i) => {
      if (isReboot) boot++;
      minutes += more;
      return reading(i + 1, minutes, row.value, { ...row, sensor: `${row.sensor}-${row.readingKind}`, boot: `b${boot}` });
    });
  });

const anyStates = fc
  .array(
    fc.record({
      value: fc.oneof(fc.boolean(), fc.constantFrom('', 'OK', 'true')),
      quality: fc.constantFrom('good', 'good', 'good', 'suspect' as const),
      publish: fc.boolean(),
      oddity: fc.constantFrom({}, {}, {}, { heldFrom: 1 }, { boot: 'b2' }),
      isInFlight: fc.constantFrom(false, false, true),
    }),
    { maxLength: 30 },
  )
  .map((rows) =>
    rows.map(({ isInFlight, oddity, ...row }, i) => ({
      isInFlight,
      stored: reading(i + 1, i, row.value, { readingKind: 'state', ...row, ...oddity }),
    })),
  );

describe('whatever the run', () => {
  it('the result does not depend on how it was cut into batches, and ascends', () => {
    fc.assert(
      fc.property(anyRun, fc.integer({ min: 1, max: 20 }), (records, step) => {
        const whole = thin(records);
        expect(thin(records, undefined, step)).toEqual(whole);
        const sequences = whole.thinned.map(({ sequence }) => sequence);
        expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
      }),
    );
  });

  it('every reading is still counted, and the sum of the deltas is the same', () => {
    fc.assert(
      fc.property(anyRun, (records) => {
        const { thinned, removedCount } = thin(records);
        expect(thinned.length + removedCount).toBe(records.length);
        const isNumber = ({ record }: StoredRecord) => record.kind === 'observation' && record.readingKind !== 'state';
        const countOf = (list: readonly StoredRecord[]) =>
          list
            .filter(isNumber)
            .reduce((sum, { record }) => sum + (record.kind === 'observation' ? (record.window?.count ?? 1) : 0), 0);
        expect(countOf(thinned)).toBe(countOf(records));
        const deltas = (list: readonly StoredRecord[]) =>
          list.reduce((sum, { record }) => {
            return record.kind === 'observation' && record.readingKind === 'delta' ? sum + (record.value as number) : sum;
          }, 0);
        expect(deltas(thinned)).toBeCloseTo(deltas(records), 4);
      }),
    );
  });

  it('the states are the same at every moment', () => {
    fc.assert(
      fc.property(anyStates, (rows) => {
        const records = rows.map(({ stored }) => stored);
        const { thinned } = thin(records, (sequence) => rows[sequence - 1]?.isInFlight === true);
        const kept = new Map(thinned.map(({ sequence, record }) => [sequence, record]));
        let seen: unknown;
        for (const { sequence, record } of records) {
          const left = kept.get(sequence);
          if (left !== undefined) expect(left).toEqual(record);
          if (left?.kind === 'observation') seen = left.value;
          expect(seen).toBe(record.kind === 'observation' && record.value);
        }
      }),
    );
  });

  it('a mean lies between the least and the greatest, and thinning again changes nothing', () => {
    fc.assert(
      fc.property(anyRun, (records) => {
        const { thinned } = thin(records);
        for (const { record } of thinned) {
          if (record.kind !== 'observation' || record.window?.min === undefined) continue;
          expect(record.value).toBeGreaterThanOrEqual(record.window.min);
          expect(record.value).toBeLessThanOrEqual(record.window.max as number);
        }
        const isMerged = ({ record }: StoredRecord) => record.kind === 'observation' && record.window !== undefined;
        expect(thin(thinned.filter(isMerged)).thinned).toEqual(thinned.filter(isMerged));
      }),
    );
  });
});
