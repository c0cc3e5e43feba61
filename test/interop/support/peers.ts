import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, start } from './child.ts';

const PEERS = join(import.meta.dirname, '../peers');
/** Debian's interpreter, which sees Debian's pymodbus; another one may come first in the PATH. */
const PYTHON = '/usr/bin/python3';

/** One request that the pymodbus peer answered: values by protocol address, as they went out. */
export interface Served {
  readonly wallMs: number;
  readonly unit: number;
  readonly values: Readonly<Record<string, number>>;
}

export async function startModbusPeer(kind: 'tcp' | 'rtu', where: string, units: readonly number[], log: string): Promise<Child> {
  const peer = start(PYTHON, [join(PEERS, 'pymodbus_server.py'), kind, where, '--units', units.join(','), '--log', log]);
  await peer.waitFor(/ready/);
  return peer;
}

export function readServed(log: string): Served[] {
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Served);
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
