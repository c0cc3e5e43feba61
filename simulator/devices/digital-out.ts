import { isActiveHigh } from '../active-level.ts';
import type { LineModel, ModelContext } from './model.ts';

/** A relay, valve or lamp on a digital output. It takes every level and shows it on the pin; what follows it sees it move. */
export function model({ device, switched }: ModelContext): LineModel {
  const on = isActiveHigh(device.spec.with);
  const [output] = device.spec.outputs;
  return {
    kind: 'line',
    driven: (level, atMs) => {
      if (output !== undefined) switched(output.id, level === on, atMs);
    },
  };
}
