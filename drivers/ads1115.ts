import { z } from 'zod';
import type { AnalogInput } from './bus/analog.ts';
import type { Clock } from './clock.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { addressText, plannedTransfer, type Transfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { ONLY_PORTS } from './only-ports.ts';

// Texas Instruments ADS1113/4/5, data sheet SBAS444D (January 2018): registers §9.6, range §9.3.3, data format §9.5.4.
//
//   config  15 OS   1 starts a measurement; read: 1 when none is under way
//           14-12 MUX   100 + n: input n against ground
//           11-9  PGA   the measuring range
//           8 MODE  1: one measurement, then rest
//           7-5 DR  100: 128 a second
//           4-0  comparator, off

const CONVERSION = 0x00;
const CONFIG = 0x01;
const START = 0x8000;
const MUX_GROUND = 0x4000;
const MUX_SHIFT = 12;
const PGA_SHIFT = 9;
/** One measurement, 128 a second, comparator off. */
const ONCE = 0x0183;

/** Full scale by the number in PGA, volts (table 8). */
const RANGES = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256] as const;
const CODES = 32_768;

/** 1/128 s, and 10 % that the oscillator may be slow (§7.5), rounded up. */
const MEASURE_MS = 9;
const LOOK_AGAIN_MS = 1;
const LOOKS_MAX = 10;

const INPUTS = ['ain0', 'ain1', 'ain2', 'ain3'];

const options = z.strictObject({
  address: z.int().min(0x48).max(0x4b),
  /** Volts. */
  range: z.number().refine((range) => (RANGES as readonly number[]).includes(range)),
});

type Ads1115Options = z.infer<typeof options>;

/**
 * Four analogue inputs. They share one converter: each reading sets it to its input, measures once, and takes the result
 * before the next input has its turn. An input beyond the range gives no reading.
 */
export const ads1115: Driver<'i2c', Ads1115Options> = {
  id: 'ads1115',
  needs: 'i2c',
  with: options,
  ...ONLY_PORTS,
  ports: {
    ids: INPUTS,
    plan: () => [plannedTransfer(3, 0, MEASURE_MS), ...Array.from({ length: 3 }, () => plannedTransfer(1, 2))],
    open({ with: { address, range } }, clock) {
      const alone = oneAtATime((work: () => Promise<number>) => work());
      return (port, _need, bus): AnalogInput => {
        const transfer = transferTo(bus, address);
        const input = INPUTS.indexOf(port);
        const name = `ADS1115 at ${addressText(address)}, ${port}`;
        const measure = async () => {
          await transfer([CONFIG, ...wordBytes(configOf(input, range))], 0);
          await pause(clock, MEASURE_MS);
          for (let look = 0; !(await isDone(transfer, name, configOf(input, range))); look += 1) {
            if (look === LOOKS_MAX)
              throw new DeviceError('implausible', `${name}: still measuring after ${MEASURE_MS + LOOKS_MAX} ms`);
            await pause(clock, LOOK_AGAIN_MS);
          }
          const code = int16(await transfer([CONVERSION], 2));
          // A chip that was reset before its result was taken shows 0.
          await isDone(transfer, name, configOf(input, range));
          return withinRange(code, range, name);
        };
        return {
          readVolts: async (signal) => {
            signal.throwIfAborted();
            // One that is given up is measured to its end: a chip that is busy takes no other setting.
            const measured = await alone(measure);
            signal.throwIfAborted();
            return measured;
          },
        };
      };
    },
  },
};

function pause(clock: Clock, forMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.timer(forMs, resolve);
  });
}

function configOf(input: number, range: number): number {
  const gain = (RANGES as readonly number[]).indexOf(range);
  return START | MUX_GROUND | (input << MUX_SHIFT) | (gain << PGA_SHIFT) | ONCE;
}

/** Whether the measurement is over. A chip that is set otherwise has measured something else. */
async function isDone(transfer: Transfer, name: string, config: number): Promise<boolean> {
  const found = int16(await transfer([CONFIG], 2)) & 0xffff;
  if ((found | START) === config) return (found & START) !== 0;
  const [expected, shown] = [config & ~START, found & ~START].map((word) => `0x${word.toString(16).padStart(4, '0')}`);
  throw new DeviceError(
    'implausible',
    `${name}: expected the setting ${expected}, found ${shown}: it was reset, or something else uses the chip`,
  );
}

/** What the converter shows at both ends of its range stands for everything beyond them. */
function withinRange(code: number, range: number, name: string): number {
  if (code === CODES - 1)
    throw new DeviceError(
      'not-available',
      `${name}: more than ${range} V, the end of its range: write a larger \`range:\`, or a divider before it`,
    );
  if (code === -CODES) throw new DeviceError('not-available', `${name}: less than −${range} V, the end of its range`);
  return ads1115Volts(code, range);
}

/** What a code stands for, volts; `range` is the full scale in volts (§9.5.4). */
export function ads1115Volts(code: number, range: number): number {
  return (code * range) / CODES;
}

function int16(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt16(0);
}

function wordBytes(word: number): readonly number[] {
  return [word >> 8, word & 0xff];
}
