import { sleep } from '../../drivers/clock.ts';
import type { RunningDevice } from '../device.ts';
import { type LoneSurroundings, openLoneDevices } from '../lone-devices.ts';
import { orAborted } from '../or-aborted.ts';

/** What all of it may take: boards that do not answer cost their timeouts, and whoever calls it may not wait for ever. */
export const ALL_MS_MAX = 20_000;

/** One output, and why it could not be made safe, if so. */
export interface MadeSafe {
  readonly output: string;
  /** Its safe state. */
  readonly on: boolean;
  readonly problem?: string;
}

/**
 * Drives every output of a site to its safe state and looks whether it followed, without a gateway: after one that was killed. All
 * devices at once, each as soon as its bus is open: none waits for another bus, and on its own for no board that does not answer.
 * Reads nothing else and keeps nothing. What is not done after `forMsMax` is given up.
 */
export async function makeOutputsSafe(around: LoneSurroundings, forMsMax = ALL_MS_MAX): Promise<readonly MadeSafe[]> {
  const switched = [...around.config.devices.values()].filter(({ outputs }) => outputs.length > 0);
  const silent = switched.map((device) => ({ ...device, channels: [], spec: { ...device.spec, readings: [] } }));
  const { devices, close } = openLoneDevices(silent, around);
  const [late, done] = [new AbortController(), new AbortController()];
  sleep(around.host.clock, forMsMax, done.signal).then(
    () => late.abort(new Error('its time is over')),
    () => {},
  );
  try {
    const made = await Promise.all(devices.map((device) => safeStates(device, AbortSignal.any([late.signal]), forMsMax)));
    return made.flat();
  } finally {
    done.abort(new Error('all is done'));
    await close();
  }
}

async function safeStates(device: RunningDevice, signal: AbortSignal, forMsMax: number): Promise<readonly MadeSafe[]> {
  const { id, outputs } = device.config;
  const problems = new Map<string, string | undefined>();
  // A call into a driver may not come back.
  await orAborted(
    device.toSafe(signal, (output, error) => problems.set(output, error?.message)),
    signal,
  );
  return outputs.map((output) => {
    const problem = problems.has(output.id) ? problems.get(output.id) : `no answer within ${forMsMax / 1000} s`;
    return { output: `${id}.${output.id}`, on: output.safe, ...(problem !== undefined && { problem }) };
  });
}
