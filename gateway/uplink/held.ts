import type { Host } from '../host.ts';
import { backOffMs, HELD_PACE } from './back-off.ts';
import type { Entry } from './entry.ts';
import type { HeldSensor } from './status.ts';

/** What was registered is known to the city's data service after half a minute (sentilo.md §1.5.10); what is not by then has other troubles. */
const REGISTERED_MS_MAX = 120_000;

interface Hold {
  readonly sinceWallMs: number;
  words: string;
  /** The oldest observation that is known to wait for it: what the city is asked with. */
  probe: Entry | undefined;
  /** Of the journal, when it was read. */
  revision: number;
}

/** What the city is asked with, and the sensors for which there is nothing to ask it with. */
interface Probes {
  readonly entries: Entry[];
  readonly without: string[];
  /** Of the journal, when the oldest of the entries was read. */
  readonly revision: number;
}

/**
 * The sensors that the city refuses for now. Their observations stay where they are; the city is asked about all of
 * them at once, with one observation each, first after 30 s and then ever more rarely.
 */
export class HeldSensors {
  readonly #host: Pick<Host, 'clock' | 'random' | 'log'>;
  readonly #holds = new Map<string, Hold>();
  /** What the catalogue was told of lately, and when. */
  readonly #registeredMs = new Map<string, number>();
  #attempt = 0;
  #nextMs = Number.POSITIVE_INFINITY;

  constructor(host: Pick<Host, 'clock' | 'random' | 'log'>) {
    this.#host = host;
  }

  has(sensor: string): boolean {
    return this.#holds.has(sensor);
  }

  list(): HeldSensor[] {
    return [...this.#holds].map(([sensor, { sinceWallMs, words }]) => ({
      sensor,
      sinceWallMs,
      words,
      ...(this.#isRegistered(sensor) && { isRegistered: true }),
    }));
  }

  /** The catalogue has just been told of these: the city takes them soon. */
  registered(sensors: readonly string[]): void {
    for (const sensor of sensors) this.#registeredMs.set(sensor, this.#host.clock.monotonicMs());
  }

  #isRegistered(sensor: string): boolean {
    const atMs = this.#registeredMs.get(sensor);
    return atMs !== undefined && this.#host.clock.monotonicMs() - atMs < REGISTERED_MS_MAX;
  }

  /** Milliseconds until the city should be asked again; Infinity when nothing is held. */
  remainingMs(): number {
    return Math.max(0, this.#nextMs - this.#host.clock.monotonicMs());
  }

  /** The city refused these sensors (id → its words). Logs what is new and nothing else. */
  hold(rejected: ReadonlyMap<string, string>): void {
    const fresh = [...rejected.keys()].filter((sensor) => !this.#holds.has(sensor));
    const wasEmpty = this.#holds.size === 0;
    for (const [sensor, words] of rejected) {
      const known = this.#holds.get(sensor);
      if (known === undefined)
        this.#holds.set(sensor, { sinceWallMs: this.#host.clock.wall().ms, words, probe: undefined, revision: 0 });
      else known.words = words;
    }
    if (fresh.length > 0) this.#attempt = 0;
    this.#attempt++;
    const waitMs = backOffMs(HELD_PACE, this.#attempt, 1) * (1 + this.#host.random() / 10);
    this.#nextMs = this.#host.clock.monotonicMs() + waitMs;
    if (fresh.length > 0)
      this.#host.log(wasEmpty ? 'warning' : 'info', 'city-holds-sensors', {
        sensors: fresh,
        words: rejected.get(fresh[0] ?? ''),
      });
  }

  /** An observation of a held sensor was come upon and left where it is. */
  offer(entry: Entry, revision: number): void {
    const hold = this.#holds.get(entry.sensor);
    if (hold === undefined || (hold.probe !== undefined && entry.sequence >= hold.probe.sequence)) return;
    hold.probe = entry;
    hold.revision = revision;
  }

  /** These are not what the journal holds any more. */
  forget(entries: readonly Entry[]): void {
    for (const { sensor, sequence } of entries) {
      const hold = this.#holds.get(sensor);
      if (hold?.probe?.sequence === sequence) hold.probe = undefined;
    }
  }

  /** The waiting observation has a new place. */
  moved(sensor: string, from: number, to: number): void {
    const hold = this.#holds.get(sensor);
    if (hold?.probe?.sequence === from) hold.probe = { ...hold.probe, sequence: to };
  }

  /** The city took this sensor, or there is nothing to ask it with. True when it was held. */
  release(sensor: string): boolean {
    if (!this.#holds.delete(sensor)) return false;
    this.#registeredMs.delete(sensor);
    // What one sensor waited for has happened; the others are likely to be let in with it.
    this.#attempt = 0;
    this.#nextMs = this.#holds.size === 0 ? Number.POSITIVE_INFINITY : this.#host.clock.monotonicMs();
    if (this.#holds.size === 0) this.#host.log('info', 'city-takes-sensors-again');
    return true;
  }

  /** One observation of each of up to `max` held sensors. Those asked go to the end, so that everyone has their turn. */
  probes(max: number, isFree: (sequence: number) => boolean): Probes {
    const entries: Entry[] = [];
    let revision = Number.POSITIVE_INFINITY;
    const without: string[] = [];
    for (const [sensor, hold] of [...this.#holds].slice(0, max)) {
      this.#holds.delete(sensor);
      this.#holds.set(sensor, hold);
      if (hold.probe !== undefined && isFree(hold.probe.sequence)) {
        entries.push(hold.probe);
        revision = Math.min(revision, hold.revision);
      } else without.push(sensor);
    }
    this.#nextMs = this.#host.clock.monotonicMs() + HELD_PACE.baseMs;
    return { entries: entries.sort((a, b) => a.sequence - b.sequence), without, revision };
  }
}
