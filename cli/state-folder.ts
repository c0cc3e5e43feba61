import { promises as fs } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/live.ts';

const SYSTEM_CONFIG = '/etc/barri/';
const SYSTEM_STATE = '/var/lib/barri';
/** Marks a state folder whose readings were simulated. */
export const SIMULATED_MARK = 'simulated';

/** The site file of a gateway that was installed as a service. */
export const SITE_DEFAULT = '/etc/barri/gateway.yaml';

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
  const told = option ?? (simulated ? undefined : env['BARRI_STATE_DIR']);
  if (told !== undefined) return resolve(told);
  if (!simulated && resolve(siteFile).startsWith(SYSTEM_CONFIG)) return SYSTEM_STATE;
  const base = env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(base, 'barri', simulated ? `simulated-${gatewayId}` : gatewayId);
}

/** The folders on which a gateway of this site may be running: the real one first, then the simulated one. */
export function stateFolders(choice: Omit<StateFolderChoice, 'simulated'>): string[] {
  const folders = [false, true].map((simulated) => stateFolder({ ...choice, simulated }));
  return [...new Set(folders)];
}

/**
 * Makes sure that simulated and real readings never meet in one journal: the simulated ones would reach the real city.
 * A folder is marked by the first simulated run on it. False when it belongs to the other kind: then it was said.
 */
export async function claimFolder(folder: string, simulated: boolean, io: Io): Promise<boolean> {
  const mark = join(folder, SIMULATED_MARK);
  const isMarked = await exists(mark);
  const isUsed = await exists(join(folder, 'journal'));
  if (simulated ? isUsed && !isMarked : isMarked) {
    io.err(text.stateFolderOfOtherKind(folder, simulated));
    io.setExitCode(EXIT.config);
    return false;
  }
  if (simulated && !isMarked) {
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    await fs.writeFile(mark, 'The readings in this folder are simulated. Delete the whole folder to begin anew.\n');
  }
  return true;
}

async function exists(path: string): Promise<boolean> {
  try {
    await fs.access(path);
    return true;
  } catch {
    return false;
  }
}
