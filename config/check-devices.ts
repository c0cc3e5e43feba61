import { normaliseUnit, QUANTITIES } from '../drivers/quantities.ts';
import { listed } from './closest.ts';
import type { ProblemParameters } from './problem.ts';
import type { BoardReading } from './schema-board.ts';
import type { OutputEntry, ReportEntry } from './schema-gateway.ts';
import { CITY_ID } from './schema-types.ts';
import { isWritten, type Plugged, type Site } from './site.ts';
import { numberMisfits, signalMisfits } from './text-readings.ts';
import { nodeAt, type Path } from './yaml-tree.ts';

/** How often a device is asked when nobody says it. */
export const EVERY_DEFAULT_MS = 60_000;

/** More than any analogue input gives: who writes it means millivolts, or has put the true value first. */
const PORT_VOLTS_MAX = 30;

/** The readings of a device that are switched on, with their ids. */
export function activeReadings({ entry, board }: Plugged): [string, BoardReading][] {
  return Object.entries(board.readings ?? {}).filter(([id, reading]) => entry.readings?.[id]?.enabled ?? reading.enabled);
}

/** The outputs of a device that are switched on, with what the site says about each. */
export function activeOutputs({ entry, board }: Plugged): [string, OutputEntry | undefined][] {
  return Object.keys(board.outputs ?? {}).flatMap((id) => {
    const own = entry.outputs?.[id];
    return own?.enabled === false ? [] : ([[id, own]] as [string, OutputEntry | undefined][]);
  });
}

/** The city's id of a reading: `<component>-<device>-<reading>`, each of which can be set. */
export function sensorOf(site: Site, device: Plugged, reading: string): string {
  const own = device.entry.readings?.[reading]?.sentilo?.sensor;
  return own ?? `${componentOf(site, device)}-${device.id}-${reading}`;
}

/** The city's id of the answers to its orders for an output. */
export function answersSensorOf(site: Site, device: Plugged, output: string): string {
  return `${sensorOf(site, device, output)}_ack`;
}

/** The city's id of the component that a device's sensors belong to. */
export function componentOf({ file }: Site, { entry }: Plugged): string {
  return entry.component ?? file.sentilo?.component?.id ?? file.gateway.id;
}

/** The city's type of what measures a quantity. */
export function cityTypeOf({ file }: Site, quantity: string): string {
  return file.sentilo?.types?.[quantity] ?? QUANTITIES.get(quantity)?.cityType ?? '';
}

/** The word of a report that makes one number of many, or undefined. */
export function statisticOf(report: ReportEntry): 'mean_of' | 'max_of' | 'min_of' | undefined {
  return (['mean_of', 'max_of', 'min_of'] as const).find((key) => report[key] !== undefined);
}

/** Units whose numbers are no amounts: half of an open door, or the mean of 350° and 10°, is nothing. */
const NO_AMOUNTS: ReadonlySet<string> = new Set(['bool', 'deg', 'text']);

/** Whether a mean, a highest and a lowest value of the reading mean anything. Those of a meter's count do not. */
export function hasStatistics({ kind, unit }: Pick<BoardReading, 'kind' | 'unit'>): boolean {
  return (kind === 'gauge' || kind === 'rate') && !NO_AMOUNTS.has(normaliseUnit(unit) ?? unit);
}

/** What belongs to one device, or to the whole site, and is not a question of names or of wiring. */
export function checkDevices(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const safeOn = safeOnOutputs(devices);
  for (const device of devices.values()) {
    checkEvery(site, device, providerOf(device, devices));
    checkOutputs(site, device, safeOn);
    checkReports(site, device);
    checkPoints(site, device);
    checkNumbers(site, device);
    const isSilent = activeReadings(device).length + activeOutputs(device).length === 0 && !device.board.provides;
    if (device.entry.enabled && isSilent) site.report('C135', ['devices', device.id], { board: device.board.id }, 'warning');
  }
  checkFactorySettings(site, devices);
  checkSensors(site, devices);
}

/** What the device is plugged into, where that is another device. */
function providerOf({ via }: Plugged, devices: ReadonlyMap<string, Plugged>): Plugged | undefined {
  return via?.kind === 'port' ? devices.get(via.device) : undefined;
}

/** The shortest period in which a device can be read: neither it nor what it is plugged into allows a shorter one. */
export function leastEveryMs({ board }: Plugged, provider: Plugged | undefined): number {
  return Math.max(board.timing?.min_every ?? 0, provider?.board.timing?.min_every ?? 0);
}

function checkEvery(site: Site, device: Plugged, provider: Plugged | undefined): void {
  const { id, entry } = device;
  const leastMs = leastEveryMs(device, provider);
  if (leastMs === 0) return;
  const board = leastMs === device.board.timing?.min_every ? device.board : (provider?.board ?? device.board);
  const parameters = { board: board.id, leastMs };
  // A device's own `every` is meant; the site's default is not meant for this board in particular.
  if (entry.every !== undefined && entry.every < leastMs) {
    site.report('C125', ['devices', id, 'every'], { ...parameters, everyMs: entry.every, owner: 'device' });
  } else if (entry.every === undefined && (site.file.defaults?.every ?? EVERY_DEFAULT_MS) < leastMs) {
    const everyMs = site.file.defaults?.every ?? EVERY_DEFAULT_MS;
    site.report('C125', ['devices', id], { ...parameters, everyMs, owner: 'default' }, 'warning');
  }
}

/** The outputs (`device.output`) whose safe state is on. */
function safeOnOutputs(devices: ReadonlyMap<string, Plugged>): ReadonlySet<string> {
  return new Set(
    [...devices.values()].flatMap((device) =>
      activeOutputs(device).flatMap(([name, own]) =>
        (own?.safe ?? device.board.outputs?.[name]?.safe) === true ? [`${device.id}.${name}`] : [],
      ),
    ),
  );
}

function checkOutputs(site: Site, device: Plugged, safeOn: ReadonlySet<string>): void {
  for (const [name, own] of activeOutputs(device)) {
    const board = device.board.outputs?.[name];
    const path = ['devices', device.id, 'outputs', name];
    const missing = [
      ...(own?.safe === undefined && board?.safe === undefined ? ['safe'] : []),
      ...(own?.max_on === undefined && board?.max_on === undefined ? ['max_on'] : []),
    ];
    for (const key of missing)
      if (!isWritten(site, [...path, key])) site.report('C126', path, { output: `${device.id}.${name}`, name, key });
    // One that is safe when it is on would be switched on by every start, whatever else is on.
    if (safeOn.has(`${device.id}.${name}`) && own?.never_with !== undefined)
      site.report('C162', [...path, 'never_with'], { output: `${device.id}.${name}` });
    for (const [at, other] of (own?.never_with ?? []).entries()) {
      if (other === `${device.id}.${name}`) site.report('C168', [...path, 'never_with', at], { output: other });
      else if (safeOn.has(other)) site.report('C162', [...path, 'never_with', at], { output: other });
    }
    const index = own?.orders?.indexOf('web') ?? -1;
    if (index >= 0) site.report('C062', [...path, 'orders', index], {}, 'warning');
  }
}

/** A point whose raw value no port can give would make a wrong value that looks right. */
function checkPoints(site: Site, { id, entry, board }: Plugged): void {
  if (board.needs !== 'analog') return;
  for (const [name, { calibrate }] of Object.entries(entry.readings ?? {})) {
    const index = calibrate?.points?.findIndex(([volts]) => Math.abs(volts) > PORT_VOLTS_MAX) ?? -1;
    const found = calibrate?.points?.[index]?.[0];
    if (found !== undefined) site.report('C154', ['devices', id, 'readings', name, 'calibrate', 'points', index], { found });
  }
}

function checkReports(site: Site, { id, entry, board }: Plugged): void {
  for (const [name, { report }] of Object.entries(entry.readings ?? {})) {
    const reading = Object.hasOwn(board.readings ?? {}, name) ? board.readings?.[name] : undefined;
    const key = report && statisticOf(report);
    if (!reading || !key || hasStatistics(reading)) continue;
    site.report('C143', ['devices', id, 'readings', name, 'report', key], { key, reading: `${id}.${name}` });
  }
}

/** What is for numbers stands at readings that have none, or texts and numbers are simulated in each other's place. */
function checkNumbers(site: Site, { id, entry, board }: Plugged): void {
  const readings = board.readings ?? {};
  for (const [name, own] of Object.entries(entry.readings ?? {})) {
    const reading = Object.hasOwn(readings, name) ? readings[name] : undefined;
    if (reading === undefined) continue;
    for (const { path, code, parameters } of numberMisfits(own, reading, `${id}.${name}`))
      site.report(code, ['devices', id, 'readings', name, ...path], parameters);
  }
  for (const { path, code, parameters } of signalMisfits(readings, entry.simulate ?? {}))
    site.report(code, ['devices', id, 'simulate', ...path], parameters);
}

/** Meters as they leave the factory do not answer on a bus that runs at another speed: one note for all of a kind on a bus. */
function checkFactorySettings(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const kinds = new Map<string, { readonly misfit: ProblemParameters; readonly ids: string[] }>();
  for (const device of devices.values()) {
    const misfit = factoryMisfit(site, device);
    if (misfit === undefined) continue;
    const kind = JSON.stringify(misfit);
    const known = kinds.get(kind);
    if (known === undefined) kinds.set(kind, { misfit, ids: [device.id] });
    else known.ids.push(device.id);
  }
  for (const { misfit, ids } of kinds.values()) {
    const all = ids.length > 1 ? { devices: listed(ids) } : {};
    site.report('C128', ['devices', ids[0] ?? ''], { ...misfit, ...all }, 'note');
  }
}

function factoryMisfit(site: Site, { entry, via, board }: Plugged): ProblemParameters | undefined {
  const factory = board.modbus?.factory;
  if (!entry.enabled || via?.kind !== 'bus' || via.entry.type !== 'modbus-rtu' || !factory) return undefined;
  const { baud, format } = via.entry;
  // What stands in place of a wrong one was written by nobody.
  if (isRefused(site, ['buses', via.bus, 'baud'], baud) || isRefused(site, ['buses', via.bus, 'format'], format))
    return undefined;
  if ((factory.baud ?? baud) === baud && (factory.format ?? format) === format) return undefined;
  const leaves = `${factory.baud ?? baud} ${factory.format ?? format}`;
  return { board: board.id, bus: via.bus, leaves, runs: `${baud} ${format}` };
}

/** Whether something else is written at `path` than what the schema gave. */
function isRefused({ document }: Site, path: Path, given: number | string): boolean {
  const node = nodeAt(document.root, path);
  return node !== undefined && node.scalar !== given && node.source !== given;
}

function checkSensors(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const owners = new Map<string, string>();
  for (const device of devices.values()) {
    if (!device.entry.enabled) continue;
    const own = (sensor: string, channel: string, path: Path) => {
      if (!CITY_ID.test(sensor)) site.report('C042', path, { written: sensor });
      const other = owners.get(sensor);
      if (other !== undefined) site.report('C134', path, { sensor, channel, other });
      owners.set(sensor, channel);
    };
    const { id } = device;
    for (const [reading] of activeReadings(device)) {
      own(sensorOf(site, device, reading), `${id}.${reading}`, ['devices', id, 'readings', reading, 'sentilo', 'sensor']);
    }
    for (const [output, { orders } = {}] of activeOutputs(device)) {
      const path = ['devices', id, 'outputs', output];
      own(sensorOf(site, device, output), `${id}.${output}`, path);
      if (orders?.includes('sentilo')) own(answersSensorOf(site, device, output), `the answers of ${id}.${output}`, path);
    }
  }
}
