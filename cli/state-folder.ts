import { promises as fs } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { DiskError } from '../gateway/host.ts';
import { JournalError } from '../gateway/journal/journal.ts';
import { realHost } from '../gateway/real-host.ts';
import { EXIT, isForbidden } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/live.ts';
import { say } from './say.ts';

const SYSTEM_CONFIG = '/etc/barri/';
const SYSTEM_STATE = '/var/lib/barri';
/** Marks a state folder whose readings were simulated. */
const SIMULATED_MARK = 'simulated';

/** The site file of a gateway that was installed as a service. */
export const SITE_DEFAULT = '/etc/barri/gateway.yaml';

/** `--state`. An empty text is none: it would be the folder that the command runs in, and is a variable that nobody has set. */
export function stateOption(description: string): Option {
  return new Option('--state <folder>', description).argParser((value: string) => {
    if (value.trim() === '') throw new InvalidArgumentError('It is empty: name a folder, or leave the option out.');
    return value;
  });
}

/** The state folder that the environment names; undefined when it names none. */
export function stateOfEnvironment(env: Io['env']): string | undefined {
  return env['BARRI_STATE_DIR'] || undefined;
}

export interface StateFolderChoice {
  /** `--state DIR`, if given. */
  readonly option: string | undefined;
  readonly siteFile: string;
  readonly gatewayId: string;
  /** A simulated run never shares a folder with a real one: its readings would reach the real city. */
  readonly simulated: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where a gateway keeps its journal and its socket: as told, else /var/lib/barri for the service, else the user's state folder. */
export function stateFolder({ option, siteFile, gatewayId, simulated, env }: StateFolderChoice): string {
  const told = option ?? (simulated ? undefined : stateOfEnvironment(env));
  if (told !== undefined) return resolve(told);
  if (!simulated && resolve(siteFile).startsWith(SYSTEM_CONFIG)) return SYSTEM_STATE;
  // Empty is unset, as the specification of these variables has it.
  const base = env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state');
  return join(base, 'barri', simulated ? `simulated-${gatewayId}` : gatewayId);
}

/** The folders on which a gateway of this site may be running: the real one first, then the simulated one. */
export function stateFolders(choice: Omit<StateFolderChoice, 'simulated'>): string[] {
  const folders = [false, true].map((simulated) => stateFolder({ ...choice, simulated }));
  return [...new Set(folders)];
}

/** The folders on which a gateway may have run whose site file does not tell its id now: as told, else all of this user. */
export async function stateFoldersOfAll(choice: Omit<StateFolderChoice, 'simulated' | 'gatewayId'>): Promise<string[]> {
  const [one, other] = ['one', 'other'].map((gatewayId) => stateFolder({ ...choice, gatewayId, simulated: false })) as [
    string,
    string,
  ];
  if (one === other) return [one];
  const names = await fs.readdir(dirname(one)).catch(() => []);
  return names.map((name) => join(dirname(one), name));
}

/**
 * Makes sure that simulated and real readings never meet in one journal: the simulated ones would reach the real city.
 * A folder is marked by the first simulated run on it. False when it belongs to the other kind: then it was said.
 * @throws DiskError when the folder or the mark cannot be made
 */
export async function claimFolder(folder: string, simulated: boolean, io: Io): Promise<boolean> {
  const mark = join(folder, SIMULATED_MARK);
  const isMarked = await isSimulated(folder);
  const isUsed = await exists(join(folder, 'journal'));
  if (simulated ? isUsed && !isMarked : isMarked) {
    say(text.stateFolderOfOtherKind(folder, simulated), io, EXIT.config);
    return false;
  }
  if (simulated && !isMarked) {
    // Not with node's own recursive mkdir, which never returns from a file system that takes no folders, such as /proc.
    const { disk } = realHost(() => {});
    await disk.mkdir(folder);
    const file = await disk.open(mark, 'create');
    try {
      await file.pwrite(Buffer.from('The readings in this folder are simulated. Delete the whole folder to begin anew.\n'), 0);
      await file.fdatasync();
    } finally {
      await file.close();
    }
    await disk.fsyncDir(folder);
  }
  return true;
}

/** Whether the readings in a state folder were simulated. */
export async function isSimulated(folder: string): Promise<boolean> {
  return await exists(join(folder, SIMULATED_MARK));
}

/** When the first simulated run on a state folder began, milliseconds since 1970; undefined when there was none. */
export async function simulatedSinceMs(folder: string): Promise<number | undefined> {
  try {
    return (await fs.stat(join(folder, SIMULATED_MARK))).mtimeMs;
  } catch {
    return undefined;
  }
}

/** Runs `work` on a state folder; when the folder cannot be used, that is said, and undefined returned. */
export function orSayUnusable<T>(folder: string, io: Io, work: () => Promise<T>): Promise<T | undefined> {
  return orSayRefused(io, work, ({ message }, code) => text.stateFolderUnusable(folder, message, code), EXIT.tryAgain);
}

/** Runs `work`; what the disk refuses is said, and undefined returned. `exit`: where it is no question of permission. */
export async function orSayRefused<T>(
  io: Io,
  work: () => Promise<T>,
  messageOf: (error: Error, code: string) => string | Promise<string>,
  exit: number,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
    const code = diskCodeOf(error);
    return say(await messageOf(error, code), io, isForbidden(code) ? EXIT.forbidden : exit);
  }
}

/** What the operating system said (EACCES …); empty when it was not the disk. */
function diskCodeOf(error: DiskError | JournalError): string {
  if (error instanceof DiskError) return error.code;
  return error.cause instanceof DiskError ? error.cause.code : '';
}

export async function exists(path: string): Promise<boolean> {
  try {
    await fs.access(path);
    return true;
  } catch {
    return false;
  }
}
