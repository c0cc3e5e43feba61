import type { Host } from '../host.ts';
import { backOffMs, PASSED_PACE, SUSPECT_PACE, TRUST_PACE } from './back-off.ts';
import type { HeldSensor } from './status.ts';

/** Sensors whose last refused observation is remembered. */
const BLAMED_MAX = 1_000;

/** Observations of a suspect in one batch. */
const SIZE_MAX = 128;

/** How far ahead one is looked for where those before it are refused, as a power of two. */
const STRIDE_BITS_MAX = 20;

interface Suspicion {
  readonly sinceWallMs: number;
  words: string;
  /** Observations of the next batch: halved by a failure, doubled by a success. */
  size: number;
  /** Failures in a row. */
  attempt: number;
  nextMs: number;
  /** Where its next observation is looked for. */
  from: number;
  /** Some of it waits before that; when it is looked for again, and how often it was in vain. */
  hasPassed: boolean;
  passedAgainMs: number;
  passedCount: number;
}

interface Blame {
  readonly count: number;
  /** Until then another one makes the sensor a suspect, and a suspect stays one. */
  readonly untilMs: number;
}

/**
 * The sensors whose observations make whole batches fail. Theirs are sent on their own and slowly, so that nobody else's
 * batch fails with them and is cut to pieces again and again; each request counts against the quota of the hour.
 */
export class Suspects {
  readonly #host: Pick<Host, 'clock' | 'random' | 'log'>;
  readonly #suspicions = new Map<string, Suspicion>();
  readonly #blames = new Map<string, Blame>();

  constructor(host: Pick<Host, 'clock' | 'random' | 'log'>) {
    this.#host = host;
  }

  has(sensor: string): boolean {
    return this.#suspicions.has(sensor);
  }

  /** Those that the city did not take anything of lately. */
  list(): HeldSensor[] {
    return [...this.#suspicions]
      .filter(([, { attempt }]) => attempt > 0)
      .map(([sensor, { sinceWallMs, words }]) => ({ sensor, sinceWallMs, words }));
  }

  /** Milliseconds until one of them is to be asked for; Infinity when there is none. */
  remainingMs(): number {
    const nextMs = Math.min(...[...this.#suspicions.values()].map((one) => one.nextMs));
    return Math.max(0, nextMs - this.#host.clock.monotonicMs());
  }

  /** The one that is longest due: from where it is to be looked for, and how many observations are to be sent. */
  due(): { readonly sensor: string; readonly from: number; readonly size: number } | undefined {
    const [first] = [...this.#suspicions].sort(([, a], [, b]) => a.nextMs - b.nextMs);
    if (first === undefined || this.remainingMs() > 0) return undefined;
    const [sensor, suspicion] = first;
    // Until its answer says otherwise.
    this.#wait(suspicion);
    return { sensor, from: suspicion.from, size: suspicion.size };
  }

  /** The city refused one observation of this sensor. Once can happen to everybody; again soon makes it a suspect. */
  refused(sensor: string, words: string): void {
    const before = this.#blames.get(sensor);
    const isAgain = before !== undefined && this.#host.clock.monotonicMs() < before.untilMs;
    this.#blame(sensor, isAgain ? before.count + 1 : 1);
    if (isAgain || this.has(sensor)) this.#suspect(sensor, words);
  }

  /** A request with this observation alone fails, and others do not. */
  fails(sensor: string, words: string): void {
    this.#blame(sensor, (this.#blames.get(sensor)?.count ?? 0) + 1);
    this.#suspect(sensor, words);
  }

  /** The city took a batch of this suspect; the next is looked for from `next` on, at once. */
  succeeded(sensor: string, next: number): void {
    const suspicion = this.#suspicions.get(sensor);
    if (suspicion === undefined) return;
    suspicion.size = Math.min(SIZE_MAX, suspicion.size * 2);
    suspicion.attempt = 0;
    suspicion.from = next;
    suspicion.nextMs = this.#host.clock.monotonicMs();
  }

  /** A batch of this suspect failed: fewer of them later. */
  failed(sensor: string, first = Number.POSITIVE_INFINITY): void {
    const suspicion = this.#suspicions.get(sensor);
    if (suspicion === undefined) return;
    // Later ones may have passed while it was in doubt.
    suspicion.from = Math.min(suspicion.from, first);
    suspicion.size = Math.max(1, suspicion.size >> 1);
    suspicion.attempt++;
    this.#wait(suspicion);
  }

  /** This one waits for a request of its own from now on. */
  freed(sensor: string, sequence: number): void {
    const suspicion = this.#suspicions.get(sensor);
    if (suspicion !== undefined) suspicion.from = Math.min(suspicion.from, sequence);
  }

  /**
   * The one before `next` was refused, and nothing shows that it is to blame. One further ahead is tried, each time twice as far: where
   * there is no other sensor, only one of its own that is taken can show it.
   */
  passOver(sensor: string, next: number): void {
    this.failed(sensor);
    const suspicion = this.#suspicions.get(sensor);
    if (suspicion !== undefined) this.#goOn(suspicion, next + (1 << Math.min(suspicion.attempt, STRIDE_BITS_MAX)));
  }

  /** The one before `next` failed alone, and nobody knows why. It waits, and those behind it have their turn. */
  failedAlone(sensor: string, words: string, next: number): void {
    this.fails(sensor, words);
    const suspicion = this.#suspicions.get(sensor);
    if (suspicion !== undefined) this.#goOn(suspicion, next);
  }

  /**
   * Nothing of this suspect waits between where it was looked for and `end`. True when it is none any more: nothing of it has failed
   * for long enough, and nothing waits that has.
   */
  isCleared(sensor: string, end: number): boolean {
    const suspicion = this.#suspicions.get(sensor);
    if (suspicion === undefined) return false;
    suspicion.from = Math.min(suspicion.from, end);
    const nowMs = this.#host.clock.monotonicMs();
    if (suspicion.hasPassed) {
      if (nowMs < suspicion.passedAgainMs) return false;
      // Still on its own: nobody else's batch is to fail with it.
      suspicion.from = 0;
      suspicion.hasPassed = false;
      suspicion.passedCount++;
      suspicion.passedAgainMs = nowMs + backOffMs(PASSED_PACE, suspicion.passedCount, this.#host.random());
      return false;
    }
    suspicion.passedCount = 0;
    if (nowMs < (this.#blames.get(sensor)?.untilMs ?? 0)) return false;
    this.#suspicions.delete(sensor);
    this.#host.log('info', 'city-sensor-trusted-again', { sensor });
    return true;
  }

  #blame(sensor: string, count: number): void {
    this.#blames.delete(sensor);
    this.#blames.set(sensor, { count, untilMs: this.#host.clock.monotonicMs() + backOffMs(TRUST_PACE, count, 1) });
    const [oldest] = this.#blames.keys();
    if (this.#blames.size > BLAMED_MAX && oldest !== undefined) this.#blames.delete(oldest);
  }

  #suspect(sensor: string, words: string): void {
    const known = this.#suspicions.get(sensor);
    if (known !== undefined) {
      known.words = words;
      known.from = 0;
      this.failed(sensor);
      return;
    }
    const sinceWallMs = this.#host.clock.wall().ms;
    const suspicion = {
      sinceWallMs,
      words,
      size: 1,
      attempt: 1,
      nextMs: 0,
      from: 0,
      hasPassed: false,
      passedAgainMs: 0,
      passedCount: 0,
    };
    this.#wait(suspicion);
    this.#suspicions.set(sensor, suspicion);
    this.#host.log('warning', 'city-sensor-suspected', { sensor, words });
  }

  #goOn(suspicion: Suspicion, from: number): void {
    suspicion.from = from;
    suspicion.hasPassed = true;
  }

  #wait(suspicion: Suspicion): void {
    const waitMs = backOffMs(SUSPECT_PACE, suspicion.attempt, this.#host.random());
    suspicion.nextMs = this.#host.clock.monotonicMs() + waitMs;
  }
}
