import { type Clock, sleep } from '../clock.ts';
import { STORM_LOOKS_PER_CHANGE, STORM_QUIET_MS, STORM_RETRY_MS, STORM_SAMPLE_MS, stormEdgesPerSecond } from './gpio.ts';

/** How late an edge may come through a pipe from the program that saw it. */
const PIPE_MS = 20;

/** Takes the edges of one line as they were seen, and gives its debounced levels. */
export interface EdgeFilter {
  /** The level after an edge, and the monotonic time at which it happened, in the order of the edges. False: this is a storm. */
  edge(level: boolean, atMs: number): boolean;
  stop(): void;
}

/**
 * A filter as DigitalInput.changes promises it. The first edge is accepted at once; what follows within `debounceMs` is bounce,
 * and where the line has another level at the end of that time, it is accepted then. An edge to the level that the line has
 * already proves that the one between was missed: it is given again.
 *
 * Where an edge comes so late that the end of its bounce was settled without it, the level that was given then may have been
 * wrong, and the one that corrects it makes a change that never was: `onMissed` is called with that one.
 */
export function edgeFilter(debounceMs: number, clock: Clock, give: (level: boolean) => void, onMissed: () => void): EdgeFilter {
  const edgesMax = stormEdgesPerSecond(debounceMs);
  let second = { fromMs: Number.NEGATIVE_INFINITY, edgeCount: 0 };
  let accepted: boolean | undefined;
  let bounceEndsMs = Number.NEGATIVE_INFINITY;
  let seen: boolean | undefined;
  /** The end of the newest bounce that was settled before an edge after it came. */
  let settledMs = Number.NEGATIVE_INFINITY;
  /** Since it was settled, an edge from before it came. */
  let isDoubtful = false;
  let cancel = () => {};

  const accept = (level: boolean, atMs: number) => {
    accepted = level;
    bounceEndsMs = atMs + debounceMs;
    give(level);
  };
  /** What the line settled at when the bounce was over. */
  const settle = () => {
    cancel();
    if (seen !== undefined && seen !== accepted) {
      accept(seen, bounceEndsMs);
      if (isDoubtful) onMissed();
    }
    isDoubtful = false;
  };
  /** The edges from before may still be on their way. */
  const settleUnseen = () => {
    settledMs = bounceEndsMs;
    settle();
  };
  const settleIn = (waitMs: number) => {
    const dueMs = clock.monotonicMs() + waitMs;
    return clock.timer(waitMs, () => {
      // Where we stood still, edges from before are in the pipe, and a timer comes before what is read.
      if (clock.monotonicMs() - dueMs > PIPE_MS) cancel = clock.timer(PIPE_MS, settleUnseen);
      else settleUnseen();
    });
  };
  return {
    edge: (level, atMs) => {
      if (atMs - second.fromMs >= 1000) second = { fromMs: atMs, edgeCount: 0 };
      second.edgeCount += 1;
      if (second.edgeCount > edgesMax) return false;
      if (atMs >= bounceEndsMs) settle();
      else if (atMs < settledMs) isDoubtful = true;
      seen = level;
      // Settling may have begun another time of bounce.
      if (atMs >= bounceEndsMs) accept(level, atMs);
      else {
        cancel();
        cancel = settleIn(Math.max(0, bounceEndsMs - clock.monotonicMs()) + PIPE_MS);
      }
      return true;
    },
    stop: () => cancel(),
  };
}

/**
 * Looks at a line in a storm every STORM_SAMPLE_MS until it is quiet or STORM_RETRY_MS have passed, and resolves with its
 * level; undefined when `signal` was aborted. Fails as `read` does.
 */
export async function stormOver(read: () => Promise<boolean>, clock: Clock, signal: AbortSignal): Promise<boolean | undefined> {
  const fromMs = clock.monotonicMs();
  let window = { fromMs, changeCount: 0 };
  let level = await read();
  for (;;) {
    const isOver = await sleep(clock, STORM_SAMPLE_MS, signal).then(
      () => true,
      () => false,
    );
    if (!isOver) return undefined;
    const next = await read();
    if (next !== level) window.changeCount += 1;
    level = next;
    const nowMs = clock.monotonicMs();
    const forMs = nowMs - window.fromMs;
    if (forMs < STORM_QUIET_MS) continue;
    if (window.changeCount * STORM_LOOKS_PER_CHANGE * STORM_SAMPLE_MS <= forMs) return level;
    if (nowMs - fromMs >= STORM_RETRY_MS) return level;
    window = { fromMs: nowMs, changeCount: 0 };
  }
}
