import { expect, test } from 'vitest';
import { simulatedBuses } from '../../simulator/buses.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { bytes, hex } from '../support/hex.ts';
import { deviceFault, listen, meter, PARTICLES, QUESTION, signal, world } from './bus/test-world.ts';
import { device, I2C, RTU, SERIAL, START_WALL_MS, site } from './site.ts';

test('a driver without a device model is named', async () => {
  const odd = device({ id: 'odd', driver: 'flux-compensator', bus: 'pm' });
  await expect(world([SERIAL], [odd])).rejects.toThrow(/flux-compensator has no device model/);
});

test('a device on a bus of another kind is named', async () => {
  await expect(world([I2C], [{ ...PARTICLES, via: { bus: 'i2c1' } }])).rejects.toThrow(/particles has a model of kind serial/);
});

test('in a world that has been going on for two hours things are as two hours after its beginning', async () => {
  const tank = device({
    id: 'tank',
    driver: 'modbus-map',
    bus: 'meters',
    address: 1,
    readings: [{ id: 'level', at: 6 }],
    // Falls by 6 in four hours.
    simulate: { level: { type: 'sawtooth', low: 100, high: 106, periodMs: 4 * 3_600_000, noise: 0 } },
  });
  const { buses, clock } = await world([RTU], [tank], [], 2 * 3_600_000);
  const stream = await buses.serial(RTU, signal);
  const heard = listen(stream, clock);
  await clock.run(stream.write(bytes(QUESTION)));
  await clock.runUntil(1000);
  expect(Buffer.from(heard.hex, 'hex').readFloatBE(3)).toBeCloseTo(103, 3);
});

test('the same seed gives the same bytes at the same times, and another one does not', async () => {
  const frames = async (seed: number) => {
    const clock = new VirtualClock(START_WALL_MS, turn);
    const seen: string[] = [];
    const buses = await simulatedBuses(site([SERIAL, RTU], [PARTICLES, meter('flat_1', 'meters', 1)]), {
      clock,
      random: createRandom(seed),
      faults: [deviceFault('corrupt', 'particles', { rate: 0.5 })],
      epochWallMs: START_WALL_MS,
      tap: ({ atMs, bus, bytes: frame }) => seen.push(`${atMs} ${bus} ${hex(frame)}`),
    });
    await buses.serial(SERIAL, signal);
    const stream = await buses.serial(RTU, signal);
    for (let i = 0; i < 20; i += 1) {
      await clock.run(stream.write(bytes(QUESTION)));
      await clock.runUntil((i + 1) * 1000);
    }
    return seen;
  };
  expect(await frames(1)).toEqual(await frames(1));
  expect(await frames(2)).not.toEqual(await frames(1));
});
