import { fstat } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { BusError } from '../errors.ts';
import type { OpenByteStream, SerialFormat, SerialOptions } from './byte-stream.ts';
import { findHolder, holderOfLocked } from './linux-port-holder.ts';
import { permissionFix } from './linux-port-permission.ts';
import { resolvePort } from './linux-ports.ts';
import { type NativePort, readUntilHungUp } from './linux-serial-read.ts';
import { Listeners } from './listeners.ts';
import { notLoaded } from './native-package.ts';

/** Until udev's links have followed what the kernel did with the device files. */
const LINKS_SETTLED_MS = 2000;

const PARITIES = { N: 'none', E: 'even', O: 'odd' } as const;

/** What is used of a port of serialport. Its mock has it too. */
export interface Port {
  readonly isOpen: boolean;
  /** Its file descriptor while it is open; undefined where there is none, as in the mock. */
  readonly descriptor?: () => number | undefined;
  /** It is being closed, perhaps by itself because it was lost. */
  readonly closing: boolean;
  open(done: (error: Error | null) => void): void;
  close(done: (error: Error | null) => void): void;
  flush(done: (error: Error | null) => void): void;
  write(bytes: Buffer, encoding: undefined, done: (error: Error | null | undefined) => void): boolean;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: (error: Error | null) => void): unknown;
}

/** How a port is set up, in serialport's words. */
export interface PortSettings {
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
  /** No other program may open it at the same time. */
  readonly lock: true;
  readonly autoOpen: false;
}

/** Where a port is found. */
export interface PortPlace {
  /** Finds the device file that the port's name means at this moment. */
  readonly resolve: () => Promise<string>;
  /** Where /dev, /proc and /etc stand. */
  readonly root: string;
}

/**
 * Opens a serial port for this program alone. What ends it (an unplugging, close) ends the stream for good: each opening
 * is a new object, because serialport keeps what was written while it was closed and sends it after a reopening. `root` is
 * where /dev, /sys, /proc and /etc stand.
 * Opening and closing settle when the driver has come back from them, however long that takes, because a second call would
 * hang as well: whoever does not want to wait leaves them alone.
 * @throws BusError: `absent` not plugged in, `ambiguous`, `no-permission`, `busy` with the program that holds it, `no-answer`
 *   from the adapter; or the reason of `signal`, after which what was opened is closed again
 */
export async function openSerial(options: SerialOptions, signal: AbortSignal, root = '/'): Promise<OpenByteStream> {
  const { SerialPort } = await import('serialport').catch((cause: unknown) => {
    throw notLoaded('serial ports', 'serialport', cause);
  });
  const place = { resolve: () => resolvePort(options.port, root), root };
  return await openPort(options, place, signal, (settings) => {
    const port = new SerialPort(settings);
    const native = () => port.port as unknown as NativePort;
    port.once('open', () => {
      native().read = readUntilHungUp(native());
    });
    return Object.assign(port, { descriptor: () => native().fd ?? undefined });
  });
}

/** openSerial with the place of the port and the way to make one given. */
export async function openPort(
  options: SerialOptions,
  place: PortPlace,
  signal: AbortSignal,
  makePort: (settings: PortSettings) => Port,
): Promise<OpenByteStream> {
  const { port: name, baud, format } = options;
  const path = await place.resolve();
  const where = name === path ? name : `${name} (${path})`;
  // Before it is opened: opening sets its speed, and the console on it would not be readable any more.
  const holder = await findHolder(path, false, place.root);
  if (holder !== undefined) throw new BusError('busy', `${where} is used by ${holder}`);
  signal.throwIfAborted();
  const port = makePort({ path, baudRate: baud, ...lineFormat(format), lock: true, autoOpen: false });
  const stream = streamOver(port, where);
  const failure = await new Promise<Error | null>((resolve) => port.open((error) => resolve(error ?? null)));
  if (failure !== null) throw await openError(where, path, place.root, failure);
  const descriptor = port.descriptor?.();
  const isRight = descriptor === undefined || (await meaning(place, descriptor)) === 'this';
  if (!isRight || signal.aborted) {
    // Nobody waits any more, or it is another port: one that was left open would be busy for the next attempt.
    await stream.close();
    signal.throwIfAborted();
    throw new BusError('absent', `${where} was unplugged, or something else was plugged in, while it was opened`);
  }
  if (descriptor !== undefined) lookAgain(stream, where, place, descriptor);
  return stream;
}

/**
 * What the name of a port that was opened means now. Between the finding and the opening another adapter may have got the
 * device file; nothing has been written to it yet. One that is unplugged later is hung up by the kernel, and takes nothing
 * any more.
 */
async function meaning({ resolve }: PortPlace, descriptor: number): Promise<'this' | 'another' | 'several'> {
  try {
    const [opened, named] = await Promise.all([promisify(fstat)(descriptor), resolve().then((path) => stat(path))]);
    return opened.dev === named.dev && opened.ino === named.ino ? 'this' : 'another';
  } catch (error) {
    return error instanceof BusError && error.kind === 'ambiguous' ? 'several' : 'another';
  }
}

/**
 * Looks once more what a port's name means, because a link of udev that had not followed yet may have led to what is not
 * meant. One that has got a twin meanwhile is still the one that was meant.
 */
function lookAgain(stream: LosableStream, where: string, place: PortPlace, descriptor: number): void {
  const look = async () => {
    if (stream.isOpen && (await meaning(place, descriptor)) === 'another') {
      await stream.lose(new BusError('absent', `${where} is not what its name means any more`));
    }
  };
  const timer = setTimeout(look, LINKS_SETTLED_MS);
  stream.onClose(() => clearTimeout(timer));
}

interface LosableStream extends OpenByteStream {
  /** Closes the port as one that was lost. */
  lose(cause: BusError): Promise<void>;
}

function streamOver(port: Port, name: string): LosableStream {
  const bytesListeners = new Listeners<Uint8Array>();
  const closeListeners = new Listeners<Error | undefined>();
  let isEnded = false;
  let isSending = false;
  let closed: Promise<void> | undefined;

  // serialport reports one end as `close`, as `error`, as both, and sometimes twice.
  const end = (cause: BusError | undefined) => {
    if (isEnded) return;
    isEnded = true;
    closeListeners.call(() => cause);
  };
  const unplugged = (cause: Error) => new BusError('absent', `${name} was unplugged`, { cause });
  const lose = (cause: BusError | undefined) => {
    end(cause);
    closed ??= closePort(port);
    return closed;
  };
  port.on('data', (chunk) => bytesListeners.call(() => Uint8Array.from(chunk)));
  port.on('error', (error) => end(unplugged(error)));
  port.on('close', (error) => end(error ? unplugged(error) : undefined));

  return {
    get isOpen() {
      return port.isOpen && !isEnded;
    },
    write(bytes) {
      return new Promise((resolve, reject) => {
        // serialport would keep the bytes and send them after a reopening, perhaps to another device, or after a hang.
        if (!port.isOpen || isEnded) return reject(new BusError('closed', `${name} is not open`));
        if (isSending) {
          const why = 'the driver has not taken what was sent before; unplug the adapter or restart the gateway';
          return reject(new BusError('hung', `${name}: ${why}`));
        }
        isSending = true;
        const fail = (cause: Error | undefined) => {
          reject(new BusError('closed', `${name}: the port was lost while sending`, { cause }));
        };
        // A write to a stuck adapter never calls back, not even when the port is closed.
        const unsubscribe = closeListeners.add(fail);
        port.write(Buffer.from(bytes), undefined, (error) => {
          unsubscribe();
          isSending = false;
          if (error) fail(error);
          else resolve();
        });
      });
    },
    onBytes: (listener) => bytesListeners.add(listener),
    onClose: (listener) => closeListeners.add(listener),
    lose,
    close: () => lose(undefined),
  };
}

/**
 * Throws away what was not sent, so that closing does not wait for it, and closes. Whether that worked changes nothing: the
 * port is closed either way. One that is lost is being closed already, or is closed.
 */
function closePort(port: Port): Promise<void> {
  return new Promise((resolve) => {
    const done = () => resolve();
    const close = () => {
      if (port.isOpen) return port.close(done);
      if (!port.closing) return done();
      port.on('close', done);
      port.on('error', done);
    };
    if (port.isOpen) port.flush(close);
    else close();
  });
}

function lineFormat(format: SerialFormat): Pick<PortSettings, 'dataBits' | 'parity' | 'stopBits'> {
  return {
    dataBits: format.startsWith('7') ? 7 : 8,
    parity: PARITIES[format.charAt(1) as keyof typeof PARITIES],
    stopBits: format.endsWith('2') ? 2 : 1,
  };
}

/** serialport's native part reports the operating system's texts and no codes. */
async function openError(where: string, path: string, root: string, cause: Error): Promise<BusError> {
  const says = (text: RegExp) => text.test(cause.message);
  if (says(/no such file/i)) return new BusError('absent', `${where} is not plugged in`, { cause });
  if (says(/permission denied/i)) {
    const fix = await permissionFix(path, root);
    return new BusError('no-permission', `${where} is closed to this user; ${fix}`, { cause });
  }
  if (says(/cannot lock port|resource busy|resource temporarily unavailable/i)) {
    return new BusError('busy', `${where} is used by ${await holderOfLocked(path, root)}`, { cause });
  }
  if (says(/input\/output error|no such device/i)) {
    const fix = 'pull the adapter out and plug it in again';
    return new BusError('no-answer', `${where} does not work: ${cause.message}; ${fix}`, { cause });
  }
  return new BusError('no-answer', `${where} cannot be opened: ${cause.message}`, { cause });
}
