import type { OpenMachine } from '../../drivers/bus/self.ts';
import { BusError } from '../../drivers/errors.ts';
import type { MachineModel } from '../devices/model.ts';
import { passFault } from './bus-fault.ts';
import type { PlacedModel, World } from './world.ts';

const BUS = 'gateway';
const SAYS = { busy: 'the machine is busy', absent: 'the machine tells nothing of itself' };

/** The machine of a simulated gateway, as the device on it shows it; without such a device nobody asks. */
export function simulatedMachine(placed: PlacedModel<MachineModel> | undefined, world: World): () => Promise<OpenMachine> {
  return async () => {
    await passFault(world, BUS, SAYS);
    return {
      read: async () => {
        await passFault(world, BUS, SAYS);
        if (placed?.fate().isLost) throw new BusError('no-answer', SAYS.absent);
        return placed?.model.health(world.clock.monotonicMs()) ?? {};
      },
      close: async () => {},
    };
  };
}
