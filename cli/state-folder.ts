import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

const SYSTEM_CONFIG = '/etc/barri/';
const SYSTEM_STATE = '/var/lib/barri';

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
  const told = option ?? env['BARRI_STATE_DIR'];
  if (told !== undefined) return isAbsolute(told) ? told : resolve(told);
  if (!simulated && resolve(siteFile).startsWith(SYSTEM_CONFIG)) return SYSTEM_STATE;
  const base = env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(base, 'barri', simulated ? `simulated-${gatewayId}` : gatewayId);
}

/** The folders on which a gateway of this site may be running: the real one first, then the simulated one. */
export function stateFolders(choice: Omit<StateFolderChoice, 'simulated'>): string[] {
  const folders = [false, true].map((simulated) => stateFolder({ ...choice, simulated }));
  return [...new Set(folders)];
}
