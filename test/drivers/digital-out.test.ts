import { expect, test } from 'vitest';
import { digitalOut } from '../../drivers/digital-out.ts';
import { BusError } from '../../drivers/errors.ts';
import { FakeOutput } from '../support/fake-gpio.ts';
import { TestClock } from '../support/test-clock.ts';

async function open(active: 'low' | 'high', safe: boolean, output = new FakeOutput()) {
  const spec = { board: 'relay', with: { active }, readings: [], outputs: [{ id: 'switch', safe }] };
  return { output, device: await digitalOut.open(output, spec, new TestClock()) };
}

test.each([
  { active: 'high', safe: false, level: false },
  { active: 'low', safe: false, level: true },
  { active: 'high', safe: true, level: true },
  { active: 'low', safe: true, level: false },
] as const)(
  'starts at $level, and at nothing else, when $safe is safe and $active is active',
  async ({ active, safe, level }) => {
    expect((await open(active, safe)).output.levels).toEqual([level]);
  },
);

test.each([
  { active: 'high', levels: [true, false] },
  { active: 'low', levels: [false, true] },
] as const)('drives on and off as $levels when $active is active', async ({ active, levels }) => {
  const { output, device } = await open(active, false);
  await device.write?.('switch', true);
  await device.write?.('switch', false);
  expect(output.levels.slice(1)).toEqual(levels);
});

test('says so when the pin does not follow', async () => {
  const { output, device } = await open('high', false);
  output.stuckAt = false;
  await expect(device.write?.('switch', true)).rejects.toMatchObject({
    name: 'DeviceError',
    kind: 'implausible',
    message: 'switch: expected the level high, found low',
  });
});

test('looks at each read whether the pin is still as it was driven', async () => {
  const { output, device } = await open('low', false);
  const { signal } = new AbortController();
  expect(await device.read?.(signal)).toEqual([]);
  output.stuckAt = false;
  await expect(device.read?.(signal)).rejects.toMatchObject({ message: 'switch: expected the level high, found low' });
  await device.write?.('switch', true);
  expect(await device.read?.(signal)).toEqual([]);
});

test.each([
  { on: true, later: 'is as it was', outcome: { status: 'fulfilled', value: [] } },
  {
    on: false,
    later: 'should be safe',
    outcome: { status: 'rejected', reason: { message: expect.stringMatching(/expected the level low/) } },
  },
])('an output whose order to $on failed $later', async ({ on, outcome }) => {
  const { output, device } = await open('high', false);
  await device.write?.('switch', !on);
  output.failure = new BusError('no-answer', 'nobody acknowledges');
  await expect(device.write?.('switch', on)).rejects.toBe(output.failure);
  const [read] = await Promise.allSettled([device.read?.(new AbortController().signal)]);
  expect(read).toMatchObject(outcome);
});

test('lets what is safe wait for nothing: the order before it is superseded where it was not sent, and the one after it comes after it', async () => {
  const { output, device } = await open('high', false);
  const outcomes = await Promise.allSettled([true, false, true].map((on) => device.write?.('switch', on)));
  expect(output.levels).toEqual([false, false, true]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  expect(outcomes[0]).toMatchObject({ reason: { name: 'BusError', kind: 'superseded' } });
});

test('finds nothing wrong in a level that an order has just driven, as long as that waits for its answer', async () => {
  const { output, device } = await open('high', false);
  output.stuckAt = true;
  let answer = () => {};
  output.pause = () => new Promise((resolve) => (answer = resolve));
  const ordered = device.write?.('switch', true);
  expect(await device.read?.(new AbortController().signal)).toEqual([]);
  answer();
  await ordered;
});

test('drives a level back that nobody has driven, where that was its safe state, and says so', async () => {
  const { output, device } = await open('high', false);
  output.stuckAt = true;
  await expect(device.read?.(new AbortController().signal)).rejects.toMatchObject({ name: 'DeviceError', kind: 'strayed' });
  expect(output.levels).toEqual([false, false]);
});

test('refuses an output that the board does not have', async () => {
  const { device } = await open('high', false);
  await expect(device.write?.('valve', true)).rejects.toThrow(/has the output switch, and none that is called valve/);
});

test('leaves the level as it is when it is closed, and gives the line back once', async () => {
  const { output, device } = await open('high', false);
  await device.write?.('switch', true);
  await device.close();
  await device.close();
  expect(output.levels.at(-1)).toBe(true);
  expect(output.closeCount).toBe(1);
});

test.each([0, 2])('refuses a board with %d outputs', async (count) => {
  const outputs = Array.from({ length: count }, (_, index) => ({ id: `relay${index}`, safe: false }));
  const spec = { board: 'odd', with: { active: 'high' as const }, readings: [], outputs };
  await expect(digitalOut.open(new FakeOutput(), spec, new TestClock())).rejects.toThrow(
    /board odd: expected exactly one output/,
  );
});
