import { expect, test } from 'vitest';
import { constant, GPIO } from '../site.ts';
import { DOOR, deviceFault, world } from './test-world.ts';

const MINUTE_MS = 60_000;
/** The wire hangs free beside a motor. */
const STORM = { fromMs: MINUTE_MS, toMs: 3 * MINUTE_MS };

async function stormyDoor(storm = STORM) {
  const open = { ...DOOR, simulate: new Map([['closed', constant(0)]]) };
  const { clock, buses } = await world([GPIO], [open], [deviceFault('noise', 'door', storm)]);
  const input = await (await buses.gpio()).input(17).open({ pull: 'up', debounceMs: 0 });
  const stop = new AbortController();
  const levels: { level: boolean; atMs: number }[] = [];
  const reading = (async () => {
    for await (const level of input.changes(stop.signal)) levels.push({ level, atMs: clock.monotonicMs() });
  })();
  const end = async () => {
    stop.abort();
    await clock.run(reading);
  };
  return { clock, input, levels, end };
}

test('a storm is followed for 200 edges and no longer, whatever it does', async () => {
  const { clock, levels, end } = await stormyDoor();
  await clock.runUntil(3 * MINUTE_MS);
  expect(levels.length).toBeLessThanOrEqual(200);
  expect(levels.at(-1)?.atMs).toBeLessThanOrEqual(MINUTE_MS + 200);
  await end();
  expect(clock.pendingCount).toBe(0);
});

test('a line in a storm cannot be read, and says so', async () => {
  const { clock, input, end } = await stormyDoor();
  await clock.runUntil(2 * MINUTE_MS);
  await expect(input.read()).rejects.toMatchObject({ kind: 'edge-storm', message: expect.stringMatching(/GPIO line 17/) });
  await end();
});

test('after 30 s of quiet the level is given twice, which says that changes were missed, and the line is followed again', async () => {
  const { clock, input, levels, end } = await stormyDoor();
  await clock.runUntil(3 * MINUTE_MS + 29_000);
  await expect(input.read()).rejects.toMatchObject({ kind: 'edge-storm' });
  const before = levels.length;
  await clock.runUntil(3 * MINUTE_MS + 61_000);
  expect(await input.read()).toBe(true);
  expect(levels.slice(before).map(({ level }) => level)).toEqual([true, true]);
  await end();
});

test('a storm without an end is tried every five minutes, for 200 edges each time', async () => {
  const { clock, levels, end } = await stormyDoor({ fromMs: MINUTE_MS, toMs: 62 * MINUTE_MS });
  await clock.runUntil(61 * MINUTE_MS);
  // The two equal levels at each new beginning are no edges.
  expect(levels.length).toBeLessThanOrEqual(12 * 202);
  expect(new Set(levels.map(({ atMs }) => Math.floor(atMs / MINUTE_MS))).size).toBeGreaterThan(10);
  await end();
});
