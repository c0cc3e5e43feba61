import type { Io } from './io.ts';
import { stateFolderAt } from './journal-find.ts';
import { placeOf } from './journal-place.ts';
import { say } from './say.ts';
import { exists, isSimulated, stateOfEnvironment } from './state-folder.ts';

/** Which gateway is meant: that of a site, or that of a state folder. */
export interface Meant {
  readonly site: string | undefined;
  readonly state: string | undefined;
}

/**
 * Asks the running gateway that is meant. Undefined when there is none: then it was said, with `noGateway` about the folder and
 * whether only simulated gateways ran there, and the exit code is set.
 */
export async function askMeant<T>(
  { site, state }: Meant,
  io: Io,
  ask: (folder: string) => Promise<T | undefined>,
  noGateway: { readonly text: (folder: string, isSimulated: boolean) => string; readonly exitCode: number },
): Promise<T | undefined> {
  const told = state ?? stateOfEnvironment(io.env);
  const place = await placeOf({ state: told, site: told === undefined ? site : undefined }, io);
  if (place === undefined) return undefined;
  for (const folder of place.folders) {
    const answer = await ask(await stateFolderAt(folder));
    if (answer !== undefined) return answer;
  }
  const simulated = await simulatedOnly(place.folders);
  return say(noGateway.text(simulated ?? place.folders[0] ?? '', simulated !== undefined), io, noGateway.exitCode);
}

/** The folder of a simulated gateway, where no other one is there. */
async function simulatedOnly(folders: readonly string[]): Promise<string | undefined> {
  const there: string[] = [];
  for (const folder of folders) if (await exists(folder)) there.push(folder);
  const marked: string[] = [];
  for (const folder of there) if (await isSimulated(folder)) marked.push(folder);
  return marked.length === there.length ? marked[0] : undefined;
}
