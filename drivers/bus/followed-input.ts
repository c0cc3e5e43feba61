import type { Clock } from '../clock.ts';
import { BusError } from '../errors.ts';
import { pushedLevels } from '../pushed-items.ts';
import { edgeFilter, stormOver } from './edge-filter.ts';
import type { DigitalInput } from './gpio.ts';

/** One edge: the level after it, and when it was, milliseconds of the monotonic clock. */
export interface Edge {
  readonly level: boolean;
  readonly atMs: number;
}

/** Takes what happens to a line that is followed. */
export interface EdgeListener {
  onEdge(edge: Edge): void;
  /** So many edges had waited for us that some may have been dropped. */
  onMissed(): void;
}

/** A line as whoever has its edges gives it. */
export interface FollowedLine {
  /** The level now; not while it is followed. */
  look(): Promise<boolean>;
  /** Tells `listener` of each edge until `signal` is aborted, then resolves. Fails when it can follow no longer. */
  follow(listener: EdgeListener, signal: AbortSignal): Promise<void>;
}

export interface FollowedOptions {
  readonly line: number;
  readonly debounceMs: number;
  readonly clock: Clock;
}

/**
 * An input made of the edges of its line: debounced, and not followed while it storms.
 *
 * While a line is followed, the program that does it has it, and nobody else can look at it: the level is then that of the last
 * edge, and before the first one that of the moment before. An edge in between shows at the next one, and is given with it.
 */
export async function followedInput(
  { look, follow }: FollowedLine,
  { line, debounceMs, clock }: FollowedOptions,
): Promise<Omit<DigitalInput, 'close'>> {
  let level = await look();
  let isFollowed = false;
  let isStorming = false;

  /** Follows the line until `signal` is aborted (then `over`) or a storm begins. */
  const untilStorm = async (give: Give, onMissed: () => void, signal: AbortSignal): Promise<'storm' | 'over'> => {
    const following = new AbortController();
    const filter = edgeFilter(debounceMs, clock, give, onMissed);
    const before = level;
    let isFirst = true;
    let isStorm = false;
    const onEdge = (edge: Edge) => {
      // The line had this level when it was looked at: the edge to the other one came before anybody followed it, and perhaps more.
      if (isFirst && edge.level === before) {
        give(!before);
        onMissed();
      }
      isFirst = false;
      level = edge.level;
      if (isStorm || filter.edge(edge.level, edge.atMs)) return;
      isStorm = true;
      following.abort();
    };
    try {
      await follow({ onEdge, onMissed }, AbortSignal.any([signal, following.signal]));
      return isStorm ? 'storm' : 'over';
    } finally {
      filter.stop();
    }
  };
  const run = async (give: Give, onMissed: () => void, signal: AbortSignal): Promise<void> => {
    level = await look();
    isFollowed = true;
    try {
      while ((await untilStorm(give, onMissed, signal)) === 'storm') {
        isStorming = true;
        const after = await stormOver(look, clock, signal);
        isStorming = false;
        if (after === undefined) return;
        level = after;
        // Twice: changes were missed.
        give(after);
        give(after);
      }
    } finally {
      isFollowed = false;
      isStorming = false;
    }
  };
  return {
    read: async () => {
      if (isStorming) throw new BusError('edge-storm', `GPIO line ${line} changes too often to be followed`);
      if (!isFollowed) level = await look();
      return level;
    },
    changes: (signal, onMissed = () => {}) => pushedLevels((give) => run(give, onMissed, signal), onMissed),
  };
}

type Give = (level: boolean) => void;
