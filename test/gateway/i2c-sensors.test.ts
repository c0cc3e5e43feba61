// The I2C sensors of the library in the production gateway: what the journal keeps is what the simulated chip showed.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { wordCheck } from '../../simulator/word-check.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;

type Kind = 'silent' | 'corrupt' | 'cut' | 'noise' | 'late';

/** Spoils a part of the answers for most of the half hour. */
function fault(kind: Kind): Fault {
  return { at: 'device', device: 'sensor', kind, rate: 0.3, fromMs: 2 * MINUTE_MS, toMs: 20 * MINUTE_MS };
}

async function halfAnHour(device: string, faults: readonly Fault[]): Promise<SimulatedGateway> {
  const running = await startSimulated(`buses: { i2c1: { type: i2c } }\ndevices:\n  sensor: ${device}\n`, { faults });
  await running.clock.runUntil(30 * MINUTE_MS);
  await running.stop();
  expect(running.fatal).toEqual([]);
  return running;
}

/** What arrived at the gateway from a chip, of this length, as numbers; what `decode` refuses is left out. */
function shown<T>(running: SimulatedGateway, length: number, decode: (answer: DataView) => T | undefined): T[] {
  const answers = running.frames.filter(({ direction, bytes }) => direction === 'in' && bytes.length === length);
  return answers
    .map(({ bytes }) => decode(new DataView(bytes.buffer, bytes.byteOffset, length)))
    .filter((each) => each !== undefined);
}

/** The words of an answer, or undefined where one is broken. */
function goodWords(answer: DataView): number[] | undefined {
  const words = Array.from({ length: answer.byteLength / 3 }, (_, index) => answer.getUint16(3 * index));
  return words.every((word, index) => wordCheck(word) === answer.getUint8(3 * index + 2)) ? words : undefined;
}

async function kept(running: SimulatedGateway, reading: string): Promise<number[]> {
  return observationsOf(await running.records(), `sensor.${reading}`).map(({ value }) => Number(value));
}

/** Every value kept is one that was shown, and they vary: not one value again and again. */
function expectShown(values: readonly number[], all: readonly number[]): void {
  for (const value of values)
    expect(
      all.some((each) => Math.abs(each - value) < 1e-9),
      String(value),
    ).toBe(true);
  expect(new Set(values).size).toBeGreaterThan(20);
}

// The chip has no checksum: what is spoilt on the wire cannot be told from light.
test.each<Kind | 'well'>(['well', 'silent', 'late'])('keeps the light that a BH1750 showed, which is %s', async (kind) => {
  const faults = kind === 'well' ? [] : [fault(kind)];
  const device = '{ board: bh1750@1, via: i2c1, every: 10s, simulate: { light: { constant: 740, noise: 80 } } }';
  const running = await halfAnHour(device, faults);
  const light = await kept(running, 'light');
  const counts = shown(running, 2, (answer) => answer.getUint16(0));
  expectShown(
    light,
    counts.map((count) => (count * 5) / 6),
  );
  expect(light.length).toBeGreaterThan(60);
  if (kind === 'well') expect(light.length).toBe(180);
});

test.each<Kind | 'well'>(['well', 'silent', 'corrupt', 'cut', 'noise', 'late'])(
  'keeps the air that an SCD41 showed, which is %s',
  async (kind) => {
    const faults = kind === 'well' ? [] : [fault(kind)];
    const values =
      'co2: { constant: 620, noise: 60 }, temperature: { constant: 21, noise: 2 }, humidity: { constant: 48, noise: 5 }';
    const running = await halfAnHour(`{ board: scd41@1, via: i2c1, every: 10s, simulate: { ${values} } }`, faults);
    const samples = shown(running, 9, goodWords);
    const [co2, temperature, humidity] = await Promise.all(['co2', 'temperature', 'humidity'].map((each) => kept(running, each)));
    const word = (index: number) => samples.map((words) => words[index] ?? Number.NaN);
    expectShown(co2 ?? [], word(0));
    expectShown(
      temperature ?? [],
      word(1).map((raw) => (raw / 65_535) * 175 - 45),
    );
    expectShown(
      humidity ?? [],
      word(2).map((raw) => (raw / 65_535) * 100),
    );
    // A measurement that arrived unspoilt is never lost.
    expect(co2?.length).toBe(samples.length);
    expect(samples.length).toBeGreaterThan(90);
    // The chip was started half a second after the first poll, so that the second one, at 10 s, finds nothing new.
    if (kind === 'well') expect(samples.length).toBe(179);
  },
);

test.each<Kind | 'well'>(['well', 'silent', 'corrupt', 'cut', 'noise', 'late'])(
  'keeps the noise that a DNMS showed, which is %s',
  async (kind) => {
    const faults = kind === 'well' ? [] : [fault(kind)];
    const values = 'laeq: { constant: 56, noise: 3 }, la_min: { constant: 47, noise: 2 }, la_max: { constant: 71, noise: 4 }';
    const running = await halfAnHour(`{ board: dnms@1, via: i2c1, every: 10s, simulate: { ${values} } }`, faults);
    const samples = shown(running, 18, (answer) => goodWords(answer) && floats(answer));
    for (const [index, reading] of ['laeq', 'la_min', 'la_max'].entries()) {
      const levels = await kept(running, reading);
      expectShown(
        levels,
        samples.map((each) => each[index] ?? Number.NaN),
      );
      expect(levels.length).toBe(samples.length);
    }
    expect(samples.length).toBeGreaterThan(60);
    if (kind === 'well') expect(samples.length).toBe(180);
  },
);

/** The numbers of single precision in an answer whose third bytes are checksums. */
function floats(answer: DataView): number[] {
  const data = Buffer.from(Array.from({ length: 12 }, (_, at) => answer.getUint8(at + Math.floor(at / 2))));
  return [0, 4, 8].map((at) => data.readFloatBE(at));
}

test('the start of an SCD41 delays its neighbours once, and costs them no reading', async () => {
  const sites = `{ board: scd41@1, via: i2c1, every: 10s }
  hall: { board: sht31@1, via: i2c1, every: 10s }
  noise: { board: dnms@1, via: i2c1, every: 10s }
  light: { board: bh1750@1, via: i2c1, every: 10s }`;
  const running = await halfAnHour(sites, []);
  const { devices, buses } = running.gateway.status();
  for (const { failedCount, skippedCount } of devices)
    expect({ failedCount, skippedCount }).toEqual({ failedCount: 0, skippedCount: 0 });
  expect(buses[0]?.state).toBe('ok');
  expect(running.log).not.toContain('bus-saturated');
  const records = await running.records();
  for (const channel of ['hall.temperature', 'noise.laeq', 'light.light'])
    expect(observationsOf(records, channel).length, channel).toBeGreaterThanOrEqual(180);
});
