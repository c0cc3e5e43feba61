import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGpio } from '../../../drivers/bus/linux-gpio.ts';
import { gpioTools } from '../../../drivers/bus/linux-gpio-tools.ts';
import { realClock } from '../../../gateway/real-host.ts';
import { cpuMs, endedChildrenMs } from '../process-figures.ts';
import type { Row } from '../row.ts';

/** A pin that hangs free (reliability, GPIO): 50,000 edges a second. */
const EDGES_PER_SECOND = 50_000;
const FOR_MS = 20_000;
const CHIP = 'gpiochip0 [bench] (4 lines)';

/**
 * What a line costs from the first edge of its storm on: the edges until it is seen, then a look every 97 ms, each a program of
 * its own. The tools are scripts, about as heavy to start as those of libgpiod; what the kernel does with the edges is not in it.
 */
export async function benchEdgeStorm(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'barri-bench-storm-'));
  const program = (name: string, body: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  const edges = Array.from({ length: EDGES_PER_SECOND }, (_, i) => {
    const us = i * (1e6 / EDGES_PER_SECOND);
    return `${1 + (i % 2)} 100.${String(us * 1000).padStart(9, '0')}\n`;
  });
  writeFileSync(join(folder, 'storm'), edges.join(''));
  program('gpiodetect', `case "$1" in --version) echo "gpiodetect (libgpiod) v2.2.1";; *) echo "${CHIP}";; esac`);
  program('gpioget', 'echo 0');
  program('gpiomon', `cat ${join(folder, 'storm')}; exec sleep 60`);
  try {
    return [
      {
        name: 'gpio.storm (no kernel): processor time of a line of 50,000 edges a second, its programs included',
        value: await stormPercent(folder),
        unit: '% of a core',
        against: 'following all of its edges, without the program that prints them',
        baseline: await followingPercent(folder),
        goal: 20,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of the processor until now: ours, and of programs that have ended. */
function usedMs(): number {
  return (cpuMs(process.pid) ?? 0) + (endedChildrenMs(process.pid) ?? 0);
}

async function stormPercent(folder: string): Promise<number> {
  const lines = await openGpio({ clock: realClock(), root: folder, toolsFolder: folder, label: 'bench' });
  const input = await lines.input(1).open({ pull: 'none', debounceMs: 50 });
  const stop = new AbortController();
  const before = usedMs();
  const startedMs = performance.now();
  const following = (async () => {
    for await (const _ of input.changes(stop.signal));
  })();
  await sleep(FOR_MS);
  const percent = (100 * (usedMs() - before)) / (performance.now() - startedMs);
  const isStorm = await input.read().then(
    () => false,
    () => true,
  );
  stop.abort();
  await following;
  if (!isStorm) throw new Error('the storm was not seen');
  return percent;
}

/** Of one second of edges, as fast as they come. */
async function followingPercent(folder: string): Promise<number> {
  const tools = await gpioTools(folder);
  const stop = new AbortController();
  const before = process.cpuUsage();
  let count = 0;
  const onEdge = () => {
    count += 1;
    if (count === EDGES_PER_SECOND) stop.abort();
  };
  await tools.monitor('gpiochip0', 1, 'none', { onEdge, onMissed: () => {} }, stop.signal);
  const { user, system } = process.cpuUsage(before);
  return (100 * (user + system)) / 1e6;
}
