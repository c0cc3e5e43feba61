// So many channels, each once a second, in a process of its own: with Barri's grid, or with setInterval. Prints lateness,
// drift and processor time as JSON.

import type { DeviceConfig } from '../../../config/config.ts';
import { onGrid } from '../../../gateway/grid.ts';
import { Moments } from '../../../gateway/moments.ts';
import { realClock } from '../../../gateway/real-host.ts';

const [how = '', countText = '', secondsText = ''] = process.argv.slice(2);
const count = Number(countText);
const forMs = Number(secondsText) * 1_000;
const PERIOD_MS = 1_000;
/** The first is for getting under way. */
const SETTLED_MS = 5_000;

// Noting is the same for both and must cost next to nothing: at 10,000 a second it would be most of what is measured.
const late = new Float64Array((count * forMs) / PERIOD_MS);
const lastLate = new Float64Array(count);
let lateCount = 0;
let settled: NodeJS.CpuUsage | undefined;
const clock = realClock();
const moments = new Moments(clock);

function note(channel: number, lateMs: number): void {
  if (settled === undefined) return;
  late[lateCount] = lateMs;
  lateCount += 1;
  lastLate[channel] = lateMs;
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
  onGrid({ everyMs: PERIOD_MS } as DeviceConfig, moments, AbortSignal.any([stop.signal]), steps).catch(() => {});
}

for (let channel = 0; channel < count; channel++) setTimeout(begin, (channel * PERIOD_MS) / count, channel);
setTimeout(() => {
  settled = process.cpuUsage();
}, SETTLED_MS);
setTimeout(() => {
  const { user, system } = process.cpuUsage(settled);
  stop.abort();
  const sorted = late.subarray(0, lateCount).sort();
  const figures = {
    lateMsP99: sorted[Math.floor(0.99 * lateCount)],
    driftMs: lastLate.reduce((sum, each) => sum + each, 0) / count,
    cpuShare: (user + system) / 1_000 / (forMs - SETTLED_MS),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exit(0);
}, forMs);
