import { z } from 'zod';
import type { DigitalInput, DigitalInputPort, DigitalOutput, DigitalOutputPort, InputOptions } from './bus/gpio.ts';
import { type Clock, sleep } from './clock.ts';
import type { Driver } from './driver.ts';
import { BusError, DeviceError } from './errors.ts';
import { addressText, plannedTransfer, type Transfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { ONLY_PORTS } from './only-ports.ts';

// Microchip MCP23017, data sheet DS20001952C: registers table 3-1 for IOCON.BANK = 0, each followed by that of port B.

/** 1: the pin is an input. */
const IODIR = 0x00;
/** 1: 100 kΩ to the supply. */
const GPPU = 0x0c;
/** The levels on the pins. */
const GPIO = 0x12;
/** What the output stages drive. */
const OLAT = 0x14;
/** From GPPU to GPIO with their two ports. */
const INPUT_REGISTERS = GPIO + 2 - GPPU;

const PINS = ['a', 'b'].flatMap((port) => Array.from({ length: 8 }, (_, bit) => `gp${port}${bit}`));

/** Every pin can be polled and looked at at once. */
const CALLS_WAITING_MAX = 2 * PINS.length;

/** How often the pins are looked at: a hand on a button is slower. */
const LOOK_MS = 100;

const options = z.strictObject({ address: z.int().min(0x20).max(0x27) });

/** One pin: whether port A (0) or B (1), and its bit there as a mask. */
interface Pin {
  readonly name: string;
  readonly port: number;
  readonly mask: number;
}

/** What all pins of one chip share: nobody else may come between the reading of a register and the writing of it. */
type Alone = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Sixteen digital pins. Its registers are read before they are written, so that a chip that was reset is noticed: a pin is
 * then set up again. Inputs are looked at ten times a second; the interrupt pins are not used.
 */
export const mcp23017: Driver<'i2c', z.infer<typeof options>> = {
  id: 'mcp23017',
  needs: 'i2c',
  with: options,
  ...ONLY_PORTS,
  ports: {
    ids: PINS,
    pulls: ['up', 'none'],
    lookMs: LOOK_MS,
    plan: () => [plannedTransfer(1, INPUT_REGISTERS)],
    open({ with: { address } }, clock) {
      const queue = oneAtATime((work: () => Promise<unknown>) => work(), CALLS_WAITING_MAX);
      const alone: Alone = async <T>(work: () => Promise<T>) => (await queue(work)) as T;
      return (port, need, bus): DigitalInputPort | DigitalOutputPort => {
        const transfer = transferTo(bus, address);
        const index = PINS.indexOf(port);
        const pin = { name: `MCP23017 at ${addressText(address)}, ${port}`, port: index >> 3, mask: 1 << (index & 7) };
        if (need === 'digital_in') return { open: (input: InputOptions) => openInput(pin, input, transfer, alone, clock) };
        return { open: (level: boolean) => openOutput(pin, level, transfer, alone) };
      };
    },
  },
};

/** Sets one bit of a register to what it shall be; it is not written when it is that already. */
async function setBit(transfer: Transfer, register: number, { port, mask }: Pin, on: boolean): Promise<void> {
  const [found = 0] = await transfer([register + port], 1);
  const wanted = on ? found | mask : found & ~mask;
  if (wanted !== found) await transfer([register + port, wanted], 0);
}

// --------------------------------------------------------------------------------------------------------------- inputs

async function openInput(
  pin: Pin,
  { pull, debounceMs }: InputOptions,
  transfer: Transfer,
  alone: Alone,
  clock: Clock,
): Promise<DigitalInput> {
  if (pull === 'down')
    throw new BusError(
      'unsupported',
      `${pin.name} has no resistor to ground: write \`pull: up\`, or \`none\` with a resistor of your own`,
    );
  const setUp = async () => {
    await setBit(transfer, IODIR, pin, true);
    await setBit(transfer, GPPU, pin, pull === 'up');
  };
  /** The level, undefined when the pin is not pulled as it was set up. */
  const look = async () => {
    const registers = await transfer([GPPU], INPUT_REGISTERS);
    const isPulled = ((registers[pin.port] ?? 0) & pin.mask) !== 0;
    return isPulled === (pull === 'up') ? ((registers[GPIO - GPPU + pin.port] ?? 0) & pin.mask) !== 0 : undefined;
  };
  const read = () =>
    alone(async () => {
      let level = await look();
      if (level === undefined) {
        await setUp();
        level = await look();
      }
      if (level === undefined) throw new DeviceError('implausible', `${pin.name}: the pin does not stay set up`);
      return level;
    });
  await alone(setUp);
  return { read, changes: (signal) => changes(read, debounceMs, clock, signal), close: async () => {} };
}

/** Every change that lasts for `debounceMs`, seen at the next look. */
async function* changes(
  read: () => Promise<boolean>,
  debounceMs: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<boolean> {
  let given: boolean | undefined;
  let since: { readonly level: boolean; readonly atMs: number } | undefined;
  try {
    for (;;) {
      const level = await read();
      const nowMs = clock.monotonicMs();
      given ??= level;
      if (since?.level !== level) since = { level, atMs: nowMs };
      if (level !== given && nowMs - since.atMs >= debounceMs) {
        given = level;
        yield level;
      }
      await sleep(clock, level === given ? LOOK_MS : Math.min(LOOK_MS, Math.max(1, debounceMs)), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

// -------------------------------------------------------------------------------------------------------------- outputs

async function openOutput(pin: Pin, first: boolean, transfer: Transfer, alone: Alone): Promise<DigitalOutput> {
  // The latch before the direction: what is an input until then becomes an output at the right level.
  const write = (level: boolean) =>
    alone(async () => {
      await setBit(transfer, OLAT, pin, level);
      await setBit(transfer, IODIR, pin, false);
    });
  await write(first);
  return {
    write,
    read: () => alone(async () => (((await transfer([GPIO + pin.port], 1))[0] ?? 0) & pin.mask) !== 0),
    close: async () => {},
  };
}
