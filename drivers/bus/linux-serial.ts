import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { BusError } from '../errors.ts';
import type { OpenByteStream, SerialFormat, SerialOptions } from './byte-stream.ts';
import { resolvePort } from './linux-ports.ts';
import { Listeners } from './listeners.ts';

/** How long closing may take. The kernel itself waits up to 30 s for bytes that a stuck adapter does not take. */
const CLOSE_MAX_MS = 2000;

const PARITIES = { N: 'none', E: 'even', O: 'odd' } as const;

/** What is used of a port of serialport. Its mock has it too. */
export interface Port {
  readonly isOpen: boolean;
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

/**
 * Opens a serial port for this program alone. What ends it (an unplugging, close) ends the stream for good: each opening
 * is a new object, because serialport keeps what was written while it was closed and sends it after a reopening.
 * @throws BusError: `no-answer` not plugged in, `no-permission`, `busy` with the program that holds it, `timeout` from the
 *   adapter; or the reason of `signal`. An opening that ends later is closed again.
 */
export async function openSerial(options: SerialOptions, signal: AbortSignal): Promise<OpenByteStream> {
  const path = await resolvePort(options.port);
  const { SerialPort } = await import('serialport');
  return openPort(options, path, signal, (settings) => new SerialPort(settings));
}

/** openSerial with the port's device file found and the way to make a port given. */
export async function openPort(
  { port: name, baud, format }: SerialOptions,
  path: string,
  signal: AbortSignal,
  makePort: (settings: PortSettings) => Port,
): Promise<OpenByteStream> {
  signal.throwIfAborted();
  const port = makePort({ path, baudRate: baud, ...lineFormat(format), lock: true, autoOpen: false });
  const stream = streamOver(port, name);
  const failure = await new Promise<Error | null>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    port.open((error) => {
      signal.removeEventListener('abort', onAbort);
      // Nobody waits any more: a port that was left open would be busy for the next attempt.
      // What its closing meets has nobody to go to.
      if (signal.aborted && !error) stream.close().catch(() => {});
      resolve(error ?? null);
    });
  });
  if (failure !== null) throw await openError(name, path, failure);
  return stream;
}

function streamOver(port: Port, name: string): OpenByteStream {
  const bytesListeners = new Listeners<Uint8Array>();
  const closeListeners = new Listeners<Error | undefined>();
  let isEnded = false;

  // serialport reports one end as `close`, as `error`, as both, and sometimes twice.
  const end = (cause: Error | undefined) => {
    if (isEnded) return;
    isEnded = true;
    closeListeners.call(() => cause);
  };
  port.on('data', (chunk) => bytesListeners.call(() => Uint8Array.from(chunk)));
  port.on('error', (error) => end(error));
  port.on('close', (error) => end(error ?? undefined));

  return {
    get isOpen() {
      return port.isOpen && !isEnded;
    },
    write(bytes) {
      return new Promise((resolve, reject) => {
        // serialport would keep the bytes and send them after a reopening, perhaps to another device.
        if (!port.isOpen || isEnded) return reject(new BusError('closed', `${name} is not open`));
        const fail = (cause: Error | undefined) => {
          reject(new BusError('closed', `${name}: the port was lost while sending`, { cause }));
        };
        // A write to a stuck adapter never calls back, not even when the port is closed.
        const unsubscribe = closeListeners.add(fail);
        port.write(Buffer.from(bytes), undefined, (error) => {
          unsubscribe();
          if (error) fail(error);
          else resolve();
        });
      });
    },
    onBytes: (listener) => bytesListeners.add(listener),
    onClose: (listener) => closeListeners.add(listener),
    async close() {
      end(undefined);
      if (port.isOpen) await closePort(port);
    },
  };
}

/** Throws away what was not sent, so that closing does not wait for it, and closes; in any case it comes to an end. */
function closePort(port: Port): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CLOSE_MAX_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    // Whether that worked changes nothing: the port is closed either way, and one that is lost already is closed.
    port.flush(() => (port.isOpen ? port.close(done) : done()));
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
async function openError(name: string, path: string, cause: Error): Promise<BusError> {
  const where = name === path ? name : `${name} (${path})`;
  const says = (text: RegExp) => text.test(cause.message);
  if (says(/no such file/i)) return new BusError('absent', `${where} is not plugged in`, { cause });
  if (says(/permission denied/i)) {
    const fix = `sudo usermod -aG dialout ${userName()}, then log in again`;
    return new BusError('no-permission', `${where}: this user may not use serial ports; ${fix}`, { cause });
  }
  if (says(/cannot lock port|resource busy|resource temporarily unavailable/i)) {
    const holder = await findHolder(path);
    const who = holder ?? `a program of another user; sudo fuser -v ${path} names it`;
    return new BusError('busy', `${where} is used by ${who}`, { cause });
  }
  if (says(/input\/output error|no such device/i)) {
    const fix = 'pull the adapter out and plug it in again';
    return new BusError('no-answer', `${where} does not work: ${cause.message}; ${fix}`, { cause });
  }
  return new BusError('no-answer', `${where} cannot be opened: ${cause.message}`, { cause });
}

/** A container may run under a number that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '$USER';
  }
}

/**
 * The program that has a device file open, as `name (process 123)`, or undefined when none of those that this user may
 * look into has. `proc` is where /proc stands.
 */
export async function findHolder(path: string, proc = '/proc'): Promise<string | undefined> {
  const device = await realpath(path).catch(() => path);
  const processes = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  for (const id of processes) {
    // Processes end while we look, and those of other users are closed to us.
    const descriptors = await readdir(`${proc}/${id}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`${proc}/${id}/fd/${descriptor}`).catch(() => undefined);
      if (target !== device) continue;
      const command = await readFile(`${proc}/${id}/comm`, 'utf8').catch(() => 'unknown');
      return `${command.trim()} (process ${id})`;
    }
  }
  return undefined;
}
