import { withDeadline } from '../drivers/clock.ts';
import type { RunningDevice } from './device.ts';
import type { Host } from './host.ts';
import type { Journal } from './journal/journal.ts';
import type { Keeper } from './keeper.ts';
import type { LearnedFile } from './learned.ts';
import type { Outputs } from './outputs/output.ts';

/** What a stop may take for each of its steps; what takes longer is left behind, outputs already safe. */
const STEP_MS_MAX = 500;
/** What the outputs may take, of the five seconds after which the process is ended: a line may have a slow question under way. */
export const OUTPUTS_MS_MAX = 2_500;
const JOURNAL_MS_MAX = 1_000;

/** Everything of a running gateway that its stop ends. */
export interface Stoppable {
  readonly host: Pick<Host, 'clock' | 'log'>;
  readonly journal: Journal;
  readonly outputs: Outputs;
  readonly devices: readonly RunningDevice[];
  readonly keeper: Keeper;
  readonly learned: LearnedFile | undefined;
  /** What ends when `measuring` is aborted, `sendingOut`, and `carrying`. */
  readonly loops: readonly Promise<void>[];
  readonly sending: readonly Promise<void>[];
  readonly lines: readonly Promise<void>[];
  readonly measuring: AbortController;
  readonly sendingOut: AbortController;
  readonly carrying: AbortController;
  /** Given those that have not taken their safe state, as far as is known. */
  readonly outputsAreSafe: (unsafe: readonly string[]) => void;
  readonly stopServing: () => Promise<void>;
  readonly unlock: () => Promise<void>;
}

/** Stops a gateway: outputs first, then what was measured last, the journal, and the buses. */
export async function stopInOrder(gateway: Stoppable): Promise<void> {
  const { host, journal, outputs, devices, keeper, learned, measuring, sendingOut, carrying } = gateway;
  outputs.stop();
  measuring.abort(new Error('the gateway stops'));
  const unsafe = new Set(devices.flatMap(({ config }) => config.outputs.map(({ id }) => `${config.id}.${id}`)));
  const isSafe = (output: string) => {
    unsafe.delete(output);
    outputs.isSafe(output);
  };
  await step(host, 'outputs', (signal) => makeSafe(devices, signal, isSafe), OUTPUTS_MS_MAX);
  for (const output of unsafe) outputs.isNotSafe(output);
  gateway.outputsAreSafe([...unsafe]);
  await step(host, 'devices', async (signal) => {
    // Pulses since the newest read are nowhere but in this process: they wait for no loop that takes long to end.
    await Promise.all([...devices.map((device) => device.leave(signal)), ...gateway.loops]);
  });
  for (const device of devices) keeper.keep(device.finish());
  keeper.note('gateway-stopped', {});
  sendingOut.abort(new Error('the gateway stops'));
  await step(host, 'delivery', async () => {
    await Promise.all(gateway.sending);
  });
  await step(host, 'journal', () => journal.close(), JOURNAL_MS_MAX);
  await step(host, 'learned', async () => learned?.close());
  // Last of all: each closing that hangs takes a thread, and the journal needs one.
  await step(host, 'buses', async () => {
    const closings = await Promise.allSettled(devices.map((device) => device.close()));
    carrying.abort(new Error('the gateway stops'));
    await Promise.all(gateway.lines);
    // One that could not be closed is told, and keeps no line open.
    for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
  });
  await step(host, 'local-api', gateway.stopServing);
  await step(host, 'lock', gateway.unlock);
  host.log('info', 'gateway-stopped');
}

/** Drives every output to its safe state, on each bus those first whose devices answer. `isSafe` is told which have taken it. */
async function makeSafe(devices: readonly RunningDevice[], signal: AbortSignal, isSafe: (output: string) => void): Promise<void> {
  const ordered = devices.toSorted((one, other) => Number(one.isSilent) - Number(other.isSilent));
  await Promise.all(
    ordered.map((device) =>
      device.toSafe(AbortSignal.any([signal]), (output, error) => {
        if (error === undefined) isSafe(`${device.config.id}.${output}`);
      }),
    ),
  );
}

/** Runs one step of the stop; what fails or hangs is logged and left behind, because the next steps matter more. */
async function step(
  host: Pick<Host, 'clock' | 'log'>,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  forMsMax: number = STEP_MS_MAX,
): Promise<void> {
  const late = () => new Error(`${name} took longer than ${forMsMax} ms`);
  try {
    await withDeadline(host.clock, forMsMax, new AbortController().signal, late, work);
  } catch (error) {
    host.log('error', 'stop-step-failed', { step: name, message: error instanceof Error ? error.message : String(error) });
  }
}
