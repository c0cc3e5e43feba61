import type { OutputConfig } from '../config/config.ts';
import { type Clock, sleep } from '../drivers/clock.ts';
import type { BusError, DeviceError } from '../drivers/errors.ts';
import { isSilence } from './silence.ts';

/** What did not follow is driven again at once, then so often: a frame that gets lost, a chip that does not acknowledge once. */
const AGAIN_MS = 250;
/** So long after the first failure no other try begins: what is gone for good must not cost whoever waits all of the time. */
const AGAIN_FOR_MS = 2_000;
/** What takes no longer to fail costs the others of its bus nothing, though nobody answers: a chip that does not acknowledge. */
const AT_ONCE_MS = 100;
/** A device that is not open, and was waited for so often in vain, is not there. Each further opening would keep others waiting. */
const VAIN_OPENINGS_MAX = 2;

/** What failed of the hardware. */
export type Failure = BusError | DeviceError;

/** A device whose outputs are driven. */
interface Driven {
  readonly clock: Clock;
  /** It has been opened. */
  readonly isOpen: () => boolean;
  /** Drives one output to its safe state, and opens the device for that where it is not open. */
  readonly drive: (output: OutputConfig) => Promise<Failure | undefined>;
  /** Given each output and what failed of it, after each try. */
  readonly told: (output: string, error: Failure | undefined) => void;
}

/**
 * Drives all outputs of a device to their safe states, and those that do not follow again, for two seconds. An opening drives them all:
 * one that fails is tried again as one and not for each output, as others wait for the bus. Those of an open device are driven at once:
 * none waits for what another is read back. When `signal` is aborted nothing more is driven, nor told.
 */
export async function driveAllSafe(outputs: readonly OutputConfig[], device: Driven, signal: AbortSignal): Promise<void> {
  const { clock, isOpen } = device;
  let left = outputs;
  let endMs = Number.POSITIVE_INFINITY;
  for (let tryCount = 1, vainCount = 0; ; tryCount += 1) {
    const startedMs = clock.monotonicMs();
    const failed = await driveOnce(left, device, signal);
    const nowMs = clock.monotonicMs();
    endMs = Math.min(endMs, nowMs + AGAIN_FOR_MS);
    left = left.filter(({ id }) => failed.has(id));
    if (left.length === 0 || signal.aborted || nowMs >= endMs) return;
    if (!isOpen() && nowMs - startedMs > AT_ONCE_MS && [...failed.values()].every(isSilence)) vainCount += 1;
    if (vainCount >= VAIN_OPENINGS_MAX) return;
    if (tryCount > 1) await sleep(clock, AGAIN_MS, signal).catch(() => {});
    if (signal.aborted) return;
  }
}

/** One try for all. Returns what failed, by output. */
async function driveOnce(
  outputs: readonly OutputConfig[],
  { isOpen, drive, told }: Driven,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Failure>> {
  const failed = new Map<string, Failure>();
  const note = (id: string, error: Failure | undefined) => {
    if (error !== undefined) failed.set(id, error);
    if (!signal.aborted) told(id, error);
  };
  const driven = async (output: OutputConfig) => note(output.id, await drive(output));
  let rest = outputs;
  const [first] = outputs;
  if (first !== undefined && !isOpen()) {
    await driven(first);
    rest = outputs.slice(1);
    const failure = failed.get(first.id);
    if (failure !== undefined && !isOpen()) {
      for (const { id } of rest) note(id, failure);
      return failed;
    }
  }
  await Promise.all(rest.map(driven));
  return failed;
}
