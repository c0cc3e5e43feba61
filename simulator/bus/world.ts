import type { Clock } from '../../drivers/clock.ts';
import type { FrameTap } from '../../gateway/host.ts';
import type { DeviceModel } from '../devices/model.ts';
import type { Fault } from '../faults.ts';
import type { Random } from '../random.ts';
import type { SwitchedOutputs } from '../switched-outputs.ts';
import type { Fate } from './disturb.ts';

/** What everything simulated shares. */
export interface World {
  /** Starts at monotonic 0 (VirtualClock, pacedClock): faults and signals count from there. */
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: readonly Fault[];
  /** The wall clock at monotonic 0, milliseconds since 1970: where in its day the world begins. */
  readonly epochWallMs: number;
  /** How long the world had been going on at monotonic 0, milliseconds: what has added up since then is on its meters. 0 when absent. */
  readonly ageMs?: number;
  /** What is switched on; given where it outlives the buses, as over a power cut. */
  readonly outputs?: SwitchedOutputs;
  /** Sees what goes over the simulated wires, chunks and noise as they are. */
  readonly tap?: FrameTap;
  /** Sees each value that the simulated hardware takes from the world, with the moment that the value is of. */
  readonly shown?: Shown;
}

/** Takes the true value of a device's reading at a monotonic time, in the order in which the hardware asks for it. */
export type Shown = (device: string, reading: string, atMs: number, value: number) => void;

/** The simulated hardware of one device of the site. */
export interface PlacedModel<Model extends DeviceModel = DeviceModel> {
  /** The device's id, which faults name. */
  readonly device: string;
  readonly model: Model;
  /** What happens to its next answer. */
  readonly fate: () => Fate;
}
