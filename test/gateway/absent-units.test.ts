// Units that go away together, behind one Modbus TCP gateway that says nothing of it.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;
const meters = (name: string, firstUnit: number, count: number, every: string) =>
  Array.from(
    { length: count },
    (_, i) => `  ${name}_${i}: { board: eastron-sdm120@1, via: plant, with: { unit: ${firstUnit + i} }, every: ${every} }\n`,
  ).join('');

test.each([
  { count: 3, every: '10s', how: '' },
  { count: 10, every: '10s', how: '' },
  { count: 10, every: '60s', how: '' },
  { count: 10, every: '60s', how: ', in_flight: 3' },
  { count: 4, every: '60s', how: ', framing: rtu' },
])('$count of them, asked every $every$how, cost their neighbours no poll', async ({ count, every, how }) => {
  const faults = Array.from(
    { length: count },
    (_, i): Fault => ({
      at: 'device',
      device: `away_${i}`,
      kind: 'silent',
      rate: 1,
      fromMs: 100_000,
      toMs: Number.POSITIVE_INFINITY,
    }),
  );
  const site = `buses: { plant: { type: modbus-tcp, host: 10.0.0.5, timeout: 1s${how} } }
devices:
${meters('meter', 1, 6, every)}${meters('away', 50, count, every)}`;
  const running = await startSimulated(site, { faults });
  await running.clock.runUntil(20 * MINUTE_MS);
  const { devices } = running.gateway.status();
  await running.stop();
  for (const { device, failedCount, pollCount } of devices.filter((one) => one.device.startsWith('meter'))) {
    expect({ device, failedCount }).toEqual({ device, failedCount: 0 });
    // Two polls at most are late, while a connection that seems dead is made anew.
    expect(pollCount).toBeGreaterThanOrEqual((20 * MINUTE_MS) / (every === '10s' ? 10_000 : 60_000) - 2);
  }
  // Those that were there a moment ago may look like a gateway that hangs, until it has said something once more.
  expect(running.log.filter((code) => code === 'bus-lost').length).toBeLessThanOrEqual(3);
});
