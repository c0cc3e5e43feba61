import { withDeadline } from '../drivers/clock.ts';
import type { RunningDevice } from './device.ts';
import type { Host } from './host.ts';

/** What closing may take; what hangs is left behind. */
const CLOSE_MS_MAX = 500;

/** Devices, and what keeps their buses open until `carrying` is aborted. */
interface Carried {
  readonly devices: readonly RunningDevice[];
  readonly lines: readonly Promise<void>[];
  readonly carrying: AbortController;
}

/** Closes devices and then their buses, in half a second at the latest, whatever of them hangs or fails. What hangs is logged. */
export async function closeBuses(
  { devices, lines, carrying }: Carried,
  reason: Error,
  { clock, log }: Pick<Host, 'clock' | 'log'>,
): Promise<void> {
  const late = () => new Error('buses that do not close');
  const close = async () => {
    await Promise.allSettled(devices.map((device) => device.close()));
    carrying.abort(reason);
    await Promise.all(lines);
  };
  await withDeadline(clock, CLOSE_MS_MAX, new AbortController().signal, late, close).catch(() => {
    log('error', 'stop-step-failed', { step: 'buses', message: late().message });
  });
  // Also where a device hangs: no bus is opened again.
  carrying.abort(reason);
}
