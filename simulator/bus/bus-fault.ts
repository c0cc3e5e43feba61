import { BusError } from '../../drivers/errors.ts';
import { activeFault, type Fault, type FaultAt } from '../faults.ts';
import type { World } from './world.ts';

/** The fault of the whole bus that is active now, if any. */
export function busFault(world: World, bus: string): FaultAt<'bus'> | undefined {
  return activeFault(world.faults, 'bus', world.clock.monotonicMs(), (fault) => fault.bus === bus);
}

/**
 * A call into the driver of a bus: it never comes back while the driver hangs, and is refused while the bus is used by others or
 * not there; `says` are the messages.
 * @throws BusError `busy`, `absent`
 */
export async function passFault(
  world: World,
  bus: string,
  says: { readonly busy: string; readonly absent: string },
): Promise<void> {
  const kind = busFault(world, bus)?.kind;
  if (kind === 'hang') return never();
  if (kind === 'busy') throw new BusError('busy', says.busy);
  if (kind === 'unplugged') throw new BusError('absent', says.absent);
}

/** Whether the bus was unplugged after `sinceMs`, and be it in again. */
export function wasUnplugged(world: World, bus: string, sinceMs: number): boolean {
  const nowMs = world.clock.monotonicMs();
  const isIt = (fault: Fault) => fault.at === 'bus' && fault.bus === bus && fault.kind === 'unplugged';
  return world.faults.some((fault) => isIt(fault) && fault.fromMs > sinceMs && fault.fromMs <= nowMs);
}

/** What a call into a hanging driver returns: nothing, ever, whatever becomes of the fault. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
