import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gpioTools } from '../../../drivers/bus/linux-gpio-tools.ts';
import type { Row } from '../row.ts';

const EDGES = 100_000;
const STALL_MS = 5;
const EVERY_MS = 50;
const ROOT = join(import.meta.dirname, '../../..');

/** 20,000 edges a second through the pipe of gpiomon, for five seconds, while the process stands still for 5 ms again and again. */
export async function benchEdges(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'barri-bench-edges-'));
  for (const name of ['gpiodetect', 'gpioget', 'gpiomon']) {
    const script = join(import.meta.dirname, 'edge-tools.ts');
    const command = `cd ${ROOT} && exec ${process.execPath} --import tsx ${script} ${name} "$@"`;
    writeFileSync(join(folder, name), `#!/bin/sh\n${command}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const stall = setInterval(() => {
    const untilMs = performance.now() + STALL_MS;
    while (performance.now() < untilMs);
  }, EVERY_MS);
  try {
    const tools = await gpioTools(folder);
    const stop = new AbortController();
    let count = 0;
    let wrong = 0;
    let level: boolean | undefined;
    const byHandUs = await byHand(join(folder, 'gpiomon'));
    const before = process.cpuUsage();
    await tools.monitor(
      'gpiochip0',
      1,
      'none',
      {
        onEdge: (edge) => {
          count += 1;
          if (edge.level === level) wrong += 1;
          level = edge.level;
          if (count === EDGES) stop.abort();
        },
        onMissed: () => {},
      },
      AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]),
    );
    const { user, system } = process.cpuUsage(before);
    const lost = EDGES - count + wrong;
    return [
      {
        name: 'gpio.reader (pipe, no kernel): edges lost of 100,000, through stalls of 5 ms',
        value: lost,
        unit: 'edges',
        against: 'what was sent',
        baseline: EDGES,
        goal: 0,
      },
      {
        name: 'gpio.reader (pipe, no kernel): processor time an edge, the stalls included',
        value: (user + system) / count,
        unit: 'us',
        against: 'lines of the same pipe, counted and thrown away',
        baseline: byHandUs,
      },
    ];
  } finally {
    clearInterval(stall);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Processor time of a line that is only counted. */
async function byHand(program: string): Promise<number> {
  const child = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const before = process.cpuUsage();
  let count = 0;
  for await (const _line of createInterface({ input: child.stdout })) {
    count += 1;
    if (count === EDGES) break;
  }
  const { user, system } = process.cpuUsage(before);
  child.kill();
  return (user + system) / count;
}
