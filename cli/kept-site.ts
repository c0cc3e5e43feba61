import { promises as fs } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BusConfig, Config, DeviceConfig } from '../config/config.ts';
import type { SwitchSpec } from '../drivers/driver.ts';
import { type Disk, DiskError, type Host } from '../gateway/host.ts';
import { replaceFile, withFile } from '../gateway/journal/disk-tools.ts';
import { isObject, parseJson } from '../gateway/json.ts';
import { type KeptSite, siteOfShape } from './kept-shape.ts';

/** Name of the file in the state folder. */
const FILE_NAME = 'outputs.json';
/** Of the file, and not of the program: what was kept is of use after an upgrade, too. Another number is another shape. */
const FORMAT = 1;
/** A larger one was not written by this program. */
const BYTES_MAX = 16 * 1024 * 1024;

/** The part of a site that making its outputs safe takes. */
export type SwitchedSite = Pick<Config, 'buses' | 'devices' | 'providers'>;

/** What a file holds. */
interface Content {
  readonly format: typeof FORMAT;
  /** The site file, absolute. */
  readonly site: string;
  /** What the gateway was started with, then what of earlier ones has not followed since. */
  readonly sites: readonly KeptSite[];
}

/** What a state folder tells of outputs. */
export interface Kept {
  readonly path: string;
  /** The site file of the newest start, absolute; undefined where the file does not tell it. */
  readonly siteFile: string | undefined;
  readonly sites: readonly SwitchedSite[];
  /** False where something cannot be used: a card that does not read, another format, a file that is damaged. */
  readonly isWhole: boolean;
}

/** Sites of earlier starts with outputs that did not follow. */
const LEFT_SITES_MAX = 6;

/**
 * Keeps in the state folder what makes the outputs of this site safe, for when its file no longer loads or names them, and what of
 * earlier ones is left (`earlier`), the newest first. A disk that takes nothing keeps no gateway from starting.
 */
export async function keepSite(
  siteFile: string,
  config: SwitchedSite,
  { disk, log }: Pick<Host, 'disk' | 'log'>,
  folder: string,
  earlier: readonly SwitchedSite[] = [],
): Promise<void> {
  const path = join(folder, FILE_NAME);
  const [own, ...others] = [config, ...earlier].map(listsOf) as [KeptSite, ...KeptSite[]];
  // What has not followed at so many starts, each of another site, is not there any more; and each keeps a start and a stop waiting.
  const left = others.filter(({ devices }) => devices.length > 0);
  const sites = [own, ...left.slice(0, LEFT_SITES_MAX)];
  const forgotten = left.slice(LEFT_SITES_MAX).flatMap(({ devices }) => devices.map(({ id }) => id));
  if (forgotten.length > 0) log('warning', 'left-outputs-forgotten', { devices: forgotten.join(', ') });
  const content: Content = { format: FORMAT, site: resolve(siteFile), sites };
  try {
    if (sites.some(({ devices }) => devices.length > 0) || (await disk.size(path)) !== undefined)
      await replaceFile(disk, path, Buffer.from(`${JSON.stringify(content)}\n`));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    log('warning', 'outputs-not-kept', { path, message: error.message });
  }
}

/** What was kept in a state folder at the newest start on it; undefined when nothing was. */
export async function keptIn(folder: string, disk: Disk): Promise<Kept | undefined> {
  const path = join(folder, FILE_NAME);
  const nothing: Kept = { path, siteFile: undefined, sites: [], isWhole: false };
  try {
    const sizeBytes = await disk.size(path);
    if (sizeBytes === undefined) return undefined;
    if (sizeBytes > BYTES_MAX) return nothing;
    const bytes = await withFile(disk, path, 'read', (file) => file.pread(0, sizeBytes));
    const content = parseJson(Buffer.from(bytes).toString('utf8'));
    if (!isObject(content) || content['format'] !== FORMAT || !Array.isArray(content['sites'])) return nothing;
    const { site, sites } = content as { site: unknown; sites: readonly unknown[] };
    const all = sites.map(siteOfShape);
    return {
      path,
      siteFile: typeof site === 'string' ? site : undefined,
      sites: all.map((each) => siteOf(each.site)),
      isWhole: all.every(({ isWhole }) => isWhole),
    };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return nothing;
  }
}

/**
 * What was kept of this site at its newest start, and in which of the folders. One of `own` belongs to it whatever its file is called
 * now; one of the others where it names the same file.
 */
export async function newestKept(
  siteFile: string,
  disk: Disk,
  { own, others }: { readonly own: readonly string[]; readonly others: readonly string[] },
): Promise<{ readonly folder: string; readonly kept: Kept } | undefined> {
  const found: { folder: string; kept: Kept; sinceMs: number }[] = [];
  for (const folder of new Set([...own, ...others])) {
    const kept = await keptIn(folder, disk);
    if (kept === undefined || !(own.includes(folder) || kept.siteFile === resolve(siteFile))) continue;
    found.push({ folder, kept, sinceMs: (await fs.stat(kept.path)).mtimeMs });
  }
  return found.sort((a, b) => b.sinceMs - a.sinceMs)[0];
}

/**
 * The outputs of `kept` that are nowhere in `now`, whatever they are called there: one whose coil or register has another output now
 * is that one. A pin that is used for anything now is left alone.
 */
export function outputsNoLongerIn(now: SwitchedSite, kept: SwitchedSite): SwitchedSite {
  const taken = new Set<string>();
  for (const device of now.devices.values()) {
    const { line, port } = device.via;
    if (line !== undefined || port !== undefined) taken.add(placeOf(device, '', now));
    for (const { id } of device.outputs) taken.add(placeOf(device, id, now));
  }
  return withOutputs(kept, (device, output) => !taken.has(placeOf(device, output, kept)));
}

/** A site with those of its outputs only that `isMeant`, and with the devices that have them. */
export function withOutputs(site: SwitchedSite, isMeant: (device: DeviceConfig, output: string) => boolean): SwitchedSite {
  const devices = [...site.devices.values()].map((device) => ({
    ...device,
    outputs: device.outputs.filter(({ id }) => isMeant(device, id)),
    // What is opened drives all that its driver knows of.
    spec: { ...device.spec, outputs: device.spec.outputs.filter(({ id }) => isMeant(device, id)) },
  }));
  return { ...site, devices: byId(devices.filter(({ outputs }) => outputs.length > 0)) };
}

/**
 * Where an output of a device is in the world: a bus may be called as it was and lead to something else, and so may an output. One with
 * a line or a port to itself is there, whatever it is called.
 */
function placeOf({ via: { bus, line, port }, address, spec }: DeviceConfig, output: string, site: SwitchedSite): string {
  const ports = port === undefined ? undefined : site.providers.get(port.provider)?.spec.ports;
  const own = line === undefined ? output : '';
  const at = port === undefined ? switchPlace(spec.outputs, own) : switchPlace(ports, port.id);
  return [wireOf(site.buses.get(bus)), line ?? '', address ?? '', at].join(' ');
}

/** The coil or register of a switch; the name of one that has neither. */
function switchPlace(switches: readonly SwitchSpec[] = [], id: string): string {
  const { coil, register } = switches.find((each) => each.id === id) ?? {};
  if (register !== undefined) return `register ${register.at}`;
  return coil === undefined ? id : `coil ${coil}`;
}

function wireOf(bus: BusConfig | undefined): string {
  switch (bus?.type) {
    case 'modbus-tcp':
      return `${bus.host}:${bus.tcpPort}`;
    case 'modbus-rtu':
    case 'serial':
      return bus.port;
    case 'i2c':
      return bus.device;
    default:
      return bus?.type ?? '';
  }
}

/** What has outputs of a site, and where that is. */
function listsOf({ buses, devices, providers }: SwitchedSite): KeptSite {
  const switched = [...devices.values()].filter(({ outputs }) => outputs.length > 0);
  const used = new Set(switched.map(({ via }) => via.bus));
  return {
    buses: [...buses.values()].filter(({ id }) => used.has(id)),
    devices: switched.map((device) => ({ ...device, channels: [], spec: { ...device.spec, readings: [] } })),
    providers: [...providers.values()].filter(({ via }) => used.has(via.bus)),
  };
}

function siteOf({ buses, devices, providers }: KeptSite): SwitchedSite {
  return { buses: byId(buses), devices: byId(devices), providers: byId(providers) };
}

function byId<T extends { readonly id: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((each) => [each.id, each]));
}
