import type { OutputConfig } from '../config/config.ts';
import type { BusError, DeviceError } from '../drivers/errors.ts';

/** How often a device is opened for it, if that fails. */
const OPENINGS_MAX = 2;

/** What failed of the hardware. */
export type Failure = BusError | DeviceError;

/** A device whose outputs are driven. */
interface Driven {
  /** It has been opened. */
  readonly isOpen: () => boolean;
  /** Drives one output to its safe state, and opens the device for that where it is not open. */
  readonly drive: (output: OutputConfig) => Promise<Failure | undefined>;
  /** Given each output and what failed of it. */
  readonly told: (output: string, error: Failure | undefined) => void;
}

/**
 * Drives all outputs of a device to their safe states. An opening drives them all: one that fails is tried once more and not for each
 * output, as others wait for the bus. Those of an open device are driven at once: none waits for what another is read back.
 * When `signal` is aborted nothing more is told.
 */
export async function driveAllSafe(
  outputs: readonly OutputConfig[],
  { isOpen, drive, told }: Driven,
  signal: AbortSignal,
): Promise<void> {
  const driven = async (output: OutputConfig) => {
    const error = await drive(output);
    if (!signal.aborted) told(output.id, error);
    return error;
  };
  const left = [...outputs];
  let failure: Failure | undefined;
  for (let openings = 0; openings < OPENINGS_MAX && !isOpen(); openings += 1) {
    const output = left.shift() ?? outputs.at(-1);
    if (output === undefined) return;
    failure = await driven(output);
  }
  if (isOpen()) await Promise.all(left.map(driven));
  else if (!signal.aborted) for (const { id } of left) told(id, failure);
}
