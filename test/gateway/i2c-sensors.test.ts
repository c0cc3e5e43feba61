// The I2C sensors of the library in the production gateway: what the journal keeps is what the simulated chip showed.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;

function fault(kind: 'silent' | 'corrupt' | 'cut' | 'noise' | 'late', rate: number): Fault {
  return { at: 'device', device: 'sensor', kind, rate, fromMs: 2 * MINUTE_MS, toMs: 20 * MINUTE_MS };
}

async function halfAnHour(site: string, faults: readonly Fault[]): Promise<SimulatedGateway> {
  const running = await startSimulated(`buses: { i2c1: { type: i2c } }\ndevices:\n  sensor: ${site}\n`, { faults });
  await running.clock.runUntil(30 * MINUTE_MS);
  await running.stop();
  expect(running.fatal).toEqual([]);
  return running;
}

/** What the chip answered to reads of this length, decoded by `decode`, where that gives a value. */
function shown<T>(running: SimulatedGateway, length: number, decode: (answer: DataView) => T | undefined): T[] {
  const answers = running.frames.filter(({ direction, bytes }) => direction === 'in' && bytes.length === length);
  return answers.flatMap(({ bytes }) => decode(new DataView(bytes.buffer, bytes.byteOffset, length)) ?? []);
}

async function kept(running: SimulatedGateway, reading: string): Promise<number[]> {
  return observationsOf(await running.records(), `sensor.${reading}`).map(({ value }) => Number(value));
}

test.each([
  { says: 'a good day', faults: [] },
  { says: 'a chip that is silent now and then', faults: [fault('silent', 0.3)] },
  { says: 'a chip that holds the bus', faults: [fault('late', 0.3)] },
])('keeps the light that a BH1750 showed: $says', async ({ faults }) => {
  const running = await halfAnHour(
    '{ board: bh1750@1, via: i2c1, every: 10s, simulate: { light: { constant: 740, noise: 80 } } }',
    faults,
  );
  const light = await kept(running, 'light');
  const counts = shown(running, 2, (answer) => answer.getUint16(0));
  expect(light.length).toBeGreaterThan(60);
  const good = counts.map((count) => (count * 5) / 6);
  for (const value of light)
    expect(
      good.some((each) => Math.abs(each - value) < 1e-9),
      String(value),
    ).toBe(true);
  if (faults.length === 0) expect(light.length).toBe(180);
  expect(new Set(light).size).toBeGreaterThan(20);
});
