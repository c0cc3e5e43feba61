import { BusError } from '../drivers/errors.ts';

/** A call into a driver that has not come back this long after its deadline hangs. */
export const HUNG_MS = 1_000;

/**
 * For a bus whose driver does not come back from a call. It gets no other call meanwhile: that would hang as well, and take
 * one more of the few threads that the journal's writes need too.
 * @param what such as `pm_usb: a call does not come back`; without a number, so that one hang is told once
 */
export function hungError(what: string): BusError {
  return new BusError(
    'hung',
    `${what}; unplug its adapter, where it has one, or restart the gateway, and if that does not help the machine`,
  );
}
