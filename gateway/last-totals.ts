import type { DeviceConfig } from '../config/config.ts';
import type { LastTotal } from '../drivers/driver.ts';
import type { Log } from './host.ts';
import { type Journal, JournalError, type StoredRecord } from './journal/journal.ts';
import type { Modules } from './modules.ts';
import { firstPlaceOf } from './record.ts';

/** By device and reading. */
export type LastTotals = ReadonlyMap<string, ReadonlyMap<string, LastTotal>>;

/** How far back the newest records are looked through, in sequences, until every total is found. */
const SPANS = [4_096, 65_536] as const;
const PAGE = 4_096;

interface Place {
  readonly device: string;
  readonly reading: string;
  /** Counted by us: nobody else knows it, so it is looked for in all of the journal. */
  readonly isOurs: boolean;
  /** The counter stands beside the values, which are its rises. Nobody else knows what was told: it is looked for as far. */
  readonly isCounter: boolean;
}

/**
 * The newest durable totals of the site: counters of pulses go on from there, because the hardware forgets them when the
 * gateway ends, and a meter's must not have fallen meanwhile. Also where the counters stood of which the rises are told. Where the disk cannot be read, it is said and there are none:
 * measuring must begin all the same.
 */
export async function findLastTotals(
  devices: Iterable<DeviceConfig>,
  { drivers }: Modules,
  journal: Journal,
  log: Log,
): Promise<LastTotals> {
  const places = new Map<string, Place>();
  for (const { id, driver, channels } of devices) {
    const isOurs = drivers.get(driver)?.countsPulses === true;
    for (const { kind, sensor, reading, counterRange } of channels) {
      const isCounter = counterRange !== undefined;
      if (kind === 'total' || isCounter) places.set(sensor, { device: id, reading, isOurs, isCounter });
    }
  }
  const search = new Search(places);
  if (places.size === 0) return search.found;
  try {
    for (const span of SPANS) if (!search.isOver) await lookThrough(journal, journal.lastSequence - span, search);
    const sensors = search.missing(({ isOurs, isCounter }) => isOurs || isCounter);
    if (sensors.size > 0) for await (const records of journal.history({ sensors })) search.look(records);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    log('warning', 'totals-unknown', { message: error.message });
  }
  return search.found;
}

/** Reads the newest records of the class that totals are in. */
async function lookThrough(journal: Journal, first: number, search: Search): Promise<void> {
  let from = Math.max(1, first);
  for (;;) {
    const page = await journal.read(from, PAGE, 'counts');
    const last = page.at(-1);
    if (last === undefined) return;
    search.look(page);
    from = last.sequence + 1;
  }
}

class Search {
  readonly found = new Map<string, Map<string, LastTotal>>();
  readonly #places: ReadonlyMap<string, Place>;
  /** By sensor: where in the journal what was found stands, or stood before it was appended again. */
  readonly #newest = new Map<string, number>();
  /** Sensors of which a record in its own place was seen: nothing newer stands before it. */
  readonly #settled = new Set<string>();

  constructor(places: ReadonlyMap<string, Place>) {
    this.#places = places;
  }

  get isOver(): boolean {
    return this.#settled.size === this.#places.size;
  }

  missing(isMeant: (place: Place) => boolean): ReadonlySet<string> {
    const all = [...this.#places].filter(([sensor, place]) => isMeant(place) && !this.#settled.has(sensor));
    return new Set(all.map(([sensor]) => sensor));
  }

  look(records: readonly StoredRecord[]): void {
    for (const { sequence, record } of records) {
      if (record.kind !== 'observation') continue;
      const { sensor, value, uncalibrated = value, wallMs, wallQuality, heldFrom, quality, reason, window } = record;
      const place = this.#places.get(sensor);
      // What the city refused for now was appended again: its first place says when it was read.
      const order = firstPlaceOf(record, sequence);
      if (place === undefined || typeof uncalibrated !== 'number' || order < (this.#newest.get(sensor) ?? 0)) continue;
      // A meter's total that was not believed when it came is not believed now. What we count is what we counted.
      // A doubted rise was told as such: it is not told again, as part of the next one. Where the counter was doubted, there is none.
      const isTold = place.isOurs || (place.isCounter && value !== 0);
      if (reason === 'fell' || (quality !== 'good' && !isTold)) continue;
      this.#newest.set(sensor, order);
      if (heldFrom === undefined) this.#settled.add(sensor);
      const totals = this.found.get(place.device) ?? new Map<string, LastTotal>();
      // In a record that stands for several the counters are added up, as the rises are.
      if (place.isCounter && window !== undefined) totals.delete(place.reading);
      else totals.set(place.reading, { value: uncalibrated, ...(wallQuality === 'none' ? {} : { wallMs }) });
      this.found.set(place.device, totals);
    }
  }
}
