// A relay board that is not there, on a line with one that is: what makes the outputs of that one safe does not wait for it.

import { describe, expect, test } from 'vitest';
import type { Host } from '../../gateway/host.ts';
import { loadModules } from '../../gateway/modules.ts';
import { makeOutputsSafe } from '../../gateway/outputs/make-safe.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
/** What outputs have: at a stop, after a kill, after a boot. */
const [STOP_MS, KILLED_MS, BOOT_MS] = [2_500, 2_000, 5_000];
const RELAYS = [0, 1, 2, 3, 4, 5, 6, 7];
const FIRST_UNIT = 30;
const LINES = {
  rtu: '{ type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 1s }',
  tcp: '{ type: modbus-tcp, host: 10.0.0.5, timeout: 1s }',
} as const;
type LineType = keyof typeof LINES;

const relay = (board: number, coil: number) => `p${board}_${coil}`;

/** Boards of eight relays; the last one is well. */
function siteOf(type: LineType, deadCount: number, maxOn = '1h', more = ''): string {
  const boards = Array.from({ length: deadCount + 1 }, (_, board) => {
    const outputs = `outputs: { switch: { safe: off, max_on: ${maxOn} } }`;
    const relays = RELAYS.map(
      (coil) => `  ${relay(board, coil)}: { board: relay@1, via: b${board}.relay${coil + 1}, ${outputs} }\n`,
    );
    return `  b${board}: { board: modbus-relay-8@1, via: line, with: { unit: ${FIRST_UNIT + board} } }\n${relays.join('')}`;
  });
  return `buses: { line: ${LINES[type]} }\ndevices:\n${boards.join('')}${more}`;
}

const deadFrom = (fromMs: number, deadCount: number): Fault[] =>
  Array.from({ length: deadCount }, (_, board) => ({
    at: 'device',
    device: `b${board}`,
    kind: 'silent',
    rate: 1,
    fromMs,
    toMs: Number.POSITIVE_INFINITY,
  }));

/** When the last coil of a unit was first switched off, from `fromMs` on. */
function lastOffMs(writes: readonly CoilWrite[], unit: number, fromMs = 0): number {
  const offs = writes.filter((write) => write.unit === unit && write.atMs >= fromMs && !write.on);
  return Math.max(...RELAYS.map((coil) => offs.find((off) => off.coil === coil)?.atMs ?? Number.POSITIVE_INFINITY)) - fromMs;
}

async function started(site: string, faults: readonly Fault[]) {
  const writes: CoilWrite[] = [];
  const between = (host: Host) =>
    lossyLines(
      host,
      () => false,
      (write) => writes.push(write),
    );
  return { ...(await startSimulated(site, { faults, between })), writes };
}

describe('a stop switches all of a board off that is well', () => {
  const STOP_AT_MS = 400_000;
  test.each<[LineType, number, number]>([
    ['rtu', 1, 100],
    ['rtu', 1, 20_000],
    ['rtu', 2, 60_000],
    ['rtu', 3, 100],
    ['rtu', 1, 300_000],
    ['tcp', 1, 100],
    ['tcp', 3, 100],
  ])('%s, when %i died %i ms before', async (type, deadCount, beforeMs) => {
    const faults = deadFrom(STOP_AT_MS - beforeMs, deadCount);
    const { clock, gateway, stop, writes } = await started(siteOf(type, deadCount), faults);
    await clock.runUntil(15 * SECOND_MS);
    for (let board = 0; board <= deadCount; board += 1)
      for (const coil of RELAYS) {
        const output = `${relay(board, coil)}.switch`;
        expect(await clock.run(gateway.outputs.order({ output, on: true, source: 'local', by: 'test' }))).toEqual({ done: true });
      }
    await clock.runUntil(STOP_AT_MS);
    await stop();
    expect(lastOffMs(writes, FIRST_UNIT + deadCount, STOP_AT_MS)).toBeLessThanOrEqual(STOP_MS);
    const dead = Array.from({ length: deadCount }, (_, board) => RELAYS.map((coil) => `${relay(board, coil)}.switch`)).flat();
    expect(await gateway.outputsSafe).toEqual(dead);
  });
});

describe('a start switches all of a board off that is well', () => {
  test.each<[LineType, number]>([
    ['rtu', 1],
    ['rtu', 4],
    ['rtu', 8],
    ['tcp', 8],
  ])('%s, beside %i that are not there', async (type, deadCount) => {
    const { clock, stop, writes, frames } = await started(siteOf(type, deadCount), deadFrom(0, deadCount));
    await clock.runUntil(60 * SECOND_MS);
    await stop();
    const unit = FIRST_UNIT + deadCount;
    expect(lastOffMs(writes, unit)).toBeLessThanOrEqual(BOOT_MS);
    // Nothing was asked of it but what it is told and whether it followed: it was not polled before.
    const asked = frames.filter(({ direction, atMs }) => direction === 'out' && atMs < lastOffMs(writes, unit));
    const unitAt = type === 'rtu' ? 0 : 6;
    expect(asked.filter(({ bytes }) => bytes[unitAt] === unit).length).toBeLessThanOrEqual(2 * RELAYS.length);
  });
});

async function safeWithoutGateway(site: string, faults: readonly Fault[], change: (host: Host) => Host = (host) => host) {
  const { config, problems } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${site}`);
  if (config === undefined) throw new Error(`the site has errors: ${JSON.stringify(problems)}`);
  const clock = new VirtualClock(START_WALL_MS, turn);
  const disk = new SimulatedDisk({ clock, random: createRandom(1), faults: [], syncMs: 8 });
  const http = () => Promise.reject(new Error('nobody asks the city'));
  const host = await simulatedHost({ config, seed: 1, startWallMs: START_WALL_MS, clock, disk, http, faults, log: () => {} });
  const writes: CoilWrite[] = [];
  const fatal: unknown[] = [];
  const between = lossyLines(
    change(host),
    () => false,
    (write) => writes.push(write),
  );
  const modules = await loadModules(config);
  const made = await clock.run(makeOutputsSafe({ config, host: between, modules, fatal: (error) => fatal.push(error) }));
  expect(fatal).toEqual([]);
  return { made, writes, tookMs: clock.monotonicMs() };
}

describe('`barri outputs safe` switches all of a board off that is well', () => {
  test.each<[LineType, number]>([
    ['rtu', 1],
    ['rtu', 3],
    ['rtu', 8],
    ['tcp', 4],
  ])('%s, beside %i that are not there, and ends before it is killed', async (type, deadCount) => {
    const { made, writes, tookMs } = await safeWithoutGateway(siteOf(type, deadCount), deadFrom(0, deadCount));
    expect(lastOffMs(writes, FIRST_UNIT + deadCount)).toBeLessThanOrEqual(KILLED_MS);
    const safe = made.filter(({ problem }) => problem === undefined).map(({ output }) => output);
    expect(safe).toEqual(RELAYS.map((coil) => `${relay(deadCount, coil)}.switch`));
    expect(made).toHaveLength((deadCount + 1) * RELAYS.length);
    // A supervisor gives it 30 seconds.
    expect(tookMs).toBeLessThan(25_000);
  });

  test('also while another bus does not open', async () => {
    const site = `buses:
  away: { type: modbus-tcp, host: 10.0.0.6 }
  line: ${LINES.rtu}
devices:
  far: { board: modbus-relay-8@1, via: away, with: { unit: 1 } }
  near: { board: modbus-relay-8@1, via: line, with: { unit: 2 } }
  a: { board: relay@1, via: far.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
  b: { board: relay@1, via: near.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
`;
    const swallowed: Host['buses']['tcp'] = (_address, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const { made, writes } = await safeWithoutGateway(site, [], (host) => ({
      ...host,
      buses: { ...host.buses, tcp: swallowed },
    }));
    expect(writes.find(({ unit }) => unit === 2)?.atMs).toBeLessThanOrEqual(KILLED_MS);
    expect(made).toEqual([
      { output: 'a.switch', on: false, problem: expect.stringContaining('did not open') },
      { output: 'b.switch', on: false },
    ]);
  });
});

describe('while a board is not there whose outputs were on', () => {
  const MAX_ON_MS = 60 * SECOND_MS;
  const METER_UNIT = 1;
  const EVERY_MS = 5 * SECOND_MS;
  test.each<LineType>(['rtu', 'tcp'])('max_on of another holds, and the meters of the line are read: %s', async (type) => {
    const meter = `  meter: { board: eastron-sdm120@1, via: line, with: { unit: ${METER_UNIT} }, every: 5s }\n`;
    const { clock, gateway, stop, writes, frames } = await started(siteOf(type, 1, '60s', meter), deadFrom(40 * SECOND_MS, 1));
    const on = (board: number, coil: number) =>
      clock.run(gateway.outputs.order({ output: `${relay(board, coil)}.switch`, on: true, source: 'local', by: 'test' }));
    await clock.runUntil(15 * SECOND_MS);
    for (const coil of RELAYS) expect(await on(0, coil)).toEqual({ done: true });
    await clock.runUntil(20 * SECOND_MS);
    for (const coil of RELAYS) expect(await on(1, coil)).toEqual({ done: true });
    await clock.runUntil(300 * SECOND_MS);
    await stop();
    for (const coil of RELAYS) {
      const ofCoil = writes.filter((write) => write.unit === FIRST_UNIT + 1 && write.coil === coil);
      const onMs = ofCoil.find((write) => write.on)?.atMs ?? Number.NaN;
      const offMs = ofCoil.find((write) => !write.on && write.atMs > onMs)?.atMs ?? Number.POSITIVE_INFINITY;
      expect(offMs - onMs).toBeLessThanOrEqual(MAX_ON_MS + 100 + 0.01 * MAX_ON_MS);
    }
    const unitAt = type === 'rtu' ? 0 : 6;
    const askedMs = frames
      .filter(({ direction, bytes }) => direction === 'out' && bytes[unitAt] === METER_UNIT)
      .map(({ atMs }) => atMs);
    const gaps = askedMs.slice(1).map((atMs, i) => atMs - (askedMs[i] ?? 0));
    // In between each of the eight is asked in vain once, for a second, and one of them once more.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(EVERY_MS + 9 * SECOND_MS);
  });
});
