import { normaliseUnit } from '../drivers/quantities.ts';
import { activeOutputs, activeReadings, EVERY_DEFAULT_MS } from './check-devices.ts';
import { checkBand, hasLimit } from './check-rules.ts';
import type { OutputEntry } from './schema-gateway.ts';
import type { Plugged, Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

/** Units of readings that are no numbers. */
const NO_NUMBERS: ReadonlySet<string> = new Set(['bool', 'text']);

/** What outputs are expected to do must be possible: a reading of numbers, a limit, and time enough for it to be taken. That it exists is checked with all names. */
export function checkExpectations(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  for (const device of devices.values()) {
    for (const [name, own] of activeOutputs(device)) {
      if (own?.expect === undefined) continue;
      const path = ['devices', device.id, 'outputs', name, 'expect'];
      const output = `${device.id}.${name}`;
      if ((own.safe ?? device.board.outputs?.[name]?.safe) === true) site.report('C166', path, { output });
      if (!hasLimit(site, path)) site.report('C165', path, {});
      checkReading(site, own.expect, devices, path);
    }
  }
}

function checkReading(
  site: Site,
  { reading, above, below, within }: NonNullable<OutputEntry['expect']>,
  devices: ReadonlyMap<string, Plugged>,
  path: Path,
): void {
  const [id = '', name = ''] = reading.split('.');
  const device = devices.get(id);
  const board = device?.board.readings?.[name];
  if (device === undefined || board === undefined) return;
  const isTaken = device.entry.enabled && activeReadings(device).some(([each]) => each === name);
  const hasNumbers = board.kind !== 'position' && !NO_NUMBERS.has(normaliseUnit(board.unit) ?? board.unit);
  if (!isTaken) site.report('C164', [...path, 'reading'], { reading });
  else if (!hasNumbers) site.report('C163', [...path, 'reading'], { reading });
  else {
    const valid = device.entry.readings?.[name]?.valid ?? board.valid;
    checkBand(site, path, { reading, above, below }, { code: 'C169', valid });
  }
  const everyMs = device.entry.every ?? site.file.defaults?.every ?? EVERY_DEFAULT_MS;
  if (within <= everyMs) site.report('C167', [...path, 'within'], { reading, seconds: everyMs / 1000 });
}
