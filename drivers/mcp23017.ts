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
/** All of them, up to the latch of port B. */
const REGISTER_COUNT = 0x16;

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

/**
 * Sixteen digital pins. What they were set to is held against the chip with every look: one that was reset, or that a neighbour
 * or a bad wire has changed, is set up again, the latches before the directions. Inputs are looked at ten times a second; the
 * interrupt pins are not used.
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
    plan: () => [plannedTransfer(1, REGISTER_COUNT)],
    open({ with: { address } }, clock) {
      const chip = new Chip(`MCP23017 at ${addressText(address)}`, clock);
      return (port, need, bus): DigitalInputPort | DigitalOutputPort => {
        const transfer = transferTo(bus, address);
        const index = PINS.indexOf(port);
        const pin = { name: `${chip.name}, ${port}`, port: index >> 3, mask: 1 << (index & 7) };
        if (need === 'digital_in') return { open: (input: InputOptions) => openInput(pin, input, transfer, chip, clock) };
        return { open: (level: boolean) => openOutput(pin, level, transfer, chip) };
      };
    },
  },
};

type Bits = readonly (readonly [register: number, on: boolean])[];

/** What all pins of one chip share: nobody else may come between the reading of a register and the writing of it. */
class Chip {
  readonly name: string;
  readonly #clock: Clock;
  readonly #queue = oneAtATime((work: () => Promise<unknown>) => work(), CALLS_WAITING_MAX);
  /** What was written last, by register: what the chip must hold. */
  readonly #written = new Map<number, number>();
  #seen: { readonly registers: Uint8Array; readonly atMs: number } | undefined;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  /**
   * Sets bits of a pin's registers, in this order. Of the other bits it keeps what was written, or what the chip had at first.
   * What fails is undone by the next look, or made up for by it where `isOwed`.
   */
  set(transfer: Transfer, { port, mask }: Pin, bits: Bits, isOwed = false): Promise<void> {
    return this.#alone(async () => {
      this.#seen = undefined;
      for (const [register, on] of bits) {
        const at = register + port;
        const before = this.#written.get(at) ?? (await this.#first(transfer, at));
        const wanted = on ? before | mask : before & ~mask;
        if (isOwed) this.#written.set(at, wanted);
        if (wanted !== before) await transfer([at, wanted], 0);
        this.#written.set(at, wanted);
      }
    });
  }

  /** The level on a pin, after the chip was seen to be set up as it was told. Others may have looked up to `ageMs` ago. */
  level(transfer: Transfer, { port, mask }: Pin, ageMs = 0): Promise<boolean> {
    return this.#alone(async () => {
      const isFresh = this.#seen !== undefined && this.#clock.monotonicMs() - this.#seen.atMs < ageMs;
      const registers = isFresh && this.#seen ? this.#seen.registers : await this.#look(transfer);
      return ((registers[GPIO + port] ?? 0) & mask) !== 0;
    });
  }

  async #look(transfer: Transfer): Promise<Uint8Array> {
    this.#seen = undefined;
    let registers = await transfer([IODIR], REGISTER_COUNT);
    if (!this.#isSetUp(registers)) {
      // The latches first: a pin that becomes an output again must not pass through the other level.
      for (const register of [OLAT, GPPU, IODIR]) {
        for (const each of [register, register + 1]) {
          const byte = this.#written.get(each);
          if (byte !== undefined) await transfer([each, byte], 0);
        }
      }
      registers = await transfer([IODIR], REGISTER_COUNT);
      if (!this.#isSetUp(registers)) throw new DeviceError('implausible', `${this.name}: its pins do not stay set up`);
    }
    this.#seen = { registers, atMs: this.#clock.monotonicMs() };
    return registers;
  }

  #isSetUp(registers: Uint8Array): boolean {
    return [...this.#written].every(([register, byte]) => registers[register] === byte);
  }

  /** A register of a chip on which pins of others may be: one flipped bit of it would switch them. */
  async #first(transfer: Transfer, register: number): Promise<number> {
    const [once] = await transfer([register], 1);
    const [twice] = await transfer([register], 1);
    if (once !== undefined && once === twice) return once;
    throw new BusError('bad-checksum', `${this.name}: register ${register} was read as ${once} and as ${twice}`);
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    return (await this.#queue(work)) as T;
  }
}

// --------------------------------------------------------------------------------------------------------------- inputs

async function openInput(
  pin: Pin,
  { pull, debounceMs }: InputOptions,
  transfer: Transfer,
  chip: Chip,
  clock: Clock,
): Promise<DigitalInput> {
  if (pull === 'down')
    throw new BusError(
      'unsupported',
      `${pin.name} has no resistor to ground: write \`pull: up\`, or \`none\` with a resistor of your own`,
    );
  await chip.set(transfer, pin, [
    [IODIR, true],
    [GPPU, pull === 'up'],
  ]);
  // The inputs of one chip share what one of them has just seen.
  const look = () => chip.level(transfer, pin, LOOK_MS / 2);
  return {
    read: () => chip.level(transfer, pin),
    changes: (signal) => changes(look, debounceMs, clock, signal),
    close: async () => {},
  };
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

async function openOutput(pin: Pin, first: boolean, transfer: Transfer, chip: Chip): Promise<DigitalOutput> {
  // The latch before the direction: what is an input until then becomes an output at the right level.
  const bits = (level: boolean): Bits => [
    [OLAT, level],
    [IODIR, false],
  ];
  // An order that failed must not move the output minutes later, except to where it is safe: what it starts at.
  const write = (level: boolean) => chip.set(transfer, pin, bits(level), level === first);
  const read = () => chip.level(transfer, pin);
  await write(first);
  // A chip that was reset between the two would drive the other level: it is looked at, and set up again.
  await read();
  return { write, read, close: async () => {} };
}
