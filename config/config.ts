import type { SerialFormat } from '../drivers/bus/byte-stream.ts';
import type { DeviceSpec, Need } from '../drivers/driver.ts';
import type { RuleConfig } from './rules.ts';

/** One text, or one per language (`ca`, `es`, `en`; `*` for one without a language). */
export type Texts = Readonly<Record<string, string>>;

/** The site as the gateway runs it: complete, validated, frozen. Lengths of time in milliseconds, sizes in bytes. */
export interface Config {
  /** The file it came from. */
  readonly file: string;
  readonly gateway: {
    readonly id: string;
    readonly name: Texts;
    readonly timezone: string;
    /** Of its people, the first of them first: `ca`, `es`, `en`. */
    readonly languages: readonly string[];
    readonly location?: Location;
  };
  readonly sentilo?: SentiloConfig;
  readonly mqtt?: MqttConfig;
  readonly buffer: { readonly keepMs: number; readonly maxSizeBytes: number; readonly syncMs: number };
  /** By id; `gpio` and `gateway` are among them when a device uses them. Only buses that a runnable device uses. */
  readonly buses: ReadonlyMap<string, BusConfig>;
  /** Devices that run, by id, in the order of the file. */
  readonly devices: ReadonlyMap<string, DeviceConfig>;
  /** What the devices are plugged into that use a port of another device, by its id. */
  readonly providers: ReadonlyMap<string, PlaceConfig>;
  /** Devices that this version cannot run, and the code of the note that says why. */
  readonly skipped: ReadonlyMap<string, string>;
  /** By id, in the order of the file. */
  readonly rules: ReadonlyMap<string, RuleConfig>;
}

export interface Location {
  readonly lat: number;
  readonly lon: number;
}

export interface SentiloConfig {
  readonly url: string;
  readonly provider: string;
  /** The name of the secret; the value is resolved by whoever starts the gateway and never stands in a Config. */
  readonly tokenSecret: string;
  readonly send: { readonly everyMs: number; readonly batch: number };
  /** What may be done with the city's catalogue of sensors: compare, compare and change, or nothing. */
  readonly catalog: 'check' | 'apply' | 'off';
  /** Of an alarm of ours: the city's id of the alert that it is told under. */
  readonly alerts: ReadonlyMap<string, string>;
  /** What the catalogue is to say of every component of this gateway, where the site says it. */
  readonly component: { readonly type?: string; readonly isPublic?: boolean; readonly energy?: string };
  /** Whose orders are taken: ids of applications and providers of the city. */
  readonly ordersFrom: readonly string[];
  /** Where the city pushes orders to: its address there, and the port of this machine that it leads to. */
  readonly callback?: {
    readonly endpoint: string;
    /** The name of the secret that the city signs with. */
    readonly keySecret: string;
    readonly port: number;
    readonly listen: 'localhost' | 'lan';
  };
  /** PEM file, absolute path. */
  readonly caFile?: string;
}

/** A broker that gets the readings as well. Values of secrets never stand in a Config. */
export interface MqttConfig {
  /** mqtt: or mqtts:, with the host and perhaps its port. */
  readonly url: string;
  /** The name of the secret that is sent as the user name, without a password. */
  readonly tokenSecret?: string;
  readonly user?: string;
  readonly passwordSecret?: string;
  /** PEM file, absolute path. */
  readonly caFile?: string;
  /** The levels below which everything of this gateway is, and nothing else. */
  readonly prefix: string;
  /** Topic of an observation, in which `{device}` and `{reading}` are to be filled in. */
  readonly topic: string;
  readonly qos: 1 | 2;
  /** Who is told what there is, so that it appears there by itself. */
  readonly discovery?: 'home-assistant';
  /** In which names are told: one of `Texts`. */
  readonly language: string;
}

export type BusConfig =
  | { readonly type: 'i2c'; readonly id: string; readonly device: string; readonly speedHz: number }
  | { readonly type: 'gpio'; readonly id: 'gpio' }
  | { readonly type: 'gateway'; readonly id: 'gateway' }
  | { readonly type: 'onewire'; readonly id: string }
  | { readonly type: 'serial'; readonly id: string; readonly port: string; readonly baud: number; readonly format: SerialFormat }
  | {
      readonly type: 'modbus-rtu';
      readonly id: string;
      readonly port: string;
      readonly baud: number;
      readonly format: SerialFormat;
      readonly timeoutMs: number;
      readonly pauseMs: number;
      readonly echo: boolean;
    }
  | {
      readonly type: 'modbus-tcp';
      readonly id: string;
      readonly host: string;
      readonly tcpPort: number;
      readonly timeoutMs: number;
      readonly framing: 'tcp' | 'rtu';
      /** Some converters lose what comes right after the connection was made. */
      readonly connectPauseMs: number;
      /** Requests that the slave takes before it has answered the first of them; one where frames carry no transaction. */
      readonly inFlight: number;
    };

/** A device as far as its place on a bus goes: all that others need to know that are plugged into its ports. */
export interface PlaceConfig {
  readonly id: string;
  /** Board id, without the major. */
  readonly board: string;
  readonly driver: string;
  readonly needs: Need;
  /** Where it is plugged in: a bus, a line of the bus `gpio` (chip number), or a port of a device on that bus. */
  readonly via: { readonly bus: string; readonly line?: number; readonly port?: PortConfig };
  /** Address or unit on the bus, at a port that of what provides it; undefined where there is none. */
  readonly address?: number;
  readonly spec: DeviceSpec;
}

export interface PortConfig {
  readonly provider: string;
  readonly id: string;
}

export interface DeviceConfig extends PlaceConfig {
  readonly name: Texts;
  /** What the product is called, and who makes it, as its board says. */
  readonly product?: { readonly label: Texts; readonly vendor?: string };
  readonly everyMs: number;
  /** Time the device needs for one read beyond the bus's own time. */
  readonly readTimeMs: number;
  /** Whether the time that it tells may set the gateway's clock, as its board says. */
  readonly tellsTime?: boolean;
  /** Switched on for `runMs` before each read, off in between, where the board asks for it. */
  readonly duty?: { readonly runMs: number };
  readonly channels: readonly ChannelConfig[];
  readonly outputs: readonly OutputConfig[];
  /** What the simulated hardware shows, by reading. */
  readonly simulate: ReadonlyMap<string, SignalConfig>;
}

/** One reading of one device, on its way to the journal. */
export interface ChannelConfig {
  /** The reading's id in the board. */
  readonly reading: string;
  readonly name: Texts;
  readonly quantity: string;
  readonly unit: string;
  readonly precision: number;
  readonly kind: 'gauge' | 'total' | 'delta' | 'rate' | 'state' | 'position';
  readonly sensor: string;
  /** The city's id of the component that the sensor belongs to, and the sensor's type there. */
  readonly component: string;
  readonly cityType: string;
  readonly publish: boolean;
  readonly sendSuspect: boolean;
  /** `latitude longitude`, where the device or the gateway has a place. */
  readonly location?: string;
  readonly valid?: readonly [number, number];
  /** Raw values that are known lies. */
  readonly reject: readonly number[];
  /** Of a total: the number at which its counter begins anew, in the unit of the reading. */
  readonly rollover?: number;
  /** Of a delta whose device shows a counter, so that its values are what that has gone on by: the same of this counter. */
  readonly counterRange?: number;
  /** A total that begins anew each day. */
  readonly resets?: 'daily';
  /** A value that has not changed for so long comes from a sensor that hangs. */
  readonly flatAfterMs?: number;
  /** A change of more than `by` within this time is suspect. */
  readonly maxStep?: { readonly by: number; readonly withinMs: number };
  /** From what the driver gives to the board's value, one step after the other. */
  readonly convert?: readonly ConvertStep[];
  readonly calibrate?:
    | { readonly offset: number; readonly scale: number }
    | { readonly points: readonly (readonly [number, number])[] };
  readonly report?:
    | { readonly of: 'mean' | 'max' | 'min' | 'last'; readonly windowMs: number }
    | { readonly onChange: true | number; readonly atLeastMs?: number };
}

/** Straight lines through points of raw and true value, a straight line, or the ends that a value stays within. */
export type ConvertStep =
  | { readonly points: readonly (readonly [number, number])[] }
  | { readonly scale: number; readonly offset: number }
  | { readonly clamp: readonly [number, number] };

/** Where orders for an output come from. */
export type OrderSource = 'rules' | 'local' | 'sentilo' | 'mqtt';

export interface OutputConfig {
  readonly id: string;
  /** Logical state: true is on. */
  readonly safe: boolean;
  readonly name: Texts;
  /** How long it may be on, whoever asked for it; undefined: without a limit, which the site says in so many words. */
  readonly maxOnMs?: number;
  /** How long it must have been off before it is switched on. */
  readonly minOffMs: number;
  /** Outputs (`device.output`) that are never on while it is; each of them names it too. */
  readonly neverWith: readonly string[];
  /** Whose orders it takes. */
  readonly orders: readonly OrderSource[];
  /** An order of the city that is older is not carried out. */
  readonly expiryMs: number;
  /** The city's id and type for the answers to its orders, where it takes them. */
  readonly answers?: { readonly sensor: string; readonly cityType: string };
  /** What shows that it works: it goes back to safe when it is on and this does not happen. */
  readonly expect?: Expectation;
  /** How long it stays away from safe by an order of the city while nothing is heard from there. */
  readonly onLostCityMs: number;
  /** What its state is, as its board says: one of the quantities with the unit `bool`. */
  readonly quantity: string;
  /** The city's ids and type for the observations of its state. */
  readonly sensor: string;
  readonly component: string;
  readonly cityType: string;
  readonly location?: string;
}

/** A reading (`device.reading`) that is above or below something, or both, within this time. */
export interface Expectation {
  readonly reading: string;
  readonly above?: number;
  readonly below?: number;
  readonly withinMs: number;
}

/** What a simulated reading does over time; see `simulate` in the board format. */
export type SignalConfig =
  | { readonly type: 'constant'; readonly value: number | readonly number[]; readonly noise: number }
  | {
      readonly type: 'wave';
      /** `daylight` swings from `mean` (0) at night to `mean` + `swing` at noon. */
      readonly shape: 'day' | 'household' | 'daylight';
      readonly mean: number;
      readonly swing: number;
      readonly noise: number;
    }
  | { readonly type: 'walk'; readonly start: number; readonly step: number; readonly min: number; readonly max: number }
  | { readonly type: 'sawtooth'; readonly high: number; readonly low: number; readonly periodMs: number; readonly noise: number }
  | { readonly type: 'bursts'; readonly perDay: number; readonly minutes: number; readonly rate: number }
  | { readonly type: 'integrate'; readonly reading: string; readonly start: number; readonly resets?: 'daily' }
  | { readonly type: 'ratio'; readonly of: readonly [string, string]; readonly scale: number }
  | { readonly type: 'follows'; readonly output: string; readonly on: number; readonly off: number }
  | { readonly type: 'text'; readonly text: string };
