import type { Config } from '../config/config.ts';
import type { LoadedSite } from '../config/load-site.ts';
import type { MqttLogin } from '../gateway/mqtt/uplink.ts';
import { authorityOrSay } from './authority.ts';
import type { Io } from './io.ts';
import { secretOrSay } from './secret-or-say.ts';

/** Who the gateway is to its broker, and whom it trusts; undefined when a file cannot be read: then it was said and the exit code is set. */
export async function brokerLogin(config: Config, site: LoadedSite, file: string, io: Io): Promise<MqttLogin | undefined> {
  const { caFile } = config.mqtt ?? {};
  const who = await whoItIs(config, site, file, io);
  if (who === undefined || caFile === undefined) return who;
  const ca = await authorityOrSay(caFile, 'mqtt.ca', site, io);
  return ca === undefined ? undefined : { ...who, ca };
}

async function whoItIs(config: Config, site: LoadedSite, file: string, io: Io): Promise<MqttLogin | undefined> {
  const { tokenSecret, user, passwordSecret } = config.mqtt ?? {};
  if (tokenSecret !== undefined) {
    const username = await secretOrSay(tokenSecret, 'mqtt.token', site, file, io);
    return username === undefined ? undefined : { username };
  }
  const named = user === undefined ? {} : { username: user };
  if (passwordSecret === undefined) return named;
  const password = await secretOrSay(passwordSecret, 'mqtt.password', site, file, io);
  return password === undefined ? undefined : { ...named, password };
}
