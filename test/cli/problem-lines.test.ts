// What `barri read` and `barri status` say about ports that cannot be used: each thing once, and so that it fits.

import { describe, expect, test } from 'vitest';
import { renderProblems, renderReadings } from '../../cli/render-readings.ts';
import { renderStatus } from '../../cli/render-status.ts';
import type { GatewayStatus, ReadingRow } from '../../gateway/status.ts';

const BUSY = { code: 'D202', message: 'usb:1a86:7523 (/dev/ttyUSB0) is used by minicom (process 812); end it' };
const DAMAGED = { code: 'D205', message: 'the answer from unit 3 came damaged' };

function row(device: string, reading: string, problem?: ReadingRow['problem']): ReadingRow {
  const common = { device, reading, sensor: `x-${device}-${reading}`, unit: 'V', precision: 0.1 };
  return problem === undefined ? { ...common, value: 230, ageMs: 500, quality: 'good' } : { ...common, quality: 'none', problem };
}

const ROWS = [
  row('dust', 'pm1', BUSY),
  row('dust', 'pm10', BUSY),
  row('air', 'co2', BUSY),
  row('meter', 'voltage'),
  row('meter', 'power', DAMAGED),
];

describe('barri read', () => {
  test('names problems in the table by their code, which fits beside the values', () => {
    const lines = renderReadings(ROWS).split('\n');
    expect(lines[1]).toMatch(/^dust +pm1 +- +V +no value yet: D202$/);
    expect(lines[4]).toMatch(/^meter +voltage +230 +V +0 s +good$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
  });

  test('tells below it what each is, once for all that have it, within the columns of the terminal', () => {
    const text = renderProblems(ROWS, 60);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
    const words = text.replaceAll(/\s+/g, ' ');
    expect(words).toContain(`dust, air: D202 another program holds the port (${BUSY.message})`);
    expect(words).toContain('meter.power: D205');
    expect(words.split('minicom')).toHaveLength(2);
  });

  test('tells nothing where nothing is wrong', () => {
    expect(renderProblems([row('meter', 'voltage')], 80)).toBe('');
  });
});

describe('barri status', () => {
  test('tells what is wrong with a port at its bus, and at the devices on it only where to look', () => {
    const device = { board: 'pms5003', state: 'not-answering', sinceMs: 4000, pollCount: 1, failedCount: 1, skippedCount: 0 };
    const status = {
      measuring: { deviceCount: 2, answeringCount: 0, observationCount: 0 },
      devices: [
        { ...device, device: 'dust', bus: 'usb', problem: BUSY },
        { ...device, device: 'meter', bus: 'rs485', problem: DAMAGED },
      ],
      buses: [
        { bus: 'usb', state: 'failed', problem: BUSY },
        { bus: 'rs485', state: 'ok' },
      ],
      skipped: [],
      stored: { recordCount: 0, sizeBytes: 0, sizeBytesMax: 1e9, damage: [] },
      clock: { quality: 'synced', untimedBoots: [], untimedBootCount: 0 },
    } as unknown as GatewayStatus;
    const words = renderStatus(status, 80).replaceAll(/\s+/g, ' ');
    expect(words).toContain('dust for 4 s: D202, see bus usb');
    expect(words).toContain(`usb: D202 another program holds the port (${BUSY.message})`);
    expect(words).toContain(`meter for 4 s: D205`);
    expect(words).toContain(DAMAGED.message);
    expect(words.split('minicom')).toHaveLength(2);
  });
});
