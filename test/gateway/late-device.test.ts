// A device whose answers come too late is there: a few of them are no reason to ask it more rarely.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { startSimulated } from './simulated-gateway.ts';

const BUSES = {
  'Modbus TCP': '{ type: modbus-tcp, host: 10.0.0.5, timeout: 300ms }',
  'Modbus RTU': '{ type: modbus-rtu, port: /dev/ttyUSB0, timeout: 300ms }',
};

test.each(Object.entries(BUSES))('a %s meter that answers three polls too late misses no other', async (_type, bus) => {
  const late: Fault = { at: 'device', device: 'meter', kind: 'late', byMs: 400, rate: 1, fromMs: 9_500, toMs: 12_500 };
  const site = `buses: { plant: ${bus} }
devices:
  meter: { board: eastron-sdm120@1, via: plant, with: { unit: 1 }, every: 1s }
`;
  const running = await startSimulated(site, { faults: [late] });
  await running.clock.runUntil(9_400);
  const before = running.gateway.status().devices[0];
  await running.clock.runUntil(29_400);
  const after = running.gateway.status().devices[0];
  await running.stop();
  expect(before).toMatchObject({ state: 'ok', failedCount: 0 });
  expect(after?.state).toBe('ok');
  expect(after?.failedCount).toBeGreaterThanOrEqual(3);
  expect((after?.pollCount ?? 0) - (before?.pollCount ?? 0)).toBeGreaterThanOrEqual(17);
  const goodCount = (of: typeof after) => (of?.pollCount ?? 0) - (of?.failedCount ?? 0);
  expect(goodCount(after) - goodCount(before)).toBeGreaterThanOrEqual(14);
});
