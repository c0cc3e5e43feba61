import { sleep } from '../../drivers/clock.ts';
import type { Host } from '../host.ts';
import { type City, ReadBackError, type StoredValue } from './city.ts';
import type { Entry } from './entry.ts';
import type { Gate } from './gate.ts';
import type { Jobs } from './jobs.ts';
import type { Quota } from './quota.ts';
import { READ_BACK_MAX } from './request.ts';
import type { UplinkStatus } from './status.ts';
import type { Tally } from './tally.ts';

/** How often one value of each component is read back. */
const EVERY_MS = 15 * 60_000;
const LOOK_MS = 3_000;
/**
 * A value is read back that was delivered so soon after it was measured, and so soon after its delivery: no city forgets one
 * earlier, as it counts in minutes (sentilo.md §1.5.8).
 */
const NEW_MS = 45_000;
/** So long before the value the city's answer is looked through for values of other sensors. */
const SPAN_S = 45;
/** What the city may show in that span before the oldest new one is remembered, however late it was delivered; at most so many. */
const REMEMBERED_MS = 3 * NEW_MS;
const REMEMBERED_MAX = 8_192;
/** A sensor shows other values when so many values in a row did: one alone may be somebody else's doing. */
const STRIKES = 2;

interface Delivered {
  readonly entry: Entry;
  readonly atMs: number;
}

interface Component {
  dueMs: number;
  /** When its sensors were last read back; a sensor that never was is missing. */
  readonly checkedMs: Map<string, number>;
}

/** What the confirmation works with. */
export interface ConfirmationParts {
  readonly host: Pick<Host, 'clock' | 'random' | 'bootId'>;
  readonly city: Pick<City, 'shown'>;
  readonly gate: Pick<Gate, 'state'>;
  readonly quota: Pick<Quota, 'pauseMs'>;
  readonly jobs: Pick<Jobs, 'isInDoubt'>;
  readonly tally: Pick<Tally, 'tell'>;
  /** The component of a sensor; every sensor of an unknown one is of one component. */
  readonly componentOf: (sensor: string) => string | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Looks from time to time whether the city shows what it took. A server whose store was emptied can show the readings of two
 * sensors under each other's names without any error (sentilo.md §1.5.10); nobody else would notice.
 */
export class Confirmation {
  readonly #parts: ConfirmationParts;
  /** Of what was measured until then, it is not known whether it was delivered: by the process before, or it is forgotten. */
  #knownFromMs: number;
  readonly #components = new Map<string, Component>();
  #delivered: Delivered[] = [];
  /** Values in a row that the city showed otherwise, by sensor, and the newest of them. */
  readonly #strikes = new Map<string, { count: number; sequence: number }>();
  #confirmedWallMs: number | undefined;

  constructor(parts: ConfirmationParts) {
    this.#parts = parts;
    this.#knownFromMs = parts.host.clock.monotonicMs();
  }

  /** The city has taken these. What was measured before all that is asked for is of no use here, and there may be very much of it. */
  delivered(entries: readonly Entry[]): void {
    const { clock, random, bootId } = this.#parts.host;
    const atMs = clock.monotonicMs();
    for (const entry of entries) {
      if (entry.boot !== bootId || atMs - entry.monotonicMs > REMEMBERED_MS) continue;
      const component = this.#nameOf(entry.sensor);
      // The first time spread, so that those that were switched on together do not ask together.
      if (!this.#components.has(component))
        this.#components.set(component, { dueMs: atMs + random() * EVERY_MS, checkedMs: new Map() });
      this.#delivered.push({ entry, atMs });
    }
    if (this.#delivered.length <= REMEMBERED_MAX) return;
    for (const { entry } of this.#delivered.splice(0, this.#delivered.length - REMEMBERED_MAX))
      this.#knownFromMs = Math.max(this.#knownFromMs, entry.monotonicMs);
  }

  status(): Pick<UplinkStatus, 'confirmedWallMs' | 'differing'> {
    const confirmedWallMs = this.#confirmedWallMs;
    const differing = [...this.#strikes].filter(([, { count }]) => count >= STRIKES).map(([sensor]) => sensor);
    return { differing, ...(confirmedWallMs === undefined ? {} : { confirmedWallMs }) };
  }

  async run(signal: AbortSignal): Promise<never> {
    const { clock, random } = this.#parts.host;
    // Those that were switched on together would look at the same moments for ever.
    await sleep(clock, random() * LOOK_MS, signal);
    for (;;) {
      await sleep(clock, LOOK_MS, signal);
      const { gate, quota, onError } = this.#parts;
      // What is in doubt may be in the city and is not known to be; and what has trouble is not to be asked besides.
      if (gate.state.state !== 'ok' || quota.pauseMs('ask') > 0) continue;
      this.#forgetOld();
      const next = this.#next();
      if (next === undefined) continue;
      try {
        await this.#check(next, signal);
      } catch (error) {
        if (!(error instanceof ReadBackError)) onError(error);
      }
    }
  }

  #forgetOld(): void {
    const sinceMs = this.#parts.host.clock.monotonicMs() - REMEMBERED_MS;
    this.#delivered = this.#delivered.filter(({ atMs }) => atMs >= sinceMs);
  }

  /** The value to read back now: of a sensor that is doubted; else of a component that is due, of the sensor that waits longest. */
  #next(): Entry | undefined {
    const nowMs = this.#parts.host.clock.monotonicMs();
    const isDue = ({ sensor, sequence }: Entry) => {
      const { count, sequence: newest } = this.#strikes.get(sensor) ?? { count: 0, sequence: 0 };
      const isDoubted = count > 0 && count < STRIKES && sequence > newest;
      return isDoubted || (this.#componentOf(sensor)?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs;
    };
    const counts = new Map<string, number>();
    for (const { entry } of this.#delivered) counts.set(placeOf(entry), (counts.get(placeOf(entry)) ?? 0) + 1);
    const checkedMs = ({ sensor }: Entry) => this.#componentOf(sensor)?.checkedMs.get(sensor) ?? Number.NEGATIVE_INFINITY;
    const [first] = this.#delivered
      .filter(({ entry, atMs }) => nowMs - atMs <= NEW_MS && atMs - entry.monotonicMs <= NEW_MS)
      .filter(({ entry }) => this.#isOwnSpan(entry) && isDue(entry) && !this.#parts.jobs.isInDoubt(entry.sensor))
      .map(({ entry }) => entry)
      .filter((entry) => counts.get(placeOf(entry)) === 1)
      .sort((a, b) => checkedMs(a) - checkedMs(b));
    return first;
  }

  #isOwnSpan(entry: Entry): boolean {
    return entry.monotonicMs - SPAN_S * 1000 > this.#knownFromMs;
  }

  async #check(entry: Entry, signal: AbortSignal): Promise<void> {
    const { host, city, tally } = this.#parts;
    const { sensor, second, sequence } = entry;
    const component = this.#componentOf(sensor);
    component?.checkedMs.set(sensor, host.clock.monotonicMs());
    if (component !== undefined) component.dueMs = host.clock.monotonicMs() + EVERY_MS;
    const shown = await city.shown(sensor, second - SPAN_S, second, signal);
    const other = this.#otherThan(entry, shown);
    if (other === 'nothing') return;
    if (other === undefined) {
      this.#confirmedWallMs = host.clock.wall().ms;
      const { count = 0 } = this.#strikes.get(sensor) ?? {};
      if (count >= STRIKES) await tally.tell('info', 'city-values-agree', { sensor });
      this.#strikes.delete(sensor);
      return;
    }
    const count = (this.#strikes.get(sensor)?.count ?? 0) + 1;
    // Counted afterwards: what the journal could not take is told the next time.
    if (count === STRIKES)
      await tally.tell('warning', 'city-values-differ', { sensor, sent: entry.value, shown: other.value, time: other.second });
    this.#strikes.set(sensor, { count, sequence });
  }

  /**
   * A value that contradicts what was sent; undefined when the city shows what it took. Values of somebody else beside it do not
   * matter, and when it shows nothing of that second, that says nothing: it may have been deleted or have run out.
   */
  #otherThan({ sensor, second, value }: Entry, shown: readonly StoredValue[]): StoredValue | undefined | 'nothing' {
    // The answer may have been cut.
    if (shown.length >= READ_BACK_MAX) return 'nothing';
    const ofSecond = shown.filter((one) => one.second === second);
    const isShown = ofSecond.some((one) => one.value === value);
    if (!isShown && ofSecond.length > 0) return ofSecond[0];
    const foreign = shown.find((one) => {
      const sent = this.#delivered
        .map(({ entry }) => entry)
        .filter((entry) => entry.second === one.second && entry.value === one.value);
      return sent.length > 0 && !sent.some((entry) => entry.sensor === sensor);
    });
    return foreign ?? (isShown ? undefined : 'nothing');
  }

  #nameOf(sensor: string): string {
    return this.#parts.componentOf(sensor) ?? '';
  }

  #componentOf(sensor: string): Component | undefined {
    return this.#components.get(this.#nameOf(sensor));
  }
}

/** What the city cannot tell apart. */
function placeOf({ sensor, second }: Entry): string {
  return `${sensor} ${second}`;
}
