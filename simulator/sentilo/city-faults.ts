import type { Fault } from '../faults.ts';
import type { Mishap } from './city.ts';

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
