import type { LoadedSite } from '../config/load-site.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { readSecret } from './secrets.ts';
import { printProblems } from './site.ts';

/** The secret that the site names at `path`; undefined when it cannot be read: then it was said and the exit code is set. */
export async function secretOrSay(
  name: string,
  path: string,
  site: LoadedSite,
  file: string,
  io: Io,
): Promise<string | undefined> {
  const secret = await readSecret(name, file, io.env);
  if ('value' in secret) return secret.value;
  printProblems([{ severity: 'error', path, place: site.placeOf(path), ...secret }], site, io);
  io.setExitCode(EXIT.config);
  return undefined;
}
