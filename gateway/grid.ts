import type { DeviceConfig } from '../config/config.ts';
import { type Clock, sleepUntil } from '../drivers/clock.ts';

/** What happens around one tick of a device's grid. None of them may throw for what hardware does. */
export interface GridSteps {
  /** `runMs` before the tick, for a device that rests between reads. */
  before(): Promise<void>;
  /**
   * At the tick, which was due at `dueMs`; `skippedCount` ticks passed unused since the last one. Resolves to the monotonic
   * time of the next try when the device is silent: it then leaves the grid until it answers.
   */
  tick(dueMs: number, skippedCount: number): Promise<number | undefined>;
  after(): Promise<void>;
  /** When the next tick is due. */
  expect(dueMs: number): void;
}

/**
 * Ticks at once and then on one absolute grid of the monotonic clock, until `signal` is aborted. A tick that passes while
 * the one before is still at work is skipped, never caught up. A device that is silent is tried when it says, off the grid.
 * A device that rests between reads (`duty`) is switched on
 * before each tick and off after it, as long as there is time to rest.
 */
export async function onGrid(device: DeviceConfig, clock: Clock, signal: AbortSignal, steps: GridSteps): Promise<void> {
  const { everyMs } = device;
  const runMs = device.duty !== undefined && device.duty.runMs < everyMs ? device.duty.runMs : 0;
  const startMs = clock.monotonicMs() + runMs;
  let index = 0;
  let skippedCount = 0;
  let tryMs: number | undefined;
  try {
    for (;;) {
      const dueMs = tryMs ?? startMs + index * everyMs;
      steps.expect(dueMs);
      if (runMs > 0) {
        await sleepUntil(clock, dueMs - runMs, signal);
        await steps.before();
      }
      await sleepUntil(clock, dueMs, signal);
      const wasOnGrid = tryMs === undefined;
      tryMs = await steps.tick(dueMs, skippedCount);
      if (runMs > 0) await steps.after();
      const passed = (clock.monotonicMs() - startMs) / everyMs;
      // A try between two ticks, or at one, has taken its reading already.
      const nextIndex = Math.max(index + 1, wasOnGrid ? Math.ceil(passed) : Math.floor(passed) + 1);
      // Those that passed while it was silent were not meant to be used.
      skippedCount = wasOnGrid && tryMs === undefined ? nextIndex - index - 1 : 0;
      index = nextIndex;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
