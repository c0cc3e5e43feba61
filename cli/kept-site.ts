import { promises as fs } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BusConfig, Config, DeviceConfig, PlaceConfig } from '../config/config.ts';
import { type Disk, DiskError, type Host } from '../gateway/host.ts';
import { replaceFile, unlessDiskError, withFile } from '../gateway/journal/disk-tools.ts';
import { VERSION } from '../gateway/version.ts';

/** Name of the file in the state folder. */
const FILE_NAME = 'outputs.json';
/** A larger one was not written by this program. */
const BYTES_MAX = 16 * 1024 * 1024;

/** The part of a site that making its outputs safe takes: no secret is among it. */
export type SwitchedSite = Pick<Config, 'buses' | 'devices' | 'providers'>;

/** What a file holds; devices without what they read. */
interface Content {
  readonly version: string;
  /** The site file, absolute. */
  readonly site: string;
  readonly buses: readonly BusConfig[];
  readonly devices: readonly DeviceConfig[];
  readonly providers: readonly PlaceConfig[];
}

/**
 * Keeps in the state folder what makes the outputs of this site safe, for when its file no longer loads or names them. A disk that
 * takes nothing keeps no gateway from starting.
 */
export async function keepSite(siteFile: string, config: Config, { disk, log }: Pick<Host, 'disk' | 'log'>, folder: string) {
  const path = join(folder, FILE_NAME);
  const devices = [...config.devices.values()].filter(({ outputs }) => outputs.length > 0);
  const used = new Set(devices.map(({ via }) => via.bus));
  const content: Content = {
    version: VERSION,
    site: resolve(siteFile),
    buses: [...config.buses.values()].filter(({ id }) => used.has(id)),
    devices: devices.map((device) => ({ ...device, channels: [], spec: { ...device.spec, readings: [] } })),
    providers: [...config.providers.values()],
  };
  try {
    if (devices.length > 0 || (await disk.size(path)) !== undefined)
      await replaceFile(disk, path, Buffer.from(`${JSON.stringify(content)}\n`));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    log('warning', 'outputs-not-kept', { path, message: error.message });
  }
}

/** What was kept of this site at its newest start, and in which of the folders; undefined when nothing was, or by another version. */
export async function keptSite(
  siteFile: string,
  disk: Disk,
  folders: readonly string[],
): Promise<{ readonly folder: string; readonly site: SwitchedSite } | undefined> {
  const found: { folder: string; site: SwitchedSite; sinceMs: number }[] = [];
  for (const folder of folders) {
    const content = await contentOf(disk, join(folder, FILE_NAME)).catch(unlessDiskError(undefined));
    if (content?.version !== VERSION || content.site !== resolve(siteFile)) continue;
    const { buses, devices, providers } = content;
    if (![buses, devices, providers].every(Array.isArray)) continue;
    const site = { buses: byId(buses), devices: byId(devices), providers: byId(providers) };
    found.push({ folder, site, sinceMs: (await fs.stat(join(folder, FILE_NAME))).mtimeMs });
  }
  return found.sort((a, b) => b.sinceMs - a.sinceMs)[0];
}

async function contentOf(disk: Disk, path: string): Promise<Content | undefined> {
  const sizeBytes = await disk.size(path);
  if (sizeBytes === undefined || sizeBytes > BYTES_MAX) return undefined;
  const bytes = await withFile(disk, path, 'read', (file) => file.pread(0, sizeBytes));
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function byId<T extends { readonly id: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((each) => [each.id, each]));
}

/** The outputs of `kept` that are nowhere in `now`, whatever they are called there. A pin that is used for anything now is left alone. */
export function outputsNoLongerIn(now: SwitchedSite, kept: SwitchedSite): SwitchedSite {
  const taken = new Set<string>();
  for (const device of now.devices.values()) {
    if (device.via.line !== undefined) taken.add(placeOf(device));
    for (const { id } of device.outputs) taken.add(`${placeOf(device)} ${id}`);
  }
  const left = [...kept.devices.values()]
    .filter((device) => !taken.has(placeOf(device)))
    .map((device) => ({ ...device, outputs: device.outputs.filter(({ id }) => !taken.has(`${placeOf(device)} ${id}`)) }));
  return { ...kept, devices: byId(left) };
}

function placeOf({ via: { bus, line, port }, address }: DeviceConfig): string {
  return [bus, line ?? '', address ?? '', port?.id ?? ''].join(' ');
}
