import type { DeviceConfig } from '../config/config.ts';
import type { LastTotal } from '../drivers/driver.ts';
import type { Log } from './host.ts';
import { type Journal, JournalError } from './journal/journal.ts';
import type { Modules } from './modules.ts';

/** By device and reading. */
export type LastTotals = ReadonlyMap<string, ReadonlyMap<string, LastTotal>>;

/**
 * The newest durable totals of the devices whose driver counts pulses: the hardware forgets them when the gateway ends. Where
 * the disk cannot be read, it is said and there are none: counting must begin all the same.
 */
export async function findLastTotals(
  devices: Iterable<DeviceConfig>,
  { drivers }: Modules,
  journal: Journal,
  log: Log,
): Promise<LastTotals> {
  const places = new Map<string, { device: string; reading: string }>();
  for (const { id, driver, channels } of devices) {
    if (drivers.get(driver)?.countsPulses !== true) continue;
    for (const { kind, sensor, reading } of channels) if (kind === 'total') places.set(sensor, { device: id, reading });
  }
  const found = new Map<string, Map<string, LastTotal>>();
  if (places.size === 0) return found;
  try {
    await collect(journal, places, found);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    log('warning', 'totals-unknown', { message: error.message });
  }
  return found;
}

async function collect(
  journal: Journal,
  places: ReadonlyMap<string, { device: string; reading: string }>,
  found: Map<string, Map<string, LastTotal>>,
): Promise<void> {
  const newest = new Map<string, number>();
  for await (const records of journal.history({ sensors: new Set(places.keys()) })) {
    for (const { sequence, record } of records) {
      if (record.kind !== 'observation') continue;
      const { sensor, value, uncalibrated = value, wallMs, wallQuality } = record;
      const place = places.get(sensor);
      // What the city refused for now was appended again: its old place says when it was read.
      const order = record.heldFrom ?? sequence;
      if (place === undefined || typeof uncalibrated !== 'number' || order < (newest.get(sensor) ?? 0)) continue;
      newest.set(sensor, order);
      const totals = found.get(place.device) ?? new Map<string, LastTotal>();
      totals.set(place.reading, { value: uncalibrated, ...(wallQuality === 'none' ? {} : { wallMs }) });
      found.set(place.device, totals);
    }
  }
}
