// What `barri status` says about the journal while something is wrong with it.

import { describe, expect, test } from 'vitest';
import { text } from '../../cli/messages/live.ts';
import { renderStatus, storedLines, troubleOf } from '../../cli/render-status.ts';
import { isHealthy } from '../../cli/status.ts';
import type { JournalStats } from '../../gateway/journal/journal.ts';
import type { DeviceStatus, GatewayStatus } from '../../gateway/status.ts';

const WELL: JournalStats = {
  recordCount: 1_000,
  sizeBytes: 2_097_152,
  sizeBytesMax: 1_073_741_824,
  firstSequence: 1,
  lastSequence: 1_000,
  damage: [],
  evictedUndeliveredCount: 0,
  overwrittenCount: 0,
  thinnedCount: 0,
  wear: { writtenBytes: 0, syncCount: 0, forMs: 0 },
  files: [],
};

function failing(waitingCount: number): JournalStats {
  return { ...WELL, failing: { code: 'EROFS', forMs: 600_000, waitingCount, waitingMax: 20_000, fromSequence: 1_001 } };
}

describe('barri status', () => {
  test.each([
    { state: 'ok', isWell: true },
    { state: 'starting', isWell: true },
    { state: 'not-answering', isWell: false },
    { state: 'faulty', isWell: false },
  ] as const)('is well with a device that is $state: $isWell', ({ state, isWell }) => {
    const device = { device: 'particles', board: 'sds011', bus: 'usb', state, sinceMs: 0 };
    const polls = { pollCount: 0, failedCount: 0, skippedCount: 0 };
    expect(isHealthy({ buses: [], readings: [], devices: [{ ...device, ...polls } as DeviceStatus], stored: WELL })).toBe(isWell);
  });

  test('names readings of a device that answers which have no value or are doubted, and is well where none can be had now', () => {
    const refused = { device: 'flat_1', reading: 'power', problem: { code: 'D209', message: 'exception 2' } };
    const noFix = { device: 'gps', reading: 'altitude', problem: { code: 'D207', message: 'no fix' } };
    const doubted = { device: 'hall', reading: 'temperature', reason: 'jump' };
    expect([refused, noFix, doubted].map(text.readingLine)).toEqual([
      'flat_1.power: D209 the device refuses the question (exception 2)',
      'gps.altitude: D207 the device has no value now (no fix)',
      'hall.temperature: suspect, changed faster than allowed',
    ]);
    const well = { buses: [], devices: [], stored: WELL };
    expect(isHealthy({ ...well, readings: [noFix, doubted] })).toBe(true);
    expect(isHealthy({ ...well, readings: [noFix, refused] })).toBe(false);
  });

  test.each([
    ['modbus-rtu', /RS-485/],
    ['modbus-tcp', /supply, its cable and its `unit`/],
    ['i2c', /its wires and its address/],
    ['gpio', /this machine may be too busy/],
    ['gateway', /this machine may be too busy/],
    [undefined, /its wires and its address/],
  ])('where nothing answers on %s it says what to look at there', (type, expected) => {
    const line = text.deviceLine('valve', '4 s', { code: 'D204', message: 'no answer within 2000 ms' }, { type });
    expect(line).toMatch(expected);
    if (type !== 'modbus-rtu') expect(line).not.toMatch(/RS-485|baud/);
  });

  test('is not well while something is wrong with an output', () => {
    const well = { buses: [], devices: [], stored: WELL };
    expect(isHealthy({ ...well, outputs: [] })).toBe(true);
    const outputs = [{ output: 'lamp.switch', problem: 'no answer from unit 30' }];
    expect(isHealthy({ ...well, outputs })).toBe(false);
    const measuring = { answeringCount: 0, deviceCount: 0, observationCount: 0 };
    const clock = { quality: 'synced', untimedBoots: [], untimedBootCount: 0 };
    const status = { ...well, outputs, measuring, clock, skipped: [] } as unknown as GatewayStatus;
    expect(renderStatus(status, 200)).toMatch(/^Output +lamp\.switch: no answer from unit 30$/m);
    expect(troubleOf(status)).toContain('lamp.switch no answer from unit 30');
  });

  test('says of each rule when it fired, why it did nothing later, and when it is due next', () => {
    const measuring = { answeringCount: 0, deviceCount: 0, observationCount: 0 };
    const clock = { quality: 'synced', untimedBoots: [], untimedBootCount: 0 };
    const day = (hour: number) => new Date(2026, 5, 1, hour, 30).getTime();
    const idle = { wallMs: day(20), reason: 'does-not-hold', reading: 'rain.rain_today' };
    const each = [
      { rule: 'water', firedWallMs: day(6), idle, nextWallMs: day(30) },
      { rule: 'dry' },
      { rule: 'fan', idle: { wallMs: day(8), reason: 'min-off', message: 'it has to stay off for 5 min' } },
    ];
    const rules = { waitForClock: false, each };
    const status = { buses: [], devices: [], stored: WELL, measuring, clock, skipped: [], rules } as unknown as GatewayStatus;
    const zone = '\\S+';
    expect(renderStatus(status, 200)).toMatch(
      new RegExp(
        `^Rules +water: fired 2026-06-01 06:30 ${zone}; 2026-06-01 20:30 ${zone} nothing: rain\\.rain_today is not as only_if wants it; ` +
          `next 2026-06-02 06:30 ${zone}\n +dry: has not fired\n +fan: has not fired; 2026-06-01 08:30 ${zone} it has to stay off for 5 min$`,
        'm',
      ),
    );
  });

  test('counts the devices that were not due yet since the start', () => {
    const measuring = { answeringCount: 1, deviceCount: 2, newestAgeMs: 3_000, observationCount: 9 };
    expect(text.measuring(measuring, 1)).toBe('1 of 2 devices, newest 3 s ago, 1 not due yet');
    expect(text.measuring({ ...measuring, answeringCount: 2 }, 0)).toBe('2 of 2 devices, newest 3 s ago');
  });

  test('says nothing but what is stored while all is well', () => {
    expect(storedLines(WELL, 0)).toEqual(['1,000 records (2.1 MB of 1.1 GB)', 'nothing waits for the city']);
  });

  test('counts what was merged and what was dropped because the journal is full', () => {
    const lines = storedLines({ ...WELL, thinnedCount: 5_000, evictedUndeliveredCount: 1 }).join('\n');
    expect(lines).toContain('5,000 readings were merged into windows of five minutes: the journal is full');
    expect(lines).toContain('1 reading that the city never got was dropped: the journal is full');
  });

  test('blames the drivers, not the disk, while calls that hang hold every thread', () => {
    const slow = { forMs: 13_000, waitingCount: 75 };
    expect(storedLines({ ...WELL, slow })[1]).toBe('the disk has not answered for 13 s: 75 readings kept in memory');
    const [, line, ...rest] = storedLines({ ...WELL, slow }, undefined, undefined, 15_000);
    expect(line).toMatch(/^calls into drivers hang and hold every thread for 15 s.* 75 readings kept in memory\. Unplug/);
    expect(rest).toEqual([]);
    expect(isHealthy({ buses: [], readings: [], devices: [], stored: WELL, threadsStuckMs: 15_000 })).toBe(false);
  });

  test('says for how long the memory will do while the disk refuses writes', () => {
    // A thousand in ten minutes: the other nineteen thousand will take 190 minutes.
    const lines = storedLines(failing(1_000)).join('\n');
    expect(lines).toContain('the disk refuses writes (EROFS) for 10 min: 1,000 readings kept in memory');
    expect(lines).toContain('memory for about 3 h 10 min more');
  });

  test('says that readings are being lost once the memory is full', () => {
    expect(storedLines(failing(20_000)).join('\n')).toContain('is full: the oldest are given up');
  });

  test('says that the disk does not answer', () => {
    const lines = storedLines({ ...WELL, slow: { forMs: 120_000, waitingCount: 240 } }).join('\n');
    expect(lines).toContain('the disk has not answered for 2 min: 240 readings kept in memory');
  });

  test('names the first damaged places and counts the others', () => {
    const damage = Array.from({ length: 7 }, (_, place) => ({
      ...{ file: 'slot-000', offset: place * 4096, sizeBytes: 4096, kind: 'damaged' as const },
      missing: { first: place * 10 + 1, last: place * 10 + 5 },
    }));
    const lines = storedLines({ ...WELL, damage });
    expect(lines).toHaveLength(1 + 5 + 1 + 1);
    expect(lines[1]).toBe('damage in slot-000: 4,096 bytes, up to 5 records missing');
    expect(lines.at(-2)).toContain('and 2 more damaged places');
  });

  test('ends damage with what to do, once, but not what says nothing about the card', () => {
    const place = { file: 'slot-000', offset: 0, sizeBytes: 4096 };
    const advised = (damage: JournalStats['damage']) =>
      storedLines({ ...WELL, damage }).filter((line) => line.includes('barri journal salvage FOLDER --out FILE'));
    expect(
      advised([
        { ...place, kind: 'damaged' },
        { ...place, kind: 'gone' },
      ]),
    ).toHaveLength(1);
    expect(advised([{ ...place, kind: 'other-version' }])).toEqual([]);
    expect(advised([])).toEqual([]);
  });

  test('does not guess before anything was measured', () => {
    expect(storedLines(failing(0)).join('\n')).toContain('memory for 20,000 readings');
  });
});
