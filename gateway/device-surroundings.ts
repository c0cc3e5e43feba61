import type { Driver, Learned } from '../drivers/driver.ts';
import type { DeviceError } from '../drivers/errors.ts';
import type { NewestTimes } from '../drivers/newest-times.ts';
import type { Value } from '../drivers/reading.ts';
import type { Bus } from './buses.ts';
import type { NoteEvent } from './counter.ts';
import type { Host } from './host.ts';
import type { Moments } from './moments.ts';
import type { Connect } from './places.ts';
import type { Observation } from './record.ts';
import type { RollCall } from './roll-call.ts';

/** What a device needs of the gateway around it. */
export interface DeviceSurroundings {
  readonly host: Host;
  readonly bus: Bus;
  /** Of the devices of this bus. */
  readonly rollCall?: RollCall | undefined;
  readonly connect: Connect;
  readonly driver: Driver;
  /** How late polls start, against their grid. */
  readonly lateness: NewestTimes;
  /** When devices are due. */
  readonly moments: Moments;
  /** Takes the observations on to the journal. Must not throw. */
  readonly keep: (observations: readonly Observation[]) => void;
  /** What was learned of this device; without it what is learned is forgotten at the end. */
  readonly learned?: Learned | undefined;
  /** Takes what is worth an event in the journal. */
  readonly note: NoteEvent;
  /** Takes the time that a device which may set the clock has just told, milliseconds since 1970. */
  readonly heardTime?: (wallMs: number) => void;
  /** Takes each value that nobody doubts, by `<device>.<reading>`, whatever the report rule makes of it. */
  readonly taken?: (reading: string, value: Value) => void;
  /** Called once the device is open, its outputs in their safe states: not with those that `problem` is about. */
  readonly opened?: (device: string, problem: DeviceError | undefined) => void;
  /** Called when an output was found where nobody has driven it; one that belongs to its safe state was driven there again. */
  readonly strayed?: (device: string, problem: DeviceError) => void;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}
