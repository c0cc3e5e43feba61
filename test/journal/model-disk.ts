import { SimulatedDisk } from '../../simulator/disk.ts';

/** The simulated disk without a clock: what happens to an operation is decided by `fault`, and to what is not durable by `crash`. */
export const ModelDisk = SimulatedDisk;
export type ModelDisk = SimulatedDisk;
