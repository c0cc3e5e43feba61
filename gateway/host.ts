import type { OpenByteStream, SerialOptions, TcpOptions } from '../drivers/bus/byte-stream.ts';
import type { GpioLines } from '../drivers/bus/gpio.ts';
import type { OpenI2cBus } from '../drivers/bus/i2c.ts';
import type { OpenOneWireBus } from '../drivers/bus/onewire.ts';
import type { OpenMachine } from '../drivers/bus/self.ts';
import type { Clock } from '../drivers/clock.ts';

/**
 * Everything that the gateway needs from the world comes in through this one value. There are two hosts, the real one
 * (gateway/real-host.ts) and the simulated one (simulator/), and nothing else differs between them. A value may be
 * mixed from both: `npm start` runs simulated buses on the real clock, disk and network.
 */
export interface Host {
  readonly clock: Clock;
  readonly disk: Disk;
  /** A number in [0, 1), for jitter. Seeded in the simulator. */
  readonly random: () => number;
  readonly log: Log;
  readonly buses: Buses;
  readonly http: Http;
  readonly mqtt: Mqtt;
  readonly listen: Listen;
  readonly serve: Serve;
  readonly lock: Lock;
  /** Resolves when one of the threads in which native calls run was free: at once, unless all of them are taken. */
  readonly threadTurn: () => Promise<void>;
  /** Identity of this boot of the machine: the monotonic clock counts within it. */
  readonly bootId: string;
}

// ---------------------------------------------------------------------------------------------------------------- buses

/** Opens the machine's buses. Each open call rejects with a BusError; the gateway tries again with back-off. */
export interface Buses {
  serial(options: SerialOptions, signal: AbortSignal): Promise<OpenByteStream>;
  tcp(options: TcpOptions, signal: AbortSignal): Promise<OpenByteStream>;
  /** `device` is a path such as /dev/i2c-1. */
  i2c(device: string, speedHz: number): Promise<OpenI2cBus>;
  /** `bus` is its id in the site; on a real machine all 1-Wire buses are one. */
  onewire(bus: string): Promise<OpenOneWireBus>;
  gpio(): Promise<GpioLines>;
  /** The machine itself; its disk is the one that `folder` is on. */
  gateway(folder: string | undefined): Promise<OpenMachine>;
}

/** One frame on one bus, as it went over the wire. GPIO frames are one byte: 0 or 1; `label` says which line. */
export interface BusFrame {
  readonly bus: string;
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly direction: 'out' | 'in';
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** Sees every frame of every bus. It must not keep or change the bytes. */
export type FrameTap = (frame: BusFrame) => void;

// ----------------------------------------------------------------------------------------------------------------- disk

/** A failed disk operation, as the operating system names it (ENOENT, ENOSPC, EIO, EROFS, EACCES …). */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What may stand under a file's name and is no file. */
export type NoFile = 'folder' | 'pipe' | 'socket' | 'device';

const NO_FILE_CODES: Readonly<Record<string, NoFile>> = {
  IS_FOLDER: 'folder',
  IS_PIPE: 'pipe',
  IS_SOCKET: 'socket',
  IS_DEVICE: 'device',
};

/** What an `open` was refused for that came upon no file; undefined for any other error. */
export function noFileOf(error: unknown): NoFile | undefined {
  return error instanceof DiskError ? NO_FILE_CODES[error.code] : undefined;
}

/**
 * The file operations that a crash-safe store needs and no more. Paths are absolute. What is written is durable only
 * after `fdatasync` of the file; a created, renamed or deleted name only after `fsyncDir` of its folder.
 * Every operation rejects with a DiskError.
 */
export interface Disk {
  /** Names in a folder, sorted. */
  readDir(path: string): Promise<string[]>;
  /** Creates the folder and its parents, each made durable; nothing happens when it exists. */
  mkdir(path: string): Promise<void>;
  /**
   * `read`: must exist. `write`: read and write, must exist. `create`: read and write, created if missing, never truncated.
   * Anything but a file is refused at once, with one of the codes that `noFileOf` knows: a pipe would make the reader wait
   * for ever, and a device may have no end.
   */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile>;
  /** Size in bytes, or undefined when there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** Bytes that can still be written to the file system of the folder, or of the nearest one above it that exists. */
  freeBytes(path: string): Promise<number>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  fsyncDir(path: string): Promise<void>;
}

/** An open file with positional operations. */
export interface DiskFile {
  /** Reads up to `length` bytes from `position`; fewer only at the end of the file. */
  pread(position: number, length: number): Promise<Uint8Array>;
  /** Writes from `position` on and returns how many bytes were written, which may be fewer than given. */
  pwrite(bytes: Uint8Array, position: number): Promise<number>;
  /** A failure means that earlier writes may be lost for good; calling it again proves nothing. */
  fdatasync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

// -------------------------------------------------------------------------------------------------------------- network

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** http: or https:, complete. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  /** A longer answer is a failure. */
  readonly responseBytesMax: number;
  /** PEM text of certificate authorities to trust instead of the system's. */
  readonly ca?: string;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** No complete answer came. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  /** Operating system or TLS code (ECONNREFUSED, ENOTFOUND, ECONNRESET, CERT_HAS_EXPIRED …), or TIMEOUT, TOO_SLOW (it had begun to answer), TOO_LONG, BAD_ANSWER. */
  readonly code: string;
  /** False only when it is certain that no byte of the request left: the peer cannot have acted on it. */
  readonly maybeSent: boolean;
  constructor(code: string, maybeSent: boolean, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.maybeSent = maybeSent;
  }
}

/** One request on one connection, which is closed afterwards and never reused. Rejects with HttpError, or with the signal's reason. */
export type Http = (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;

/** One message of a broker. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** It was kept by the broker from earlier: nobody has sent it now. */
  readonly isRetained: boolean;
}

/** How a message is sent: `retain` makes the broker keep it for whoever comes later, until the next one of its topic. */
export interface MqttDelivery {
  readonly qos: 1 | 2;
  readonly retain: boolean;
}

export interface MqttOptions {
  /** mqtt: or mqtts:, complete. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM text to trust instead of the system's authorities. */
  readonly ca?: string;
  /** What the broker sends, retained, when this client is gone. */
  readonly will: { readonly topic: string; readonly payload: string };
  /** A peer that shows no life for so long is gone. */
  readonly keepaliveMs: number;
  /** From the call to the answer of the broker. */
  readonly timeoutMs: number;
  /** A longer message is not sent to this client. */
  readonly messageBytesMax: number;
  readonly onMessage: (message: MqttMessage) => void;
  /** Called once when a connection that stood is gone, unless it was closed from here; everything that waits has rejected then. */
  readonly onLost: (error: MqttError) => void;
}

/** A connection to a broker, without a queue: what is not acknowledged when it is gone has to be sent again. */
export interface MqttConnection {
  /** Messages that the broker takes before it has acknowledged the first of them. */
  readonly inFlightMax: number;
  /** How long a packet may be that the broker takes, from its first byte to its last; Infinity when it names no limit. */
  readonly packetBytesMax: number;
  /** Resolves when the broker has acknowledged it. Rejects with MqttError. */
  publish(topic: string, payload: string, delivery: MqttDelivery): Promise<void>;
  /** Resolves when it is in force; own messages do not come back. Rejects with MqttError. */
  subscribe(topic: string): Promise<void>;
  /** Takes leave: the broker sends the last will at once, and need not find out that nobody is there any more. */
  close(): Promise<void>;
  /** Cuts the connection, without a word. */
  drop(): void;
}

/** The broker did not do what it was asked for. */
export class MqttError extends Error {
  override readonly name = 'MqttError';
  /** Operating system or TLS code (ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED …), or TIMEOUT, CLOSED, REFUSED, BAD_ACKNOWLEDGEMENT. */
  readonly code: string;
  /** What the broker said it refuses for (MQTT 5.0, §2.4): at least 128. */
  readonly reason: number | undefined;
  constructor(code: string, message: string, reason?: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = reason;
  }
}

/** Opens a connection with nothing left of earlier ones (MQTT 5.0, clean start). Rejects with MqttError, or with the signal's reason. */
export type Mqtt = (options: MqttOptions, signal: AbortSignal) => Promise<MqttConnection>;

/** A request to the local API, and its answer: always JSON. */
export interface LocalRequest {
  readonly method: string;
  readonly path: string;
  /** As text; empty when there is none. A longer one than 4 KiB is refused before it comes here. */
  readonly body: string;
  /** Aborted when whoever asked has gone; also after the answer. */
  readonly gone: AbortSignal;
}
export interface LocalResponse {
  readonly status: number;
  readonly json: unknown;
}

/** Serves HTTP on a Unix socket (mode 0600) until the returned function is called. A stale socket file is replaced. */
export type Listen = (
  socketPath: string,
  handler: (request: LocalRequest) => Promise<LocalResponse>,
) => Promise<() => Promise<void>>;

/** A request of the city to this gateway. */
export interface CallbackRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it came. */
  readonly body: Uint8Array;
}

/** Where requests are taken: by everybody who reaches this machine, or by itself only. */
export interface ServeOptions {
  readonly port: number;
  readonly listen: 'localhost' | 'lan';
  /** A request that is longer is answered 413. */
  readonly bodyBytesMax: number;
}

/**
 * Serves HTTP on a TCP port until the returned function is called; the handler gives the status of the answer, which has no body.
 * Rejects with HttpError when the port cannot be taken.
 */
export type Serve = (
  options: ServeOptions,
  handler: (request: CallbackRequest) => Promise<number>,
) => Promise<() => Promise<void>>;

/** Another gateway holds the folder. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
}

/** Takes the folder for this process until the returned function is called or the process dies, whatever kills it. Rejects with LockHeldError. */
export type Lock = (folder: string) => Promise<() => Promise<void>>;

// ------------------------------------------------------------------------------------------------------------------ log

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

/**
 * One event. `code` is the message's stable code or name in kebab-case; a person's text is made from it and the fields.
 * Fields never hold secrets.
 */
export type Log = (level: LogLevel, code: string, fields?: Readonly<Record<string, unknown>>) => void;
