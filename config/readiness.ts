import type { Driver } from '../drivers/driver.ts';
import { normaliseUnit } from '../drivers/quantities.ts';
import { activeReadings } from './check-devices.ts';
import { freePins } from './free-pins.ts';
import { declarationFor, knowsParameter, rangeOf, wantedType } from './parameter-range.ts';
import { inFile } from './parameters.ts';
import { ACTIVE_BUSES } from './plug.ts';
import type { ProblemParameters } from './problem.ts';
import { type BoardFile, isPulseKind } from './schema-board.ts';
import { isWritten, type Plugged, type Site } from './site.ts';
import { usedProviders } from './used-providers.ts';
import { nodeAt } from './yaml-tree.ts';

/** Finds a driver by its name, or undefined when this version has none; loadDriver of drivers/registry.ts. */
export type FindDriver = (id: string) => Promise<Driver | undefined>;

/** What becomes of a device in this version. */
export type Readiness =
  | { readonly kind: 'runs'; readonly driver: Driver; readonly with: unknown }
  | { readonly kind: 'skipped'; readonly code: string }
  /** It has errors, which have been reported, or it is switched off. */
  | { readonly kind: 'none' };

/**
 * Looks which devices can run here: the driver exists, the place where it is plugged in is one that this version opens, and
 * the driver takes the parameters. What cannot run is named, and the rest of the site runs.
 */
export async function checkReadiness(
  site: Site,
  devices: ReadonlyMap<string, Plugged>,
  findDriver: FindDriver,
): Promise<ReadonlyMap<string, Readiness>> {
  const readiness = new Map<string, Readiness>();
  const used = usedProviders(site, devices);
  const check = async (device: Plugged, provider?: Provider) => {
    const driver = await findDriver(device.board.driver);
    readiness.set(device.id, checkDevice({ site, isUsed: used.has(device.id) }, device, driver, provider));
  };
  const onBuses = [...devices.values()].filter(({ via }) => via?.kind !== 'port');
  for (const device of onBuses) await check(device);
  for (const device of devices.values()) {
    if (device.via?.kind !== 'port') continue;
    const { device: id } = device.via;
    const provider = devices.get(id);
    await check(device, provider && { device: provider, readiness: readiness.get(id) });
  }
  return readiness;
}

/** What a device is plugged into; its readiness is undefined where it is itself plugged into a port. */
interface Provider {
  readonly device: Plugged;
  readonly readiness: Readiness | undefined;
}

function checkDevice(
  { site, isUsed }: { readonly site: Site; readonly isUsed: boolean },
  device: Plugged,
  driver: Driver | undefined,
  provider: Provider | undefined,
): Readiness {
  const { id, entry, board, via, parameters } = device;
  if (via?.kind === 'bus' && !ACTIVE_BUSES.has(via.entry.type))
    return skip(site, device, 'C137', { kind: 'mqtt', via: entry.via });
  if (!driver) return skip(site, device, 'C136', { board: board.id, driver: board.driver });
  const unpluggable = via?.kind === 'port' && provider ? checkPort(site, device, driver, provider) : undefined;
  if (unpluggable !== undefined) return unpluggable;
  const isEmpty = Object.keys({ ...board.readings, ...board.outputs }).length === 0;
  if (isEmpty && !driver.ports) return skip(site, device, 'C140', { board: board.id });
  if (isEmpty && !isUsed && entry.enabled) {
    const example = `${id}.${Object.keys(board.provides ?? {})[0] ?? ''}`;
    site.report('C150', ['devices', id], { kind: 'unused', device: id, example }, 'warning');
  } else if (isEmpty && entry.enabled && entry.every !== undefined) {
    site.report('C150', ['devices', id, 'every'], { kind: 'every', device: id }, 'warning');
  }
  if (!isRightForDriver(site, device, driver) || !via || !parameters || !entry.enabled) return { kind: 'none' };
  const unable = valueKeys(device, driver);
  if (unable.length > 0) return skip(site, device, 'C142', { board: board.id, keys: unable });
  const checked = driver.with.safeParse(parameters);
  if (checked.success) return { kind: 'runs', driver, with: checked.data };
  for (const issue of checked.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0] ?? '')];
    for (const name of names) {
      const parameters = { board: board.id, driver: driver.id, name, ...refusal(site, device, driver, name) };
      site.report('C138', ['devices', id, 'with', name], parameters);
    }
  }
  return { kind: 'none' };
}

/** Why a driver does not take a parameter: the site's value, the board's, or what the board declares. */
function refusal(site: Site, { id, board, parameters }: Plugged, driver: Driver, name: string): ProblemParameters {
  const declared = Object.hasOwn(board.with ?? {}, name) ? board.with?.[name] : undefined;
  const value = parameters?.[name];
  if (declared === undefined) return { kind: 'missing', declaration: declarationFor(driver, name) };
  if (!knowsParameter(driver, name)) return { kind: 'unknown' };
  if (value === undefined) return { kind: 'empty', example: String(declared.example ?? '…') };
  const path = ['devices', id, 'with', name];
  const wanted = wantedType(driver, name);
  if (wanted !== undefined && wanted !== typeof value) return { kind: 'type', declared: declared.type, wanted };
  const { choices, least = '', most = '', above = '' } = rangeOf(name, { ...declared, choices: undefined }, driver);
  const isOpen = choices.length === 0 && `${least}${most}${above}` === '';
  // The family is the kind of chip; a board's example has that of its own.
  const family = declared.type === 'onewire_rom' ? String(declared.example ?? '').slice(0, 3) : '';
  return {
    kind: 'value',
    written: nodeAt(site.document.root, path)?.source ?? inFile(declared.type, value),
    choices,
    ...(least !== '' && most !== '' ? { least, most } : { atLeast: least, atMost: most, above }),
    // Some drivers know more than their schema can say.
    other: isOpen && family === '' ? board.id : '',
    family,
    // What nobody wrote in the site stands in the board file.
    inBoard: isWritten(site, path) ? '' : 'default',
  };
}

/** What keeps a device from running at a port of another; undefined when nothing does. */
function checkPort(
  site: Site,
  device: Plugged,
  driver: Driver,
  { device: provider, readiness }: Provider,
): Readiness | undefined {
  const { id, entry } = device;
  const path = ['devices', id, 'via'];
  if (!provider.entry.enabled || readiness?.kind === 'skipped') {
    const kind = provider.entry.enabled ? 'skipped' : 'off';
    if (entry.enabled) site.report('C150', path, { kind, device: id, provider: provider.id }, 'warning');
    return entry.enabled ? { kind: 'skipped', code: 'C150' } : { kind: 'none' };
  }
  // What is wrong with it has been reported.
  if (readiness?.kind === 'none') return { kind: 'none' };
  if (readiness?.kind !== 'runs' || readiness.driver.ports === undefined)
    return skip(site, device, 'C137', { kind: 'port', via: entry.via, provider: provider.board.id });
  const { lookMs, pulls } = readiness.driver.ports;
  const pull = device.parameters?.['pull'];
  // A device whose parameters are wrong has been told so.
  if (
    device.parameters !== undefined &&
    device.board.needs === 'digital_in' &&
    pulls !== undefined &&
    !pulls.some((each) => each === pull)
  ) {
    const parameters = {
      kind: 'pull',
      provider: provider.board.id,
      pull: String(pull),
      known: pulls.map((each) => `pull: ${each}`),
    };
    site.report('C150', ['devices', id, 'with', 'pull'], parameters);
    return { kind: 'none' };
  }
  if (driver.countsPulses !== true || lookMs === undefined) return undefined;
  const free = freePins(site.file)[0] ?? '';
  const parameters = { kind: 'counter', device: id, provider: provider.board.id, everyMs: lookMs, free };
  site.report('C150', path, parameters);
  return { kind: 'none' };
}

/** Keys of a reading that make the value from what the device sends, and that only the drivers of registers act on. */
const REGISTER_KEYS = ['scale_from'] as const;
/** And only a driver that counts pulses. */
const PULSE_KEYS = ['per', 'scale_by', 'starts_at'] as const;

/** Such keys of the readings that are switched on: without them a raw number would go out as a value. */
function valueKeys(device: Plugged, { countsPulses }: Driver): string[] {
  const keys = [...(device.board.needs === 'modbus' ? [] : REGISTER_KEYS), ...(countsPulses === true ? [] : PULSE_KEYS)];
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
  const { produces, ports } = driver;
  const missing = Object.keys(board.provides ?? {}).filter((port) => ports?.ids?.includes(port) === false);
  for (const port of missing) site.report('C151', path, { board: board.id, driver: driver.id, port, known: ports?.ids ?? [] });
  if (missing.length > 0) return false;
  if (driver.countsPulses) return countsEveryReading(site, path, board, driver);
  if (!produces) return true;
  const wrong = Object.entries(board.readings ?? {}).filter(([name, { unit, convert }]) => {
    const given = produces[name];
    // A conversion can lead to any unit.
    return given === undefined || (convert === undefined && given !== normaliseUnit(unit));
  });
  for (const [name, { unit }] of wrong) {
    const known = Object.entries(produces).map(([each, eachUnit]) => `${each} (${eachUnit})`);
    site.report('C123', path, { board: board.id, driver: driver.id, reading: `${name} (${unit})`, known });
  }
  return wrong.length === 0;
}
