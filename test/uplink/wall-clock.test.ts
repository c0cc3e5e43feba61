import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadSite } from '../../config/load-site.ts';
import type { Clock } from '../../drivers/clock.ts';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import type { Observation } from '../../gateway/record.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { simulate } from '../../simulator/run.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const RUN_MS = 30 * MINUTE_MS;
const START_WALL_MS = Date.UTC(2026, 2, 29, 9);

/** An observation, and how long after the start of the run it was made. */
interface Measured extends Observation {
  readonly atMs: number;
}

/** What the gateway measured for the city while these faults lasted, and what the city holds afterwards. */
async function life(faults: readonly Fault[]) {
  const { config } = await loadSite(`${ROOT}examples/sites/carrer-demo.gateway.yaml`, {
    readFile: (path) => readFile(path),
    listFolder: (folder) => readdir(folder).catch(() => []),
    boardFolders: [`${ROOT}boards`],
  });
  if (config === undefined) throw new Error('the example site has errors');
  const city = createCity(worldForSite(config, 'demo-token'));
  let world: { clock: Clock; disk: SimulatedDisk } | undefined;
  await simulate(config, {
    seed: 1,
    startWallMs: START_WALL_MS,
    forMs: RUN_MS,
    token: 'demo-token',
    faults,
    disk: (clock) => {
      const disk = new SimulatedDisk({ clock, random: createRandom(2), faults });
      world = { clock, disk };
      return disk;
    },
    http: (clock) => cityHttp(city, clock, { faults, latencyMs: 40, random: createRandom(3) }),
  });
  if (world === undefined) throw new Error('the simulation made no disk');
  const limits = { syncMs: 0, maxSizeBytes: Number.MAX_SAFE_INTEGER, keepMs: Number.MAX_SAFE_INTEGER };
  const journal = await openJournal(world.disk, '/state/journal', { clock: world.clock, log: () => {}, ...limits });
  // The monotonic clock of each boot begins at 0 when the power comes on.
  const bootsMs = [0, ...faults.filter(({ at }) => at === 'power').map(({ toMs }) => toMs)];
  const boots: string[] = [];
  const measured: Measured[] = [];
  for (const { record } of await journal.read(1, Number.MAX_SAFE_INTEGER)) {
    if (!boots.includes(record.boot)) boots.push(record.boot);
    if (record.kind !== 'observation' || !record.publish || record.heldFrom !== undefined) continue;
    measured.push({ ...record, atMs: record.monotonicMs + (bootsMs[boots.indexOf(record.boot)] ?? Number.NaN) });
  }
  return {
    measured,
    // The second that runs when the gateway stops may still wait for its end; the next start sends it.
    due: measured.filter(({ atMs }) => atMs < RUN_MS - 5_000),
    inCity: city.observations(config.sentilo?.provider ?? '').map(({ sensor, timestampMs }) => `${sensor} ${timestampMs / 1000}`),
  };
}

/** By the clock of the world, whatever the gateway's own clock said. */
const trueKey = ({ sensor, atMs }: Measured) => `${sensor} ${Math.floor((START_WALL_MS + atMs) / 1000)}`;

/** What of `expected` is not among `found`, one for one. */
function missingFrom(found: readonly string[], expected: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const key of found) left.set(key, (left.get(key) ?? 0) + 1);
  return expected.filter((key) => {
    const count = left.get(key) ?? 0;
    left.set(key, count - 1);
    return count <= 0;
  });
}

describe('every reading reaches the city once, with the second in which it was measured', () => {
  const window = { fromMs: 17 * MINUTE_MS, toMs: Number.POSITIVE_INFINITY };
  const lossy: Fault = { at: 'city', kind: 'drop-answer', rate: 0.3, fromMs: 0, toMs: 25 * MINUTE_MS };
  it.each<[string, Fault[]]>([
    ['the wall clock steps back by half an hour', [{ at: 'clock', kind: 'step', byMs: -30 * MINUTE_MS, ...window }]],
    ['the wall clock steps forward by a day (ck-03)', [{ at: 'clock', kind: 'step', byMs: DAY_MS, ...window }]],
    ['the wall clock steps into the year 2000 (ck-04)', [{ at: 'clock', kind: 'step', byMs: -9_502 * DAY_MS, ...window }]],
    [
      'the wall clock steps forward and back again',
      [{ at: 'clock', kind: 'step', byMs: 30 * MINUTE_MS, fromMs: 5 * MINUTE_MS, toMs: 20 * MINUTE_MS }],
    ],
    ['answers are lost and the wall clock steps back', [lossy, { at: 'clock', kind: 'step', byMs: -30 * MINUTE_MS, ...window }]],
    [
      'the wall clock has stepped when the power is cut and is right after it',
      [
        { at: 'clock', kind: 'step', byMs: 40 * DAY_MS, fromMs: 5 * MINUTE_MS, toMs: 21 * MINUTE_MS },
        { at: 'city', kind: 'refuse', rate: 1, fromMs: 4 * MINUTE_MS, toMs: 24 * MINUTE_MS },
        { at: 'power', fromMs: 20 * MINUTE_MS, toMs: 22 * MINUTE_MS },
      ],
    ],
  ])('when %s', async (_name, faults) => {
    const { measured, due, inCity } = await life(faults);
    expect(due.length).toBeGreaterThan(2_000);
    expect(missingFrom(inCity, due.map(trueKey))).toEqual([]);
    expect(missingFrom(measured.map(trueKey), inCity)).toEqual([]);
  });

  const unset: Fault = { at: 'clock', kind: 'unset', byMs: 0, fromMs: 0, toMs: 10 * MINUTE_MS };
  const away: Fault = { at: 'city', kind: 'refuse', rate: 1, fromMs: 0, toMs: 20 * MINUTE_MS };
  it.each<[string, Fault[]]>([
    ['the clock is set only after ten minutes', [unset]],
    ['the clock is set after ten minutes while the city is away', [unset, away]],
    [
      'the clock is set after ten minutes and the power goes before the city is back',
      [unset, away, { at: 'power', fromMs: 11 * MINUTE_MS, toMs: 12 * MINUTE_MS }],
    ],
    ['answers are lost and the clock is set after ten minutes', [unset, lossy]],
  ])('when %s', async (_name, faults) => {
    const { measured, due, inCity } = await life(faults);
    expect(due.filter(({ wallQuality }) => wallQuality === 'none').length).toBeGreaterThan(500);
    expect(missingFrom(inCity, due.map(trueKey))).toEqual([]);
    expect(missingFrom(measured.map(trueKey), inCity)).toEqual([]);
  });

  // Case ck-08: one line from 1970 between two that are right.
  it('but for those of a boot that ended without a time, which wait and reach nobody as of 1970', async () => {
    const cuts: Fault[] = [5, 10].map((minute) => ({ at: 'power', fromMs: minute * MINUTE_MS, toMs: (minute + 1) * MINUTE_MS }));
    const dark: Fault = { at: 'clock', kind: 'unset', byMs: 0, fromMs: 5.5 * MINUTE_MS, toMs: 10.5 * MINUTE_MS };
    const { measured, due, inCity } = await life([...cuts, dark]);
    const timeless = due.filter(({ atMs }) => atMs >= 6 * MINUTE_MS && atMs < 10 * MINUTE_MS);
    expect(timeless.length).toBeGreaterThan(200);
    expect(missingFrom(inCity, due.map(trueKey))).toEqual(timeless.map(trueKey));
    expect(missingFrom(measured.map(trueKey), inCity)).toEqual([]);
  });
});
