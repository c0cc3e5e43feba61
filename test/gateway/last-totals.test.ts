import { describe, expect, test } from 'vitest';
import type { LogLevel } from '../../gateway/host.ts';
import { type HistoryQuery, type Journal, JournalError, type StoredRecord } from '../../gateway/journal/journal.ts';
import { findLastTotals } from '../../gateway/last-totals.ts';
import { loadModules } from '../../gateway/modules.ts';
import type { Observation } from '../../gateway/record.ts';
import { loadText } from '../config/site-files.ts';

const SITE = `schema: gateway/v1
gateway: { id: school }
buses: { meters: { type: modbus-rtu, port: "usb:0403:6001" } }
devices:
  gauge: { board: rain-gauge@1, via: gpio.pin11 }
  kitchen: { board: eastron-sdm120@1, via: meters, with: { unit: 11 } }
`;

function stored(sequence: number, value: number, more: Partial<Observation> = {}): StoredRecord {
  const record: Observation = {
    kind: 'observation',
    sensor: 'school-gauge-rain_today',
    channel: 'gauge.rain_today',
    value,
    unit: 'mm',
    precision: 0.01,
    readingKind: 'total',
    quality: 'good',
    publish: false,
    boot: 'boot 1',
    monotonicMs: sequence,
    wallMs: 1000 * sequence,
    wallQuality: 'synced',
    ...more,
  };
  return { sequence, record };
}

/** What is found in a journal that has these records, or whose disk refuses. */
async function found(records: readonly StoredRecord[] | JournalError, site = SITE, files: Record<string, string> = {}) {
  const { config } = await loadText(site, files);
  if (config === undefined) throw new Error('the site has errors');
  const queries: HistoryQuery[] = [];
  const pages: number[] = [];
  const all = () => {
    if (records instanceof JournalError) throw records;
    return records;
  };
  const journal: Pick<Journal, 'history' | 'read' | 'lastSequence'> = {
    lastSequence: records instanceof JournalError ? 10 : (records.at(-1)?.sequence ?? 0),
    async read(from, limit, recordClass) {
      expect(recordClass).toBe('counts');
      pages.push(from);
      return all()
        .filter(({ sequence }) => sequence >= from)
        .slice(0, limit);
    },
    async *history(query) {
      queries.push(query);
      yield all().filter(({ record }) => record.kind === 'observation' && query.sensors?.has(record.sensor));
    },
  };
  const log: string[] = [];
  const note = (_level: LogLevel, code: string) => log.push(code);
  const totals = await findLastTotals(config.devices.values(), await loadModules(config), journal as Journal, note);
  const of = (device: string, reading: string) => totals.get(device)?.get(reading);
  return { total: of('gauge', 'rain_today'), energy: of('kitchen', 'energy_in'), rain: of('rain', 'rain'), queries, pages, log };
}

const energy = (sequence: number, value: number, more: Partial<Observation> = {}) =>
  stored(sequence, value, { sensor: 'school-kitchen-energy_in', channel: 'kitchen.energy_in', unit: 'kWh', ...more });
/** Every total of the site once, so that nothing is looked for any further. */
const rest = (sequence: number) => energy(sequence, 0, { sensor: 'school-kitchen-energy_out', channel: 'kitchen.energy_out' });

test('the newest total of each counter and meter is found', async () => {
  const {
    total,
    energy: kitchen,
    queries,
  } = await found([stored(1, 3), rest(2), energy(3, 500), stored(4, 4), energy(5, 501), stored(6, 4.2)]);
  expect(total).toEqual({ value: 4.2, wallMs: 6000 });
  expect(kitchen).toEqual({ value: 501, wallMs: 5000 });
  expect(queries).toEqual([]);
});

test('a meter’s total that was doubted is not where it goes on', async () => {
  const wild = energy(4, 429_496_729.5, { quality: 'suspect', reason: 'out-of-range' });
  const { energy: kitchen } = await found([stored(1, 3), rest(2), energy(3, 500), wild]);
  expect(kitchen).toMatchObject({ value: 500 });
});

test('only the newest records are looked through while that is enough', async () => {
  const { total, pages } = await found([stored(1, 3), rest(100_000), energy(100_001, 1), stored(100_002, 5)]);
  expect(total).toMatchObject({ value: 5 });
  expect(Math.min(...pages)).toBe(100_002 - 4_096);
});

test('what we count ourselves is looked for in all of the journal, and what a meter counts is not', async () => {
  const { total, energy: kitchen, queries } = await found([stored(1, 3), energy(2, 500), rest(200_000)]);
  expect(total).toMatchObject({ value: 3 });
  expect(kitchen).toBeUndefined();
  expect(queries).toEqual([{ sensors: new Set(['school-gauge-rain_today']) }]);
});

test.each([
  {
    says: 'one that was appended again stands where it was',
    records: [stored(5, 4.2), stored(9, 1, { heldFrom: 2 })],
    value: 4.2,
  },
  {
    says: 'and does not end the search for a newer one',
    records: [stored(5, 4.2), stored(90_000, 1, { heldFrom: 2 })],
    value: 4.2,
  },
  {
    says: 'one that was appended again twice stands where it was first',
    records: [stored(5, 4.2), stored(90_000, 1, { heldFrom: 9, firstPlace: 2 })],
    value: 4.2,
  },
  { says: 'the value before calibration counts', records: [stored(5, 8.4, { uncalibrated: 4.2 })], value: 4.2 },
  {
    says: 'one that fell is not believed',
    records: [stored(5, 4.2), stored(6, 0, { quality: 'suspect', reason: 'fell' })],
    value: 4.2,
  },
])('$says', async ({ records, value }) => {
  expect((await found(records)).total).toMatchObject({ value });
});

test('one that was kept before the clock was set has no time', async () => {
  expect((await found([stored(5, 4.2, { wallQuality: 'none' })])).total).toEqual({ value: 4.2 });
});

test('a journal that cannot be read is said, and counting begins all the same', async () => {
  const { total, log } = await found(new JournalError('the disk refuses'));
  expect(total).toBeUndefined();
  expect(log).toEqual(['totals-unknown']);
});

describe('a counter of which the rises are told', () => {
  const board = `schema: board/v1
id: own
version: 1.0.0
label: Gauge of a bus
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
readings: { rain: { at: 0, scale: 0.2, quantity: rain, unit: mm, kind: delta, rollover: 25.6 } }
`;
  const site = `schema: gateway/v1
gateway: { id: school }
buses: { meters: { type: modbus-rtu, port: "usb:0403:6001" } }
devices: { rain: { board: own@1, via: meters } }
`;
  const rise = (sequence: number, value: number, more: Partial<Observation> = {}) =>
    stored(sequence, value, { sensor: 'school-rain-rain', channel: 'rain.rain', readingKind: 'delta', publish: true, ...more });
  const standing = async (...records: StoredRecord[]) =>
    (await found(records, site, { 'boards/own.board.yaml': board })).rain?.value;

  test('stands where it stood beside its newest rise', async () => {
    expect(await standing(rise(1, 0.4, { uncalibrated: 20 }), rise(2, 0.2, { uncalibrated: 20.2 }))).toBe(20.2);
    // The rise and the counter are the same number.
    expect(await standing(rise(1, 0.4, { uncalibrated: 20 }), rise(2, 0.2))).toBe(0.2);
    expect(
      await standing(rise(1, 0.4, { uncalibrated: 20 }), rise(2, 0, { uncalibrated: 3, quality: 'suspect', reason: 'fell' })),
    ).toBe(20);
  });

  test('is looked for in all of the journal: with `on_change:` the newest rain may be long ago', async () => {
    expect(await standing(rise(1, 0.4, { uncalibrated: 20 }), energy(200_000, 1))).toBe(20);
  });

  test('stands where it stood beside a rise that was told as doubtful', async () => {
    const doubted = { quality: 'suspect', reason: 'out-of-range' } as const;
    expect(await standing(rise(1, 0.4, { uncalibrated: 20 }), rise(2, 9, { uncalibrated: 29, ...doubted }))).toBe(29);
    const jumped = { quality: 'suspect', reason: 'jump' } as const;
    expect(await standing(rise(1, 0.4, { uncalibrated: 20 }), rise(2, 0, { uncalibrated: 25, ...jumped }))).toBe(20);
  });

  test('is not known from a record that stands for several, nor from one before that', async () => {
    const window = { fromMonotonicMs: 1, count: 2 };
    expect(await standing(rise(1, 0.4, { uncalibrated: 20 }), rise(3, 0.4, { uncalibrated: 40.6, window }))).toBeUndefined();
  });
});
