import { describe, expect, test } from 'vitest';
import { CHANGES_WAITING_MAX, digitalIn } from '../../drivers/digital-in.ts';
import { BusError } from '../../drivers/errors.ts';
import type { Reading } from '../../drivers/reading.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { FakeInput } from '../support/fake-gpio.ts';
import { drain, TestClock } from '../support/test-clock.ts';

const NO_ABORT = new AbortController().signal;

async function open({ active = 'low', level = true }: { active?: 'low' | 'high'; level?: boolean } = {}) {
  const input = new FakeInput(level);
  const spec = deviceSpec('contact', { pull: 'up' as const, active, debounce: 30 }, ['closed']);
  const device = await digitalIn.open(input, spec, new TestClock());
  const watch = (signal: AbortSignal) => (device.watch?.(signal) ?? ([] as never))[Symbol.asyncIterator]();
  return { input, device, watch };
}

/** Lets the pin change; each change is over before the next one comes. */
async function change(input: FakeInput, levels: readonly boolean[]): Promise<void> {
  for (const level of levels) {
    await drain();
    input.change(level);
  }
  await drain();
}

describe('reading', () => {
  test.each([
    { active: 'low', level: false, value: true },
    { active: 'low', level: true, value: false },
    { active: 'high', level: true, value: true },
    { active: 'high', level: false, value: false },
  ] as const)('gives $value when the level is $level and active is $active', async ({ active, level, value }) => {
    const { device } = await open({ active, level });
    expect(await device.read?.(NO_ABORT)).toEqual([{ id: 'closed', value }]);
  });

  test('hands pull and debounce to the port', async () => {
    expect((await open()).input.options).toEqual({ pull: 'up', debounceMs: 30 });
  });
});

describe('watching', () => {
  test('gives a reading at every change', async () => {
    const { input, watch } = await open();
    const changes = watch(NO_ABORT);
    const first = changes.next();
    await change(input, [false]);
    expect(await first).toEqual({ done: false, value: { id: 'closed', value: true } });
    const second = changes.next();
    await change(input, [true]);
    expect(await second).toEqual({ done: false, value: { id: 'closed', value: false } });
  });

  test('loses no change while the consumer is busy', async () => {
    const { input, watch } = await open();
    const controller = new AbortController();
    const changes = watch(controller.signal);
    const first = changes.next();
    await change(input, [false, true, false, true, false]);
    expect(await first).toEqual({ done: false, value: { id: 'closed', value: true } });
    controller.abort();
    expect(await rest(changes)).toEqual([false, true, false, true]);
  });

  test('keeps the first changes and the latest state when more changes wait than fit', async () => {
    const { input, watch } = await open();
    const controller = new AbortController();
    const changes = watch(controller.signal);
    const first = changes.next();
    await change(input, [false]);
    await first;
    const many = Array.from({ length: CHANGES_WAITING_MAX + 8 }, (_, index) => index % 2 === 0);
    await change(input, [...many, true]);
    controller.abort();
    const values = await rest(changes);
    expect(values).toHaveLength(CHANGES_WAITING_MAX);
    expect(values.slice(0, 3)).toEqual([false, true, false]);
    expect(values.at(-1)).toBe(false);
  });

  test('ends without an error when it is aborted while nothing happens', async () => {
    const { watch } = await open();
    const controller = new AbortController();
    const next = watch(controller.signal).next();
    await drain();
    controller.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('lets the failure of the port out, after the changes before it', async () => {
    const { input, watch } = await open();
    const changes = watch(NO_ABORT);
    const first = changes.next();
    await change(input, [false, true]);
    const error = new BusError('closed', 'the chip is gone');
    input.fail(error);
    await first;
    expect(await changes.next()).toMatchObject({ value: { value: false } });
    await expect(changes.next()).rejects.toBe(error);
  });
});

test.each([[[]], [['closed', 'motion']]])('refuses a board with the readings %j', async (readings) => {
  const spec = deviceSpec('odd', { pull: 'up' as const, active: 'low' as const, debounce: 0 }, readings);
  await expect(digitalIn.open(new FakeInput(true), spec, new TestClock())).rejects.toThrow(
    /board odd: expected exactly one reading/,
  );
});

test.each([
  { pull: 'sideways', active: 'low', debounce: 30 },
  { pull: 'up', active: 'low', debounce: -1 },
  { pull: 'up', debounce: 30 },
  { pull: 'up', active: 'low', debounce: '30ms' },
])('does not accept the options %j', (options) => {
  expect(digitalIn.with.safeParse(options).success).toBe(false);
});

test('gives the line back once, however often it is closed', async () => {
  const { device, input } = await open();
  await device.close();
  await device.close();
  expect(input.closeCount).toBe(1);
});

async function rest(changes: AsyncIterator<Reading>): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let next = await changes.next(); !next.done; next = await changes.next()) values.push(next.value.value);
  return values;
}
