import { describe, expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { observationsOf, startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;
const PROBES = `buses: { w1: { type: onewire, pin: gpio.pin7 } }
devices:
  boiler:
    board: ds18b20@1
    via: w1
    every: 10s
    with: { rom: 28-0316a2799dff }
    simulate: { temperature: { constant: 62.3125 } }
  cellar:
    board: ds18b20@1
    via: w1
    every: 10s
    with: { rom: 28-011627f794ee }
    simulate: { temperature: { constant: -0.5 } }
`;

const at = (device: string, kind: 'silent' | 'corrupt' | 'cut' | 'late', rate = 1): Fault => ({
  at: 'device',
  device,
  kind,
  rate,
  fromMs: MINUTE_MS,
  toMs: 3 * MINUTE_MS,
});

async function run(faults: readonly Fault[] = []) {
  const running = await startSimulated(PROBES, { faults });
  await running.clock.runUntil(5 * MINUTE_MS + 5_000);
  await running.stop();
  expect(running.fatal).toEqual([]);
  const records = await running.records();
  const of = (device: string) => observationsOf(records, `${device}.temperature`);
  return { running, boiler: of('boiler'), cellar: of('cellar') };
}

describe('two probes on one wire', () => {
  test('are kept with what each showed', async () => {
    const { boiler, cellar } = await run();
    expect(boiler).toHaveLength(31);
    expect(cellar).toHaveLength(31);
    expect(new Set(boiler.map(({ value }) => value))).toEqual(new Set([62.3125]));
    expect(new Set(cellar.map(({ value }) => value))).toEqual(new Set([-0.5]));
  });

  test.each(['silent', 'corrupt', 'cut', 'late'] as const)(
    'a %s one never gives another value, and the other goes on',
    async (kind) => {
      const { running, boiler, cellar } = await run([at('boiler', kind)]);
      expect(new Set(boiler.map(({ value }) => value))).toEqual(new Set([62.3125]));
      expect(boiler.length).toBeLessThan(31);
      expect(cellar).toHaveLength(31);
      expect(running.log).toContain('device-lost');
      expect(running.log).toContain('device-back');
    },
  );
});
