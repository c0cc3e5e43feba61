import type { Fault } from '../faults.ts';
import type { CityAnswer } from './answer.ts';
import type { Mishap } from './city.ts';

/** How much longer a slow city takes that nobody says a time of. */
const SLOW_MS = 2_000;

/** A fault of the city. */
export type CityFault = Extract<Fault, { at: 'city' }>;

/** The fault that one request meets at `monotonicMs`: the first active one whose `rate` hits. */
export function faultOfRequest(faults: readonly Fault[], monotonicMs: number, random: () => number): CityFault | undefined {
  for (const fault of faults) {
    if (fault.at !== 'city' || monotonicMs < fault.fromMs || monotonicMs >= fault.toMs) continue;
    // A certain fault draws no number, so that switching it on leaves the rest of a seeded run as it was.
    if (fault.rate >= 1 || random() < fault.rate) return fault;
  }
  return undefined;
}

/** What a fault does inside the city; undefined for those that only concern the way there and back. */
export function mishapOf(fault: CityFault | undefined, random: () => number): Mishap | undefined {
  switch (fault?.kind) {
    case 'status':
      return { kind: 'status', status: fault.status ?? 500 };
    case 'partial':
      return { kind: 'partial', storedFraction: random() };
    case 'forget-sensors':
      return { kind: 'forget-sensors' };
    default:
      return undefined;
  }
}

/** What something that is not Sentilo answers: a captive portal, in a success. */
export const GARBAGE_PAGE = '<!doctype html><title>Welcome</title><p>Please log in to use this network.';

/** What `long-answer` sends at least: more than any client should take. */
const LONG_ANSWER_BYTES = 10 * 1024 * 1024;

/** The answer as the fault leaves it: whoever does not look at its length finds nothing wrong with a long one. */
export function spoiled(answer: CityAnswer, fault: CityFault | undefined): CityAnswer {
  if (fault?.kind !== 'long-answer') return answer;
  return { ...answer, body: Buffer.concat([answer.body, Buffer.alloc(LONG_ANSWER_BYTES, ' ')]) };
}

/** How much longer than usual a request takes, milliseconds. */
export function delayOf(fault: CityFault | undefined): number {
  return fault?.kind === 'slow' ? (fault.byMs ?? SLOW_MS) : 0;
}
