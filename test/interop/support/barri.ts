import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, endAll, eventually, start } from './child.ts';

const ROOT = join(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
const PROVIDER = 'makers-poblenou';
const TOKEN = 'demo-token';

const folders: string[] = [];

/** A folder for one test: site file, secrets, state. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'barri-interop-'));
  folders.push(folder);
  return folder;
}

/** Kills the processes and removes the folders of the test before. For `afterEach`. */
export async function cleanUp(): Promise<void> {
  await endAll();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Runs `barri` as it is installed. */
export function barri(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly uid?: number } = {},
): Child {
  const { env = {}, uid } = options;
  return start(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

export interface GatewayOptions {
  readonly folder: string;
  /** Site file without `schema`, `gateway` and `sentilo`. */
  readonly site: string;
  readonly cityUrl: string;
  /** User that it runs as; the test must be root for that. */
  readonly uid?: number;
  readonly env?: Record<string, string>;
}

/** Starts `barri run` on a site that sends every second, with its state in `<folder>/state`. */
export function startGateway({ folder, site, cityUrl, uid, env = {} }: GatewayOptions): Child {
  const siteFile = join(folder, 'site.gateway.yaml');
  const secrets = join(folder, 'secrets');
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const token = join(secrets, 'sentilo_token');
  writeFileSync(token, `${TOKEN}\n`, { mode: 0o600 });
  if (uid !== undefined) {
    chmodSync(folder, 0o755);
    for (const path of [secrets, token]) chownSync(path, uid, uid);
  }
  writeFileSync(
    siteFile,
    `schema: gateway/v1
gateway: { id: interop, name: { en: Interop } }
sentilo: { url: "${cityUrl}", provider: ${PROVIDER}, token: { secret: sentilo_token } }
${site}`,
  );
  return barri(['run', siteFile, '--state', join(folder, 'state')], {
    env: { CREDENTIALS_DIRECTORY: secrets, ...env },
    ...(uid === undefined ? {} : { uid }),
  });
}

/**
 * Asks a running gateway for `forMs` what it has made durable, as anybody can on its socket.
 * @returns the newest durable sequence at the first and at the last answer: all in between is acknowledged by this process
 */
export async function acknowledgedWithin(state: string, forMs: number): Promise<{ first: number; last: number }> {
  const untilMs = performance.now() + forMs;
  const first = await eventually(() => newestDurable(state), forMs);
  let last = first;
  while (performance.now() < untilMs) {
    last = (await newestDurable(state)) ?? last;
    await sleep(20);
  }
  return { first, last };
}

/** Undefined while the gateway does not answer, or has stored nothing. */
async function newestDurable(state: string): Promise<number | undefined> {
  const status = await askGateway<{ stored: { lastSequence: number } }>(state, '/status');
  return status?.stored.lastSequence || undefined;
}

/** What a running gateway answers on its socket; undefined while it does not. */
export function askGateway<Answer>(state: string, path: '/status' | '/readings'): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const request = get({ socketPath: join(state, 'api.sock'), path }, (answer) => {
      let json = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        json += text;
      });
      answer.on('end', () => resolve(JSON.parse(json) as Answer));
    });
    request.on('error', () => resolve(undefined));
  });
}

/** One observation as the city keeps it. */
export interface Kept {
  readonly sensor: string;
  /** Milliseconds since 1970, whole seconds. */
  readonly timeMs: number;
  readonly value: string;
}

export interface City {
  readonly port: number;
  readonly url: string;
  /** Everything that it keeps of these sensors, oldest first; at most 200 of one sensor in one second. */
  read(sensors: readonly string[]): Promise<Kept[]>;
}

/** Starts `barri sim sentilo` as a process of its own, with these sensors in its catalogue. */
export async function startCity(folder: string, sensors: readonly string[]): Promise<City> {
  const world = join(folder, 'world.yaml');
  writeFileSync(world, worldFile(sensors));
  const child = barri(['sim', 'sentilo', '--port', '0', '--world', world]);
  const [, port] = await child.waitFor(/127\.0\.0\.1:(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  return {
    port: Number(port),
    url,
    read: async (ids) => (await Promise.all(ids.map((sensor) => readSensor(url, sensor)))).flat(),
  };
}

function worldFile(sensors: readonly string[]): string {
  const listed = sensors.map(
    (sensor) =>
      `  - { provider: ${PROVIDER}, sensor: ${sensor}, component: interop, component_type: generic, type: status, data_type: NUMBER, state: online, public: true }`,
  );
  return `schema: sentilo-world/v1
entities:
  - { id: ${PROVIDER}, kind: provider, token: ${TOKEN}, active: true, https_only: false, quota_in: 0 }
sensor_types: [status]
component_types: [generic]
sensors:
${listed.join('\n')}
settings: { reject_unknown: true, sync_delay: 0s }
`;
}

/** Pages backwards: an answer holds at most 200 observations, the newest first. */
async function readSensor(url: string, sensor: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  let to = '';
  for (;;) {
    const page = await observations(`${url}/data/${PROVIDER}/${sensor}?limit=200${to}`);
    const oldest = page.at(-1)?.time;
    if (oldest === undefined) break;
    const isLast = page.length < 200;
    // The oldest second may be cut by the page; it is read again with the next one.
    for (const { time, value } of page) if (isLast || time > oldest) kept.push({ sensor, timeMs: time, value });
    if (isLast) break;
    to = `&to=${timestamp(oldest)}`;
  }
  return kept.reverse();
}

interface Observation {
  readonly time: number;
  readonly value: string;
}

async function observations(url: string): Promise<Observation[]> {
  // On a connection of its own: the city may close one that has been idle just when it is used again.
  const answer = await fetch(url, { headers: { IDENTITY_KEY: TOKEN, connection: 'close' } });
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { observations: Observation[] }).observations;
}

/** `dd/MM/yyyyTHH:mm:ss` in UTC. */
function timestamp(ms: number): string {
  const [date = '', time = ''] = new Date(ms).toISOString().slice(0, 19).split('T');
  return `${date.split('-').reverse().join('/')}T${time}`;
}

/** Waits until the city keeps at least `count` observations of these sensors, and returns all of them. */
export function cityHas(city: City, sensors: readonly string[], count: number, withinMs: number): Promise<Kept[]> {
  let last: Kept[] = [];
  return eventually(
    async () => {
      last = await city.read(sensors);
      return last.length >= count ? last : undefined;
    },
    withinMs,
    () => `expected ${count} observations in the city within ${withinMs} ms, found ${last.length}`,
  );
}
