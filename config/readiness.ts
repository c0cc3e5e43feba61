import type { Driver } from '../drivers/driver.ts';
import { normaliseUnit } from '../drivers/quantities.ts';
import { activeReadings } from './check-devices.ts';
import type { ProblemParameters } from './problem.ts';
import { type BoardFile, isPulseKind } from './schema-board.ts';
import type { Plugged, Site } from './site.ts';

/** Finds a driver by its name, or undefined when this version has none; loadDriver of drivers/registry.ts. */
export type FindDriver = (id: string) => Promise<Driver | undefined>;

/** What becomes of a device in this version. */
export type Readiness =
  | { readonly kind: 'runs'; readonly driver: Driver; readonly with: unknown }
  | { readonly kind: 'skipped'; readonly code: string }
  /** It has errors, which have been reported, or it is switched off. */
  | { readonly kind: 'none' };

/** Buses that this version can open. */
const ACTIVE_BUSES: ReadonlySet<string> = new Set(['i2c', 'serial', 'modbus-rtu', 'modbus-tcp', 'onewire']);

/**
 * Looks whether the device can run here: its driver exists, the place where it is plugged in is one that this version
 * opens, and the driver takes the parameters. What cannot run is named, and the rest of the site runs.
 */
export async function checkReadiness(site: Site, device: Plugged, findDriver: FindDriver): Promise<Readiness> {
  const { id, entry, board, via, parameters } = device;
  const driver = await findDriver(board.driver);
  if (!driver) return skip(site, device, 'C136', { board: board.id, driver: board.driver });
  if (via?.kind === 'port') return skip(site, device, 'C137', { via: entry.via });
  if (via?.kind === 'bus' && !ACTIVE_BUSES.has(via.entry.type)) return skip(site, device, 'C137', { via: entry.via });
  if (Object.keys({ ...board.readings, ...board.outputs }).length === 0) return skip(site, device, 'C140', { board: board.id });
  if (!isRightForDriver(site, device, driver) || !via || !parameters || !entry.enabled) return { kind: 'none' };
  const unable = valueKeys(device, driver);
  if (unable.length > 0) return skip(site, device, 'C142', { board: board.id, keys: unable });
  const checked = driver.with.safeParse(parameters);
  if (checked.success) return { kind: 'runs', driver, with: checked.data };
  for (const issue of checked.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0] ?? '')];
    const kind = issue.code === 'unrecognized_keys' ? 'unknown' : 'value';
    for (const name of names)
      site.report('C138', ['devices', id, 'with', name], { kind, board: board.id, driver: driver.id, name });
  }
  return { kind: 'none' };
}

/** Keys of a reading that make the value from what the device sends, and that no code acts on yet. */
const VALUE_KEYS = ['convert'] as const;
/** Such keys that only the drivers of registers act on, and only a driver that counts pulses. */
const REGISTER_KEYS = ['scale_from'] as const;
const PULSE_KEYS = ['per', 'scale_by', 'starts_at'] as const;

/** Such keys of the readings that are switched on: without them a raw number would go out as a value. */
function valueKeys(device: Plugged, { countsPulses }: Driver): string[] {
  const keys = [
    ...VALUE_KEYS,
    ...(device.board.needs === 'modbus' ? [] : REGISTER_KEYS),
    ...(countsPulses === true ? [] : PULSE_KEYS),
  ];
  return activeReadings(device).flatMap(([name, reading]) =>
    keys.filter((key) => reading[key] !== undefined).map((key) => `${name}.${key}`),
  );
}

/** Every reading of a counter is what came since the last one, what came in all, or what came in a time. */
function countsEveryReading(site: Site, path: readonly string[], { id, readings }: BoardFile, driver: Driver): boolean {
  const wrong = Object.entries(readings ?? {}).filter(([, { kind, per }]) => !isPulseKind(kind) || per === undefined);
  const known = ['kind: delta', 'kind: total', 'kind: rate'].map((kind) => `${kind}, per: pulse`);
  for (const [name, { kind, per }] of wrong) {
    const reading = `${name} (kind: ${kind}, ${per === undefined ? 'no per' : `per: ${per}`})`;
    site.report('C123', path, { board: id, driver: driver.id, reading, known });
  }
  return wrong.length === 0;
}

function skip(site: Site, { id, entry }: Plugged, code: string, parameters: ProblemParameters): Readiness {
  if (!entry.enabled) return { kind: 'none' };
  site.report(code, ['devices', id], { device: id, ...parameters }, 'warning');
  return { kind: 'skipped', code };
}

/** Whether the board declares only what the driver can give. A board file of one's own can get this wrong. */
function isRightForDriver(site: Site, { id, board }: Plugged, driver: Driver): boolean {
  const path = ['devices', id, 'board'];
  if (driver.needs !== board.needs) {
    site.report('C141', path, { board: board.id, driver: driver.id, needs: board.needs, driverNeeds: driver.needs });
    return false;
  }
  const { produces } = driver;
  if (driver.countsPulses) return countsEveryReading(site, path, board, driver);
  if (!produces) return true;
  const wrong = Object.entries(board.readings ?? {}).filter(([name, { unit }]) => produces[name] !== normaliseUnit(unit));
  for (const [name, { unit }] of wrong) {
    const known = Object.entries(produces).map(([each, eachUnit]) => `${each} (${eachUnit})`);
    site.report('C123', path, { board: board.id, driver: driver.id, reading: `${name} (${unit})`, known });
  }
  return wrong.length === 0;
}
