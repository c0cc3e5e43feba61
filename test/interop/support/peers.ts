import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, start } from './child.ts';

const PEERS = join(import.meta.dirname, '../peers');
/** Debian's interpreter, which sees Debian's pymodbus; another one may come first in the PATH. */
const PYTHON = '/usr/bin/python3';

/** One request that a Modbus peer answered: values and texts by protocol address, as they went out. */
export interface Served {
  readonly wallMs: number;
  readonly unit: number;
  readonly values: Readonly<Record<string, number | string>>;
}

/** Starts a slave by pymodbus. */
export async function startModbusPeer(kind: 'tcp' | 'rtu', where: string, units: readonly number[], log: string): Promise<Child> {
  const peer = start(PYTHON, [join(PEERS, 'pymodbus_server.py'), kind, where, '--units', units.join(','), '--log', log]);
  await peer.waitFor(/ready/);
  return peer;
}

let libmodbusServer: string | undefined;

/** Starts a slave by libmodbus, which is compiled when it is needed first. Over RTU it is unit 1, over TCP all of them. */
export async function startLibmodbusPeer(kind: 'tcp' | 'rtu', where: string, log: string): Promise<Child> {
  libmodbusServer ??= compiled('libmodbus_server', 'libmodbus');
  const peer = start(libmodbusServer, [kind, where, log]);
  await peer.waitFor(/ready/);
  return peer;
}

/** Compiles a peer that is written in C and returns its path; throws where the compiler or the library is missing. */
function compiled(name: string, library: string): string {
  const program = join(mkdtempSync(join(tmpdir(), 'barri-peer-')), name);
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', library], { encoding: 'utf8' }).trim().split(/\s+/);
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, join(PEERS, `${name}.c`), ...flags], {
    stdio: 'inherit',
  });
  return program;
}

/** A line that the libmodbus peer wrote after a write: what it then held. */
export interface Memory {
  /** A digit for each coil from address 0 on. */
  readonly coils: string;
  readonly holding: readonly number[];
}

export function readServed(log: string): Served[] {
  return linesOf<Served>(log).filter(({ values }) => values !== undefined);
}

/** What the libmodbus peer held after each write. */
export function readMemory(log: string): Memory[] {
  return linesOf<Memory>(log).filter(({ coils }) => coils !== undefined);
}

/** Every request that reached the libmodbus peer, without its frame, in hexadecimal. */
export function readRequests(log: string): string[] {
  return linesOf<{ request?: string }>(log).flatMap(({ request }) => request ?? []);
}

function linesOf<Line>(log: string): Line[] {
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Line);
}

export async function startParticlePeer(device: string, captures: string, sensor: string): Promise<Child> {
  const peer = start(PYTHON, [join(PEERS, 'sds_replay.py'), device, captures, sensor]);
  await peer.waitFor(/ready/);
  return peer;
}

/** Sends the pieces of a file, one a line in hexadecimal, over and over. */
export async function startSpeakingPeer(device: string, pieces: string, periodMs: number): Promise<Child> {
  const peer = start(PYTHON, [join(PEERS, 'line_speak.py'), device, pieces, String(periodMs)]);
  await peer.waitFor(/ready/);
  return peer;
}
