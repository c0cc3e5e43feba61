import type { ZodType } from 'zod';
import type { AnalogInput } from './bus/analog.ts';
import type { ByteStream } from './bus/byte-stream.ts';
import type { DigitalInputPort, DigitalOutputPort, Pull } from './bus/gpio.ts';
import type { I2cBus } from './bus/i2c.ts';
import type { ModbusBus, WriteWith } from './bus/modbus.ts';
import type { OneWireBus } from './bus/onewire.ts';
import type { GatewaySelf } from './bus/self.ts';
import type { Clock } from './clock.ts';
import type { DeviceError } from './errors.ts';
import type { MissingReading, Reading } from './reading.ts';

/** What each kind of connection gives a driver. The keys are the words that boards use in `needs:`. */
export interface Connections {
  readonly i2c: I2cBus;
  readonly serial: ByteStream;
  readonly modbus: ModbusBus;
  readonly onewire: OneWireBus;
  readonly digital_in: DigitalInputPort;
  readonly digital_out: DigitalOutputPort;
  readonly analog: AnalogInput;
  readonly gateway: GatewaySelf;
}

export type Need = keyof Connections;

/** What a port of a device can be to another device. */
export type PortNeed = 'digital_in' | 'digital_out' | 'analog';

/** How a register or field is laid out that says itself how long it is; see the Modbus part of the board format. */
export type FixedEncoding = 'uint16' | 'int16' | 'uint32' | 'int32' | 'uint64' | 'int64' | 'float32' | 'float64' | 'bool';
/** A text takes as many registers as its reading says. */
export type Encoding = FixedEncoding | 'text';
export type ByteOrder = 'ABCD' | 'CDAB' | 'BADC' | 'DCBA';
export type ReadWith = 'input' | 'holding' | 'coil' | 'discrete';

/** One of a board's readings, as a driver needs to know it. Which fields count depends on the driver. */
export interface ReadingSpec {
  readonly id: string;
  /** Protocol address of the first register or bit. */
  readonly at?: number;
  readonly readWith?: ReadWith;
  readonly encoding?: Encoding;
  readonly byteOrder?: ByteOrder;
  /** Of a text: how many registers it takes. */
  readonly registers?: number;
  /** Bit of the register, 0 is the least significant. */
  readonly bit?: number;
  /** value = raw × scale × 10^(what stands at `scaleFrom`) + offset */
  readonly scale?: number;
  readonly offset?: number;
  /** Protocol address, in the reading's own table, of a register whose int16 is a power of ten (SunSpec's `sunssf`). */
  readonly scaleFrom?: number;
  /** Raw values that mean "no value": of a text, in each of its registers. NaN stands for any float that is not a number. */
  readonly notAvailable?: readonly number[];
  /** The least and the most that a value can be; missing where it is converted further before that is judged. */
  readonly valid?: readonly [number, number];
  /** Of a driver that counts pulses. */
  readonly pulses?: PulseSpec;
}

/** What counted pulses become: value = startsAt + pulses × scaleBy; a rate is that per unit of time. */
export interface PulseSpec {
  readonly kind: 'delta' | 'total' | 'rate';
  /** The reading's unit (ASCII id). */
  readonly unit: string;
  /** What one pulse stands for, in the reading's unit. Undefined: the driver knows another of its options that says it. */
  readonly scaleBy?: number;
  /** What the total was when counting began. */
  readonly startsAt?: number;
  /** `daily`: the total begins again at local midnight. */
  readonly resets?: 'daily';
}

/** The newest total that is durable, as the device gave it (not calibrated), and when; `wallMs` is undefined where no clock was set. */
export interface LastTotal {
  readonly value: number;
  readonly wallMs?: number;
}

/** A switch of a board. Where it lies counts for registers and coils only: one of the two is set then. */
export interface SwitchSpec {
  readonly id: string;
  /** Protocol address of the coil that switches it. */
  readonly coil?: number;
  /** Protocol address of the holding register that switches it, and what is written there. */
  readonly register?: { readonly at: number; readonly on: number; readonly off: number };
  /** Beside a coil: how its board switches it on for a time. */
  readonly onFor?: OnFor;
}

/**
 * A board's own time-out for a coil: a time that is written with function 5 at the address `coil`, as a number of `stepMs`, switches it
 * on at once and off by itself when that is over. Each such time begins anew; switching the coil itself ends it.
 */
export interface OnFor {
  readonly coil: number;
  readonly stepMs: number;
  /** The longest time that can be written; a whole number of steps, at most 65,535. */
  readonly mostMs: number;
}

/** One of a board's outputs. */
export interface OutputSpec extends SwitchSpec {
  /** The logical level (true is on) that is safe. */
  readonly safe: boolean;
}

/** Modbus facts of a board. Ranges are inclusive. */
export interface ModbusSpec {
  readonly readWith: ReadWith;
  /** Which function writes a coil or register; `single` when absent. */
  readonly writeWith?: WriteWith;
  readonly encoding: FixedEncoding;
  readonly byteOrder: ByteOrder;
  readonly registersMax: number;
  /** Address ranges that may not be read, each [first, last]. */
  readonly holes: readonly (readonly [number, number])[];
  /** What the device needs between an answer and the next question to it, milliseconds. Others are asked meanwhile. */
  readonly minPauseMs?: number;
  /** Of the serial line that the device is on; absent behind a network. */
  readonly baud?: number;
}

/** Everything that the board file and the site file say about one device, already validated. */
export interface DeviceSpec<With = unknown> {
  /** The board's id, for messages. */
  readonly board: string;
  /** The typed parameters under `with:`, as the driver's own schema left them. */
  readonly with: With;
  /** The readings that are wanted, and no others. */
  readonly readings: readonly ReadingSpec[];
  readonly outputs: readonly OutputSpec[];
  /** The ports that the board provides to other devices. */
  readonly ports?: readonly SwitchSpec[];
  readonly modbus?: ModbusSpec;
  /** The site's time zone (IANA), for what begins again with each day. */
  readonly timezone?: string;
  /** By reading: where a driver that counts itself (`countsPulses`) goes on after a restart. The gateway fills it in. */
  readonly lastTotals?: ReadonlyMap<string, LastTotal>;
}

/** One request that a driver will make in every round; lets bus time be computed without hardware. Sizes in bytes on the wire. */
export interface PlannedRequest {
  readonly writeBytes: number;
  readonly readBytes: number;
  /** Time the device needs between question and answer, milliseconds. */
  readonly waitMs: number;
  /** The readings that come out of it. */
  readonly readings: readonly string[];
}

/**
 * A device in use. On a bus on which each request takes its own turn, calls may overlap: at a stop an output is switched while
 * a read is under way. One that cannot take that runs them one after the other (one-at-a-time.ts).
 */
export interface Device {
  /**
   * Asks for all wanted readings once. A reading that has no value comes back as a MissingReading beside the good ones;
   * a failure of the whole read is thrown.
   * @throws BusError, DeviceError, or the reason of `signal` once it is aborted
   */
  read?(signal: AbortSignal): Promise<readonly (Reading | MissingReading)[]>;
  /** Readings that the device sends by itself, until `signal` is aborted (then it ends without an error). */
  watch?(signal: AbortSignal): AsyncIterable<Reading>;
  /**
   * Brings a sleeping device into use. Where the board asks for a duty cycle, the gateway calls it `runMs` before a
   * read and `sleep` after it. Throws as read does; whether the device woke shows in the read that follows.
   */
  wake?(): Promise<void>;
  /** Puts the device to sleep until the next `wake`, to spare a part that wears out. Throws as read does. */
  sleep?(): Promise<void>;
  /**
   * Drives an output to its logical state (true is on) and checks that it took it. Where `isInTime` says no when it is about to be
   * sent, nothing is: BusError `expired`. `leftMs` gives, of what leads away from the safe state, how long it may stay so from then on at
   * most, milliseconds (`Haste.leftMs`).
   */
  write?(output: string, on: boolean, isInTime?: () => boolean, leftMs?: () => number): Promise<void>;
  /**
   * What is wrong with it although it gives readings: an output that refused its safe state, or did not follow; `strayed` for those
   * that the newest read found where nobody had driven them, and that were made safe. Told as the device's own trouble.
   */
  readonly problem?: DeviceError | undefined;
  /** May be called twice. Leaves outputs as they are. */
  close(): Promise<void>;
}

/**
 * What a device was found to be like and could be found to be again: where its registers have holes, how slow it is. Never
 * readings. It survives a restart where the gateway keeps it, and may be lost at any time at the cost of learning again.
 * Each device has its own; a driver's keys are its own affair.
 */
export interface Learned {
  /** What was kept under `key`, undefined when there is nothing. It may be anything: a file can be edited. */
  get(key: string): unknown;
  /** Keeps what JSON can hold, in place of what was there. */
  set(key: string, value: unknown): void;
}

/** What one kind of hardware offers to devices that are plugged into it. */
export interface Ports<N extends Need = Need, With = unknown> {
  /** The ports that the hardware has. A board may provide no others. Absent where the board decides: coils. */
  readonly ids?: readonly string[];
  /** The resistors that its inputs have; absent where it has all. */
  readonly pulls?: readonly Pull[];
  /** How often a digital input is looked at because nothing tells of its changes, milliseconds. */
  readonly lookMs?: number;
  /** What it costs to read a port once. */
  plan(spec: DeviceSpec<With>): readonly Omit<PlannedRequest, 'readings'>[];
  /** Called once for each device that provides ports: what its ports have to share is in what it returns. */
  open(spec: DeviceSpec<With>, clock: Clock): OpenPort<N>;
}

/**
 * Gives one port to the device that is plugged into it. The requests of that device go over `connection`, which is its own way
 * to the bus: with its rank, and counted as its own. Nothing is asked or set up before the device opens what it gets.
 */
export type OpenPort<N extends Need = Need> = (port: string, need: PortNeed, connection: Connections[N]) => Connections[PortNeed];

/** The pure description of what one kind of hardware needs and how its bytes are understood. */
export interface Driver<N extends Need = Need, With = unknown> {
  /** The word in a board's `driver:`; also the file's name and that of its device model. */
  readonly id: string;
  readonly needs: N;
  /**
   * The readings it can give, and the unit (ASCII id) of each. A board may declare no other reading and no other unit.
   * Absent where the board decides: registers, contacts.
   */
  readonly produces?: Readonly<Record<string, string>>;
  /**
   * It counts pulses: the hardware has no memory of its own. `per`, `scale_by`, `starts_at` and `resets` of a board are for
   * such drivers, and the gateway gives them the last durable totals (`DeviceSpec.lastTotals`).
   */
  readonly countsPulses?: true;
  /** Validates `with:`. Input: one value per parameter that the board declares. */
  readonly with: ZodType<With>;
  /** The requests of one round, computed without hardware. */
  plan(spec: DeviceSpec<With>): readonly PlannedRequest[];
  /**
   * Sets the device up. May throw as Device.read does; the gateway then tries again later. Without `learned` what the
   * device learns is lost when it is closed.
   */
  open(connection: Connections[N], spec: DeviceSpec<With>, clock: Clock, learned?: Learned): Promise<Device>;
  /** What it offers to other devices; absent where it offers nothing. */
  readonly ports?: Ports<N, With>;
  /** What the board file could say so that it need not be learned again: lines of YAML to paste. */
  proposals?(spec: DeviceSpec<With>, learned: Learned): readonly string[];
}
