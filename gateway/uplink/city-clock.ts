import type { Clock } from '../../drivers/clock.ts';
import { httpDateMs } from '../../drivers/utc.ts';
import type { HttpResponse } from '../host.ts';
import { isInWindow } from '../timeline.ts';
import { isPlainSuccess } from './answer.ts';
import type { Heard } from './overheard.ts';

/** The header names whole seconds: the city's clock has reached this one and not yet the next. */
const RESOLUTION_MS = 1000;
/** How far two good clocks drift apart in the time that has passed. */
const DRIFT = 100e-6;
/** So many answers in a row that agree with each other are believed against what was known: one alone may be a proxy's. */
const BELIEVED_COUNT = 3;

/** So many answers in a row that do not agree with it end what was known: its servers may disagree with each other for good. */
const DENIED_COUNT = 8;

/** Between which two times the city's clock stands, in milliseconds since 1970. */
export interface ClockBounds {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** The city's wall time at monotonic 0 of this machine, as it was known at `atMs`. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly atMs: number;
}

/**
 * What the city's clock shows, by the dates of its answers. No reading ever gets its time from here: this is for what is
 * compared with times that the city has given, such as the age of an order.
 */
export class CityClock {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #known: Span | undefined;
  /** What the newest answers say against it, and how many of them in a row. */
  #other: { readonly span: Span; readonly count: number } | undefined;
  #deniedCount = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The city has dated this answer at some moment between the two ends of its request. */
  heard(answer: Omit<Heard, 'method'>): void {
    const heard = spanOf(answer);
    if (heard === undefined) return;
    const agreed = this.#known === undefined ? heard : common(this.#known, heard);
    if (agreed !== undefined) {
      this.#known = agreed;
      this.#other = undefined;
      this.#deniedCount = 0;
      return;
    }
    const span = this.#other === undefined ? undefined : common(this.#other.span, heard);
    this.#other = span === undefined ? { span: heard, count: 1 } : { span, count: (this.#other?.count ?? 0) + 1 };
    this.#deniedCount += 1;
    if (this.#other.count < BELIEVED_COUNT && this.#deniedCount < DENIED_COUNT) return;
    this.#known = this.#other.span;
    this.#other = undefined;
    this.#deniedCount = 0;
  }

  /** Whether an answer is dated and agrees, to a second, with what is known: a server may look at its clock once a second. */
  confirms(answer: Omit<Heard, 'method'>): boolean {
    const heard = spanOf(answer);
    if (heard === undefined || this.#known === undefined) return false;
    const { fromMs, toMs, atMs } = this.#known;
    return common({ fromMs: fromMs - RESOLUTION_MS, toMs: toMs + RESOLUTION_MS, atMs }, heard) !== undefined;
  }

  /** What the city's clock shows now; undefined while it has not been heard. */
  now(): ClockBounds | undefined {
    if (this.#known === undefined) return undefined;
    const nowMs = this.#clock.monotonicMs();
    const { fromMs, toMs } = drifted(this.#known, nowMs);
    return { earliestMs: fromMs + nowMs, latestMs: toMs + nowMs };
  }

  /** How far it is certainly ahead of this wall time, negative when behind; 0 when they may be equal or it was not heard. */
  aheadMs(wallMs: number): number {
    const now = this.now();
    if (now === undefined || (now.earliestMs <= wallMs && wallMs <= now.latestMs)) return 0;
    return (wallMs < now.earliestMs ? now.earliestMs : now.latestMs) - wallMs;
  }
}

/** The date of an answer that the city itself has just given, in milliseconds since 1970; undefined of any other. */
export function dateOf(response: HttpResponse): number | undefined {
  const { date = '', age = '0' } = response.headers;
  if (!isPlainSuccess(response) || Number(age) !== 0) return undefined;
  const ms = httpDateMs(date);
  return ms !== undefined && isInWindow(ms) ? ms : undefined;
}

/** What an answer says. */
function spanOf({ response, beganMs, endedMs }: Omit<Heard, 'method'>): Span | undefined {
  const dateMs = dateOf(response);
  if (dateMs === undefined) return undefined;
  return { fromMs: dateMs - endedMs, toMs: dateMs + RESOLUTION_MS - beganMs, atMs: endedMs };
}

function drifted({ fromMs, toMs, atMs }: Span, nowMs: number): Span {
  const driftMs = DRIFT * Math.max(0, nowMs - atMs);
  return { fromMs: fromMs - driftMs, toMs: toMs + driftMs, atMs: nowMs };
}

/** What both allow; undefined when they contradict each other. */
function common(known: Span, heard: Span): Span | undefined {
  const before = drifted(known, heard.atMs);
  const fromMs = Math.max(before.fromMs, heard.fromMs);
  const toMs = Math.min(before.toMs, heard.toMs);
  return fromMs <= toMs ? { fromMs, toMs, atMs: heard.atMs } : undefined;
}
