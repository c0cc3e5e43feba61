import { expect, test } from 'vitest';
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
async function found(records: readonly StoredRecord[] | JournalError) {
  const { config } = await loadText(SITE);
  if (config === undefined) throw new Error('the site has errors');
  const queries: HistoryQuery[] = [];
  const journal: Pick<Journal, 'history'> = {
    async *history(query) {
      queries.push(query);
      if (records instanceof JournalError) throw records;
      yield records;
    },
  };
  const log: string[] = [];
  const note = (_level: LogLevel, code: string) => log.push(code);
  const totals = await findLastTotals(config.devices.values(), await loadModules(config), journal as Journal, note);
  return { total: totals.get('gauge')?.get('rain_today'), devices: [...totals.keys()], queries, log };
}

test('the newest total of a counter is found, and those of meters, which keep their own, are not looked for', async () => {
  const { total, devices, queries } = await found([stored(1, 3), stored(2, 4), stored(5, 4.2)]);
  expect(total).toEqual({ value: 4.2, wallMs: 5000 });
  expect(devices).toEqual(['gauge']);
  expect(queries).toEqual([{ sensors: new Set(['school-gauge-rain_today']) }]);
});

test.each([
  {
    says: 'one that was appended again stands where it was',
    records: [stored(5, 4.2), stored(9, 1, { heldFrom: 2 })],
    value: 4.2,
  },
  { says: 'the value before calibration counts', records: [stored(5, 8.4, { uncalibrated: 4.2 })], value: 4.2 },
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
