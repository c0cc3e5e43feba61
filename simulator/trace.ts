import { createHash } from 'node:crypto';
import { type BusFrame, type Disk, type DiskFile, type Http, HttpError, type Mqtt } from '../gateway/host.ts';
import type { Fault } from './faults.ts';

/** Stands where a secret stood. */
const MASK = '***';
/** The headers whose values are secrets. */
const SECRET_HEADERS = ['identity_key', 'authorization'];

/**
 * Everything that happened in a simulation, in order and with its virtual time, boiled down to one hash: bus frames, what
 * was written to disk, requests with their answers, and faults. Two runs of one seed have one hash; where they have not,
 * `listing` says from where on.
 */
export interface Trace {
  /** SHA-256 over all events so far, hexadecimal. */
  hash(): string;
  readonly eventCount: number;
  /** One event: what, about what, and its bytes if it has any. */
  event(atMs: number, kind: string, about: string, bytes?: Uint8Array): void;
}

/** @param listing takes one line per event, for a person to compare; bytes are shown as hexadecimal */
export function createTrace(listing?: (line: string) => void): Trace {
  const hash = createHash('sha256');
  let eventCount = 0;
  return {
    hash: () => hash.copy().digest('hex'),
    get eventCount() {
      return eventCount;
    },
    event: (atMs, kind, about, bytes) => {
      eventCount += 1;
      // The length goes first, so that no bytes can be taken for the beginning of the next event.
      hash.update(`${atMs}\t${kind}\t${about}\t${bytes?.length ?? 0}\n`);
      if (bytes !== undefined) hash.update(bytes);
      listing?.(`${atMs.toFixed(3)} ${kind} ${about}${bytes === undefined ? '' : ` ${Buffer.from(bytes).toString('hex')}`}`);
    },
  };
}

/** Adds a bus frame; give it to the simulated buses as their tap. */
export function traceFrame(trace: Trace, { atMs, bus, direction, label, bytes }: BusFrame): void {
  trace.event(atMs, `bus-${direction}`, `${bus} ${label}`, bytes);
}

/** Adds the beginning or the end of a fault. */
export function traceFault(trace: Trace, atMs: number, fault: Fault, begins: boolean): void {
  trace.event(atMs, begins ? 'fault-begins' : 'fault-ends', JSON.stringify(fault));
}

/** The same HTTP with every request and its outcome in the trace. Secrets are masked, also where an answer repeats them. */
export function tracedHttp(http: Http, trace: Trace, nowMs: () => number): Http {
  return async (request, signal) => {
    const secrets = Object.entries(request.headers)
      .filter(([name]) => SECRET_HEADERS.includes(name.toLowerCase()))
      .map(([, value]) => value);
    trace.event(nowMs(), 'http-request', `${request.method} ${request.url}`, request.body);
    try {
      const response = await http(request, signal);
      trace.event(nowMs(), 'http-answer', `${response.status}`, masked(response.body, secrets));
      return response;
    } catch (error) {
      trace.event(nowMs(), 'http-failure', error instanceof HttpError ? error.code : String(error));
      throw error;
    }
  };
}

/** The same broker with everything that goes to it and comes from it in the trace. The login is not part of it. */
export function tracedMqtt(mqtt: Mqtt, trace: Trace, nowMs: () => number): Mqtt {
  const note = (what: string, about: string, payload?: string | Uint8Array) =>
    trace.event(nowMs(), `mqtt-${what}`, about, payload === undefined ? undefined : Buffer.from(payload));
  const noted = async <T>(about: string, work: Promise<T>): Promise<T> => {
    try {
      const result = await work;
      note('answer', about);
      return result;
    } catch (error) {
      note('failure', `${about} ${String(error)}`);
      throw error;
    }
  };
  return async (options, signal) => {
    note('connect', `${options.clientId} ${options.url}`);
    const onMessage: typeof options.onMessage = (message) => {
      note('message', `${message.topic}${message.isRetained ? ' retained' : ''}`, message.payload);
      options.onMessage(message);
    };
    const onLost: typeof options.onLost = (error) => {
      note('lost', error.code);
      options.onLost(error);
    };
    const connection = await noted('connect', mqtt({ ...options, onMessage, onLost }, signal));
    return {
      ...connection,
      publish: (topic, payload, delivery) => {
        note('publish', `${topic} ${delivery.qos}${delivery.retain ? ' retained' : ''}`, payload);
        return noted(topic, connection.publish(topic, payload, delivery));
      },
      subscribe: (topic) => noted(topic, connection.subscribe(topic)),
    };
  };
}

function masked(body: Uint8Array, secrets: readonly string[]): Uint8Array {
  let text = Buffer.from(body).toString('utf8');
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, MASK);
  return Buffer.from(text, 'utf8');
}

/** The same disk with every change that it makes in the trace, under paths relative to `folder`. */
export function tracedDisk(disk: Disk, trace: Trace, nowMs: () => number, folder: string): Disk {
  const name = (path: string) => (path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path);
  const note = (operation: string, about: string, bytes?: Uint8Array) => trace.event(nowMs(), `disk-${operation}`, about, bytes);
  const tracedFile = (path: string, file: DiskFile): DiskFile => ({
    pread: (position, length) => file.pread(position, length),
    pwrite: (bytes, position) => {
      note('write', `${name(path)} ${position}`, bytes);
      return file.pwrite(bytes, position);
    },
    fdatasync: () => {
      note('sync', name(path));
      return file.fdatasync();
    },
    truncate: (sizeBytes) => {
      note('truncate', `${name(path)} ${sizeBytes}`);
      return file.truncate(sizeBytes);
    },
    size: () => file.size(),
    close: () => file.close(),
  });
  return {
    readDir: (path) => disk.readDir(path),
    mkdir: (path) => disk.mkdir(path),
    open: async (path, mode) => tracedFile(path, await disk.open(path, mode)),
    size: (path) => disk.size(path),
    freeBytes: (path) => disk.freeBytes(path),
    rename: (from, to) => {
      note('rename', `${name(from)} ${name(to)}`);
      return disk.rename(from, to);
    },
    unlink: (path) => {
      note('unlink', name(path));
      return disk.unlink(path);
    },
    fsyncDir: (path) => {
      note('sync-folder', name(path));
      return disk.fsyncDir(path);
    },
  };
}
