import { expect, test } from 'vitest';
import { sleep } from '../../drivers/clock.ts';
import { BusError } from '../../drivers/errors.ts';
import { busQueue, type Turn } from '../../gateway/bus-queue.ts';
import { TestClock, TickingClock } from '../support/test-clock.ts';

const never = new AbortController().signal;
const live = (deadlineMs: number): Turn => ({ rank: 'live', deadlineMs });

test('runs one transaction at a time, in the order they came', async () => {
  const clock = new TestClock();
  const queue = busQueue('i2c1', clock);
  const log: string[] = [];
  const job = (name: string) => async (signal: AbortSignal) => {
    log.push(`${name} begins`);
    await sleep(clock, 10, signal);
    log.push(`${name} ends`);
  };
  const all = Promise.all(['a', 'b', 'c'].map((name) => queue.run(live(1000), never, job(name))));
  await clock.advance(30);
  await all;
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('lets the next one go as soon as a transaction is over its deadline', async () => {
  const clock = new TestClock();
  const queue = busQueue('meters', clock);
  const slow = queue.run(live(300), never, (signal) => sleep(clock, 10_000, signal));
  const next = queue.run(live(300), never, async () => clock.monotonicMs());
  const failure = expect(slow).rejects.toMatchObject({ name: 'BusError', kind: 'timeout' });
  await clock.advance(300);
  await failure;
  expect(await next).toBe(300);
});

test('refuses everybody while a call hangs that ignores its deadline, says so, and works again once it came back', async () => {
  const clock = new TestClock();
  const said: (string | undefined)[] = [];
  const queue = busQueue('i2c1', clock, { onHang: (failure) => said.push(failure?.message) });
  let comeBack = () => {};
  const hanging = queue.run(live(100), never, () => new Promise<void>((resolve) => (comeBack = resolve)));
  const waiting = queue.run(live(100), never, async () => 'never');
  const hung = { name: 'BusError', kind: 'hung', message: expect.stringContaining('does not come back') };
  const failures = [expect(hanging).rejects.toThrow('no answer within 100 ms'), expect(waiting).rejects.toMatchObject(hung)];
  await clock.advance(100);
  expect([queue.hung, said]).toEqual([undefined, []]);
  await clock.advance(1000);
  await Promise.all(failures);
  await expect(queue.run(live(100), never, async () => 'no')).rejects.toMatchObject(hung);
  await clock.advance(58_900);
  expect(queue.hung?.message).toMatch(/^i2c1: a call into its driver does not come back; unplug/);
  comeBack();
  await clock.advance(0);
  expect(await queue.run(live(100), never, async () => 'again')).toBe('again');
  expect(queue.hung).toBeUndefined();
  expect(said).toEqual([expect.stringMatching(/^i2c1: a call into its driver does not come back; unplug/), undefined]);
});

test('gives its turn on when the caller has gone away', async () => {
  const clock = new TestClock();
  const queue = busQueue('i2c1', clock);
  const gone = new AbortController();
  const first = queue.run(live(1000), never, (signal) => sleep(clock, 10, signal));
  const second = queue.run(live(1000), gone.signal, async () => 'second');
  const third = queue.run(live(1000), never, async () => 'third');
  gone.abort(new Error('stopped'));
  const failure = expect(second).rejects.toThrow('stopped');
  await clock.advance(10);
  await first;
  await failure;
  expect(await third).toBe('third');
});

test('lets a switch go before polls, polls before tries of silent devices, and these only into a gap that is long enough', async () => {
  const clock = new TestClock();
  const queue = busQueue('meters', clock);
  await clock.advance(60_000);
  queue.expect('live', 60_250);
  const began: [string, number][] = [];
  const job = (name: string, tookMs: number) => (signal: AbortSignal) => {
    began.push([name, clock.monotonicMs()]);
    return sleep(clock, tookMs, signal);
  };
  const probe = (expectedMs: number): Turn => ({ rank: 'probe', deadlineMs: 1000, probe: { expectedMs, latestMs: 70_000 } });
  const all = [
    queue.run(live(1000), never, job('poll', 10)),
    queue.run(probe(300), never, job('try', 300)),
    queue.run(live(1000), never, job('another poll', 10)),
    queue.run({ rank: 'order', deadlineMs: 1000 }, never, job('switch', 10)),
  ];
  await clock.advance(250);
  all.push(queue.run(live(1000), never, job('poll of the grid', 10)));
  await clock.advance(10);
  queue.expect('live', 70_250);
  await clock.advance(1000);
  await Promise.all(all);
  expect(began).toEqual([
    ['poll', 60_000],
    ['switch', 60_010],
    ['another poll', 60_020],
    // 220 ms to the next poll are too short for it.
    ['poll of the grid', 60_250],
    ['try', 60_260],
  ]);
});

test('lets what makes an output safe go first, and nothing else while it is held for that', async () => {
  const clock = new TestClock();
  const queue = busQueue('relays', clock);
  const began: [string, number][] = [];
  const job = (name: string) => (signal: AbortSignal) => {
    began.push([name, clock.monotonicMs()]);
    return sleep(clock, 10, signal);
  };
  const place = (name: string, rank: Turn['rank']) => queue.run({ rank, deadlineMs: 1000 }, never, job(name));
  const release = queue.hold(100, 1_000);
  queue.hold(2_000, 2_500);
  await clock.advance(50);
  const all = [place('poll', 'live'), place('order', 'order'), place('look', 'look'), place('off', 'safe')];
  await clock.advance(50);
  all.push(place('held poll', 'live'), place('held order', 'order'));
  await clock.advance(100);
  all.push(place('off in time', 'safe'), place('look in time', 'look'));
  await clock.advance(100);
  release();
  await clock.advance(1_750);
  all.push(place('poll until the end', 'live'));
  await clock.advance(1_000);
  await Promise.all(all);
  expect(began).toEqual([
    ['poll', 50],
    ['off', 60],
    ['look', 70],
    ['order', 80],
    ['off in time', 200],
    ['look in time', 210],
    ['held order', 300],
    ['held poll', 310],
    ['poll until the end', 2_500],
  ]);
});

test('lets a try of a silent device go when it has waited until its latest moment, before polls that leave no gap', async () => {
  const clock = new TestClock();
  const queue = busQueue('meters', clock);
  await clock.advance(60_000);
  queue.expect('live', 60_000);
  const stop = new AbortController();
  const busy = async () => {
    for (;;) await queue.run(live(1000), stop.signal, (signal) => sleep(clock, 100, signal));
  };
  const polls = [busy(), busy()].map((loop) => expect(loop).rejects.toThrow());
  const turn: Turn = { rank: 'probe', deadlineMs: 1000, probe: { expectedMs: 300, latestMs: 66_000 } };
  const tried = queue.run(turn, never, async () => clock.monotonicMs());
  await clock.advance(7000);
  expect(await tried).toBe(66_000);
  stop.abort(new Error('stopped'));
  await clock.advance(1000);
  await Promise.all(polls);
});

test('lets tries of silent devices take 2 % of the time and no more, unless nobody is there to be delayed', async () => {
  const clock = new TestClock();
  for (const isAnybodyLive of [true, false]) {
    const startMs = clock.monotonicMs();
    const queue = busQueue('meters', clock);
    const expectPoll = () => isAnybodyLive && queue.expect('live', clock.monotonicMs() + 10_000);
    const stop = new AbortController();
    const tries = async () => {
      for (;;) {
        expectPoll();
        const turn: Turn = { rank: 'probe', deadlineMs: 300, probe: { expectedMs: 300, latestMs: 0 } };
        await queue.run(turn, stop.signal, (signal) => sleep(clock, 10_000, signal)).catch(() => {});
        stop.signal.throwIfAborted();
      }
    };
    const ended = expect(tries()).rejects.toThrow('stopped');
    await clock.advance(3_600_000);
    const { probeMs } = queue.use;
    stop.abort(new Error('stopped'));
    await clock.advance(0);
    await ended;
    if (isAnybodyLive) {
      // One may have begun a moment ago.
      expect(probeMs / (clock.monotonicMs() - startMs)).toBeLessThanOrEqual(0.02 + 0.3 / 3600);
      expect(probeMs / (clock.monotonicMs() - startMs)).toBeGreaterThan(0.019);
    } else expect(probeMs).toBeCloseTo(3_600_000, -3);
  }
});

test('forgets who waits when he goes away, at once', async () => {
  const clock = new TestClock();
  const queue = busQueue('meters', clock);
  queue.expect('live', 100_000);
  const gone = new AbortController();
  const turn: Turn = { rank: 'probe', deadlineMs: 1000, probe: { expectedMs: 300, latestMs: 50_000 } };
  const first = queue.run(live(1000), never, (signal) => sleep(clock, 10, signal));
  const waiting = queue.run(turn, gone.signal, async () => 'never');
  gone.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await clock.advance(10);
  await first;
  expect(clock.timerCount).toBe(0);
});

test('lets everybody begin on a clock that goes on between two looks at it', async () => {
  const clock = new TickingClock();
  const queue = busQueue('meters', clock);
  await clock.advance(60_000);
  queue.expect('live', 61_000);
  const began: string[] = [];
  const probe: Turn = { rank: 'probe', deadlineMs: 1000, probe: { expectedMs: 300, latestMs: 66_000 } };
  const turns = { poll: { ...live(1000), readyMs: () => undefined }, probe, later: { ...live(1000), readyMs: () => 62_000 } };
  const all = Object.entries(turns).map(([name, turn]) => queue.run(turn, never, async () => began.push(name)));
  await clock.advance(0);
  expect(began).toEqual(['poll', 'probe']);
  await clock.advance(2_001);
  await Promise.all(all);
  expect(began).toEqual(['poll', 'probe', 'later']);
});

/** Boards on one bus, of which some do not answer; each order takes its board's time. */
function boards(deadMs: number, ...dead: string[]) {
  const clock = new TestClock();
  const queue = busQueue('relays', clock);
  const began: [string, number][] = [];
  const inTheWay: boolean[] = [];
  const ask = (board: string, rank: Turn['rank'] = 'safe') =>
    queue
      .run({ rank, board, deadlineMs: 10_000 }, never, async (signal, isInTheWay) => {
        began.push([board, clock.monotonicMs()]);
        const isDead = dead.includes(board);
        await sleep(clock, isDead ? deadMs : 10, signal);
        if (!isDead) return;
        inTheWay.push(isInTheWay());
        throw new BusError('timeout', `${board} does not answer`);
      })
      .catch(() => {});
  return { clock, queue, began, ask, inTheWay };
}

test('asks a board that did not answer after all others, and of several the one that was asked the longest ago', async () => {
  const { clock, began, ask, inTheWay } = boards(100, 'a', 'b');
  // The second of b waits behind that of a, and b was asked before.
  const all = ['b', 'a', 'a', 'b', 'c', 'c'].map((board) => ask(board));
  await clock.advance(500);
  await Promise.all(all);
  expect(began).toEqual([
    ['b', 0],
    ['a', 100],
    ['c', 200],
    ['c', 210],
    ['b', 220],
    ['a', 320],
  ]);
  // Others are kept waiting by the first of each, until it is known.
  expect(inTheWay).toEqual([true, true, false, false]);
});

test('gives the others as much time as a board has taken that is gone, and all of it while it is held for another', async () => {
  const { clock, queue, began, ask } = boards(100, 'gone');
  queue.expect('meter', 1e6);
  const all = [ask('gone')];
  await clock.advance(100);
  all.push(ask('gone'), ask('gone'));
  await clock.advance(20);
  all.push(ask('meter', 'live'));
  await clock.advance(80);
  // The other half: it has the bus again.
  const release = queue.hold(300, 1_000, 'other');
  await clock.advance(300);
  expect(began).toEqual([
    ['gone', 0],
    ['meter', 120],
    ['gone', 200],
  ]);
  release();
  await clock.advance(200);
  await Promise.all(all);
  expect(began.at(-1)).toEqual(['gone', 500]);
});

test('keeps a board that is gone from nothing when the bus is held for it, or for others that are gone', async () => {
  const { clock, queue, began, ask } = boards(100, 'gone', 'too');
  const all = [ask('gone')];
  await clock.advance(100);
  all.push(ask('too'));
  await clock.advance(100);
  queue.hold(200, 5_000, 'gone');
  queue.hold(200, 5_000, 'too');
  await clock.advance(100);
  all.push(ask('gone'));
  await clock.advance(100);
  await Promise.all(all);
  expect(began.at(-1)).toEqual(['gone', 300]);
});
