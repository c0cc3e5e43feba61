import { promises as fs } from 'node:fs';
import * as net from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketPath } from '../gateway/local-api.ts';
import { lockName } from '../gateway/real-host.ts';
import { lockHolder } from './lock-holder.ts';
import { BEAT_MS, KILLED_MS_MAX, MISSED_AT_START_MAX, MISSED_MAX } from './supervise.ts';

/** What this program is started as, and what stands behind it where it is a gateway. */
const PROGRAM = /^(?:barri|main\.[jt]s)$/;
const RUN = 'run';
/** From one look at what was killed to the next. */
const LOOK_MS = 100;

/** A gateway that was killed has let go of its folder within this, if no call to a disk or an adapter holds it. */
const ENDING_MS_MAX = 2_000;

/** What became of a gateway that holds a state folder. */
export type HungEnd =
  /** Its loop turns. */
  | { readonly what: 'runs' }
  /** It has ended meanwhile, or it cannot be asked from here: whether the folder can be had shows which. */
  | { readonly what: 'gone' }
  | ({ readonly what: 'killed' } & Silent)
  /** It hangs, and is still there. `hidden`: it is another user's, or in another container; `held`: it was killed in vain. */
  | ({ readonly what: 'stays'; readonly why: 'hidden' | 'no-gateway' | 'held' } & Silent);

/** A process that gave no sign of life for so long. */
interface Silent {
  readonly silentMs: number;
  readonly pid?: number;
}

/**
 * Kills the gateway that holds a state folder when it hangs: by the measure of a supervisor, whose own may be gone. It has five asks
 * in vain of `askMs`, or sixty while it starts, which is before it serves its socket: the search of a large journal may keep its loop
 * busy.
 */
export async function endHung(folder: string, askMs = BEAT_MS): Promise<HungEnd> {
  const stats = await fs.stat(folder).catch(() => undefined);
  if (stats === undefined) return { what: 'gone' };
  const name = lockName(stats);
  const isServing = (await touched(socketPath(folder), 0)) !== 'refused';
  const asksMax = isServing ? MISSED_MAX : MISSED_AT_START_MAX;
  for (let asks = 0; asks < asksMax; asks += 1) {
    const answer = await asked(name, askMs);
    if (answer === 'ended') return { what: 'runs' };
    if (answer === 'refused') return { what: 'gone' };
  }
  const silentMs = asksMax * askMs;
  const holder = await lockHolder(folder);
  if (holder === undefined) return { what: 'gone' };
  const { pid } = holder;
  if (pid === undefined) return { what: 'stays', why: 'hidden', silentMs };
  if (!(await isGateway(pid))) return { what: 'stays', why: 'no-gateway', silentMs, pid };
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return { what: 'gone' };
    return { what: 'stays', why: 'hidden', silentMs, pid };
  }
  for (let waitedMs = 0; waitedMs < KILLED_MS_MAX; waitedMs += LOOK_MS) {
    if ((await lockHolder(folder)) === undefined) return { what: 'killed', silentMs, pid };
    await sleep(LOOK_MS);
  }
  return { what: 'stays', why: 'held', silentMs, pid };
}

/**
 * Whether the gateway that holds a state folder runs, or has let go of it within this time: one that was killed has the folder until
 * the system has cleared up after it, and gives no sign of life meanwhile. One that hangs counts as running.
 */
export async function waitForEnd(folder: string, forMs = ENDING_MS_MAX): Promise<'runs' | 'gone'> {
  const stats = await fs.stat(folder).catch(() => undefined);
  if (stats === undefined) return 'gone';
  return (await asked(lockName(stats), forMs)) === 'refused' ? 'gone' : 'runs';
}

/** As `touched`; the end of a process ends a connection, too, and is none of its answers. */
async function asked(name: string, waitMs: number): Promise<'refused' | 'silent' | 'ended'> {
  const answer = await touched(name, waitMs);
  return answer === 'ended' && (await touched(name, 0)) === 'refused' ? 'refused' : answer;
}

/** What a Unix socket does with a connection within this time. The lock of a folder ends it as soon as its process can. */
function touched(path: string, waitMs: number): Promise<'refused' | 'silent' | 'ended'> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    let isConnected = false;
    let timer: NodeJS.Timeout | undefined;
    const end = (what: 'refused' | 'silent' | 'ended') => {
      clearTimeout(timer);
      resolve(what);
      socket.destroy();
    };
    socket.once('connect', () => {
      isConnected = true;
      timer = setTimeout(() => end('silent'), waitMs);
    });
    socket.once('close', () => end(isConnected ? 'ended' : 'refused'));
    // What it is shows in whether it was connected.
    socket.on('error', () => {});
    socket.resume();
  });
}

/** Whether a process is one of `barri run`: other commands take the lock of a folder, too, and so may anybody. */
async function isGateway(pid: number): Promise<boolean> {
  const words = (await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return words.some((word, i) => PROGRAM.test(basename(word)) && words[i + 1] === RUN);
}
