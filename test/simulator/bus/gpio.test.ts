import { expect, test } from 'vitest';
import { hex } from '../../support/hex.ts';
import { constant, GPIO } from '../site.ts';
import { DOOR, deviceFault, LIGHT, signal, world } from './test-world.ts';

test('an input shows its contact as wired, and each change when it comes', async () => {
  const { clock, buses } = await world([GPIO], [DOOR]);
  const input = await (await buses.gpio()).input(17).open({ pull: 'up', debounceMs: 30 });
  expect(await input.read()).toBe(true);
  const stop = new AbortController();
  const changes: [boolean, number][] = [];
  const reading = (async () => {
    for await (const level of input.changes(stop.signal)) changes.push([level, clock.monotonicMs()]);
  })();
  await clock.runUntil(10 * 3_600_000);
  stop.abort();
  await clock.run(reading);
  expect(changes).toHaveLength(20);
  changes.forEach(([level, atMs], i) => {
    expect(level).toBe(i % 2 === 1);
    if (i % 2 === 1) expect(atMs - (changes[i - 1]?.[1] ?? 0)).toBe(300_000);
  });
  expect(clock.pendingCount).toBe(0);
});

test('a change within the debounce time is held back until it is over, and a bounce is never seen', async () => {
  const { clock, buses } = await world([GPIO], [DOOR]);
  const input = await (await buses.gpio()).input(17).open({ pull: 'up', debounceMs: 400_000 });
  const changes: number[] = [];
  const reading = (async () => {
    for await (const _ of input.changes(signal)) changes.push(clock.monotonicMs());
  })();
  reading.catch(() => {});
  await clock.runUntil(3_600_000);
  expect(changes).toHaveLength(2);
  const heldMs = (changes[1] ?? 0) - (changes[0] ?? 0);
  expect(heldMs).toBeGreaterThanOrEqual(400_000);
  // An edge that comes late from the program that saw it is waited for.
  expect(heldMs).toBeLessThanOrEqual(400_050);
});

test('a line has one owner, an output keeps its level, and a line with nothing on it shows its pull', async () => {
  const { buses, frames } = await world([GPIO], [LIGHT]);
  const lines = await buses.gpio();
  const output = await lines.output(27).open(true);
  await expect(lines.output(27).open(false)).rejects.toMatchObject({ kind: 'busy', message: expect.stringMatching(/27/) });
  expect(await output.read()).toBe(true);
  await output.write(false);
  expect(await output.read()).toBe(false);
  expect(frames.map(({ label, bytes: level }) => `${label}=${hex(level)}`)).toEqual(['27=01', '27=00']);
  await output.close();
  await lines.output(27).open(true);
  expect(await (await lines.input(4).open({ pull: 'up', debounceMs: 0 })).read()).toBe(true);
  expect(await (await lines.input(5).open({ pull: 'down', debounceMs: 0 })).read()).toBe(false);
});

test('a contact whose wire is cut shows the pull, and that is a change', async () => {
  const closed = { ...DOOR, simulate: new Map([['closed', constant(1)]]) };
  const { clock, buses } = await world([GPIO], [closed], [deviceFault('silent', 'door', { fromMs: 1000, toMs: 2000 })]);
  const input = await (await buses.gpio()).input(17).open({ pull: 'up', debounceMs: 30 });
  const changes: [boolean, number][] = [];
  const reading = (async () => {
    for await (const level of input.changes(signal)) changes.push([level, clock.monotonicMs()]);
  })();
  reading.catch(() => {});
  await clock.runUntil(5000);
  expect(changes).toEqual([
    [true, 1000],
    [false, 2000],
  ]);
});
