import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.ts';
import { type Disk, DiskError } from '../gateway/host.ts';
import { isJournalFile } from '../gateway/journal/file-names.ts';
import { type Journal, JournalError } from '../gateway/journal/journal.ts';
import { openJournal } from '../gateway/journal/open-journal.ts';
import { realClock, realHost } from '../gateway/real-host.ts';
import { EXIT, isForbidden } from './exit-codes.ts';
import type { Io } from './io.ts';
import type { ToldBy } from './journal-find.ts';
import { text } from './messages/journal.ts';
import { ownerOf } from './owner.ts';
import { say } from './say.ts';
import { siteToRun } from './site.ts';
import { orSayRefused, SITE_DEFAULT, stateFolders, stateOfEnvironment } from './state-folder.ts';

/** Where a person says that the journal is. */
export interface Told {
  readonly site?: string | undefined;
  readonly state?: string | undefined;
}

/** The state folders to look at, in this order, and the site if its file was read. */
export interface Place {
  readonly folders: readonly string[];
  readonly toldBy: ToldBy;
  readonly config?: Config;
}

/** Where the journal of a site may be. Undefined when that cannot be told: then it was said why, and the exit code is set. */
export async function placeOf({ site, state }: Told, io: Io): Promise<Place | undefined> {
  const told = state ?? stateOfEnvironment(io.env);
  if (told !== undefined && site === undefined) return { folders: [told], toldBy: 'state' };
  const named = site ?? io.env['BARRI_CONFIG'];
  const file = named ?? SITE_DEFAULT;
  const found = await fs.stat(file).catch((error: NodeJS.ErrnoException) => error.code);
  if (named === undefined && found === 'ENOENT') return say(text.noSiteNamed(file), io, EXIT.usage);
  if (typeof found === 'object' && found.isDirectory()) return say(text.folderForSite(file), io, EXIT.usage);
  const loaded = await siteToRun(file, io);
  if (loaded === undefined) return undefined;
  const { config } = loaded;
  if (told !== undefined) return { folders: [told], toldBy: 'state', config };
  const folders = stateFolders({ option: undefined, siteFile: file, gatewayId: config.gateway.id, env: io.env });
  return { folders, toldBy: 'site', config };
}

/**
 * Opens a journal to look at it: no lock is taken and not a byte is changed, so that it works beside a running gateway.
 * What that one writes meanwhile may be missing, and what it drops may look like damage.
 * @throws JournalError when the folder cannot be listed; DiskError when this user may not read its files
 */
export async function openToLook(journalFolder: string): Promise<Journal> {
  // What cannot be listed is said by the opening.
  const names = await fs.readdir(journalFolder).catch(() => []);
  await mustBeAllowed(names.filter(isJournalFile).map((name) => join(journalFolder, name)));
  const { disk } = realHost(() => {});
  const limits = { syncMs: 0, maxSizeBytes: Number.MAX_SAFE_INTEGER, keepMs: Number.MAX_SAFE_INTEGER };
  return await openJournal(readOnly(disk), journalFolder, { clock: realClock(), log: () => {}, isReadOnly: true, ...limits });
}

/** Single files of a journal that this user may read otherwise. */
class ClosedFile extends DiskError {
  readonly path: string;
  constructor(code: string, path: string) {
    super(code, `cannot open ${path}: ${code}`);
    this.path = path;
  }
}

/** The files of another user are no damage. @throws ClosedFile, or DiskError when all of them are closed */
async function mustBeAllowed(paths: readonly string[]): Promise<void> {
  const closed: ClosedFile[] = [];
  for (const path of paths) {
    const code = await fs.access(path, fs.constants.R_OK).catch(({ code }: NodeJS.ErrnoException) => code);
    if (code !== undefined && isForbidden(code)) closed.push(new ClosedFile(code, path));
  }
  const [first] = closed;
  if (first === undefined) return;
  throw closed.length === paths.length ? new DiskError(first.code, first.message) : first;
}

/** Runs `work`; files that cannot be read are said, and undefined returned. */
export function orSayUnreadable<T>(folder: string, io: Io, work: () => Promise<T>): Promise<T | undefined> {
  const messageOf = async (error: Error, code: string) => {
    const closed = error instanceof ClosedFile ? error.path : folder;
    return isForbidden(code) ? text.forbidden(closed, await ownerOf(closed)) : text.unreadable(folder, error.message);
  };
  return orSayRefused(io, work, messageOf, EXIT.problems);
}

/** Closes what openToLook opened. Nothing was written, so a disk that refuses writes is nothing to tell. */
export async function closeLooked(journal: Journal): Promise<void> {
  try {
    await journal.close();
  } catch (error) {
    if (!(error instanceof JournalError || error instanceof DiskError)) throw error;
  }
}

/** The same disk, refusing every change as a write-protected card does. */
function readOnly(disk: Disk): Disk {
  const refuse = async (path: string): Promise<never> => {
    throw new DiskError('EROFS', `${path} is only being looked at`);
  };
  return {
    ...disk,
    mkdir: async (path) => ((await disk.size(path)) === undefined ? refuse(path) : undefined),
    open: async (path, mode) => {
      if (mode === 'create' && (await disk.size(path)) === undefined) return await refuse(path);
      const file = await disk.open(path, 'read');
      return { ...file, pwrite: () => refuse(path), truncate: () => refuse(path), fdatasync: () => refuse(path) };
    },
    rename: refuse,
    unlink: refuse,
    fsyncDir: (path) => refuse(dirname(path)),
  };
}
