import type { DeviceConfig } from '../../config/config.ts';
import type { Pull } from '../../drivers/bus/gpio.ts';
import type { SelfHealth } from '../../drivers/bus/self.ts';

/** What a simulated device is given: its part of the site, and the physical value of each of its readings at a moment. */
export interface ModelContext {
  /** One that only provides ports has no channels. */
  readonly device: DeviceConfig;
  /** The true value of a reading at a monotonic time, in the board's unit; a state is 0 or 1. 0 for one the site says nothing about. */
  readonly signal: (reading: string, atMs: number) => number;
  /** The true text of a reading; empty for one the site says nothing about. */
  readonly text: (reading: string) => string;
  /** When a reading that moves in steps can change next after a monotonic time; undefined: never, or it is not of that kind. */
  readonly nextChangeMs: (reading: string, atMs: number) => number | undefined;
  /**
   * Tells that one of its outputs takes a state at a monotonic time: on or off, whatever level that is. It may be told ahead, and holds
   * unless an earlier moment is told after it.
   */
  readonly switched: (output: string, isOn: boolean, atMs: number) => void;
  /** What is plugged into one of its ports; undefined where nothing is. */
  readonly pluggedInto: (port: string) => PluggedIn | undefined;
  /** The wall clock of the simulated world at a monotonic time, milliseconds since 1970 UTC: for devices that know what time it is. */
  readonly wallMs: (atMs: number) => number;
  readonly random: () => number;
}

/** Simulated hardware behind an I2C address, at the level of register bytes. */
export interface I2cModel {
  readonly kind: 'i2c';
  readonly address: number;
  /** One transaction at `atMs`; returns the `readLength` bytes that the chip would send, or undefined when it does not acknowledge. */
  transfer(write: Uint8Array, readLength: number, atMs: number): Uint8Array | undefined;
}

/** Bytes that a simulated device sends, and how long after the question. */
export interface Answer {
  readonly afterMs: number;
  readonly bytes: Uint8Array;
}

/** Simulated hardware at the end of a serial line. */
export interface SerialModel {
  readonly kind: 'serial';
  /** Bytes that arrive at `atMs`; returns what the device answers and after how long. */
  receive(bytes: Uint8Array, atMs: number): readonly Answer[];
  /** What the device sends by itself, if anything: a frame every so often. */
  readonly unasked?: { readonly everyMs: number; frame(atMs: number): Uint8Array | undefined };
}

/** A simulated Modbus slave, at the level of the protocol data unit (function code and data, no address, no checksum). */
export interface ModbusModel {
  readonly kind: 'modbus';
  readonly unit: number;
  /** The answer's PDU, exceptions included; `afterMs` is the slave's turnaround. */
  answer(pdu: Uint8Array, atMs: number): { readonly afterMs: number; readonly pdu: Uint8Array };
}

/** A simulated 1-Wire thermometer, at the level of its scratchpad. */
export interface OneWireModel {
  readonly kind: 'onewire';
  /** As Linux names it. */
  readonly rom: string;
  /** The nine bytes after a measurement that ends at `atMs`, with their checksum. */
  scratchpad(atMs: number): Uint8Array;
}

/** Something simulated on a GPIO line. Levels are electrical. */
export interface LineModel {
  readonly kind: 'line';
  /** For an input: the level at `atMs`, and when it changes next (undefined: never). */
  readonly drives?: { level(atMs: number): boolean; nextChangeMs(atMs: number): number | undefined };
  /** For an output: sees every level it is driven to, as `ModelContext.switched` tells it. */
  driven?(level: boolean, atMs: number): void;
}

/** A probe at an analogue input. */
export interface AnalogModel {
  readonly kind: 'analog';
  /** Its voltage against ground, volts. */
  volts(atMs: number): number;
}

/** The machine that a simulated gateway runs on. */
export interface MachineModel {
  readonly kind: 'gateway';
  health(atMs: number): SelfHealth;
}

/** The wire at a port, as the device sees it that provides the port. */
export interface PluggedIn {
  /** Volts; 0 where nothing drives the wire. */
  volts(atMs: number): number;
  /** The level of an input that is held by this resistor. */
  level(pull: Pull, atMs: number): boolean;
  /** Drives an output, now or at a moment that is to come (`ModelContext.switched`). */
  drive(level: boolean, atMs: number): void;
}

export type DeviceModel = I2cModel | SerialModel | ModbusModel | OneWireModel | LineModel | AnalogModel | MachineModel;

/** What each file of this folder exports as `model`. */
export type ModelFactory = (context: ModelContext) => DeviceModel;
