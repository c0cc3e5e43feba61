import { startCompiled } from './compiled.ts';
import type { Figures } from './drain/figures.ts';
import { openWireSink, type WireSink } from './drain/wire-sink.ts';
import type { Row } from './row.ts';
import type { BenchSize } from './store/setting.ts';

const PATIENCE_MS = 300_000;
const ROUNDS = 3;
const READINGS = 300_000;
const ROUND_TRIP_MS = 100;
/** Of a drain over such a way, so that it takes some seconds. */
const ROUND_TRIPS = 50;
const WIRE_READINGS = 2_000;
const PLAIN = 'the same readings from memory, made into JSON and sent';
const OFFICIAL = 'the official clients: one request for each observation';

/** What an hour without the city costs afterwards: processor time, time over a slow way, and bytes on the wire. */
export async function benchDrain(size: BenchSize): Promise<Row[]> {
  const readings = size === 'quick' ? READINGS / 10 : READINGS;
  return [
    ...(await pipe(readings, 100, 300_000, 2.7)),
    ...(await pipe(readings, 1_000, 1_000_000, 0.9)),
    ...(await overSlowWay(100)),
    ...(await overSlowWay(1_000)),
    ...(await wire()),
  ];
}

/** From a journal in memory into a sink in the same process: what the pipe itself costs. */
async function pipe(readings: number, batch: number, goalPerSecond: number, goalCpuUs: number): Promise<Row[]> {
  const name = `drain into a sink without latency, ${batch} a batch`;
  let ours = await run('pipe', readings, batch, 0, 'memory');
  let plain = await run('pipe', readings, batch, 0, 'plain');
  let onDisk = await run('pipe', readings, batch, 0, 'disk');
  for (let round = 1; round < ROUNDS; round++) {
    ours = better(ours, await run('pipe', readings, batch, 0, 'memory'));
    plain = better(plain, await run('pipe', readings, batch, 0, 'plain'));
    onDisk = better(onDisk, await run('pipe', readings, batch, 0, 'disk'));
  }
  const perSecond = { unit: 'readings/s', against: PLAIN, baseline: plain.perSecond };
  return [
    { name, value: ours.perSecond, ...perSecond, goal: goalPerSecond, bound: 'at least' },
    { name: `${name}: processor time`, value: ours.cpuUs, unit: 'us', against: PLAIN, baseline: plain.cpuUs, goal: goalCpuUs },
    { name: `${name}, journal on this disk`, value: onDisk.perSecond, ...perSecond },
  ];
}

async function overSlowWay(batch: number): Promise<Row[]> {
  const { perSecond } = await run('pipe', ROUND_TRIPS * batch, batch, ROUND_TRIP_MS, 'memory');
  const one = (1_000 * batch) / ROUND_TRIP_MS;
  const name = `drain over a way of ${ROUND_TRIP_MS} ms, ${batch} a batch`;
  const row = { name, value: perSecond, unit: 'readings/s' };
  return [
    {
      ...row,
      against: 'batch / round trip: the one connection of the backlog is never idle',
      baseline: one,
      goal: 0.9,
      goalFor: 'ratio',
      bound: 'at least',
    },
    { ...row, against: 'the same on both connections, of which one is kept for what is new', baseline: 2 * one },
  ];
}

/** From a journal in memory to a server in this process, over real sockets: a connection for each request, as the city has it. */
async function wire(): Promise<Row[]> {
  const sink = await openWireSink();
  const official = await overWire(sink, 'official', 1);
  const rows: Row[] = [];
  for (const batch of [10, 100]) {
    const ours = await overWire(sink, 'uplink', batch);
    const name = `${batch} a batch, over sockets`;
    rows.push(
      { name: `${name}: bytes on the wire`, value: ours.bytes, unit: 'B/reading', against: OFFICIAL, baseline: official.bytes },
      { name, value: ours.perSecond, unit: 'readings/s', against: OFFICIAL, baseline: official.perSecond },
      { name: `${name}: processor time`, value: ours.cpuUs, unit: 'us', against: OFFICIAL, baseline: official.cpuUs },
    );
  }
  sink.close();
  return rows;
}

async function overWire({ port, seen }: WireSink, who: 'uplink' | 'official', batch: number) {
  Object.assign(seen, { bytes: 0, requestCount: 0 });
  const figures = await run('wire', who, port, WIRE_READINGS, batch);
  const expected = WIRE_READINGS / batch;
  if (seen.requestCount !== expected) throw new Error(`${who} made ${seen.requestCount} requests, not ${expected}`);
  return { ...figures, bytes: seen.bytes / WIRE_READINGS };
}

async function run(script: 'pipe' | 'wire', ...args: readonly (string | number)[]): Promise<Figures> {
  const child = startCompiled(`drain/${script}-run.ts`, ...args);
  const [text] = await child.waitFor(/\{.*\}/, PATIENCE_MS);
  await child.ended;
  return JSON.parse(text) as Figures;
}

function better(one: Figures, other: Figures): Figures {
  return { perSecond: Math.max(one.perSecond, other.perSecond), cpuUs: Math.min(one.cpuUs, other.cpuUs) };
}
