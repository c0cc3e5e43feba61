import { type LoneSurroundings, openLoneDevices } from './lone-devices.ts';
import { readingRows } from './rows.ts';
import type { ReadingRow } from './status.ts';

/** Reads a site's devices without a gateway: nothing is kept, nothing is sent, no output is touched. */
export interface Peek {
  /** Reads every device once. */
  poll(): Promise<void>;
  rows(): readonly ReadingRow[];
  /** Whether every device answered the newest poll. */
  readonly allAnswer: boolean;
  close(): Promise<void>;
}

export function openPeek(around: LoneSurroundings): Peek {
  const readable = [...around.config.devices.values()].filter(({ channels }) => channels.length > 0);
  // A driver would switch outputs to their safe states.
  const untouched = readable.map((device) => ({ ...device, outputs: [], spec: { ...device.spec, outputs: [] } }));
  const { devices, tried, signal, close } = openLoneDevices(untouched, around);
  return {
    poll: async () => {
      await tried;
      await Promise.all(devices.map((device) => device.poll(AbortSignal.any([signal]))));
    },
    rows: () => readingRows(devices, around.host.clock.monotonicMs()),
    get allAnswer() {
      return devices.every(({ health }) => health.state.state === 'ok');
    },
    close,
  };
}
