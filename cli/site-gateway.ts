import type { Io } from './io.ts';
import { stateFolderAt } from './journal-find.ts';
import { placeOf } from './journal-place.ts';
import { say } from './say.ts';
import { stateOfEnvironment } from './state-folder.ts';

/** Which gateway is meant: that of a site, or that of a state folder. */
export interface Meant {
  readonly site: string | undefined;
  readonly state: string | undefined;
}

/**
 * Asks the running gateway that is meant. Undefined when there is none: then it was said, with `noGateway` about the folder, and
 * the exit code is set.
 */
export async function askMeant<T>(
  { site, state }: Meant,
  io: Io,
  ask: (folder: string) => Promise<T | undefined>,
  noGateway: { readonly text: (folder: string) => string; readonly exitCode: number },
): Promise<T | undefined> {
  const told = state ?? stateOfEnvironment(io.env);
  const place = await placeOf({ state: told, site: told === undefined ? site : undefined }, io);
  if (place === undefined) return undefined;
  for (const folder of place.folders) {
    const answer = await ask(await stateFolderAt(folder));
    if (answer !== undefined) return answer;
  }
  return say(noGateway.text(place.folders[0] ?? ''), io, noGateway.exitCode);
}
