// So many channels, each once a second, in a process of its own: with Barri's grid, or with setInterval. Prints lateness,
// drift and processor time as JSON.

import type { DeviceConfig } from '../../../config/config.ts';
import { onGrid } from '../../../gateway/grid.ts';
import { realClock } from '../../../gateway/real-host.ts';

const [how = '', countText = '', secondsText = ''] = process.argv.slice(2);
const count = Number(countText);
const forMs = Number(secondsText) * 1_000;
const PERIOD_MS = 1_000;
/** The first is for getting under way. */
const SETTLED_MS = 2_000;

const late: number[] = [];
const lastLate = new Map<number, number>();
const startedMs = performance.now();
const clock = realClock();

function note(channel: number, lateMs: number): void {
  if (performance.now() - startedMs < SETTLED_MS) return;
  late.push(lateMs);
  lastLate.set(channel, lateMs);
}

const stop = new AbortController();

/** Phases are spread over the period, as those of devices on several buses are. */
function begin(channel: number): void {
  if (how === 'interval') {
    const beganMs = performance.now();
    let round = 0;
    const timer = setInterval(() => {
      round += 1;
      note(channel, performance.now() - beganMs - round * PERIOD_MS);
    }, PERIOD_MS);
    stop.signal.addEventListener('abort', () => clearInterval(timer));
    return;
  }
  const steps = {
    before: async () => {},
    tick: async (dueMs: number) => {
      note(channel, clock.monotonicMs() - dueMs);
      return undefined;
    },
    after: async () => {},
    expect: () => {},
  };
  onGrid({ everyMs: PERIOD_MS } as DeviceConfig, clock, AbortSignal.any([stop.signal]), steps).catch(() => {});
}

for (let channel = 0; channel < count; channel++) setTimeout(begin, (channel * PERIOD_MS) / count, channel);
const before = process.cpuUsage();
setTimeout(() => {
  const { user, system } = process.cpuUsage(before);
  stop.abort();
  const sorted = late.toSorted((a, b) => a - b);
  const drifts = [...lastLate.values()];
  const figures = {
    lateMsP99: sorted[Math.floor(0.99 * sorted.length)],
    driftMs: drifts.reduce((sum, each) => sum + each, 0) / drifts.length,
    cpuShare: (user + system) / 1_000 / forMs,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exit(0);
}, forMs);
