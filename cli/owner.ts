import { promises as fs } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Whom something belongs to that this user may not look at. */
export interface Owner {
  /** What can be seen of the path: the folder itself, or the one above it that lets nobody in. */
  readonly path: string;
  readonly uid: number;
  /** Undefined where this machine has no name for it. */
  readonly name?: string;
  /** It is this user, whom the modes keep out all the same. */
  readonly isSelf: boolean;
  /** The permission bits of `path`. */
  readonly mode: number;
}

/** Undefined when nothing of the path can be seen. */
export async function ownerOf(path: string): Promise<Owner | undefined> {
  const place = resolve(path);
  const stats = await fs.stat(place).catch(() => undefined);
  if (stats === undefined) return dirname(place) === place ? undefined : await ownerOf(dirname(place));
  const name = await nameOf(stats.uid);
  const isSelf = stats.uid === process.geteuid?.();
  return { path: place, uid: stats.uid, isSelf, mode: stats.mode & 0o777, ...(name === undefined ? {} : { name }) };
}

async function nameOf(uid: number): Promise<string | undefined> {
  const users = await fs.readFile('/etc/passwd', 'utf8').catch(() => '');
  const rows = users.split('\n').map((line) => line.split(':'));
  return rows.find(([, , id]) => id === String(uid))?.[0] || undefined;
}
