import { promises as fs } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { LoadedSite } from '../config/load-site.ts';
import { EXIT, isForbidden } from './exit-codes.ts';
import type { Io } from './io.ts';
import { refusalOf } from './refused-file.ts';
import { secretOrSay } from './secret-or-say.ts';
import { printProblems } from './site.ts';

interface Credentials {
  readonly token?: string;
  readonly ca?: string;
}

/** The token and certificate authority of the city; undefined when one cannot be read: then it was said and the exit code is set. */
export async function cityCredentials(config: Config, site: LoadedSite, file: string, io: Io): Promise<Credentials | undefined> {
  if (config.sentilo === undefined) return {};
  const token = await secretOrSay(config.sentilo.tokenSecret, 'sentilo.token', site, file, io);
  if (token === undefined) return undefined;
  const { caFile } = config.sentilo;
  if (caFile === undefined) return { token };
  try {
    return { token, ca: await fs.readFile(caFile, 'utf8') };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const problem = isForbidden(reason)
      ? { code: 'C096', parameters: { path: caFile, ...(await refusalOf(caFile, false)) } }
      : { code: 'C093', parameters: { path: caFile, reason } };
    printProblems([{ severity: 'error', path: 'sentilo.ca', place: site.placeOf('sentilo.ca'), ...problem }], site, io);
    io.setExitCode(EXIT.config);
    return undefined;
  }
}
