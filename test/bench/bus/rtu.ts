import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../interop/support/child.ts';
import { startCompiled } from '../compiled.ts';
import type { Row } from '../row.ts';

const TURN_MS = 5;
const REGISTERS = 10;
const BITS_PER_CHARACTER = 11;
const PATIENCE_MS = 60_000;
const GOALS: readonly (readonly [baud: number, goal: number])[] = [
  [9_600, 0.95],
  [19_200, 0.95],
  [115_200, 0.9],
];

/** Polls a second. */
export interface RtuFigures {
  readonly ours: number;
  readonly bare: number;
}

/**
 * How much of the time is the line's own, at several speeds: polls a second beside what the line could carry at most. And
 * what the two ptys and the slave allow a loop that does nothing but write, read and wait awake.
 */
export async function benchRtu(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [baud, goal] of GOALS) {
    const { ours, bare } = await pollsAt(baud);
    const name = `Modbus RTU on a paced line of ${baud} baud, ${REGISTERS} registers`;
    const against = `what the line can carry, with ${TURN_MS} ms of the slave's own`;
    const common = { unit: 'polls/s', against, baseline: 1_000 / physicalMs(baud) };
    rows.push(
      { ...common, name, value: ours, goal, goalFor: 'ratio', bound: 'at least' },
      { ...common, name: `${name}: a bare loop`, value: bare },
    );
  }
  return rows;
}

/** Question, silence, the slave's time, answer, silence (Modbus over serial line V1.02 §2.5.1). */
function physicalMs(baud: number): number {
  const characterMs = (BITS_PER_CHARACTER * 1_000) / baud;
  return (8 + 5 + 2 * REGISTERS) * characterMs + 2 * silenceMs(baud) + TURN_MS;
}

function silenceMs(baud: number): number {
  return baud > 19_200 ? 1.75 : (3.5 * BITS_PER_CHARACTER * 1_000) / baud;
}

async function pollsAt(baud: number): Promise<RtuFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'barri-bench-rtu-'));
  const [near, far] = [join(folder, 'near'), join(folder, 'far')];
  const cable = start('socat', ['-d', '-d', `pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${far}`]);
  try {
    await cable.waitFor(/starting data transfer loop/);
    const slave = startCompiled('bus/paced-slave.ts', far, baud, TURN_MS);
    await slave.waitFor(/ready/);
    const child = startCompiled('bus/rtu-run.ts', near, baud, REGISTERS, silenceMs(baud));
    const [text] = await child.waitFor(/\{.*\}/, PATIENCE_MS);
    await child.ended;
    slave.kill();
    await slave.ended;
    return JSON.parse(text) as RtuFigures;
  } finally {
    cable.kill();
    await cable.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
