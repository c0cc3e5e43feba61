import type { Host } from '../host.ts';
import { backOffMs, type Pace } from './back-off.ts';
import type { CityProblem, UplinkState } from './status.ts';

/** Gateways that were switched on together begin within this time: longer would look like a fault of one that is alone. */
const START_SPREAD_MS = 5_000;
/**
 * When the city is back, everybody has a backlog for it. At first each rests so many times as long as its request took, so that
 * it is busy for a small share of those it serves, and the less the slower it gets; that fades away in a quarter of an hour.
 */
const REST_SHARE = 10;
const REST_FADES_MS = 300_000;
/** A share below which resting makes no difference. */
const REST_SHARE_MIN = 0.1;
/** What is lost of a time that the city names. */
const ROUNDING_MS = 60_000;

/** Why and how long nothing is sent. */
export interface Pause {
  readonly state: Exclude<UplinkState, 'starting' | 'ok'>;
  readonly pace: Pace;
  /** The city itself has said that nothing is any use before. */
  readonly atLeastMs?: number;
  /** How long, where whoever closes it knows better than the pace. */
  readonly fixedMs?: number;
  readonly problem: CityProblem;
}

/**
 * The one back-off that both lanes share: when the city is gone for one of them it is gone for the other. Logs one line
 * when the state or the kind of problem changes, none per attempt.
 */
export class Gate {
  readonly #host: Pick<Host, 'clock' | 'random' | 'log'>;
  readonly #onChange: () => void;
  readonly #peer: 'city' | 'broker';
  #state: UplinkState = 'starting';
  #sinceWallMs: number;
  #untilMs: number;
  #attempt = 0;
  #failureCount = 0;
  #successCount = 0;
  #pace: Pace | undefined;
  #problem: CityProblem | undefined;
  #lastSuccessWallMs: number | undefined;
  #returnedMs = Number.NEGATIVE_INFINITY;

  /** `onChange` is called when a pause begins or ends early. The first chance decides when anything is sent at all. */
  constructor(host: Pick<Host, 'clock' | 'random' | 'log'>, onChange: () => void, peer: 'city' | 'broker' = 'city') {
    this.#peer = peer;
    this.#host = host;
    this.#onChange = onChange;
    this.#sinceWallMs = host.clock.wall().ms;
    this.#untilMs = host.clock.monotonicMs() + host.random() * START_SPREAD_MS;
  }

  get state() {
    return {
      state: this.#state,
      sinceWallMs: this.#sinceWallMs,
      attempt: this.#attempt,
      problem: this.#problem,
      lastSuccessWallMs: this.#lastSuccessWallMs,
    };
  }

  /** Milliseconds until something may be sent; 0 when it may now. */
  remainingMs(): number {
    return Math.max(0, this.#untilMs - this.#host.clock.monotonicMs());
  }

  /** Milliseconds until anybody may ask anything; 0 once it has begun. */
  startsInMs(): number {
    return this.#state === 'starting' ? this.remainingMs() : 0;
  }

  /** How often the city has let something through. */
  get successCount(): number {
    return this.#successCount;
  }

  /** Whether the city was away not long ago. */
  get isReturning(): boolean {
    return this.#restShare() > 0;
  }

  /** How long whoever has a backlog leaves the city to others after a request that took `tookMs`; by chance, or all would come in waves. */
  restMs(tookMs: number): number {
    return tookMs * this.#restShare() * (0.5 + this.#host.random());
  }

  #restShare(): number {
    const share = REST_SHARE * Math.exp((this.#returnedMs - this.#host.clock.monotonicMs()) / REST_FADES_MS);
    return share < REST_SHARE_MIN ? 0 : share;
  }

  /** Taken before a request and given back to `close`, so that one outage seen by both lanes counts as one attempt. */
  pass(): number {
    return this.#failureCount;
  }

  /** The city took what was sent. */
  open(): void {
    this.tookSome();
    this.answered();
  }

  /** The city said how what was sent would pass: it need not be waited for. */
  answered(): void {
    this.#attempt = 0;
    this.#untilMs = 0;
    this.#problem = undefined;
    if (this.#state === 'ok') return;
    if (this.#state !== 'starting') this.#returnedMs = this.#host.clock.monotonicMs();
    this.#enter('ok');
    this.#host.log('info', `${this.#peer}-ok`);
    this.#onChange();
  }

  /** It failed at what was sent, but a part of that is stored: nothing is sent sooner for it. */
  tookSome(): void {
    this.#successCount++;
    this.#lastSuccessWallMs = this.#host.clock.wall().ms;
  }

  /** The request that took `pass` failed: nothing is sent for a while. */
  close(pass: number, { state, pace, atLeastMs = 0, fixedMs, problem }: Pause): void {
    if (pass !== this.#failureCount) return;
    this.#failureCount++;
    // What kept failing in another way says nothing about how long this will take.
    this.#attempt = this.#pace === pace ? this.#attempt + 1 : 1;
    this.#pace = pace;
    const chance = this.#host.random();
    // It names whole minutes, rounded down; and those that wait for the same one are not to come back at once.
    const namedMs = atLeastMs > 0 ? atLeastMs + chance * ROUNDING_MS : 0;
    this.#untilMs = this.#host.clock.monotonicMs() + (fixedMs ?? Math.max(namedMs, backOffMs(pace, this.#attempt, chance)));
    const isNew = this.#state !== state || this.#problem?.code !== problem.code;
    this.#problem = problem;
    if (isNew) {
      this.#enter(state);
      this.#host.log('warning', `${this.#peer}-${state}`, { problem: problem.code, ...problem.parameters });
    }
    this.#onChange();
  }

  /** Nothing is sent for so long, or until what this returns is called: then as it was. */
  hold(forMs: number): () => void {
    const before = this.#untilMs;
    const held = this.#host.clock.monotonicMs() + forMs;
    if (held <= before) return () => {};
    this.#untilMs = held;
    return () => {
      if (this.#untilMs !== held) return;
      this.#untilMs = before;
      this.#onChange();
    };
  }

  /** A problem that makes nobody wait. */
  note(problem: CityProblem): void {
    this.#problem = problem;
  }

  #enter(state: UplinkState): void {
    this.#state = state;
    this.#sinceWallMs = this.#host.clock.wall().ms;
  }
}
