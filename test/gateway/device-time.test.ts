import { describe, expect, test } from 'vitest';
import { clockWithDevices, openDeviceTime } from '../../gateway/device-time.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { TestClock } from '../support/test-clock.ts';
import { observationsOf, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** Wall time at monotonic 0. */
const TRUE_MS = Date.UTC(2026, 10, 27, 12);

function devices() {
  const clock = new TestClock({ ms: 0, quality: 'none' });
  const logged: unknown[] = [];
  const time = openDeviceTime(clock, (...entry) => logged.push(entry));
  /** A device tells the true time, so much too late or too early, every ten seconds. */
  const hear = async (...lateMs: readonly number[]) => {
    for (const ms of lateMs) {
      await clock.advance(10 * SECOND_MS);
      time.heard(TRUE_MS + clock.monotonicMs() - ms, 'gps');
    }
  };
  const wrongByMs = () => (time.now()?.ms ?? Number.NaN) - TRUE_MS - clock.monotonicMs();
  return { clock, time, logged, hear, wrongByMs };
}

describe('the time of devices', () => {
  test('is believed once three in a row fit each other', async () => {
    const { time, hear } = devices();
    await hear(100, 200);
    expect(time.now()).toBeUndefined();
    await hear(150);
    expect(time.now()).toMatchObject({ quality: 'synced', errorMs: 3000, source: 'device' });
  });

  test('is that of the device that was heard with the least delay, even when others come after it', async () => {
    const { hear, wrongByMs } = devices();
    await hear(900, 100, 2400, 800);
    // 100 ms late, and what the monotonic clock may drift in 20 s.
    expect(wrongByMs()).toBeCloseTo(-102, 0);
  });

  test('is no longer known a quarter of an hour after it was told', async () => {
    const { clock, time, hear } = devices();
    await hear(0, 0, 0);
    await clock.advance(15 * MINUTE_MS - 1);
    expect(time.now()).toBeDefined();
    await clock.advance(1);
    expect(time.now()).toBeUndefined();
    await hear(0, 0);
    expect(time.now()).toBeUndefined();
  });

  test('has to fit three times again when it jumps', async () => {
    const { time, hear, wrongByMs } = devices();
    await hear(0, 0, 0, 3_600_000);
    expect(time.now()).toBeUndefined();
    await hear(0, 0, 0);
    expect(wrongByMs()).toBe(0);
  });

  test.each([
    ['a receiver whose week counter has wrapped', 1024 * 7 * 86_400_000, /the time 2007-04-13T12:00:10\..*1024 weeks$/],
    // Week counters that wrapped, with a good fix otherwise: 22 March 2000 for 6 November 2019.
    ['one of the year 2000 (ck-04)', TRUE_MS - Date.UTC(2000, 2, 22, 20, 28, 17), /the time 2000-03-22T20:28:27\..*1024 weeks$/],
    ['a receiver that begins in 1980', TRUE_MS - Date.UTC(1980, 0, 6), /the time 1980-01-06T00:00:10\..*before 2026-01-01T/],
    ['one that lies far ahead', -20 * 365 * 86_400_000, /the time 2046-11-22T12:00:10\..*too far ahead$/],
  ])('is not that of %s, which is said once', async (_, lateMs, message) => {
    const { time, logged, hear } = devices();
    await hear(lateMs, lateMs, lateMs, lateMs, 0, lateMs);
    expect(time.now()).toBeUndefined();
    const fields = { device: 'gps', message: expect.stringMatching(message) };
    expect(logged).toEqual([['warning', 'device-time-refused', fields]]);
    time.heard(0, 'other');
    expect(logged).toHaveLength(2);
  });

  test.each(['synced', 'holdover'] as const)('does not count where the clock of the machine is %s', (quality) => {
    const clock = new TestClock({ ms: TRUE_MS, quality });
    const time = openDeviceTime(clock, () => {});
    for (let count = 0; count < 3; count++) time.heard(TRUE_MS + MINUTE_MS, 'gps');
    expect(clockWithDevices(clock, time).wall()).toEqual({ ms: TRUE_MS, quality });
    const unchecked = clockWithDevices(new TestClock({ ms: 0, quality: 'floor' }), time);
    expect(unchecked.wall()).toMatchObject({ ms: TRUE_MS + MINUTE_MS, quality: 'synced' });
  });
});

describe('a gateway without a network', () => {
  const SITE = `buses:
  line: { type: serial, port: "usb:1a86:7523" }
  i2c1: { type: i2c }
devices:
  gps: { board: gps-nmea@1, via: line, every: 10s }
  hall: { board: sht31@1, via: i2c1, every: 10s }
`;
  const NEVER_SET = [{ at: 'clock', kind: 'unset', byMs: 0, fromMs: 0, toMs: 600 * MINUTE_MS }] as const;

  test('has its time from the receiver, once that has a fix', async () => {
    const running = await startSimulated(SITE, { faults: NEVER_SET });
    await running.clock.runUntil(20 * SECOND_MS);
    expect(running.gateway.status().clock.quality).toBe('none');
    await running.clock.runUntil(10 * MINUTE_MS);
    const { quality, wallMs = 0, errorMs = 0 } = running.gateway.status().clock;
    expect(['synced', 'holdover']).toContain(quality);
    expect(Math.abs(wallMs - START_WALL_MS - 10 * MINUTE_MS)).toBeLessThanOrEqual(3000);
    expect(errorMs).toBeGreaterThanOrEqual(3000);
    expect(running.log).toContain('clock-set');
    expect(running.log).not.toContain('clock-doubted');
    await running.stop();
    const records = await running.records();
    const anchors = records.filter((record) => record.kind === 'anchor');
    expect(anchors.map(({ source, errorMs: error }) => ({ source, error }))).toEqual([{ source: 'device', error: 3000 }]);
    for (const { wallMs: anchoredMs, monotonicMs } of anchors) {
      expect(Math.abs(anchoredMs - monotonicMs - START_WALL_MS)).toBeLessThanOrEqual(3000);
    }
    expect(observationsOf(records, 'hall.temperature').length).toBeGreaterThan(50);
  });

  test('goes over to the network when that comes, without a doubt', async () => {
    const running = await startSimulated(SITE, { faults: [{ ...NEVER_SET[0], toMs: 5 * MINUTE_MS }] });
    await running.clock.runUntil(10 * MINUTE_MS);
    const { quality, wallMs, doubt } = running.gateway.status().clock;
    expect({ quality, doubt }).toEqual({ quality: 'synced', doubt: undefined });
    expect(Math.abs((wallMs ?? 0) - START_WALL_MS - 10 * MINUTE_MS)).toBeLessThanOrEqual(3000);
    await running.stop();
    expect(running.log.filter((code) => code.startsWith('clock-'))).toEqual(['clock-set']);
    const anchors = (await running.records()).filter((record) => record.kind === 'anchor');
    expect(anchors[0]?.source).toBe('device');
    expect(anchors.length).toBeLessThanOrEqual(2);
  });

  test('has none from a receiver that has no fix', async () => {
    const site = SITE.replace('every: 10s }\n  hall', 'every: 10s, simulate: { fix_quality: { constant: 0 } } }\n  hall');
    const running = await startSimulated(site, { faults: NEVER_SET });
    await running.clock.runUntil(10 * MINUTE_MS);
    expect(running.gateway.status().clock.quality).toBe('none');
    await running.stop();
    expect((await running.records()).filter((record) => record.kind === 'anchor')).toEqual([]);
  });
});
