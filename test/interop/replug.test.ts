// Fifty times a device that speaks by itself and a Modbus line are pulled out and plugged in again: the one at a running
// gateway, the other with questions of ours, so that it is known what was asked before and what after.

import { mkdirSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import type { BusConfig, DeviceConfig } from '../../config/config.ts';
import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import { BusError } from '../../drivers/errors.ts';
import { prepareBus } from '../../gateway/buses.ts';
import { realHost } from '../../gateway/real-host.ts';
import type { ReadingRow } from '../../gateway/status.ts';
import { askGateway, cleanUp, startGateway, workFolder } from './support/barri.ts';
import { type Child, eventually } from './support/child.ts';
import { readRequests, startLibmodbusPeer, startSpeakingPeer } from './support/peers.ts';
import { type PtyPair, plugPair } from './support/pty.ts';

const CYCLES = 50;
/** In these it is awaited that readings of the new connection arrive; in between, that the port is open. */
const READ_EVERY = 10;
/** From when on files and memory are compared: everything has been used by then. */
const SETTLED = 10;
/** Far above what recovering may take; how long it did take is printed. */
const RECOVERED_MS_MAX = 20_000;
const NO_CITY = 'http://127.0.0.1:9';
const UNIT = 1;
/** Requests that are made at once, before a cable is pulled. */
const QUEUED = 8;
/** A buffer of serialport is 64 KiB: one that is left behind at each replug would be far more than this. */
const MEMORY_GROWTH_MAX = 1 << 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

afterEach(cleanUp);

it('recovers from every unplugging, sends nothing of the old connection on the new one, and leaves nothing behind', async () => {
  const folder = workFolder();
  writeBoard(folder);
  const pid = startGateway({ folder, site: siteFor(folder), cityUrl: NO_CITY }).pid;
  const own = ownLine(join(folder, 'own-gateway'));
  const recoveredMs = { speaking: [] as number[], own: [] as number[] };
  let settled: LeftBehind | undefined;

  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    const plugged = await plugIn(folder, cycle);
    await Promise.all([
      isOpenIn(pid, plugged.speaking).then(() => recoveredMs.speaking.push(performance.now() - plugged.atMs)),
      own.answers().then(() => recoveredMs.own.push(performance.now() - plugged.atMs)),
    ]);
    if (cycle % READ_EVERY === 0) await hasReading(folder, cycle);
    if (cycle === SETTLED) settled = await leftBehind(pid);

    // One is under way and the others wait when the cable is pulled. On a busy machine one may have to be given up.
    await eventually(async () => ((await own.write(0, cycle)) === 'done' ? true : undefined), RECOVERED_MS_MAX);
    const writes = Array.from({ length: QUEUED }, (_, at) => own.write(at, cycle));
    await writes[0];
    await unplug(plugged);
    expect(await Promise.all(writes)).toContain('closed');
    expect(await own.write(0, cycle)).toBe('closed');
    // Of all that was asked so far only what was asked on this connection.
    const written = readRequests(plugged.ownLog).filter((request) => request.startsWith('06'));
    expect(new Set(written.map((request) => Number.parseInt(request.slice(6), 16)))).toEqual(new Set([cycle]));
    // From at once to a quarter of a second, so that some come before the first try and some after it.
    await sleep((cycle * 130) % 250);
  }

  const plugged = await plugIn(folder, CYCLES + 1);
  await Promise.all([isOpenIn(pid, plugged.speaking), own.answers(), hasReading(folder, CYCLES + 1)]);
  const left = await leftBehind(pid);
  const report = [...Object.entries(recoveredMs).map(summary), ...[settled, left].map((at) => JSON.stringify(at))];
  process.stdout.write(`recovered after: ${report.join('; ')}\n`);
  expect(left.fileCount).toBe(settled?.fileCount);
  expect(left.bufferBytes - (settled?.bufferBytes ?? 0)).toBeLessThan(MEMORY_GROWTH_MAX);
  await own.close();
});

/** What is plugged in during one cycle. */
interface Plugged {
  readonly speaking: PtyPair;
  readonly own: PtyPair;
  readonly ownLog: string;
  readonly peers: readonly Child[];
  readonly atMs: number;
}

/** Plugs both in; what they say and note is of this cycle alone. */
async function plugIn(folder: string, cycle: number): Promise<Plugged> {
  const [frames, ownLog] = [join(folder, `frames-${cycle}`), join(folder, `own-${cycle}`)];
  writeFileSync(frames, `${frame(cycle)}\n`);
  const atMs = performance.now();
  const [speaking, own] = await Promise.all([plugPair(folder, 'speaking'), plugPair(folder, 'own')]);
  const peers = await Promise.all([
    startSpeakingPeer(speaking.deviceEnd, frames, 2),
    startLibmodbusPeer('rtu', own.deviceEnd, ownLog),
  ]);
  return { speaking, own, ownLog, peers, atMs };
}

async function unplug({ speaking, own, peers }: Plugged): Promise<void> {
  await Promise.all([speaking.unplug(), own.unplug()]);
  for (const peer of peers) peer.kill('SIGKILL');
  await Promise.all(peers.map((peer) => peer.ended));
}

/** A Modbus line as the gateway has it, without devices: what is asked is up to the test. */
interface OwnLine {
  /** Resolves once the slave answers. */
  answers(): Promise<void>;
  /** Writes a register; resolves to `done`, or to the kind of the failure. */
  write(at: number, value: number): Promise<string>;
  close(): Promise<void>;
}

function ownLine(port: string): OwnLine {
  const config: BusConfig = {
    ...{ type: 'modbus-rtu', id: 'own', port, baud: 9600, format: '8N1' },
    ...{ timeoutMs: 2_000, pauseMs: 0, echo: false },
  };
  const prepared = prepareBus(
    config,
    realHost(() => {}),
  );
  const stop = new AbortController();
  const running = prepared.run(stop.signal);
  // Of the device nothing is used but that its board asks for no pause.
  const connecting = prepared.connect({ spec: {} } as DeviceConfig, () => ({
    rank: 'live',
    deadlineMs: 5_000,
  })) as Promise<ModbusBus>;
  const outcome = async (ask: (bus: ModbusBus) => Promise<unknown>) => {
    try {
      await ask(await connecting);
      return 'done';
    } catch (error) {
      if (error instanceof BusError) return error.kind;
      throw error;
    }
  };
  return {
    answers: async () => {
      const ask = () => outcome((bus) => bus.readRegisters(UNIT, 'holding', 0, 1));
      await eventually(
        async () => ((await ask()) === 'done' ? true : undefined),
        RECOVERED_MS_MAX,
        () => `${port} does not answer: ${prepared.failure?.message ?? JSON.stringify(prepared.line?.stats())}`,
      );
    },
    write: (at, value) => outcome((bus) => bus.writeRegisters(UNIT, at, Uint8Array.of(value >> 8, value & 0xff), 'single')),
    close: async () => {
      stop.abort();
      await running;
    },
  };
}

/** Resolves once a process has the port open as it is now. */
function isOpenIn(pid: number, { gatewayEnd }: PtyPair): Promise<true> {
  const device = realpathSync(gatewayEnd);
  return eventually(
    () => (filesOf(pid).includes(device) ? true : undefined),
    RECOVERED_MS_MAX,
    () => `${gatewayEnd} (${device}) is not open: ${filesOf(pid).join(' ')}`,
  );
}

/** What a process has open, without its sockets, which come and go with the city and those who ask. */
function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      const target = readlinkSync(join(folder, descriptor));
      return target.startsWith('socket:') ? [] : [target];
    } catch {
      return [];
    }
  });
}

/** Open files of the gateway and its memory, and the buffers of this process, in which there is one of the two lines. */
interface LeftBehind {
  readonly fileCount: number;
  readonly residentKB: number;
  readonly bufferBytes: number;
}

async function leftBehind(pid: number): Promise<LeftBehind> {
  // What is unreachable is freed in two steps.
  for (let i = 0; i < 2; i++) {
    collectGarbage();
    await sleep(50);
  }
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { fileCount: filesOf(pid).length, residentKB: Number(resident), bufferBytes: process.memoryUsage().arrayBuffers };
}

/** Resolves once the gateway shows this value of the device that speaks. */
function hasReading(folder: string, value: number): Promise<true> {
  let rows: readonly ReadingRow[] | undefined;
  return eventually(
    async () => {
      rows = await askGateway<readonly ReadingRow[]>(join(folder, 'state'), '/readings');
      return rows?.find(({ device }) => device === 'dust')?.value === value ? true : undefined;
    },
    RECOVERED_MS_MAX,
    () => `no ${value} among ${JSON.stringify(rows)}`,
  );
}

/** A frame of an SDS198 that measures so many µg/m³ (Laser Dust Sensor Control Protocol V1.3). */
function frame(value: number): string {
  const data = [0, 0, value & 0xff, value >> 8, 0x12, 0x34];
  const sum = data.reduce((all, byte) => all + byte, 0) & 0xff;
  return Buffer.from([0xaa, 0xcf, ...data, sum, 0xab]).toString('hex');
}

function summary([name, values]: readonly [string, readonly number[]]): string {
  const sorted = [...values].sort((a, b) => a - b).map(Math.round);
  return `${name} ${sorted.length}x min ${sorted[0]} median ${sorted[sorted.length >> 1]} max ${sorted.at(-1)} ms`;
}

/** A board without a duty cycle, so that it is asked often. */
function writeBoard(folder: string): void {
  mkdirSync(join(folder, 'boards'));
  writeFileSync(
    join(folder, 'boards/speaking.board.yaml'),
    `schema: board/v1
id: speaking
version: 1.0.0
status: community
label: { en: Particle sensor that speaks by itself }
needs: serial
driver: sds011
serial: { baud: 9600, format: 8N1 }
readings:
  pm100: { quantity: pm100, unit: ug/m3, precision: 1 }
`,
  );
}

function siteFor(folder: string): string {
  return `buses: { usb: { type: serial, port: ${join(folder, 'speaking-gateway')} } }
devices: { dust: { board: speaking@1, via: usb, every: 2s } }
`;
}
