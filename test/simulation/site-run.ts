// An example site on a simulated machine with its city, and what its simulated devices showed meanwhile.

import type { Config } from '../../config/config.ts';
import { openGateway } from '../../gateway/gateway.ts';
import { loadModules } from '../../gateway/modules.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { type InCity, readJournal } from './comparison.ts';

/** A midnight in UTC. In Madrid it is 1:00, and this is the day on which the hour after it is left out. */
export const START_WALL_MS = Date.UTC(2026, 2, 29);
export const SEED = 5;
const STATE_FOLDER = '/state';
const TOKEN = 'demo-token';

/** A value that the hardware took from the world, and the monotonic time that it is of. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** One run of a site, from its start at monotonic 0 to its end. */
export interface SiteRun {
  readonly config: Config;
  readonly faults: readonly Fault[];
  readonly forMs: number;
  /** What the device models showed, by `<device>.<reading>`, in the order in which they looked at the world. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly records: readonly JournalRecord[];
  readonly inCity: readonly InCity[];
}

/** Runs the production gateway with the site for a while, and stops it. */
export async function runSite(config: Config, forMs: number, faults: readonly Fault[] = []): Promise<SiteRun> {
  const clock = new VirtualClock(START_WALL_MS, turn);
  const random = createRandom(SEED);
  const disk = new SimulatedDisk({ clock, random: random.fork('disk'), faults, syncMs: 8 });
  const city = createCity(worldForSite(config, TOKEN));
  const samples = new Map<string, Sample[]>();
  const host = await simulatedHost({
    config,
    seed: SEED,
    startWallMs: START_WALL_MS,
    clock,
    disk,
    http: cityHttp(city, clock.ofTheWorld(), { faults, latencyMs: 40, random: random.fork('city') }),
    faults,
    shown: (device, reading, atMs, value) => {
      const id = `${device}.${reading}`;
      const list = samples.get(id) ?? [];
      samples.set(id, list);
      list.push({ atMs, value });
    },
  });
  const broken: unknown[] = [];
  const modules = await loadModules(config);
  const options = { stateFolder: STATE_FOLDER, modules, token: TOKEN, fatal: (error: unknown) => broken.push(error) };
  const gateway = await clock.run(openGateway(config, host, options));
  await clock.runUntil(forMs);
  await clock.run(gateway.stop());
  if (broken.length > 0) throw broken[0];
  const records = await readJournal(disk, `${STATE_FOLDER}/journal`, clock);
  return { config, faults, forMs, samples, records, inCity: city.observations(config.sentilo?.provider ?? '') };
}
