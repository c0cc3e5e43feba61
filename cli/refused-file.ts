import { dirname, resolve } from 'node:path';
import { userName } from '../drivers/bus/linux-group.ts';
import { ownerOf } from './owner.ts';

/** Why this user may not read a file, and the command that gives it to him; all as words of a message. */
export interface Refusal {
  /** What stands in the way: a file or folder of his own, the file, its folder, or a folder further up. */
  readonly kind: 'own' | 'file' | 'folder' | 'passage';
  /** As whom this program runs. */
  readonly user: string;
  /** What stands in the way, and whom it belongs to. */
  readonly place: string;
  readonly owner: string;
  /** A line for a shell. */
  readonly command: string;
  /** Whom this program could run as instead; empty where nobody would do. */
  readonly instead: string;
}

/** What the file of a secret should have, which a change of its owner leaves as it is. */
const SECRET_MODE = 0o600;

/** Looks why the file at `path`, which the system refused to read, is closed, and for whom it is open. */
export async function refusalOf(path: string, isSecret: boolean): Promise<Refusal> {
  const file = resolve(path);
  const owner = await ownerOf(file);
  const place = owner?.path ?? '/';
  const kind = owner?.isSelf === true ? 'own' : place === file ? 'file' : place === dirname(file) ? 'folder' : 'passage';
  const user = userName();
  const uid = owner?.uid ?? 0;
  const ownerName = owner?.name ?? `#${uid}`;
  return {
    kind,
    user,
    place,
    owner: ownerName,
    command: commandFor(kind, { place, user, isFile: place === file, isSecret, mode: owner?.mode ?? 0 }),
    instead: kind === 'own' || uid === 0 ? '' : (owner?.name ?? `'#${uid}'`),
  };
}

interface Obstacle {
  readonly place: string;
  readonly user: string;
  readonly isFile: boolean;
  readonly isSecret: boolean;
  readonly mode: number;
}

function commandFor(kind: Refusal['kind'], { place, user, isFile, isSecret, mode }: Obstacle): string {
  const at = shellWord(place);
  if (kind === 'own') return isFile ? `chmod u+r ${at}` : `chmod u+rx ${at}`;
  // Whoever may pass through a folder does not see what is in it.
  if (kind === 'passage' || !isSecret) return isFile ? `sudo chmod a+r ${at}` : `sudo chmod a+x ${at}`;
  // A line that is no longer than it must be stays whole on a terminal, and can be pasted.
  if (kind === 'file') return `sudo chown ${user} ${at}${mode === SECRET_MODE ? '' : ` && sudo chmod 600 ${at}`}`;
  return `sudo chown -R ${user} ${at} && sudo chmod -R u=rwX,go= ${at}`;
}

/** A path as a shell takes it. */
export function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
