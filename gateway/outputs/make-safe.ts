import type { RunningDevice } from '../device.ts';
import { type LoneSurroundings, openLoneDevices } from '../lone-devices.ts';

/** One output, and why it could not be made safe, if so. */
export interface MadeSafe {
  readonly output: string;
  /** Its safe state. */
  readonly on: boolean;
  readonly problem?: string;
}

/**
 * Drives every output of a site to its safe state and looks whether it followed, without a gateway: after one that was killed. All
 * buses at once; devices of one bus one after the other. Reads nothing else and keeps nothing. What has not followed when `late`
 * resolves has not followed.
 */
export async function makeOutputsSafe(
  around: LoneSurroundings,
  late: Promise<unknown> = new Promise(() => {}),
): Promise<readonly MadeSafe[]> {
  const switched = [...around.config.devices.values()].filter(({ outputs }) => outputs.length > 0);
  const silent = switched.map((device) => ({ ...device, channels: [], spec: { ...device.spec, readings: [] } }));
  const { devices, tried, close } = openLoneDevices(silent, around);
  try {
    await Promise.race([tried, late]);
    const made = devices.map((device) => Promise.race([safeStates(device), late.then(() => notInTime(device))]));
    return (await Promise.all(made)).flat();
  } finally {
    await close();
  }
}

async function safeStates(device: RunningDevice): Promise<readonly MadeSafe[]> {
  const made: MadeSafe[] = [];
  for (const { id, safe } of device.config.outputs) {
    const error = await device.switchTo(id, safe);
    made.push({ output: `${device.config.id}.${id}`, on: safe, ...(error !== undefined && { problem: error.message }) });
  }
  return made;
}

function notInTime({ config }: RunningDevice): readonly MadeSafe[] {
  return config.outputs.map(({ id, safe }) => ({ output: `${config.id}.${id}`, on: safe, problem: 'it did not answer in time' }));
}
