import { activeFault, type FaultAt } from '../faults.ts';
import type { World } from './world.ts';

/** The fault of the whole bus that is active now, if any. */
export function busFault(world: World, bus: string): FaultAt<'bus'> | undefined {
  return activeFault(world.faults, 'bus', world.clock.monotonicMs(), (fault) => fault.bus === bus);
}

/** What a call into a hanging driver returns: nothing, ever, whatever becomes of the fault. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
