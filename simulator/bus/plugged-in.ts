import type { PluggedIn } from '../devices/model.ts';
import { activeFault } from '../faults.ts';
import { inputSource } from './gpio-input.ts';
import type { PlacedModel, World } from './world.ts';

/** The wire between a port and what is plugged into it. A device that is silent has its wire cut. */
export function pluggedIn({ device, model, fate }: PlacedModel, world: World): PluggedIn {
  const cuts = world.faults.filter((fault) => fault.at === 'device' && fault.device === device && fault.kind === 'silent');
  const isCut = (atMs: number) => activeFault(cuts, 'device', atMs) !== undefined;
  const wrong = () => new Error(`device ${device} has a model of kind ${model.kind}, which goes into no such port`);
  return {
    volts: (atMs) => {
      if (model.kind !== 'analog') throw wrong();
      return isCut(atMs) ? 0 : model.volts(atMs);
    },
    level: (pull, atMs) => {
      if (model.kind !== 'line') throw wrong();
      return inputSource({ device, model, fate }, pull, world).level(atMs);
    },
    drive: (level, atMs) => {
      if (model.kind !== 'line') throw wrong();
      if (!isCut(atMs)) model.driven?.(level, atMs);
    },
  };
}
