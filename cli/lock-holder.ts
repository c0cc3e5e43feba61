import { promises as fs } from 'node:fs';
import { lockName } from '../gateway/real-host.ts';

/** A gateway that has taken a state folder, whether it answers or not. */
export interface LockHolder {
  /** Its process, where this user can see it. */
  readonly pid?: number;
}

/** Columns of /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path. */
const FLAGS = 3;
const INODE = 6;
const PATH = 7;
/** Of a socket that listens (__SO_ACCEPTCON): connections to it that wait have the same path, and no inode. */
const LISTENS = '00010000';

/**
 * Who has taken a state folder; undefined when nobody has, or when that cannot be seen from here: from another container, or
 * on a system without /proc.
 */
export async function lockHolder(stateFolder: string): Promise<LockHolder | undefined> {
  const stats = await fs.stat(stateFolder).catch(() => undefined);
  const sockets = await fs.readFile('/proc/net/unix', 'utf8').catch(() => '');
  if (stats === undefined) return undefined;
  // The kernel prints zero bytes as @: the one that an abstract name begins with, and those that node fills it up with.
  const name = lockName(stats).replace('\0', '@');
  const rows = sockets.split('\n').map((line) => line.split(/ +/));
  const held = rows.find((columns) => columns[FLAGS] === LISTENS && columns[PATH]?.replace(/@+$/, '') === name);
  if (held === undefined) return undefined;
  const pid = await processOf(`socket:[${held[INODE]}]`);
  return pid === undefined ? {} : { pid };
}

/** The process that has a socket open. The files of processes of other users cannot be seen. */
async function processOf(socket: string): Promise<number | undefined> {
  const pids = (await fs.readdir('/proc').catch(() => [])).filter((name) => /^[0-9]+$/.test(name));
  for (const pid of pids) {
    for (const descriptor of await fs.readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await fs.readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (target === socket) return Number(pid);
    }
  }
  return undefined;
}
