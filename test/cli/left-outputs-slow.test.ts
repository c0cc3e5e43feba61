// A card that takes long to tell what the gateway had at its last start: what the site still has is made safe meanwhile, the rest then.

import { expect, test } from 'vitest';
import { keepSite } from '../../cli/kept-site.ts';
import { openLeftOutputs } from '../../cli/left-outputs.ts';
import { loadModules } from '../../gateway/modules.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { slowDisk } from '../support/slow-disk.ts';

const FOLDER = '/state';
const SITE_FILE = '/etc/barri/trial.gateway.yaml';
const SLOW_MS = 40_000;
const relay = (id: string, coil: number) =>
  `  ${id}: { board: relay@1, via: relays.relay${coil + 1}, outputs: { switch: { safe: off, max_on: 1h } } }\n`;
const STAYS = relay('stays', 0);
const LEAVES = relay('leaves', 1);

async function siteOf(devices: string) {
  const { config, problems } = await loadText(`schema: gateway/v1
gateway: { id: trial }
buses: { line: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600 } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
${devices}`);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

test.each([
  ['one has left', STAYS + LEAVES, [0, 1]],
  ['none has', STAYS, [0]],
])('the outputs of the site wait for it a second: %s', async (_what, before, coils) => {
  const [was, config] = [await siteOf(before), await siteOf(STAYS)];
  const clock = new VirtualClock(START_WALL_MS, turn);
  const disk = new SimulatedDisk({ clock, random: createRandom(1), faults: [], syncMs: 8 });
  const http = () => Promise.reject(new Error('nobody asks the city'));
  const log: string[] = [];
  const machine = { config: was, seed: 1, startWallMs: START_WALL_MS, clock, disk, http, faults: [] };
  const host = await simulatedHost({ ...machine, log: (_level, code) => log.push(code) });
  // Under the virtual clock nothing can be waited for that takes time of its own.
  await loadModules(was);
  await clock.run(disk.mkdir(FOLDER));
  await clock.run(keepSite(SITE_FILE, was, host, FOLDER));
  const startedMs = clock.monotonicMs();
  const writes: CoilWrite[] = [];
  const watched = lossyLines(
    host,
    () => false,
    (write) => writes.push(write),
  );
  const slow = { ...watched, disk: slowDisk(disk, clock, SLOW_MS, (call) => call === 'size') };
  const fatal: unknown[] = [];
  const left = openLeftOutputs(SITE_FILE, config, FOLDER, { host: slow, fatal: (error) => fatal.push(error) });
  await clock.run(left.makeSafe());
  expect(new Set(writes.map(({ coil, on }) => `${coil} ${on}`))).toEqual(new Set(coils.map((coil) => `${coil} false`)));
  const firstMs = coils.map((coil) => (writes.find((write) => write.coil === coil)?.atMs ?? Number.NaN) - startedMs);
  expect(firstMs[0]).toBeLessThan(2_000);
  if (firstMs[1] !== undefined) expect(firstMs[1]).toBeLessThan(SLOW_MS + 2_000);
  expect(log.filter((code) => code.startsWith('left-output'))).toEqual(coils.length > 1 ? ['left-output-made-safe'] : []);
  expect(fatal).toEqual([]);
});
