import { expect, test } from 'vitest';
import { CALLS_WAITING_MAX, oneAtATime } from '../../drivers/one-at-a-time.ts';
import { drain } from '../support/test-clock.ts';

test('runs calls in the order in which they were made, never two at once', async () => {
  const log: string[] = [];
  const call = oneAtATime(async (name: string) => {
    log.push(`${name} begins`);
    await drain();
    log.push(`${name} ends`);
    return name;
  });
  expect(await Promise.all([call('a'), call('b')])).toEqual(['a', 'b']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

test('goes on after a failure, which only its own caller gets', async () => {
  const call = oneAtATime(async (error: Error | undefined) => {
    if (error !== undefined) throw error;
    return 'fine';
  });
  const error = new Error('planted');
  const [first, second] = await Promise.allSettled([call(error), call(undefined)]);
  expect(first).toEqual({ status: 'rejected', reason: error });
  expect(second).toEqual({ status: 'fulfilled', value: 'fine' });
});

test('refuses a call when too many wait for one that hangs, and takes calls again afterwards', async () => {
  let finish = () => {};
  const hanging = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const call = oneAtATime(() => hanging);
  const accepted = Array.from({ length: CALLS_WAITING_MAX + 1 }, () => call());
  await expect(call()).rejects.toMatchObject({ name: 'BusError', kind: 'hung' });
  finish();
  await Promise.all(accepted);
  await call();
});
