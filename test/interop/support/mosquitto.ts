import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, eventually, start } from './child.ts';

export interface MosquittoOptions {
  readonly folder: string;
  readonly port: number;
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
}

/** Debian's broker, with what it keeps in the folder. It writes that down every second at most, and when it is told to end. */
export async function startMosquitto({ folder, port, lines = [] }: MosquittoOptions): Promise<Child> {
  const file = join(folder, 'mosquitto.conf');
  const own = [
    `listener ${port} 127.0.0.1`,
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_interval 1',
    'max_queued_messages 0',
    // The user that the test runs as, who owns the folder.
    `user ${execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()}`,
    'log_dest stderr',
    'connection_messages true',
  ];
  const access = lines.some((line) => line.startsWith('password_file')) ? [] : ['allow_anonymous true'];
  writeFileSync(file, `${[...own, ...access, ...lines].join('\n')}\n`);
  const broker = start('/usr/sbin/mosquitto', ['-c', file]);
  await broker.waitFor(/mosquitto version \S+ running/);
  return broker;
}

/** One message that `mosquitto_sub` wrote. */
export interface Heard {
  readonly topic: string;
  readonly retain: boolean;
  readonly payload: string;
}

/** `mosquitto_sub` on everything; with a session that the broker keeps while it is away when it has an id. */
export async function listen(port: number, options: { readonly id?: string; readonly args?: readonly string[] } = {}) {
  const session = options.id === undefined ? [] : ['-c', '-i', options.id];
  const where = ['-h', 'localhost', '-p', String(port), '-q', '1', '-t', '#'];
  const format = ['-F', '{"topic":"%t","retain":%r,"hex":"%x"}'];
  const child = start('mosquitto_sub', [...where, ...format, ...session, ...(options.args ?? [])]);
  const heard = (): Heard[] =>
    child
      .out()
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => {
        const { topic, retain, hex } = JSON.parse(line) as { topic: string; retain: number; hex: string };
        return { topic, retain: retain === 1, payload: Buffer.from(hex, 'hex').toString('utf8') };
      });
  return {
    child,
    heard,
    has: (is: (message: Heard) => boolean, withinMs: number) => eventually(() => heard().find(is), withinMs),
  };
}

/** `mosquitto_pub` with one message. */
export async function publish(port: number, topic: string, payload: string, args: readonly string[] = []): Promise<void> {
  const child = start('mosquitto_pub', ['-h', 'localhost', '-p', String(port), '-q', '1', '-t', topic, '-m', payload, ...args]);
  const { code } = await child.ended;
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}: ${child.err()}`);
}

/** A certificate authority of its own, and a server's certificate for `localhost`, in the folder. */
export function makeCertificates(folder: string): void {
  const openssl = (args: string) => execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'pipe' });
  openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=trial');
  openssl('req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost');
  writeFileSync(join(folder, 'server.ext'), 'subjectAltName=DNS:localhost\n');
  openssl('x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile server.ext');
}
