import type { DeviceConfig } from '../config/config.ts';
import { type Clock, sleepUntil } from '../drivers/clock.ts';

/** What happens around one tick of a device's grid. None of them may throw for what hardware does. */
export interface GridSteps {
  /** `runMs` before the tick, for a device that rests between reads. */
  before(): Promise<void>;
  /** At the tick; `lateMs` against the grid, and how many ticks passed unused since the last one. */
  tick(lateMs: number, skippedCount: number): Promise<void>;
  after(): Promise<void>;
}

/**
 * Ticks at once and then on one absolute grid of the monotonic clock, until `signal` is aborted. A tick that passes while
 * the one before is still at work is skipped, never caught up. A device that rests between reads (`duty`) is switched on
 * before each tick and off after it, as long as there is time to rest.
 */
export async function onGrid(device: DeviceConfig, clock: Clock, signal: AbortSignal, steps: GridSteps): Promise<void> {
  const { everyMs } = device;
  const runMs = device.duty !== undefined && device.duty.runMs < everyMs ? device.duty.runMs : 0;
  const startMs = clock.monotonicMs() + runMs;
  let index = 0;
  let skippedCount = 0;
  try {
    for (;;) {
      const dueMs = startMs + index * everyMs;
      if (runMs > 0) {
        await sleepUntil(clock, dueMs - runMs, signal);
        await steps.before();
      }
      await sleepUntil(clock, dueMs, signal);
      await steps.tick(clock.monotonicMs() - dueMs, skippedCount);
      if (runMs > 0) await steps.after();
      const nextIndex = Math.max(index + 1, Math.ceil((clock.monotonicMs() - startMs) / everyMs));
      skippedCount = nextIndex - index - 1;
      index = nextIndex;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
