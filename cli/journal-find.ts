import { promises as fs } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DiskError } from '../gateway/host.ts';
import { isJournalFile } from '../gateway/journal/file-names.ts';

/**
 * Why there is no journal at a place: nothing has that name, what has it is no folder, no files of a journal are in it, or
 * the folder for them is empty.
 */
export type Absence = 'missing' | 'no-folder' | 'no-journal' | 'empty';

/** How a person has said which folder is meant: as such (`--state`), by the file of its site, or as the argument of the command. */
export type ToldBy = 'state' | 'site' | 'argument';

const OWN_NAME = 'journal';

/** Where the files of a journal are. */
export interface Found {
  readonly journalFolder: string;
  /** Where a gateway that writes them has its lock and its socket; of a copy the copy itself, on which none runs. */
  readonly stateFolder: string;
}

/**
 * Finds a journal: the one in a state folder, or the one whose own folder (or a copy of it) was named.
 * @throws DiskError when a folder cannot be listed
 */
export async function findJournal(folder: string): Promise<Found | Absence> {
  const names = await listed(folder);
  if (typeof names === 'string') return names;
  const own = join(folder, OWN_NAME);
  const namesInOwn = await listed(own);
  if (typeof namesInOwn !== 'string' && namesInOwn.some(isJournalFile)) return { journalFolder: own, stateFolder: folder };
  if (!names.some(isJournalFile)) return typeof namesInOwn === 'string' ? 'no-journal' : 'empty';
  const path = resolve(folder);
  return { journalFolder: folder, stateFolder: basename(path) === OWN_NAME ? dirname(path) : path };
}

/** Where a gateway would run that writes the journal at a place. Also where that cannot be listed: it may tell all the same. */
export async function stateFolderAt(folder: string): Promise<string> {
  const found = await findJournal(folder).catch(() => 'missing');
  return typeof found === 'string' ? folder : found.stateFolder;
}

async function listed(folder: string): Promise<readonly string[] | 'missing' | 'no-folder'> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'missing';
    if (code === 'ENOTDIR') return (await fs.stat(folder).catch(() => undefined)) === undefined ? 'missing' : 'no-folder';
    throw new DiskError(code ?? 'UNKNOWN', `cannot list ${folder}: ${code}`, { cause: error });
  }
}
