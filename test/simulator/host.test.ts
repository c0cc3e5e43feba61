import { expect, test } from 'vitest';
import type { Http } from '../../gateway/host.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { simulatedHost, simulatedMachine } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { createTrace } from '../../simulator/trace.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { START_WALL_MS, site } from './site.ts';

const nobody: Http = () => Promise.reject(new Error('there is no city here'));

function machineOptions(faults: readonly Fault[] = [], lines: string[] = []) {
  const clock = new VirtualClock(START_WALL_MS, turn);
  const disk = new SimulatedDisk({ clock, random: createRandom(1) });
  const trace = { trace: createTrace((line) => lines.push(line)), stateFolder: '/state' };
  return { config: site([], []), seed: 1, startWallMs: START_WALL_MS, clock, disk, http: nobody, faults, trace };
}

test('the wall clock steps and is unset for as long as the faults say, and each edge is in the trace', async () => {
  const lines: string[] = [];
  const options = machineOptions(
    [
      { at: 'clock', kind: 'step', byMs: -3_600_000, fromMs: 100, toMs: 200 },
      { at: 'clock', kind: 'unset', byMs: 0, fromMs: 300, toMs: 400 },
    ],
    lines,
  );
  const { clock } = await simulatedHost(options);
  const seen = [];
  for (const atMs of [50, 150, 250, 350, 450]) {
    await options.clock.runUntil(atMs);
    seen.push(clock.wall());
  }
  expect(seen).toEqual([
    { ms: START_WALL_MS + 50, quality: 'synced' },
    { ms: START_WALL_MS + 150 - 3_600_000, quality: 'synced' },
    { ms: START_WALL_MS + 250, quality: 'synced' },
    { ms: 350, quality: 'none' },
    { ms: START_WALL_MS + 450, quality: 'synced' },
  ]);
  expect(lines.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    '100.000 fault-begins',
    '200.000 fault-ends',
    '300.000 fault-begins',
    '400.000 fault-ends',
  ]);
});

test('each boot has an id and chances of its own, which the seed determines', async () => {
  const machine = simulatedMachine(machineOptions());
  const [first, second] = [await machine.boot(), await machine.boot()];
  const again = await simulatedMachine(machineOptions()).boot();
  expect(first.host.bootId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  expect(again.host.bootId).toBe(first.host.bootId);
  expect(second.host.bootId).not.toBe(first.host.bootId);
  expect(second.host.random()).not.toBe(first.host.random());
});
