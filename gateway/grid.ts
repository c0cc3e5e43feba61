import type { DeviceConfig } from '../config/config.ts';
import type { Unsubscribe } from '../drivers/bus/byte-stream.ts';
import { sleepUntil } from '../drivers/clock.ts';
import type { Moments, Sleeper } from './moments.ts';

/** The grids lie on multiples of this, so that devices wake the machine together and not each for itself. */
const PHASE_MS = 100;

/** What happens around one tick of a device's grid. None of them may throw for what hardware does. */
export interface GridSteps {
  /** `runMs` before the tick, for a device that rests between reads. */
  before(): Promise<unknown>;
  /**
   * At the tick, which was due at `dueMs`; `skippedCount` ticks passed unused since the last one. Resolves to the monotonic
   * time of the next try when the device is silent: it then leaves the grid until it answers.
   */
  tick(dueMs: number, skippedCount: number): Promise<number | undefined>;
  after(): Promise<unknown>;
  /** When the next tick is due. */
  expect(dueMs: number): void;
  /**
   * Calls `listener` when a silent device has to go back to the grid before its next try, or is tried `now`. That is false where
   * it is not waiting for one.
   */
  onBack?(listener: (now?: 'now') => boolean): Unsubscribe;
}

/**
 * Ticks at once and then on one absolute grid of the monotonic clock, until `signal` is aborted. A tick that passes while
 * the one before is still at work is skipped, never caught up. A device that is silent is tried when it says, off the grid.
 * A device that rests between reads (`duty`) is switched on before each tick and off after it, as long as there is time to
 * rest. The first period is up to 100 ms longer than the others. When it is aborted, what is under way is waited for.
 */
export function onGrid(device: DeviceConfig, moments: Moments, signal: AbortSignal, steps: GridSteps): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error: unknown) => (signal.aborted ? resolve() : reject(error));
    new Grid(device, moments, signal, steps, end).begin();
  });
}

/** One object for as long as the grid lasts: what is made anew for each of ten thousand ticks a second costs more than the tick. */
class Grid implements Sleeper {
  readonly #moments: Moments;
  readonly #signal: AbortSignal;
  readonly #steps: GridSteps;
  readonly #end: (error: unknown) => void;
  readonly #everyMs: number;
  /** How long before its tick a device is switched on that rests between reads; 0 for all others. */
  readonly #runMs: number;
  readonly #gridMs: number;
  #dueMs: number;
  #index = 0;
  #skippedCount = 0;
  #isOnGrid = true;
  #isStopped = false;
  #stopBack: Unsubscribe | undefined;

  constructor(
    { everyMs, duty }: DeviceConfig,
    moments: Moments,
    signal: AbortSignal,
    steps: GridSteps,
    end: (error: unknown) => void,
  ) {
    this.#moments = moments;
    this.#signal = signal;
    this.#steps = steps;
    this.#end = end;
    this.#everyMs = everyMs;
    this.#runMs = duty !== undefined && duty.runMs < everyMs ? duty.runMs : 0;
    this.#dueMs = moments.clock.monotonicMs() + this.#runMs;
    this.#gridMs = Math.ceil(this.#dueMs / PHASE_MS) * PHASE_MS;
  }

  begin(): void {
    this.#isStopped = this.#signal.aborted;
    this.#signal.addEventListener('abort', this.#stop);
    this.#stopBack = this.#steps.onBack?.(this.#back);
    this.#lieDown();
  }

  wake(): void {
    if (this.#isStopped) {
      this.#lieDown();
      return;
    }
    const ticking = this.#runMs > 0 ? this.#tickAwake() : this.#steps.tick(this.#dueMs, this.#skippedCount);
    ticking.then(this.#next, this.#leave);
  }

  /** The tick of a device that rests between reads. */
  async #tickAwake(): Promise<number | undefined> {
    const steps = this.#steps;
    await steps.before();
    await sleepUntil(this.#moments.clock, this.#dueMs, this.#signal);
    const tryMs = await steps.tick(this.#dueMs, this.#skippedCount);
    await steps.after();
    return tryMs;
  }

  readonly #next = (tryMs: number | undefined) => {
    this.#plan(tryMs);
    this.#lieDown();
  };

  readonly #stop = () => {
    this.#isStopped = true;
    if (this.#moments.remove(this.#dueMs - this.#runMs, this)) this.#leave(this.#signal.reason);
  };

  /** A try that was to come later is not waited for. One that is under way decides itself. */
  readonly #back = (now?: 'now') => {
    if (this.#isOnGrid || !this.#moments.remove(this.#dueMs - this.#runMs, this)) return false;
    this.#plan(now && this.#moments.clock.monotonicMs() + this.#runMs);
    this.#lieDown();
    return true;
  };

  readonly #leave = (reason: unknown) => {
    this.#signal.removeEventListener('abort', this.#stop);
    this.#stopBack?.();
    this.#end(reason);
  };

  /** Sleeps until the device is due, unless that was the last time. */
  #lieDown(): void {
    if (this.#isStopped) {
      this.#leave(this.#signal.reason);
      return;
    }
    this.#steps.expect(this.#dueMs);
    this.#moments.add(this.#dueMs - this.#runMs, this);
  }

  #plan(tryMs: number | undefined): void {
    const passed = (this.#moments.clock.monotonicMs() - this.#gridMs) / this.#everyMs;
    // A try between two ticks, or at one, has taken its reading already.
    const nextIndex = this.#isOnGrid ? Math.max(this.#index + 1, Math.ceil(passed)) : Math.floor(passed) + 1;
    // Those that passed while it was silent were not meant to be used.
    this.#skippedCount = this.#isOnGrid && tryMs === undefined ? nextIndex - this.#index - 1 : 0;
    this.#index = nextIndex;
    this.#isOnGrid = tryMs === undefined;
    this.#dueMs = tryMs ?? this.#gridMs + nextIndex * this.#everyMs;
  }
}
