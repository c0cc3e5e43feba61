import type { I2cModel, ModelContext } from './model.ts';

// Texas Instruments SBAS444D: config register §9.6.3 (table 8), conversion register §9.6.2, pointer §9.6.1.

/** What the config register holds after power-on. */
const POWER_ON = 0x8583;
const FULL_SCALE_V = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256];
const SAMPLES_PER_S = [8, 16, 32, 64, 128, 250, 475, 860];
/** MUX 4 to 7 measure one input against ground; the others measure one against another. */
const DIFFERENCES: readonly (readonly [number, number])[] = [
  [0, 1],
  [0, 3],
  [1, 3],
  [2, 3],
];
const VOLTS_MAX = 3.6;

/**
 * A simulated ADS1115 on 3.3 V: measures when it is told to, shows the newest result, and is busy while it measures:
 * it takes no other setting then.
 */
export function model({ device, pluggedInto }: ModelContext): I2cModel {
  const { address } = device;
  if (address === undefined) throw new Error(`device ${device.id} has no I2C address`);
  let config = POWER_ON;
  let pointer = 0;
  let conversion = 0;
  let readyMs = 0;

  const measured = (atMs: number) => {
    const mux = (config >> 12) & 7;
    const volts = (input: number) => Math.min(Math.max(pluggedInto(`ain${input}`)?.volts(atMs) ?? 0, -0.3), VOLTS_MAX);
    const [plus, minus] = DIFFERENCES[mux] ?? [mux - 4, undefined];
    const between = volts(plus) - (minus === undefined ? 0 : volts(minus));
    const code = Math.round((between / (FULL_SCALE_V[(config >> 9) & 7] ?? 1)) * 0x8000);
    return Math.min(Math.max(code, -0x8000), 0x7fff);
  };

  return {
    kind: 'i2c',
    address,
    transfer: (write, readLength, atMs) => {
      if (write.length > 0) pointer = (write[0] ?? 0) & 3;
      const isBusy = atMs < readyMs;
      if (write.length === 3 && pointer === 1 && !isBusy) {
        config = ((write[1] ?? 0) << 8) | (write[2] ?? 0);
        // What is at the input when it begins is what it shows; the answer comes when it is over.
        if (config & 0x8000) {
          conversion = measured(atMs);
          readyMs = atMs + 1000 / (SAMPLES_PER_S[(config >> 5) & 7] ?? 1);
        }
      }
      const word = pointer === 0 ? conversion & 0xffff : pointer === 1 ? (config & 0x7fff) | (atMs < readyMs ? 0 : 0x8000) : 0;
      const shown = [word >> 8, word & 0xff];
      return Uint8Array.from({ length: readLength }, (_, at) => shown[at] ?? 0xff);
    },
  };
}
