import type { Host } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { Event } from '../record.ts';
import type { Covered } from './batch.ts';
import type { Entry } from './entry.ts';
import { timestamp } from './timestamp.ts';

/** Sensors whose first invalid observation was told about; later ones are counted only. */
const TOLD_MAX = 1_000;

/** Counts what became of observations, and tells of those that are set aside for good. */
export class Tally {
  deliveredCount = 0;
  foldedCount = 0;
  readonly rejected: Record<string, number> = {};
  readonly #told = new Set<string>();
  readonly #host: Pick<Host, 'clock' | 'log' | 'bootId'>;
  readonly #journal: Pick<Journal, 'append'>;

  constructor(host: Pick<Host, 'clock' | 'log' | 'bootId'>, journal: Pick<Journal, 'append'>) {
    this.#host = host;
    this.#journal = journal;
  }

  /** The city refused this observation, and no other of its batch is to blame. Resolves when that is durable. */
  async refused(entry: Entry, reason: string, words: string): Promise<void> {
    const { sensor, sequence, value } = entry;
    await this.#tell({ sensor, sequence, value, time: timestamp(entry.second), reason, words });
    this.#count(reason);
  }

  /** Tells of what a batch leaves out, once per sensor and reason. To be called before it is settled. */
  async tellInvalid(covered: readonly Covered[]): Promise<void> {
    for (const one of covered) {
      if (one.why !== 'invalid') continue;
      const { sensor, value, wallMs } = one.observation;
      const key = `${one.reason} ${sensor}`;
      if (this.#told.has(key) || this.#told.size >= TOLD_MAX) continue;
      const time = Number.isFinite(wallMs) ? Math.floor(wallMs) : String(wallMs);
      await this.#tell({ sensor, sequence: one.sequence, value: String(value), time, reason: one.reason });
      this.#told.add(key);
    }
  }

  /** A batch was settled. */
  settled(deliveredCount: number, covered: readonly Covered[]): void {
    this.deliveredCount += deliveredCount;
    for (const one of covered) {
      if (one.why === 'stored') this.deliveredCount++;
      else if (one.why === 'folded') this.foldedCount++;
      else if (one.why === 'invalid') this.#count(one.reason);
    }
  }

  #count(reason: string): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }

  async #tell(fields: Event['fields']): Promise<void> {
    const { clock, bootId, log } = this.#host;
    const wall = clock.wall();
    const stamp = { boot: bootId, monotonicMs: clock.monotonicMs(), wallMs: wall.ms, wallQuality: wall.quality };
    // Urgent, because a batch waits for it.
    await this.#journal.append({ kind: 'event', code: 'observation-set-aside', ...stamp, fields }, true);
    log('warning', 'observation-set-aside', fields);
  }
}
