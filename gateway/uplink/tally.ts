import type { Host, LogLevel } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { Event } from '../record.ts';
import { stampAt } from '../stamp.ts';
import type { UplinkTime } from '../timekeeper.ts';
import type { Covered } from './batch.ts';
import { type Entry, NO_TIME } from './entry.ts';
import { timestamp } from './timestamp.ts';

/** Sensors whose first invalid observation was told about; later ones are counted only. */
const TOLD_MAX = 1_000;

/** Counts what became of observations, and tells of those that are set aside for good. */
export class Tally {
  deliveredCount = 0;
  foldedCount = 0;
  readonly rejected: Record<string, number> = {};
  readonly #told = new Set<string>();
  /** Observations without a time that were dropped, by boot, and whether more came since they were looked at. */
  readonly #dropped = new Map<string, { count: number; isGrowing: boolean }>();
  readonly #host: Pick<Host, 'clock' | 'log' | 'bootId'>;
  readonly #journal: Pick<Journal, 'append'>;
  readonly #time: Pick<UplinkTime, 'timeOf' | 'boundsOf'>;

  constructor(
    host: Pick<Host, 'clock' | 'log' | 'bootId'>,
    journal: Pick<Journal, 'append'>,
    time: Pick<UplinkTime, 'timeOf' | 'boundsOf'>,
  ) {
    this.#host = host;
    this.#journal = journal;
    this.#time = time;
  }

  /** The city refused this observation, and no other of its batch is to blame. Resolves when that is durable. */
  async refused(entry: Entry, reason: string, words: string): Promise<void> {
    const { sensor, sequence, value } = entry;
    await this.tell('warning', 'observation-set-aside', {
      sensor,
      sequence,
      value,
      time: timestamp(entry.second),
      reason,
      words,
    });
    this.#count(reason);
  }

  /** Tells of what a batch leaves out, once per sensor and reason. To be called before it is settled. */
  async tellInvalid(covered: readonly Covered[]): Promise<void> {
    for (const one of covered) {
      if (one.why !== 'invalid') continue;
      const { sensor, boot, value } = one.observation;
      // Nothing of such a boot is sent: what is known of the whole of it says more than a reading of each sensor.
      const isOfBoot = one.reason === NO_TIME;
      const key = `${one.reason} ${isOfBoot ? boot : sensor}`;
      if (this.#told.has(key) || this.#told.size >= TOLD_MAX) continue;
      if (isOfBoot) await this.tell('warning', 'boot-without-time-dropped', this.#bootFields(boot));
      else {
        const time = this.#time.timeOf(one.observation);
        const timeMs = time.kind === 'known' && Number.isFinite(time.ms) ? Math.floor(time.ms) : 'unknown';
        const fields = { sensor, sequence: one.sequence, value: String(value), time: timeMs, reason: one.reason };
        await this.tell('warning', 'observation-set-aside', fields);
      }
      this.#told.add(key);
    }
  }

  /** A batch was settled. */
  settled(deliveredCount: number, covered: readonly Covered[]): void {
    this.deliveredCount += deliveredCount;
    for (const one of covered) {
      if (one.why === 'stored') this.deliveredCount++;
      else if (one.why === 'folded') this.foldedCount++;
      else if (one.why === 'invalid') {
        this.#count(one.reason);
        if (one.reason === NO_TIME) this.#drop(one.observation.boot);
      }
    }
  }

  /** Tells how many readings without a time were dropped, once no more of their boot come. */
  async tellDropped(): Promise<void> {
    for (const [boot, dropped] of [...this.#dropped]) {
      if (dropped.isGrowing) {
        dropped.isGrowing = false;
        continue;
      }
      this.#dropped.delete(boot);
      await this.tell('warning', 'readings-without-time-dropped', { ...this.#bootFields(boot), count: dropped.count });
    }
  }

  #drop(boot: string): void {
    const { count } = this.#dropped.get(boot) ?? { count: 0 };
    this.#dropped.set(boot, { count: count + 1, isGrowing: true });
  }

  #bootFields(boot: string): Event['fields'] {
    const { fromMs, toMs } = this.#time.boundsOf(boot);
    return { boot, ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
  }

  #count(reason: string): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }

  /** Writes down what a person may want to know later, and logs it. Resolves when it is durable. */
  async tell(level: LogLevel, code: string, fields: Event['fields']): Promise<void> {
    const { clock, bootId, log } = this.#host;
    // Urgent, because a batch waits for it.
    await this.#journal.append({ kind: 'event', code, ...stampAt(clock, bootId), fields }, true);
    log(level, code, fields);
  }
}
