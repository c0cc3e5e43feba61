import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, eventually, start } from './child.ts';

/** Two serial ports with a cable between them. */
export interface PtyPair {
  readonly gatewayEnd: string;
  readonly deviceEnd: string;
  /** Pulls the adapter out: both ports are gone. */
  unplug(): Promise<void>;
}

/** Plugs a pair in with socat; the same names come back after an unplugging. */
export async function plugPair(folder: string, name: string): Promise<PtyPair> {
  const gatewayEnd = join(folder, `${name}-gateway`);
  const deviceEnd = join(folder, `${name}-device`);
  const socat: Child = start('socat', [`pty,raw,echo=0,link=${gatewayEnd}`, `pty,raw,echo=0,link=${deviceEnd}`]);
  await eventually(() => (existsSync(gatewayEnd) && existsSync(deviceEnd) ? true : undefined), 5_000);
  return {
    gatewayEnd,
    deviceEnd,
    unplug: async () => {
      // Numbers of terminals are given anew at once: a link that stayed would soon lead to somebody else's.
      for (const end of [gatewayEnd, deviceEnd]) rmSync(end);
      socat.kill('SIGKILL');
      await socat.ended;
    },
  };
}
