import { expect, test } from 'vitest';
import type { SelfHealth } from '../../drivers/bus/self.ts';
import { gatewaySelf } from '../../drivers/gateway-self.ts';
import { isReading } from '../../drivers/reading.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { TestClock } from '../support/test-clock.ts';

const ALL = Object.keys(gatewaySelf.produces ?? {});

async function read(health: SelfHealth, readings = ALL) {
  const device = await gatewaySelf.open({ read: async () => health }, deviceSpec('gateway-self', {}, readings), new TestClock());
  return (await device.read?.(new AbortController().signal)) ?? [];
}

test('a value that nobody can tell is missing, with the reason, and takes no other with it', async () => {
  const results = await read({ memoryShare: 0.4, isUnderVoltage: true });
  expect(results.filter(isReading)).toEqual([
    { id: 'memory', value: 40 },
    { id: 'under_voltage', value: true },
  ]);
  const missing = results.flatMap((result) => (isReading(result) ? [] : [result]));
  expect(missing.map(({ id }) => id)).toEqual(ALL.filter((id) => id !== 'memory' && id !== 'under_voltage'));
  for (const { id, error } of missing) {
    expect(error).toMatchObject({ kind: 'not-available', message: expect.stringMatching(new RegExp(`^${id}: \\w`)) });
  }
});

test('nothing waiting and no share are values', async () => {
  const results = await read({ waitingCount: 0, processorShare: 0, uptimeMs: 0 }, ['waiting', 'processor', 'uptime']);
  expect(results).toEqual(['waiting', 'processor', 'uptime'].map((id) => ({ id, value: 0 })));
});
