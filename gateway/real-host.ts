import { randomBytes } from 'node:crypto';
import { existsSync, promises as fs, readFileSync, type Stats } from 'node:fs';
import * as net from 'node:net';
import type { Clock, WallTime } from '../drivers/clock.ts';
import type { Buses, Host, Lock, Log } from './host.ts';
import { LockHeldError } from './host.ts';
import { socketPath } from './local-api.ts';
import { diskCall, realDisk } from './real-disk.ts';
import { realHttp } from './real-http.ts';
import { realListen, realServe } from './real-servers.ts';

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
const NANOSECONDS_PER_MS = 1e6;

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
    serve: realServe,
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
  // A connection is ended as soon as the loop turns: by that others see that this process does not hang.
  const server = net.createServer((socket) => socket.destroy());
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
  gateway: async (folder) => (await import('../drivers/bus/linux-machine.ts')).openMachine(folder),
  gpio: async () => (await import('../drivers/bus/linux-gpio.ts')).openGpio({ clock: realClock() }),
};
