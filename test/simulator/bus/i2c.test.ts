import { expect, test } from 'vitest';
import type { Fault } from '../../../simulator/faults.ts';
import { bytes, hex } from '../../support/hex.ts';
import { I2C } from '../site.ts';
import { deviceFault, HALL, world } from './test-world.ts';

test('an I2C transaction takes nine clocks for each byte and its address', async () => {
  const { clock, buses, frames } = await world([I2C], [HALL]);
  const bus = await buses.i2c('/dev/i2c-1', 100_000);
  await clock.run(bus.transfer(0x44, bytes('2400'), 0));
  expect(clock.monotonicMs()).toBeCloseTo(3 * 0.09, 9);
  await clock.runUntil(20);
  const answer = await clock.run(bus.transfer(0x44, new Uint8Array(0), 6));
  expect(clock.monotonicMs()).toBeCloseTo(20 + 7 * 0.09, 9);
  expect(frames.map(({ direction, label, bytes: frame }) => `${direction} ${label} ${hex(frame)}`)).toEqual([
    'out 0x44 2400',
    'in 0x44 ',
    'out 0x44 ',
    `in 0x44 ${hex(answer)}`,
  ]);
});

test('two transactions at the same time follow one another on the wire', async () => {
  const { clock, buses } = await world([I2C], [HALL]);
  const bus = await buses.i2c('/dev/i2c-1', 100_000);
  const status = () => bus.transfer(0x44, bytes('f32d'), 3).then(() => clock.monotonicMs());
  const [first, second] = await clock.run(Promise.all([status(), status()]));
  expect(first).toBeCloseTo(7 * 0.09, 9);
  expect(second).toBeCloseTo(14 * 0.09, 9);
});

test('an address on which nothing sits is not acknowledged', async () => {
  const { clock, buses } = await world([I2C], [HALL]);
  const bus = await buses.i2c('/dev/i2c-1', 100_000);
  await expect(clock.run(bus.transfer(0x45, bytes('2400'), 0))).rejects.toMatchObject({
    kind: 'no-answer',
    message: expect.stringMatching(/0x45.*i2c-1/),
  });
  await expect(buses.i2c('/dev/i2c-7', 100_000)).rejects.toMatchObject({ kind: 'absent' });
});

test.each([
  ['silent', undefined],
  ['corrupt', 6],
  ['cut', 6],
  ['noise', 6],
] as const)('a chip that is %s spoils its answer', async (kind, length) => {
  const good = await readStatusAndSerial([]);
  const bad = await readStatusAndSerial([deviceFault(kind, 'hall')]);
  expect(bad?.length).toBe(length);
  expect(bad).not.toEqual(good);
});

async function readStatusAndSerial(faults: readonly Fault[]): Promise<Uint8Array | undefined> {
  const { clock, buses } = await world([I2C], [HALL], faults);
  const bus = await buses.i2c('/dev/i2c-1', 100_000);
  return clock.run(bus.transfer(0x44, bytes('3780'), 6).catch(() => undefined));
}

test('a chip that is late holds the bus for as long as is said', async () => {
  const { clock, buses } = await world([I2C], [HALL], [deviceFault('late', 'hall', { byMs: 50 })]);
  const bus = await buses.i2c('/dev/i2c-1', 100_000);
  await clock.run(bus.transfer(0x44, bytes('2400'), 0));
  expect(clock.monotonicMs()).toBeCloseTo(50.27, 9);
});

test('while the bus is stuck no transfer comes to an end before the kernel gives up after a second', async () => {
  const stuck: Fault = { at: 'bus', bus: 'i2c1', kind: 'stuck', fromMs: 0, toMs: 5000 };
  const { clock, buses } = await world([I2C], [HALL], [stuck]);
  const bus = await buses.i2c('/dev/i2c-1', 100_000);
  await expect(clock.run(bus.transfer(0x44, bytes('f32d'), 3))).rejects.toMatchObject({ kind: 'timeout' });
  expect(clock.monotonicMs()).toBe(1000);
  await clock.runUntil(5000);
  expect(await clock.run(bus.transfer(0x44, bytes('f32d'), 3))).toHaveLength(3);
});

test('what is open of an adapter that was pulled out does not work when it is in again', async () => {
  const out: Fault = { at: 'bus', bus: 'i2c1', kind: 'unplugged', fromMs: 1000, toMs: 5000 };
  const { clock, buses } = await world([I2C], [HALL], [out]);
  const before = await buses.i2c('/dev/i2c-1', 100_000);
  await clock.runUntil(5000);
  await expect(before.transfer(0x44, bytes('f32d'), 3)).rejects.toMatchObject({ kind: 'absent' });
  const after = await buses.i2c('/dev/i2c-1', 100_000);
  expect(await clock.run(after.transfer(0x44, bytes('f32d'), 3))).toHaveLength(3);
});
