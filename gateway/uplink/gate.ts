import type { Host } from '../host.ts';
import { backOffMs, type Pace } from './back-off.ts';
import type { CityProblem, UplinkState } from './status.ts';

/** Why and how long nothing is sent. */
export interface Pause {
  readonly state: Exclude<UplinkState, 'starting' | 'ok'>;
  /** Used for the wait unless `fixedMs` says how long. */
  readonly pace: Pace;
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
  #untilMs = 0;
  #attempt = 0;
  #failureCount = 0;
  #successCount = 0;
  #pace: Pace | undefined;
  #problem: CityProblem | undefined;
  #lastSuccessWallMs: number | undefined;

  /** `onChange` is called when a pause begins or ends early. */
  constructor(host: Pick<Host, 'clock' | 'random' | 'log'>, onChange: () => void, peer: 'city' | 'broker' = 'city') {
    this.#peer = peer;
    this.#host = host;
    this.#onChange = onChange;
    this.#sinceWallMs = host.clock.wall().ms;
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

  /** How often the city has let something through. */
  get successCount(): number {
    return this.#successCount;
  }

  /** Taken before a request and given back to `close`, so that one outage seen by both lanes counts as one attempt. */
  pass(): number {
    return this.#failureCount;
  }

  /** The city took what was sent, or said what is wrong with it. */
  open(): void {
    this.#successCount++;
    this.#lastSuccessWallMs = this.#host.clock.wall().ms;
    this.#attempt = 0;
    this.#untilMs = 0;
    this.#problem = undefined;
    if (this.#state === 'ok') return;
    this.#enter('ok');
    this.#host.log('info', `${this.#peer}-ok`);
    this.#onChange();
  }

  /** The request that took `pass` failed: nothing is sent for a while. */
  close(pass: number, { state, pace, fixedMs, problem }: Pause): void {
    if (pass !== this.#failureCount) return;
    this.#failureCount++;
    // What kept failing in another way says nothing about how long this will take.
    this.#attempt = this.#pace === pace ? this.#attempt + 1 : 1;
    this.#pace = pace;
    this.#untilMs = this.#host.clock.monotonicMs() + (fixedMs ?? backOffMs(pace, this.#attempt, this.#host.random()));
    const isNew = this.#state !== state || this.#problem?.code !== problem.code;
    this.#problem = problem;
    if (isNew) {
      this.#enter(state);
      this.#host.log('warning', `${this.#peer}-${state}`, { problem: problem.code, ...problem.parameters });
    }
    this.#onChange();
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
