import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadWorld } from '../../simulator/sentilo/world.ts';
import { barri, ROOT } from './in-process.ts';

const opened: (() => unknown)[] = [];
afterEach(() => {
  for (const close of opened.splice(0).reverse()) close();
});

interface Stored {
  readonly observations: readonly { readonly value: string }[];
}

interface Running {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly exit: Promise<number | null>;
}

function simSentilo(...args: string[]): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', 'sim', 'sentilo', ...args], { cwd: ROOT });
  opened.push(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  child.stderr.on('data', (bytes) => {
    err += bytes;
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, out: () => out, err: () => err, exit };
}

/** The first line of the output, which says where it listens; fails when the command ends without it. */
function firstLine({ child, out, err, exit }: Running): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const [line, rest] = out().split('\n', 2);
      if (line !== undefined && rest !== undefined) resolve(line);
    };
    child.stdout?.on('data', look);
    void exit.then((code) => reject(new Error(`ended with ${code}: ${err()}`)));
  });
}

function worldFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'barri-world-'));
  opened.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'world.yaml');
  writeFileSync(file, text);
  return file;
}

describe('barri sim sentilo', () => {
  it('shows a world in its help that is one', async () => {
    const { out: help } = await barri(['sim', 'sentilo', '--help']);
    const shown = /\n( {2}schema: sentilo-world\/v1\n(?: {2}.+\n)+)/.exec(help)?.[1] ?? '';
    const { world, problems } = loadWorld('world.yaml', shown.replaceAll(/^ {2}/gm, ''));
    expect(problems).toEqual([]);
    expect(world?.entities.map(({ id }) => id)).toEqual(['makers-poblenou', 'street-console']);
  });

  it('serves the example world, logs without a token, and ends cleanly on Ctrl-C', async () => {
    const running = simSentilo('--port', '0', '--world', 'examples/world.yaml', '--log');
    const url = /http:\S+/.exec(await firstLine(running))?.[0];
    const headers = { IDENTITY_KEY: 'demo-token', Connection: 'close' };
    const sensor = `${url}/data/makers-poblenou/carrer-demo-hall-temperature`;
    // Reported case: the letter Z is refused, the zone in figures and no zone are taken.
    const statuses = ['17/09/2012T12:34:45Z', '17/09/2012T12:34:45+0000', '17/09/2012T12:34:45'].map(async (timestamp) => {
      const body = JSON.stringify({ observations: [{ value: '21.5', timestamp }] });
      return (await fetch(sensor, { method: 'PUT', headers, body })).status;
    });
    expect(await Promise.all(statuses)).toEqual([400, 200, 200]);
    expect((await fetch(`${url}/data/makers-poblenou`, { headers: { ...headers, IDENTITY_KEY: 'wrong-token' } })).status).toBe(
      401,
    );
    expect((await fetch(`${url}/catalog/makers-poblenou`, { headers })).status).toBe(200);
    // Carried out as the help has it: by somebody whose orders the site takes.
    const { out: help } = await barri(['sim', 'sentilo', '--help']);
    const [, token, body, path] =
      /curl -X PUT -H 'IDENTITY_KEY: (\S+)' [^']*'([^']+)' [^h]*http:\/\/127.0.0.1:8081(\S+)/.exec(help) ?? [];
    const order = { method: 'PUT', headers: { ...headers, IDENTITY_KEY: `${token}` }, body: `${body}` };
    expect((await fetch(`${url}${path}`, order)).status).toBe(200);
    const [sender] = parse(readFileSync(join(ROOT, 'examples/sites/carrer-demo.gateway.yaml'), 'utf8')).sentilo.orders_from;
    expect(running.out()).toMatch(new RegExp(`PUT /order/makers-poblenou/carrer-demo-light-switch 200 .* ${sender}\n`));
    expect((await fetch(`${url}/admin/save`, { headers })).status).toBe(404);
    running.child.kill('SIGINT');
    expect(await running.exit).toBe(0);
    expect(running.out()).toContain('publishers: makers-poblenou');
    const stamp = String.raw`\d{4}-\d\d-\d\dT[\d:.]{12}Z`;
    expect(running.out()).toMatch(
      new RegExp(`${stamp} PUT /data/makers-poblenou/carrer-demo-hall-temperature 200 \\d+ ms \\d+ bytes makers-poblenou\n`),
    );
    expect(running.out()).toMatch(new RegExp(`${stamp} GET /data/makers-poblenou 401 \\d+ ms 0 bytes -\n`));
    expect(running.out() + running.err()).not.toMatch(/demo-token|wrong-token/);
    expect(running.err()).toContain('does not simulate the service /admin');
  });

  it('without a world knows the demo provider and takes any sensor; with --json every line is an object', async () => {
    const running = simSentilo('--port', '0', '--json', '--log');
    const started = JSON.parse(await firstLine(running));
    expect(started).toMatchObject({ event: 'listening', providers: ['makers-poblenou'], world: null });
    const headers = { IDENTITY_KEY: 'demo-token' };
    expect((await fetch(`${started.url}/data/makers-poblenou/anything/1`, { method: 'PUT', headers })).status).toBe(200);
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
    const lines = running.out().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['listening', 'request']);
  });

  it('tells subscribers of orders', async () => {
    const running = simSentilo('--port', '0', '--json');
    const { url } = JSON.parse(await firstLine(running));
    const received: string[] = [];
    const subscriber = createHttpServer(async (request, response) => {
      for await (const part of request) received.push(String(part));
      response.end();
      subscriber.emit('received');
    });
    await new Promise<void>((resolve) => subscriber.listen(0, '127.0.0.1', resolve));
    opened.push(() => subscriber.close());
    const told = new Promise<void>((resolve) => subscriber.once('received', resolve));
    const send = async (path: string, body: object) => {
      const headers = { IDENTITY_KEY: 'demo-token', Connection: 'close' };
      return (await fetch(url + path, { method: 'PUT', headers, body: JSON.stringify(body) })).status;
    };
    const { port } = subscriber.address() as AddressInfo;
    expect(await send('/subscribe/order/makers-poblenou', { endpoint: `http://127.0.0.1:${port}/orders` })).toBe(200);
    expect(await send('/order/makers-poblenou', { order: 'open' })).toBe(200);
    await told;
    expect(JSON.parse(received.join(''))).toMatchObject({ type: 'ORDER', topic: '/order/makers-poblenou', message: 'open' });
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
  });

  it('has faults switched while it runs, at a port of their own', async () => {
    const running = simSentilo('--port', '0', '--json', '--log');
    const { url, control } = JSON.parse(await firstLine(running));
    const read = async () => (await fetch(`${url}/data/makers-poblenou`, { headers: { IDENTITY_KEY: 'demo-token' } })).status;
    const faults = async (method: string, path = '', body?: string) =>
      (await fetch(`${control}/faults${path}`, { method, ...(body === undefined ? {} : { body }) })).json();
    expect(await read()).toBe(200);
    const on = { fault: 'status', status: 503, rate: 1 };
    expect(await faults('POST', '', '{"fault":"status","status":503}')).toEqual({ faults: [on] });
    expect(await read()).toBe(503);
    expect(await faults('POST', '', '{"fault":"refuse"}')).toEqual({ faults: [on, { fault: 'refuse', rate: 1 }] });
    await expect(read()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    expect(await faults('DELETE', '/refuse')).toEqual({ faults: [on] });
    expect(await faults('DELETE')).toEqual({ faults: [] });
    expect(await read()).toBe(200);
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
  });

  it('with --keep holds what it held, also after it was killed in the middle of a line; without it nothing is left', async () => {
    const file = join(dirname(worldFile('')), 'kept.jsonl');
    const headers = { IDENTITY_KEY: 'demo-token' };
    const killed = simSentilo('--port', '0', '--json', '--keep', file);
    const first = JSON.parse(await firstLine(killed));
    expect((await fetch(`${first.url}/data/makers-poblenou/rain/1.5`, { method: 'PUT', headers })).status).toBe(200);
    killed.child.kill('SIGKILL');
    await killed.exit;
    appendFileSync(file, '{"nowMs":17');
    for (const value of ['2.5', '3.5']) {
      const running = simSentilo('--port', '0', '--json', '--keep', file);
      const { url } = JSON.parse(await firstLine(running));
      expect((await fetch(`${url}/data/makers-poblenou/rain/${value}`, { method: 'PUT', headers })).status).toBe(200);
      const read = (await (await fetch(`${url}/data/makers-poblenou/rain?limit=9`, { headers })).json()) as Stored;
      const held = ['1.5', '2.5', '3.5'];
      expect(read.observations.map((one) => one.value).reverse()).toEqual(held.slice(0, held.indexOf(value) + 1));
      running.child.kill('SIGTERM');
      expect(await running.exit).toBe(0);
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain('demo-token');
  });

  it.each(['no line of its own\n', 'no line end', '{"observations":[]}'])(
    'leaves a file alone that holds something else: %j',
    async (text) => {
      const file = worldFile(text);
      const { code, err } = await barri(['sim', 'sentilo', '--port', '0', '--keep', file]);
      expect(code).toBe(78);
      expect(err).toContain('error[B115]');
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );

  it('says that its port is taken and exits with 75', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    opened.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    for (const option of ['--port', '--control-port']) {
      const { code, err } = await barri(['sim', 'sentilo', '--port', '0', option, String(port)]);
      expect(code).toBe(75);
      expect(err).toContain(`port ${port} is in use`);
    }
  });

  it.each([
    ['a world file with an unknown key', () => ['--world', worldFile('schema: sentilo-world/v1\nentity: []\n')], 78, 'entity'],
    ['a world file that is not there', () => ['--world', '/nonexistent/world.yaml'], 78, 'there is no such file'],
    ['a folder for a world file', () => ['--world', tmpdir()], 78, 'it is a folder'],
    ['a kept file of something else', () => ['--port', '0', '--keep', worldFile('schema: sentilo-world/v1\n')], 78, 'line 1'],
    [
      'a kept file whose folder is missing',
      () => ['--port', '0', '--keep', '/nonexistent/kept.jsonl'],
      78,
      'the folder /nonexistent is not there\n   = make it (mkdir -p /nonexistent), or give a file in another folder with --keep\n',
    ],
    ['a folder for a kept file', () => ['--port', '0', '--keep', tmpdir()], 78, 'it is a folder\n   = name a file in it'],
    ['a kept file below a file', () => ['--port', '0', '--keep', join(worldFile(''), 'kept')], 78, 'world.yaml is a file'],
    [
      'one port for both',
      () => ['--port', '8591', '--control-port', '8591'],
      2,
      'error: --port and --control-port are both 8591: give one of them another port\n',
    ],
    ['a port that is no port', () => ['--port', '99999'], 2, '65535'],
    ['an address of another machine', () => ['--port', '0', '--host', '192.0.2.1'], 2, '192.0.2.1'],
  ])('says what is wrong with %s and ends', async (_, args, exitCode, words) => {
    const { code, err } = await barri(['sim', 'sentilo', ...args()]);
    expect(code).toBe(exitCode);
    expect(err).toContain(words);
    expect(err).not.toMatch(/\bE[A-Z]{4,}\b|move this one away[\s\S]*not there/);
  });
});
