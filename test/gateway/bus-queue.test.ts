import { expect, test } from 'vitest';
import { sleep } from '../../drivers/clock.ts';
import { busQueue } from '../../gateway/bus-queue.ts';
import { TestClock } from '../support/test-clock.ts';

const never = new AbortController().signal;

test('runs one transaction at a time, in the order they came', async () => {
  const clock = new TestClock();
  const queue = busQueue('i2c1', clock);
  const log: string[] = [];
  const job = (name: string) => async (signal: AbortSignal) => {
    log.push(`${name} begins`);
    await sleep(clock, 10, signal);
    log.push(`${name} ends`);
  };
  const all = Promise.all(['a', 'b', 'c'].map((name) => queue.run(1000, never, job(name))));
  await clock.advance(30);
  await all;
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('lets the next one go as soon as a transaction is over its deadline', async () => {
  const clock = new TestClock();
  const queue = busQueue('meters', clock);
  const slow = queue.run(300, never, (signal) => sleep(clock, 10_000, signal));
  const next = queue.run(300, never, async () => clock.monotonicMs());
  const failure = expect(slow).rejects.toMatchObject({ name: 'BusError', kind: 'timeout' });
  await clock.advance(300);
  await failure;
  expect(await next).toBe(300);
});

test('refuses everybody while a call hangs that ignores its deadline, and works again once it came back', async () => {
  const clock = new TestClock();
  const queue = busQueue('i2c1', clock);
  let comeBack = () => {};
  const hanging = queue.run(100, never, () => new Promise<void>((resolve) => (comeBack = resolve)));
  const waiting = queue.run(100, never, async () => 'never');
  const failures = [
    expect(hanging).rejects.toThrow('no answer within 100 ms'),
    expect(waiting).rejects.toThrow('has not come back'),
  ];
  await clock.advance(100);
  await clock.advance(1000);
  await Promise.all(failures);
  await expect(queue.run(100, never, async () => 'no')).rejects.toThrow('has not come back');
  comeBack();
  await clock.advance(0);
  expect(await queue.run(100, never, async () => 'again')).toBe('again');
});

test('gives its turn on when the caller has gone away', async () => {
  const clock = new TestClock();
  const queue = busQueue('i2c1', clock);
  const gone = new AbortController();
  const first = queue.run(1000, never, (signal) => sleep(clock, 10, signal));
  const second = queue.run(1000, gone.signal, async () => 'second');
  const third = queue.run(1000, never, async () => 'third');
  gone.abort(new Error('stopped'));
  const failure = expect(second).rejects.toThrow('stopped');
  await clock.advance(10);
  await first;
  await failure;
  expect(await third).toBe('third');
});
