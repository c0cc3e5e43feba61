import { expect, test } from 'vitest';
import { Moments, type Sleeper } from '../../gateway/moments.ts';
import { realClock } from '../../gateway/real-host.ts';
import { TestClock } from '../support/test-clock.ts';

function sleepers(names: readonly string[], wake: (name: string) => void): Sleeper[] {
  return names.map((name) => ({ wake: () => wake(name) }));
}

test('wakes each at its moment, those of one moment in the order in which they lay down, with one timer', async () => {
  const clock = new TestClock();
  const moments = new Moments(clock);
  const woken: [string, number][] = [];
  const [a, b, c, d] = sleepers(['a', 'b', 'c', 'd'], (name) => woken.push([name, clock.monotonicMs()])) as [
    ...[Sleeper, Sleeper, Sleeper, Sleeper],
  ];
  moments.add(200, a);
  moments.add(100, b);
  moments.add(200, c);
  moments.add(100, d);
  expect(clock.timerCount).toBe(2);
  await clock.advance(1_000);
  expect(woken).toEqual([
    ['b', 100],
    ['d', 100],
    ['a', 200],
    ['c', 200],
  ]);
});

test('wakes as soon as possible when the moment has passed, and never within the call', async () => {
  const clock = new TestClock();
  await clock.advance(500);
  const moments = new Moments(clock);
  let wokenCount = 0;
  const again: Sleeper = {
    wake: () => {
      wokenCount += 1;
      if (wokenCount < 3) moments.add(100, again);
    },
  };
  moments.add(100, again);
  expect(wokenCount).toBe(0);
  await clock.advance(0);
  expect(wokenCount).toBe(3);
});

test('takes sleepers back, and the timer with the last of them; one whose moment has come cannot be taken back', async () => {
  const clock = new TestClock();
  const moments = new Moments(clock);
  const woken: string[] = [];
  let wasTaken: boolean | undefined;
  const [a, b, c] = sleepers(['a', 'b', 'c'], (name) => {
    woken.push(name);
    if (name === 'a') wasTaken = moments.remove(100, c as Sleeper);
  }) as [Sleeper, Sleeper, Sleeper];
  for (const sleeper of [a, b, c]) moments.add(100, sleeper);
  expect(moments.remove(100, b)).toBe(true);
  expect(moments.remove(100, b)).toBe(false);
  expect(moments.remove(200, a)).toBe(false);
  await clock.advance(100);
  expect([woken, wasTaken]).toEqual([['a', 'c'], false]);

  moments.add(300, a);
  moments.add(300, b);
  moments.remove(300, a);
  expect(clock.timerCount).toBe(1);
  moments.remove(300, b);
  expect(clock.timerCount).toBe(0);
});

test('never wakes 10,000 sleepers before their moments, on the clock of the machine', async () => {
  const clock = realClock();
  const moments = new Moments(clock);
  const firstMs = Math.ceil(clock.monotonicMs());
  const lateMs = await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => {
      const atMs = firstMs + (i % 50);
      return new Promise<number>((resolve) => moments.add(atMs, { wake: () => resolve(clock.monotonicMs() - atMs) }));
    }),
  );
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
});
