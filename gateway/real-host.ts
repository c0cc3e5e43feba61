import { randomBytes } from 'node:crypto';
import { existsSync, promises as fs, readFileSync, type Stats, statSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { dirname } from 'node:path';
import type { Clock, WallTime } from '../drivers/clock.ts';
import type { Buses, Disk, DiskFile, Host, Http, HttpRequest, HttpResponse, Listen, LocalResponse, Lock, Log } from './host.ts';
import { DiskError, HttpError, LockHeldError } from './host.ts';
import { socketPath } from './local-api.ts';

/** setTimeout fires at once beyond this many milliseconds (2^31 − 1). */
const TIMEOUT_MS_MAX = 2_147_483_647;
/**
 * A timer that is later than this was kept by a busy machine, and an answer may have come meanwhile. What has come is heard
 * before it, or a deadline would win against an answer that was there in time.
 */
const STALLED_MS = 5;
/** A wall clock before this was never set: no release of Barri is older. */
const WALL_FLOOR_MS = Date.UTC(2026, 0, 1);
/** systemd-timesyncd makes this file at its first synchronisation of the boot. */
const SYNCHRONIZED_FILE = '/run/systemd/timesync/synchronized';
const SYNCHRONIZED_CHECK_MS = 60_000;
/** An order is a hundred bytes long. */
const LOCAL_BODY_BYTES_MAX = 4096;
const NANOSECONDS_PER_MS = 1e6;
/** sun_path of Linux, without its last zero byte. */
const SOCKET_PATH_BYTES_MAX = 107;

/** The machine as it is. `log` is where events go; see gateway/log.ts. */
export function realHost(log: Log): Host {
  return {
    clock: realClock(),
    disk: realDisk,
    random: Math.random,
    log,
    buses: realBuses,
    http: realHttp,
    // The package is several megabytes: only for a site that has a broker.
    mqtt: async (options, signal) => (await import('./real-mqtt.ts')).connectMqtt(options, signal),
    listen: realListen,
    lock: realLock,
    threadTurn,
    bootId: bootId(),
  };
}

/** The machine's clocks. Wall time counts as synchronised once systemd-timesyncd says so in this boot. */
export function realClock(): Clock {
  let synchronized = false;
  let checkAtMs = 0;
  // Counts from the machine's boot, so that two processes of one boot share it.
  const monotonicMs = () => Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS;
  return {
    monotonicMs,
    wall: (): WallTime => {
      const ms = Date.now();
      if (!synchronized && monotonicMs() >= checkAtMs) {
        synchronized = existsSync(SYNCHRONIZED_FILE);
        checkAtMs = monotonicMs() + SYNCHRONIZED_CHECK_MS;
      }
      if (ms < WALL_FLOOR_MS) return { ms, quality: 'none' };
      return { ms, quality: synchronized ? 'synced' : 'floor' };
    },
    timer: (delayMs, callback) => {
      const dueMs = monotonicMs() + delayMs;
      const isFine = delayMs < 1;
      let later: NodeJS.Timeout | undefined;
      let soon: NodeJS.Immediate | undefined;
      const wait = () => {
        const leftMs = dueMs - monotonicMs();
        // Node's timers may fire up to a millisecond early; a deadline or a grid must never see time before it.
        if (leftMs > 0 && isFine) soon = setImmediate(wait);
        else if (leftMs > 0) later = setTimeout(wait, Math.min(Math.ceil(leftMs), TIMEOUT_MS_MAX));
        else if (leftMs > -STALLED_MS) callback();
        else soon = setImmediate(callback);
      };
      if (isFine) soon = setImmediate(wait);
      else later = setTimeout(wait, Math.min(Math.ceil(delayMs), TIMEOUT_MS_MAX));
      return () => {
        clearTimeout(later);
        if (soon !== undefined) clearImmediate(soon);
      };
    },
  };
}

/** A byte of chance is made in the thread pool, and waits for nothing else. */
function threadTurn(): Promise<void> {
  return new Promise((resolve, reject) => {
    randomBytes(1, (error) => (error === null ? resolve() : reject(error)));
  });
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux: the monotonic clock then only counts within this process, so the process is the boot.
    return `process-${process.pid}-${Date.now()}`;
  }
}

// ----------------------------------------------------------------------------------------------------------------- disk

async function diskCall<T>(what: string, path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw diskError(what, path, cause);
  }
}

function diskError(what: string, path: string, cause: unknown): DiskError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  return new DiskError(code, `cannot ${what} ${path}: ${code}`, { cause });
}

const { O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
/** Without O_NONBLOCK the opening of a pipe waits until somebody writes to it. A file does not know the difference. */
const OPEN_FLAGS = {
  read: O_RDONLY | O_NONBLOCK,
  write: O_RDWR | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_NONBLOCK,
} as const;

const realDisk: Disk = {
  readDir: async (path) => (await diskCall('list', path, fs.readdir(path))).sort(),
  mkdir: async (path) => {
    const missing: string[] = [];
    for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
    for (const folder of missing) {
      await diskCall('create', folder, fs.mkdir(folder, { mode: 0o700 }));
      await realDisk.fsyncDir(dirname(folder));
    }
  },
  open: async (path, mode) => {
    const what = mode === 'create' ? 'create' : 'open';
    let handle: fs.FileHandle;
    try {
      handle = await diskCall(what, path, fs.open(path, OPEN_FLAGS[mode], 0o600));
    } catch (error) {
      // A folder cannot be opened for writing, nor a socket at all.
      mustBeFile(path, await fs.stat(path).catch(() => undefined));
      throw error;
    }
    try {
      mustBeFile(path, await diskCall('look at', path, handle.stat()));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return realFile(path, handle);
  },
  size: async (path) => {
    try {
      // The journal asks with every commit, for a file that it has open: the kernel then has the name in memory and reads no
      // disk for it. A turn of the thread pool takes ten times as long and is in the way of the commit's own.
      return statSync(path).size;
    } catch (cause) {
      const error = diskError('look at', path, cause);
      // Not by `throwIfNoEntry`: from Node 24 on that is silent about a path that leads through a file as well.
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  },
  freeBytes: async (path) => {
    let folder = path;
    while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
    const { bavail, bsize } = await diskCall('look at', folder, fs.statfs(folder));
    return bavail * bsize;
  },
  rename: (from, to) => diskCall('rename', from, fs.rename(from, to)),
  unlink: (path) => diskCall('delete', path, fs.unlink(path)),
  fsyncDir: async (path) => {
    const folder = await diskCall('open', path, fs.open(path, 'r'));
    try {
      await diskCall('sync', path, folder.sync());
    } finally {
      await folder.close();
    }
  },
};

/** @throws DiskError that says what it is instead */
function mustBeFile(path: string, stats: Stats | undefined): void {
  if (stats === undefined || stats.isFile()) return;
  if (stats.isDirectory()) throw new DiskError('IS_FOLDER', `${path} is a folder and not a file`);
  if (stats.isFIFO()) throw new DiskError('IS_PIPE', `${path} is a pipe and not a file`);
  if (stats.isSocket()) throw new DiskError('IS_SOCKET', `${path} is a socket and not a file`);
  throw new DiskError('IS_DEVICE', `${path} is a device and not a file`);
}

function realFile(path: string, handle: fs.FileHandle): DiskFile {
  return {
    pread: async (position, length) => {
      const { bytesRead, buffer } = await diskCall('read', path, handle.read(Buffer.alloc(length), 0, length, position));
      return buffer.subarray(0, bytesRead);
    },
    pwrite: async (bytes, position) =>
      (await diskCall('write', path, handle.write(bytes, 0, bytes.length, position))).bytesWritten,
    fdatasync: () => diskCall('sync', path, handle.datasync()),
    truncate: (sizeBytes) => diskCall('cut', path, handle.truncate(sizeBytes)),
    size: async () => (await diskCall('look at', path, handle.stat())).size,
    close: () => diskCall('close', path, handle.close()),
  };
}

// -------------------------------------------------------------------------------------------------------------- network

const realHttp: Http = async (request, signal) => {
  const isSecure = request.url.startsWith('https:');
  // TLS is several megabytes: only for a city that is reached by it.
  const client = isSecure ? await import('node:https') : http;
  return await new Promise<HttpResponse>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    let connected = false;
    const outgoing = client.request(request.url, {
      method: request.method,
      // One connection per request, none kept: the city closes after each answer whatever it says (Sentilo reference §1.1).
      agent: false,
      headers: { ...request.headers, connection: 'close', 'content-length': String(request.body?.length ?? 0) },
      ...(request.ca === undefined ? {} : { ca: request.ca }),
    });
    const fail = (code: string, message: string, cause?: unknown) => {
      done();
      outgoing.destroy();
      reject(new HttpError(code, connected, message, { cause }));
    };
    const timer = setTimeout(() => fail('TIMEOUT', `no answer within ${request.timeoutMs} ms`), request.timeoutMs);
    const settle = (response: HttpResponse) => {
      done();
      resolve(response);
    };
    const onAbort = () => {
      done();
      outgoing.destroy();
      reject(signal.reason);
    };
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('socket', (socket) => {
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      const parseFailure = cause.code?.startsWith('HPE_');
      fail(parseFailure ? 'BAD_ANSWER' : (cause.code ?? 'UNKNOWN'), cause.message, cause);
    });
    outgoing.on('response', (answer) => readAnswer(answer, request, fail, settle));
    outgoing.end(request.body);
  });
};

function readAnswer(
  answer: http.IncomingMessage,
  request: HttpRequest,
  fail: (code: string, message: string, cause?: unknown) => void,
  resolve: (response: HttpResponse) => void,
): void {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  answer.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > request.responseBytesMax) fail('TOO_LONG', `the answer is longer than ${request.responseBytesMax} bytes`);
  });
  answer.on('error', (cause: NodeJS.ErrnoException) => fail(cause.code ?? 'UNKNOWN', cause.message, cause));
  answer.on('end', () => {
    if (!answer.complete) return fail('ECONNRESET', 'the answer was cut off');
    const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
    resolve({ status: answer.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
  });
}

const realListen: Listen = async (path, handler) => {
  // A longer name would be cut, and the socket made somewhere else.
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new DiskError('ENAMETOOLONG', `the path ${path} is too long for a socket: at most ${SOCKET_PATH_BYTES_MAX} bytes`);
  }
  const server = http.createServer((request, response) => {
    const answer = ({ status, json }: LocalResponse) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    readText(request, LOCAL_BODY_BYTES_MAX)
      .then((body) => {
        if (body === undefined) return { status: 413, json: { error: `a request has at most ${LOCAL_BODY_BYTES_MAX} bytes` } };
        return handler({ method: request.method ?? 'GET', path: request.url ?? '/', body });
      })
      .then(answer, (error: unknown) => answer({ status: 500, json: { error: String(error) } }));
  });
  await diskCall('replace', path, fs.rm(path, { force: true }));
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The mode must be right from the first moment, not only after a chmod.
    const umask = process.umask(0o177);
    server.listen(path, resolve);
    process.umask(umask);
  });
  await diskCall('listen on', path, listening);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
};

/** The whole body, or undefined when it is too long. Rejects when it does not come whole. */
function readText(stream: http.IncomingMessage, bytesMax: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
    });
    stream.on('end', () => resolve(size <= bytesMax ? Buffer.concat(chunks).toString('utf8') : undefined));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('the request was cut off')));
  });
}

/** The name in the abstract namespace that whoever has taken a folder listens on. */
export function lockName({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string {
  return `\0barri-${dev}-${ino}`;
}

const realLock: Lock = async (folder) => {
  // In another network namespace (a container) the abstract name below is another one, but the gateway's own socket is a file.
  if (await answers(socketPath(folder))) throw new LockHeldError(`another gateway uses ${folder}`);
  // An abstract socket named by the folder's inode: the kernel frees it when the process dies, whatever kills it, and two
  // paths to one folder are one name.
  const name = lockName(await diskCall('look at', folder, fs.stat(folder)));
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(cause.code === 'EADDRINUSE' ? new LockHeldError(`another gateway uses ${folder}`, { cause }) : cause);
    });
    server.listen(name, resolve);
  });
  server.unref();
  return async () => {
    await new Promise((resolve) => server.close(resolve));
  };
};

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true));
    // Nobody there, or somebody whom this user may not ask: then the folder cannot be written either.
    socket.once('error', () => end(false));
  });
}

// ---------------------------------------------------------------------------------------------------------------- buses

const realBuses: Buses = {
  serial: async (options, signal) => (await import('../drivers/bus/linux-serial.ts')).openSerial(options, signal),
  tcp: async (options, signal) => (await import('../drivers/bus/linux-tcp.ts')).openTcp(options, signal),
  i2c: async (device) => (await import('../drivers/bus/linux-i2c.ts')).openI2c(device),
  onewire: async () => (await import('../drivers/bus/linux-onewire.ts')).openOneWire(),
  gpio: async () => (await import('../drivers/bus/linux-gpio.ts')).openGpio({ clock: realClock() }),
};
