import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, eventually, start } from '../interop/support/child.ts';
import { cpuMs, rssMb } from './process-figures.ts';
import type { Row } from './row.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
const EXAMPLE_SITE = join(ROOT, 'examples/sites/carrer-demo.gateway.yaml');

/** As the start script sets them. */
const NODE_FLAGS = ['--max-semi-space-size=1'];
const ENVIRONMENT = { ...process.env, UV_THREADPOOL_SIZE: '12' };

const SETTLED_MS = 60_000;
const DENSE_MS = 30_000;
const DENSE_BUS_COUNT = 8;
const DEVICES_PER_BUS = 4;
/** What the weekend script reads of each device, as many as a BME280 has. */
const NAIVE_READINGS_PER_DEVICE = 3;

/** Figures of a running gateway: built, in a process of its own, with its city in another. */
export async function benchRun(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'barri-bench-'));
  try {
    const city = start(process.execPath, [MAIN, 'sim', 'sentilo', '--port', '0']);
    const [, port] = await city.waitFor(/127\.0\.0\.1:(\d+)/);
    const url = `http://127.0.0.1:${port}`;
    const rows = [...(await exampleSite(folder, url)), ...(await denseSite(folder, url))];
    city.kill();
    await city.ended;
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Start and memory of the example site, beside a Node process that does nothing. */
async function exampleSite(folder: string, cityUrl: string): Promise<Row[]> {
  const bareStartMs = await startOfBareNode();
  const bare = start(process.execPath, [...NODE_FLAGS, '-e', 'setInterval(() => {}, 1000)'], { env: ENVIRONMENT });
  const state = join(folder, 'example');
  const spawnedMs = performance.now();
  const gateway = startGateway(EXAMPLE_SITE, state, cityUrl);
  const first = await eventually(async () => {
    const status = await statusOf(state);
    return status?.measuring.firstObservationMs === undefined ? undefined : { status, atMs: performance.now() };
  }, 20_000);
  const { uptimeMs, measuring } = first.status;
  const firstObservationMs = first.atMs - uptimeMs + (measuring.firstObservationMs ?? Number.NaN) - spawnedMs;
  await sleep(SETTLED_MS);
  const memoryMb = rssMb(gateway.pid);
  const bareMb = rssMb(bare.pid);
  await Promise.all([gateway, bare].map(stop));
  if (memoryMb === undefined) throw new Error(`the gateway ended early:\n${gateway.err()}`);
  return [
    {
      name: 'process start to first durable observation',
      value: firstObservationMs,
      unit: 'ms',
      against: 'bare node: start to first statement',
      baseline: bareStartMs,
      goal: 5_000,
    },
    { name: 'RSS after 60 s of the example site', value: memoryMb, unit: 'MB', against: 'bare node', baseline: bareMb, goal: 75 },
  ];
}

/** Processor time and punctuality at 32 polls a second, beside what a weekend script and plain timers do in the same seconds. */
async function denseSite(folder: string, cityUrl: string): Promise<Row[]> {
  const site = join(folder, 'dense.gateway.yaml');
  const state = join(folder, 'dense');
  writeFileSync(site, denseSiteFile(cityUrl));
  const deviceCount = DENSE_BUS_COUNT * DEVICES_PER_BUS;
  const gateway = startGateway(site, state, cityUrl);
  const before = await eventually(async () => {
    const status = await statusOf(state);
    return (status?.measuring.observationCount ?? 0) > 0 ? status : undefined;
  }, 20_000);
  const naive = startNaive(join(folder, 'naive.jsonl'), deviceCount, `${cityUrl}/data/makers-poblenou/naive`);
  const plain = startPlainIntervals(deviceCount, 1_000);
  const cpuBeforeMs = [cpuMs(gateway.pid), cpuMs(naive.pid)];
  await sleep(DENSE_MS);
  const [gatewayCpuMs, naiveCpuMs] = [gateway, naive].map((child, index) => difference(cpuMs(child.pid), cpuBeforeMs[index]));
  const after = await statusOf(state);
  const plainLateMs = plain.stop();
  await Promise.all([gateway, naive].map(stop));
  if (after === undefined || gatewayCpuMs === undefined) throw new Error(`the gateway ended early:\n${gateway.err()}`);
  const readings = after.measuring.observationCount - before.measuring.observationCount;
  const figures = naive.out() === '' ? undefined : (JSON.parse(naive.out()) as { readingCount: number });
  return [
    {
      name: 'processor time per reading, measured to delivered',
      value: (1000 * gatewayCpuMs) / readings,
      unit: 'us',
      against: 'weekend script: setInterval, JSON line, fdatasync, one PUT a second',
      baseline: naiveCpuMs === undefined || figures === undefined ? undefined : (1000 * naiveCpuMs) / figures.readingCount,
    },
    {
      name: 'poll lateness p99 at 32 polls a second',
      value: after.measuring.lateMsP99 ?? Number.NaN,
      unit: 'ms',
      against: 'plain setInterval that does nothing, against its grid',
      baseline: plainLateMs,
    },
  ];
}

function denseSiteFile(cityUrl: string): string {
  const buses = Array.from({ length: DENSE_BUS_COUNT }, (_, bus) => `  i2c${bus}: { type: i2c, device: /dev/i2c-${bus} }`);
  const devices = Array.from({ length: DENSE_BUS_COUNT }, (_, bus) => [
    `  climate_${bus}a: { board: bme280@1, via: i2c${bus}, with: { address: 0x76 } }`,
    `  climate_${bus}b: { board: bme280@1, via: i2c${bus}, with: { address: 0x77 } }`,
    `  humid_${bus}a: { board: sht31@1, via: i2c${bus}, with: { address: 0x44 } }`,
    `  humid_${bus}b: { board: sht31@1, via: i2c${bus}, with: { address: 0x45 } }`,
  ]).flat();
  return `schema: gateway/v1
gateway: { id: dense, name: { en: Dense } }
sentilo: { url: "${cityUrl}", provider: makers-poblenou, token: { secret: sentilo_token } }
defaults: { every: 1s }
buses:
${buses.join('\n')}
devices:
${devices.join('\n')}
`;
}

function startGateway(site: string, state: string, cityUrl: string): Child {
  const args = [...NODE_FLAGS, MAIN, 'sim', 'run', site, '--state', state, '--city', cityUrl, '--json'];
  return start(process.execPath, args, { env: ENVIRONMENT });
}

function startNaive(file: string, deviceCount: number, url: string): Child {
  const script = join(import.meta.dirname, 'baselines/naive-gateway.ts');
  return start(
    process.execPath,
    [...NODE_FLAGS, '--import', 'tsx', script, `${deviceCount}`, `${NAIVE_READINGS_PER_DEVICE}`, '1000', file, url],
    {
      env: ENVIRONMENT,
      cwd: ROOT,
    },
  );
}

/** Timers in this process, which only waits meanwhile. `stop` gives the lateness that 99 % of the calls did not exceed. */
function startPlainIntervals(count: number, periodMs: number): { stop(): number | undefined } {
  const lateMs: number[] = [];
  const timers = Array.from({ length: count }, () => {
    const startMs = performance.now();
    let round = 0;
    return setInterval(() => {
      round += 1;
      lateMs.push(performance.now() - startMs - round * periodMs);
    }, periodMs);
  });
  return {
    stop: () => {
      for (const timer of timers) clearInterval(timer);
      const sorted = lateMs.toSorted((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))];
    },
  };
}

/** From the start of a Node process to its first statement. */
async function startOfBareNode(): Promise<number | undefined> {
  const spawnedMs = performance.now();
  const bare = start(process.execPath, [...NODE_FLAGS, '-e', `process.stdout.write('ready')`], { env: ENVIRONMENT });
  await bare.waitFor(/ready/);
  return performance.now() - spawnedMs;
}

interface Status {
  readonly uptimeMs: number;
  readonly measuring: {
    readonly observationCount: number;
    readonly firstObservationMs?: number;
    readonly lateMsP99?: number;
  };
}

/** What the gateway's local API says; undefined while it does not answer. */
function statusOf(state: string): Promise<Status | undefined> {
  return new Promise((resolve) => {
    const ask = request({ socketPath: join(state, 'api.sock'), path: '/status' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve(answer.statusCode === 200 ? (JSON.parse(text) as Status) : undefined));
    });
    ask.on('error', () => resolve(undefined)).end();
  });
}

async function stop(child: Child): Promise<void> {
  child.kill('SIGTERM');
  await child.ended;
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}
