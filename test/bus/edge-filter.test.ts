import { describe, expect, test } from 'vitest';
import { edgeFilter, stormOver } from '../../drivers/bus/edge-filter.ts';
import { STORM_QUIET_MS, STORM_RETRY_MS, STORM_SAMPLE_MS } from '../../drivers/bus/gpio.ts';
import { TestClock } from '../support/test-clock.ts';

const never = () => expect.unreachable('nothing was missed');

/** Edges as `level@ms`; gives what the filter gave, and when by the clock. */
async function filtered(debounceMs: number, edges: readonly (readonly [boolean, number])[], afterMs = 1000) {
  const clock = new TestClock();
  const given: [boolean, number][] = [];
  const filter = edgeFilter(debounceMs, clock, (level) => given.push([level, clock.monotonicMs()]), never);
  let isStorm = false;
  for (const [level, atMs] of edges) {
    await clock.advance(atMs - clock.monotonicMs());
    isStorm ||= !filter.edge(level, atMs);
  }
  await clock.advance(afterMs);
  filter.stop();
  expect(clock.timerCount).toBe(0);
  return { levels: given.map(([level]) => level), given, isStorm };
}

describe('debouncing', () => {
  test('a reed contact that bounces as it closes and opens makes two changes', async () => {
    const { given } = await filtered(50, [
      [false, 100],
      [true, 101],
      [false, 102],
      [true, 300],
      [false, 300.5],
      [true, 301],
    ]);
    expect(given).toEqual([
      [false, 100],
      [true, 300],
    ]);
  });

  test('a pulse that is shorter than the time is a pulse: its end is given when the time is over', async () => {
    const { levels, given } = await filtered(50, [
      [false, 100],
      [true, 110],
    ]);
    expect(levels).toEqual([false, true]);
    expect(given[1]?.[1]).toBeGreaterThanOrEqual(150);
  });

  test('the end of such a pulse is not lost when the next one comes before anybody looked', async () => {
    // By the time that the kernel gave the edges, not by that of their coming.
    const clock = new TestClock();
    const levels: boolean[] = [];
    const filter = edgeFilter(50, clock, (level) => levels.push(level), never);
    for (const [level, atMs] of [
      [false, 100],
      [true, 110],
      [false, 400],
      [true, 600],
    ] as const)
      filter.edge(level, atMs);
    expect(levels).toEqual([false, true, false, true]);
    filter.stop();
  });

  test('a level that bounced is not settled while the edge after it waits for a process that stood still', async () => {
    const clock = new TestClock();
    // A timer that is due while the process stands still runs before anything is read.
    const timers: (() => void)[] = [];
    let nowMs = 0;
    const late = Object.assign(Object.create(clock), {
      monotonicMs: () => nowMs,
      timer: (_delayMs: number, callback: () => void) => {
        timers.push(callback);
        return () => timers.splice(timers.indexOf(callback) >>> 0, 1);
      },
    });
    const levels: boolean[] = [];
    const filter = edgeFilter(50, late, (level) => levels.push(level), never);
    filter.edge(false, 0);
    filter.edge(true, 1);
    nowMs = 3000;
    timers.shift()?.();
    filter.edge(false, 2);
    filter.edge(true, 1000);
    for (let timer = timers.shift(); timer !== undefined; timer = timers.shift()) timer();
    expect(levels).toEqual([false, true]);
  });

  test('without a time every edge is a change', async () => {
    const { levels } = await filtered(0, [
      [false, 1],
      [true, 1.01],
      [false, 1.02],
    ]);
    expect(levels).toEqual([false, true, false]);
  });

  test('two equal edges apart from each other are given twice: the one between was missed', async () => {
    const { levels } = await filtered(50, [
      [false, 100],
      [false, 400],
    ]);
    expect(levels).toEqual([false, false]);
  });
});

describe('an edge that comes after its bounce was settled', () => {
  /** What the filter gave, with ! where something may have been missed; edges as level, time, and how late they come. */
  async function given(edges: readonly (readonly [boolean, number, number])[]) {
    const clock = new TestClock();
    let all = '';
    const filter = edgeFilter(
      50,
      clock,
      (level) => {
        all += level ? 'H' : 'L';
      },
      () => {
        all += '!';
      },
    );
    for (const [level, atMs, lateMs] of edges) clock.timer(atMs + lateMs, () => void filter.edge(level, atMs));
    await clock.advance(1000);
    return all;
  }

  test.each([
    {
      says: 'shows that a level was settled wrongly: the one that corrects it is marked',
      edges: [
        [false, 100, 0],
        [true, 103, 0],
        [false, 105, 90],
        [true, 300, 0],
      ],
      expected: 'LHL!H',
    },
    {
      says: 'and corrected when the next one comes, before its own time is over',
      edges: [
        [false, 100, 0],
        [true, 103, 0],
        [false, 105, 110],
        [true, 216, 0],
      ],
      expected: 'LHL!H',
    },
    {
      says: 'is bounce where another one follows it',
      edges: [
        [false, 100, 0],
        [true, 103, 0],
        [false, 105, 90],
        [true, 106, 89],
        [false, 300, 0],
        [true, 400, 0],
      ],
      expected: 'LHLH',
    },
    {
      says: 'is folded into its bounce where the line has changed since',
      edges: [
        [false, 100, 0],
        [true, 103, 0],
        [false, 105, 70],
        [true, 180, 0],
        [false, 400, 0],
        [true, 500, 0],
      ],
      expected: 'LHLH',
    },
    {
      says: 'is an edge as any other where it is from after that bounce',
      edges: [
        [false, 100, 0],
        [true, 103, 0],
        [false, 155, 90],
        [true, 400, 0],
      ],
      expected: 'LHLH',
    },
  ] as const)('$says', async ({ edges, expected }) => {
    expect(await given(edges)).toBe(expected);
  });
});

describe('a storm', () => {
  const edgesAt = (perSecond: number, count: number) =>
    Array.from({ length: count }, (_, i) => [i % 2 === 0, (i * 1000) / perSecond] as const);

  test.each([
    // A bucket that tips three times a second, its reed bouncing eleven times each way.
    { debounceMs: 50, perSecond: 66, isStorm: false },
    // The hum of the mains on a loose wire, 50 and 60 Hz: no rain, and nobody at the door.
    { debounceMs: 50, perSecond: 100, isStorm: true },
    { debounceMs: 30, perSecond: 120, isStorm: true },
    { debounceMs: 5, perSecond: 190, isStorm: false },
    { debounceMs: 5, perSecond: 400, isStorm: true },
    // A flow meter of 450 pulses a litre at 30 L/min.
    { debounceMs: 2, perSecond: 450, isStorm: false },
    { debounceMs: 2, perSecond: 50_000, isStorm: true },
  ])('$perSecond edges a second, debounced for $debounceMs ms: $isStorm', async ({ debounceMs, perSecond, isStorm }) => {
    expect((await filtered(debounceMs, edgesAt(perSecond, 3 * perSecond))).isStorm).toBe(isStorm);
  });

  async function waited(levelAt: (atMs: number) => boolean, abortMs?: number) {
    const clock = new TestClock();
    const abort = new AbortController();
    if (abortMs !== undefined) clock.timer(abortMs, () => abort.abort());
    const level = await clock.run(stormOver(async () => levelAt(clock.monotonicMs()), clock, abort.signal));
    expect(clock.timerCount).toBe(0);
    return { level, forMs: clock.monotonicMs() };
  }

  test('is over after 30 s of quiet', async () => {
    const { level, forMs } = await waited(() => true);
    expect(level).toBe(true);
    expect(forMs).toBeGreaterThanOrEqual(STORM_QUIET_MS);
    expect(forMs).toBeLessThanOrEqual(STORM_QUIET_MS + STORM_SAMPLE_MS);
  });

  test('is quiet while rain falls: a tip every 20 s', async () => {
    expect((await waited((atMs) => atMs % 20_000 > 100)).forMs).toBeLessThanOrEqual(STORM_QUIET_MS + STORM_SAMPLE_MS);
  });

  // The mains would show the same level at every look if they came ten times a second.
  test.each([50, 60])('of %d Hz is no quiet, and is tried again after five minutes', async (hertz) => {
    const { forMs } = await waited((atMs) => Math.floor((atMs * hertz * 2) / 1000) % 2 === 0);
    expect(forMs).toBeGreaterThanOrEqual(STORM_RETRY_MS);
    expect(forMs).toBeLessThanOrEqual(STORM_RETRY_MS + STORM_QUIET_MS + STORM_SAMPLE_MS);
  });

  test('ends at once when nobody listens any more', async () => {
    expect(await waited(() => true, 1000)).toEqual({ level: undefined, forMs: 1000 });
  });
});
