import type { Config } from '../config/config.ts';
import type { LoadedSite } from '../config/load-site.ts';
import type { MqttLogin } from '../gateway/mqtt/uplink.ts';
import type { Io } from './io.ts';
import { secretOrSay } from './secret-or-say.ts';

/** Who the gateway is to its broker; undefined when a secret cannot be read: then it was said and the exit code is set. */
export async function brokerLogin(config: Config, site: LoadedSite, file: string, io: Io): Promise<MqttLogin | undefined> {
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
