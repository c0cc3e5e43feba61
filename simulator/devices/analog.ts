import { unconverted } from '../unconverted.ts';
import type { AnalogModel, ModelContext } from './model.ts';

/** A probe that gives a voltage: the one that its board says stands for the value. */
export function model({ device, signal }: ModelContext): AnalogModel {
  const [channel] = device.channels;
  if (channel === undefined) throw new Error(`device ${device.id} has no reading that a voltage could stand for`);
  return { kind: 'analog', volts: (atMs) => unconverted(channel.convert ?? [], signal(channel.reading, atMs)) };
}
