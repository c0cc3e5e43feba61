import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadSite } from '../../config/load-site.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { createRandom } from '../../simulator/random.ts';
import { simulate } from '../../simulator/run.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RUN_MS = 60 * 60_000;

describe('a sensor that the city does not know', () => {
  it('makes no other wait, with the journal that the gateway has', { timeout: 60_000 }, async () => {
    const { config } = await loadSite(`${ROOT}examples/sites/carrer-demo.gateway.yaml`, {
      readFile: (path) => readFile(path),
      listFolder: (folder) => readdir(folder).catch(() => []),
      boardFolders: [`${ROOT}boards`],
    });
    if (config === undefined) throw new Error('the example site has errors');
    const world = worldForSite(config, 'demo-token');
    const [unknown, ...known] = world.sensors;
    const city = createCity({ ...world, sensors: known });
    await simulate(config, {
      seed: 1,
      startWallMs: Date.UTC(2026, 2, 29, 9),
      forMs: RUN_MS,
      token: 'demo-token',
      faults: [],
      disk: (clock) => new SimulatedDisk({ clock, random: createRandom(2), faults: [] }),
      http: (clock) => cityHttp(city, clock, { faults: [], latencyMs: 40, random: createRandom(3) }),
    });
    const stored = city.observations(config.sentilo?.provider ?? '');
    expect(stored.filter(({ sensor }) => sensor === unknown?.sensor)).toEqual([]);
    expect(stored.length).toBeGreaterThan(3_000);
    // One second for the interval of the lane, one for that of the journal, and one for the second itself.
    expect(Math.max(...stored.map(({ timestampMs, arrivalMs }) => arrivalMs - timestampMs))).toBeLessThan(4_000);
  });
});
