import type { Clock } from '../drivers/clock.ts';
import type { Log } from '../gateway/host.ts';
import { isoText } from './journal-time.ts';

type LogFields = NonNullable<Parameters<Log>[2]>;

/** So many of the newest are told: who looks for more asks for a shorter time. */
const KEPT_MAX = 1_000;

/** What became of an order for an output, or of a rule that ordered nothing, in a simulated run. */
export interface Move {
  /** ISO 8601, in UTC. */
  readonly time: string;
  /** `device.output`, or the rule. */
  readonly about: string;
  /** Undefined where nothing was ordered. */
  readonly on?: boolean;
  /** Who ordered it. */
  readonly from?: string;
  /** How long it was to stay so, where that was said; milliseconds. */
  readonly forMs?: number;
  /** Why it was not done, or why the rule did nothing; undefined: done. */
  readonly reason?: string;
  /** What limits what was done, or why the gateway itself wanted it. */
  readonly why?: string;
  /** For people, of what was not done. */
  readonly message?: string;
  /** What a rule looked at that did not hold, or is not known. */
  readonly reading?: string;
}

/** Listens to the log of a gateway for what its outputs and rules do. */
export class Moves {
  count = 0;
  readonly #newest: Move[] = [];

  take(clock: Pick<Clock, 'wall'>, code: string, fields: LogFields = {}): void {
    const move = moveOf(code, fields);
    if (move === undefined) return;
    this.count += 1;
    this.#newest.push({ time: isoText(clock.wall().ms), ...move });
    if (this.#newest.length > KEPT_MAX) this.#newest.shift();
  }

  /** The newest ones, the oldest of them first. */
  get newest(): readonly Move[] {
    return this.#newest;
  }
}

function moveOf(
  code: string,
  { output, on, from, rule, reason, message, reading, why, forMs }: LogFields,
): Omit<Move, 'time'> | undefined {
  const asked = { about: String(output), on: on === true, from: String(from) };
  const ordered = typeof forMs === 'number' ? { ...asked, forMs } : asked;
  if (code === 'output-switched') return typeof why === 'string' ? { ...ordered, why } : ordered;
  if (code === 'output-not-switched') return { ...ordered, reason: String(reason), message: String(message) };
  if (code !== 'rule-not-fired') return undefined;
  const words = { ...(typeof reading === 'string' && { reading }), ...(typeof message === 'string' && { message }) };
  return { about: String(rule), reason: String(reason), ...words };
}
