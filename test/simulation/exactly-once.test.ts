import { describe, expect, test } from 'vitest';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../drivers/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom, type Random } from '../../simulator/random.ts';
import { simulate } from '../../simulator/run.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { carrerDemo } from '../support/carrer-demo.ts';
import { START_WALL_MS } from './card-world.ts';
import { differences, forTheCity, type NamedHole, NO_DIFFERENCES, namedHoles, readStored } from './comparison.ts';

const MINUTE_MS = 60_000;
/** Faults happen in the first part; after it everything heals and all that waits must arrive. */
const TROUBLE_MS = 15 * MINUTE_MS;
const RUN_MS = 45 * MINUTE_MS;
/** A disk that works again is noticed within this time. */
const WRITTEN_AGAIN_MS = 60_000;
const SEED_COUNT = process.env['BARRI_DEEP'] === '1' ? 200 : 4;
/** Seeds that found something once. 110: sequences in a cursor were used again after their file was gone. */
const FAILED_ONCE = [110];
const SEEDS = [...new Set([...Array.from({ length: SEED_COUNT }, (_, index) => index + 1), ...FAILED_ONCE])];

/** A few faults of every kind that may not cost a reading, each at a random time. The wall clock stays right. */
function troubles(random: Random): Fault[] {
  const window = () => {
    const fromMs = MINUTE_MS + random() * (TROUBLE_MS - 5 * MINUTE_MS);
    return { fromMs, toMs: fromMs + (0.1 + random() * 3) * MINUTE_MS };
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const cityKinds = ['refuse', 'timeout', 'partial', 'drop-answer', 'garbage', 'forget-sensors'] as const;
  const faults: Fault[] = [];
  for (let count = 0; count < 4; count += 1)
    faults.push({ at: 'city', kind: pick(cityKinds), rate: pick([0.3, 1]), ...window() });
  faults.push({ at: 'city', kind: 'status', status: pick([401, 403, 429, 500, 503]), rate: 1, ...window() });
  faults.push({ at: 'bus', bus: 'pm_usb', kind: pick(['unplugged', 'busy', 'hang']), ...window() });
  faults.push({
    at: 'device',
    device: 'flat_1',
    kind: pick(['silent', 'late', 'cut', 'noise']),
    rate: 0.5,
    byMs: 700,
    ...window(),
  });
  faults.push({ at: 'disk', code: pick(['EIO', 'ENOSPC']), operations: ['pwrite', 'fdatasync'], ...window() });
  const cutMs = 2 * MINUTE_MS + random() * 10 * MINUTE_MS;
  faults.push({ at: 'power', fromMs: cutMs, toMs: cutMs + 20_000 });
  return faults;
}

/** What a failing disk keeps in memory is delivered from there; when the power goes before it is written, only the city has it. */
function onlyInMemory(faults: readonly Fault[]): NamedHole[] {
  const disks = faults.filter(({ at }) => at === 'disk');
  const cuts = faults.filter(({ at }) => at === 'power');
  const lost = disks.flatMap((disk) =>
    cuts.flatMap((cut) => (disk.fromMs <= cut.fromMs && cut.fromMs <= disk.toMs + WRITTEN_AGAIN_MS ? { disk, cut } : [])),
  );
  return lost.map(({ disk, cut }) => ({ fromMs: START_WALL_MS + disk.fromMs - MINUTE_MS / 60, toMs: START_WALL_MS + cut.toMs }));
}

/** Halves of requests and answers, answers that no client should take, and some that come after everybody has given up. */
const HALVES: readonly Fault[] = (['cut-request', 'cut-answer', 'long-answer', 'slow'] as const).map((kind, index) => {
  const fromMs = (1 + 3 * index) * MINUTE_MS;
  return { at: 'city', kind, rate: 0.6, byMs: 25_000, fromMs, toMs: fromMs + 2 * MINUTE_MS };
});

async function life(config: Config, seed: number, given?: readonly Fault[]) {
  const random = createRandom(seed);
  const faults = given ?? troubles(random.fork('troubles'));
  const city = createCity(worldForSite(config, 'demo-token'));
  let clockOfRun: Clock | undefined;
  let disk: SimulatedDisk | undefined;
  await simulate(config, {
    seed,
    startWallMs: START_WALL_MS,
    forMs: RUN_MS,
    token: 'demo-token',
    faults,
    disk: (clock) => {
      clockOfRun = clock;
      disk = new SimulatedDisk({ clock, random: random.fork('disk'), faults });
      return disk;
    },
    http: (clock) => cityHttp(city, clock, { faults, latencyMs: 40, random: random.fork('city') }),
  });
  if (disk === undefined || clockOfRun === undefined) throw new Error('the simulation made no disk');
  const records = await readStored(disk, '/state/journal', clockOfRun);
  const kept = forTheCity(records.map(({ record }) => record));
  return {
    kept,
    holes: [...namedHoles(records), ...onlyInMemory(faults)],
    stored: city.observations(config.sentilo?.provider ?? ''),
  };
}

describe('whatever goes wrong, once it is over every reading of the journal is in the city once, with its value', async () => {
  const config = await carrerDemo();
  test('when requests and answers arrive by halves, too long or too late', async () => {
    const { kept, holes, stored } = await life(config, 1, HALVES);
    expect(kept.length).toBeGreaterThan(3_000);
    expect(differences(kept, stored, START_WALL_MS + RUN_MS - 5_000, holes)).toEqual(NO_DIFFERENCES);
  }, 120_000);

  test.each(SEEDS)(
    'seed %d',
    async (seed) => {
      const { kept, holes, stored } = await life(config, seed);
      expect(kept.length).toBeGreaterThan(3_000);
      // The second that runs when the gateway stops may still wait for its end; the next start sends it.
      expect(differences(kept, stored, START_WALL_MS + RUN_MS - 5_000, holes)).toEqual(NO_DIFFERENCES);
    },
    120_000,
  );
});
