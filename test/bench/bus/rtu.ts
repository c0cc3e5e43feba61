import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSerial } from '../../../drivers/bus/linux-serial.ts';
import { modbusFunctions } from '../../../drivers/bus/modbus-functions.ts';
import { openModbusLine } from '../../../drivers/bus/modbus-line.ts';
import { realClock } from '../../../gateway/real-host.ts';
import { start } from '../../interop/support/child.ts';
import type { Row } from '../row.ts';

const SECONDS = 5;
const TURN_MS = 5;
const REGISTERS = 10;
const BITS_PER_CHARACTER = 11;
const GOALS: readonly (readonly [baud: number, goal: number])[] = [
  [9_600, 0.95],
  [19_200, 0.95],
  [115_200, 0.9],
];

/** How much of the time is the line's own, at several speeds: polls a second beside what the line could carry at most. */
export async function benchRtu(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [baud, goal] of GOALS) {
    rows.push({
      name: `Modbus RTU on a paced line of ${baud} baud, ${REGISTERS} registers`,
      value: await pollsAt(baud),
      unit: 'polls/s',
      against: `what the line can carry, with ${TURN_MS} ms of the slave's own`,
      baseline: 1_000 / physicalMs(baud),
      goal,
      goalFor: 'ratio',
      bound: 'at least',
    });
  }
  return rows;
}

/** Question, silence, the slave's time, answer, silence (Modbus over serial line V1.02 §2.5.1). */
function physicalMs(baud: number): number {
  const characterMs = (BITS_PER_CHARACTER * 1_000) / baud;
  const silenceMs = baud > 19_200 ? 1.75 : 3.5 * characterMs;
  return (8 + 5 + 2 * REGISTERS) * characterMs + 2 * silenceMs + TURN_MS;
}

async function pollsAt(baud: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'barri-bench-rtu-'));
  const [near, far] = [join(folder, 'near'), join(folder, 'far')];
  const cable = start('socat', ['-d', '-d', `pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${far}`]);
  try {
    await cable.waitFor(/starting data transfer loop/);
    const slave = start(process.execPath, [
      '--import',
      'tsx',
      join(import.meta.dirname, 'paced-slave.ts'),
      far,
      `${baud}`,
      `${TURN_MS}`,
    ]);
    await slave.waitFor(/ready/);
    const stream = await openSerial({ port: near, baud, format: '8N1' }, new AbortController().signal);
    const options = { framing: 'rtu', timeoutMs: 1_000, pauseMs: 0, echo: false, baud, name: 'bench' } as const;
    const line = openModbusLine(stream, options, realClock());
    const bus = modbusFunctions((question) => line.ask(question));
    await bus.readRegisters(1, 'holding', 0, REGISTERS);
    const startedMs = performance.now();
    let count = 0;
    for (; performance.now() < startedMs + SECONDS * 1_000; count++) await bus.readRegisters(1, 'holding', count, REGISTERS);
    const tookMs = performance.now() - startedMs;
    line.close();
    await stream.close();
    slave.kill();
    await slave.ended;
    return (count * 1_000) / tookMs;
  } finally {
    cable.kill();
    await cable.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
