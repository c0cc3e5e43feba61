import type { Config } from '../config/config.ts';
import type { LoadedSite } from '../config/load-site.ts';
import { authorityOrSay } from './authority.ts';
import type { Io } from './io.ts';
import { secretOrSay } from './secret-or-say.ts';

interface Credentials {
  readonly token?: string;
  readonly callbackKey?: string;
  readonly ca?: string;
}

/** The token, the key of its pushes and the certificate authority of the city; undefined when one cannot be read: then it was said and the exit code is set. */
export async function cityCredentials(config: Config, site: LoadedSite, file: string, io: Io): Promise<Credentials | undefined> {
  if (config.sentilo === undefined) return {};
  const { tokenSecret, callback, caFile } = config.sentilo;
  const token = await secretOrSay(tokenSecret, 'sentilo.token', site, file, io);
  const callbackKey = callback && (await secretOrSay(callback.keySecret, 'sentilo.callback.secret', site, file, io));
  if (token === undefined || (callback !== undefined && callbackKey === undefined)) return undefined;
  const secrets = { token, ...(callbackKey !== undefined && { callbackKey }) };
  if (caFile === undefined) return secrets;
  const ca = await authorityOrSay(caFile, 'sentilo.ca', site, io);
  return ca === undefined ? undefined : { ...secrets, ca };
}
