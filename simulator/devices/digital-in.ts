import { isActiveHigh } from '../active-level.ts';
import type { LineModel, ModelContext } from './model.ts';

/** A contact, button or detector on a GPIO line. `active` says which level means on, as for the driver. */
export function model({ device, signal, nextChangeMs }: ModelContext): LineModel {
  const state = device.channels.find((channel) => channel.kind === 'state')?.reading ?? device.spec.readings[0]?.id;
  if (state === undefined) throw new Error(`device ${device.id} has no reading that a digital input could show`);
  const on = isActiveHigh(device.spec.with);
  return {
    kind: 'line',
    drives: {
      level: (atMs) => (signal(state, atMs) !== 0) === on,
      nextChangeMs: (atMs) => nextChangeMs(state, atMs),
    },
  };
}
