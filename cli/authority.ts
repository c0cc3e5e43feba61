import { X509Certificate } from 'node:crypto';
import { promises as fs } from 'node:fs';
import type { LoadedSite } from '../config/load-site.ts';
import { EXIT, isForbidden } from './exit-codes.ts';
import type { Io } from './io.ts';
import { refusalOf } from './refused-file.ts';
import { printProblems } from './site.ts';

/** PEM text of the certificate authority that the site names at `path`; undefined when it cannot be read or is none: then it was said and the exit code is set. */
export async function authorityOrSay(caFile: string, path: string, site: LoadedSite, io: Io): Promise<string | undefined> {
  try {
    const pem = await fs.readFile(caFile, 'utf8');
    // Trusting what is none would be trusting nobody, which shows as an untrusted server only.
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const problem = isForbidden(reason)
      ? { code: 'C096', parameters: { path: caFile, ...(await refusalOf(caFile, false)) } }
      : { code: 'C093', parameters: { path: caFile, reason: reason.startsWith('ERR_') ? 'NOT_PEM' : reason } };
    printProblems([{ severity: 'error', path, place: site.placeOf(path), ...problem }], site, io);
    io.setExitCode(EXIT.config);
    return undefined;
  }
}
