// What devices of one bus cost each other, on the production gateway and simulated hardware.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { startSimulated } from '../gateway/simulated-gateway.ts';

const HOUR_MS = 3_600_000;

/** Ten meters with all their readings on one cable, every one of them asked each five seconds. */
const METERS = Array.from({ length: 10 }, (_, i) => `meter_${i + 1}`);
const site = (
  every: string,
  meters = METERS,
  timeout = '300ms',
) => `buses: { meters: { type: modbus-rtu, port: /dev/ttyUSB0, baud: 9600, timeout: ${timeout} } }
devices:
${meters.map((id, i) => `  ${id}: { board: eastron-sdm120@1, via: meters, with: { unit: ${i + 1} }, every: ${every} }`).join('\n')}
`;

function dead(ids: readonly string[], fromMs: number, toMs: number): Fault[] {
  return ids.map((device) => ({ at: 'device', device, kind: 'silent', rate: 1, fromMs, toMs }));
}

/** An hour of the site; what the meters that answer, and the bus, have to say about it. */
async function hourWith(meters: string[], faults: readonly Fault[]) {
  const running = await startSimulated(site('5s', meters), { faults });
  await running.clock.runUntil(HOUR_MS);
  const { measuring, buses, devices } = running.gateway.status();
  await running.stop();
  const [bus] = buses;
  if (bus === undefined) throw new Error('no bus');
  return { lateMsP99: measuring.lateMsP99 ?? Number.NaN, devices, probeShare: bus.probeMs / bus.forMs, bus };
}

test('one and three dead meters of ten delay the others not at all, and take less than 2 % of the bus', async () => {
  for (const count of [1, 3]) {
    const live = METERS.slice(count);
    const alone = await hourWith(live, []);
    const some = await hourWith(METERS, dead(METERS.slice(0, count), 60_000, HOUR_MS));
    expect(some.lateMsP99 - alone.lateMsP99, `${count} dead`).toBeLessThanOrEqual(0.01);
    expect(some.probeShare, `${count} dead`).toBeLessThanOrEqual(0.02);
    expect(some.probeShare, `${count} dead`).toBeGreaterThan(0);
    const answering = some.devices.filter(({ state }) => state === 'ok');
    expect(answering.map(({ device }) => device)).toEqual(live);
    // The one that is due now is not over yet.
    for (const device of answering) expect(device).toMatchObject({ failedCount: 0, skippedCount: 0, pollCount: HOUR_MS / 5_000 });
  }
}, 60_000);

test('a meter that was dead from the start or for an hour is seen within a minute of its return, also when all were', async () => {
  for (const ids of [METERS.slice(0, 1), METERS]) {
    for (const fromMs of [0, 300_000]) {
      const backMs = fromMs + HOUR_MS;
      const running = await startSimulated(site('5s'), { faults: dead(ids, fromMs, backMs) });
      await running.clock.runUntil(backMs);
      const before = running.gateway.status().devices;
      for (const { device, state } of before) expect(state, device).toBe(ids.includes(device) ? 'not-answering' : 'ok');
      await running.clock.runUntil(backMs + 60_000);
      for (const { device, state } of running.gateway.status().devices) expect(state, device).toBe('ok');
      await running.stop();
    }
  }
}, 60_000);

/** Several that never answered, with a long timeout: each try of them would take the time of fifty seconds of tries. */
const ABSENT = METERS.slice(0, 5);
const ALL_BUT_ONE = METERS.slice(0, 9);

test('of several meters that never answered, one that comes is seen within a minute, for less than 2 % of the bus', async () => {
  const cases = [ABSENT, ALL_BUT_ONE].flatMap((absent) => absent.map((returning) => ({ absent, returning })));
  for (const [i, { absent, returning }] of cases.entries()) {
    // At different moments of the round in which they are tried.
    const backMs = HOUR_MS + 13_000 * i;
    const others = absent.filter((id) => id !== returning);
    const faults = [...dead(others, 0, 2 * HOUR_MS), ...dead([returning], 0, backMs)];
    const running = await startSimulated(site('5s', METERS, '1s'), { faults });
    await running.clock.runUntil(backMs);
    const [bus] = running.gateway.status().buses;
    expect(bus?.probeMs).toBeLessThanOrEqual(0.02 * (bus?.forMs ?? 0));
    await running.clock.runUntil(backMs + 60_000);
    for (const { device, state } of running.gateway.status().devices)
      expect(state, device).toBe(others.includes(device) ? 'not-answering' : 'ok');
    await running.stop();
  }
}, 60_000);

test.each([
  ['one that never answered', 1, '1s', 700],
  ['three that never answered', 3, '1s', 500],
])('of %s beside others that are away, and that need long, each is found within a minute', async (_who, count, timeout, byMs) => {
  const slow = ABSENT.slice(0, count);
  const others = ABSENT.slice(count);
  const late = slow.map((device): Fault => ({ at: 'device', device, kind: 'late', rate: 1, byMs, fromMs: 0, toMs: 2 * HOUR_MS }));
  const faults = [...dead(others, 0, 2 * HOUR_MS), ...dead(slow, 0, HOUR_MS), ...late];
  const running = await startSimulated(site('5s', METERS, timeout), { faults });
  await running.clock.runUntil(HOUR_MS + 65_000);
  for (const { device, state } of running.gateway.status().devices)
    expect(state, device).toBe(others.includes(device) ? 'not-answering' : 'ok');
  await running.stop();
});

test('a meter of which every answer is damaged is tried less often too, and is back within a minute of its mending', async () => {
  const backMs = HOUR_MS;
  const corrupt: Fault = { at: 'device', device: 'meter_1', kind: 'corrupt', rate: 1, fromMs: 0, toMs: backMs };
  const running = await startSimulated(site('5s'), { faults: [corrupt] });
  await running.clock.runUntil(backMs);
  const { buses, devices } = running.gateway.status();
  expect(buses[0]?.probeMs).toBeLessThanOrEqual(0.02 * (buses[0]?.forMs ?? 0));
  expect(devices[0]).toMatchObject({ device: 'meter_1', problem: { code: 'D205' } });
  expect(devices[0]?.pollCount).toBeLessThan(100);
  await running.clock.runUntil(backMs + 60_000);
  for (const { device, state } of running.gateway.status().devices) expect(state, device).toBe('ok');
  await running.stop();
});

/** Their bytes fit once a second, with what the meters take they do not. */
const MANY = [...METERS, 'meter_11'];

test('a bus of which too much is asked says so, with the period that fits, and keeps going', async () => {
  const running = await startSimulated(site('1s', MANY));
  await running.clock.runUntil(600_000);
  const { buses, devices } = running.gateway.status();
  expect(running.log.filter((code) => code.startsWith('bus-'))).toEqual(['bus-open', 'bus-saturated']);
  const [bus] = buses;
  expect(bus).toMatchObject({ state: 'saturated', problem: { code: 'D210' } });
  expect(bus?.busyMs).toBeGreaterThan(0.8 * (bus?.forMs ?? 0));
  const shortestMs = bus?.shortestPeriodMs ?? Number.NaN;
  // Every meter had its share.
  const polls = devices.map(({ pollCount }) => pollCount);
  expect(Math.max(...polls) - Math.min(...polls)).toBeLessThanOrEqual(0.1 * Math.max(...polls));
  await running.stop();

  // What it proposes does fit.
  const again = await startSimulated(site(`${shortestMs}ms`, MANY));
  await again.clock.runUntil(600_000);
  expect(again.gateway.status().buses[0]?.state).toBe('ok');
  for (const { skippedCount, pollCount } of again.gateway.status().devices)
    expect(skippedCount).toBeLessThanOrEqual(0.02 * pollCount);
  await again.stop();
}, 60_000);
