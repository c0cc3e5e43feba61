import {
  type InputOptions,
  type Pull,
  STORM_LOOKS_PER_CHANGE,
  STORM_QUIET_MS,
  STORM_RETRY_MS,
  STORM_SAMPLE_MS,
  stormEdgesPerSecond,
} from '../../drivers/bus/gpio.ts';
import type { Clock } from '../../drivers/clock.ts';
import { BusError } from '../../drivers/errors.ts';
import type { LineModel } from '../devices/model.ts';
import { activeFault } from '../faults.ts';
import type { PlacedModel, World } from './world.ts';

/** More changes than this that nobody has taken mean that the reader is gone. */
const CHANGES_WAITING_MAX = 1024;
/** A wire that hangs free beside a motor: 2,667 edges a second. A number that has an end in binary. */
const STORM_LEVEL_MS = 0.375;

type InputSource = NonNullable<LineModel['drives']>;

/** What drives the pin. A device that is silent has its wire cut, and the pull decides; noise is a wire that nothing drives. */
export function inputSource(placed: PlacedModel<LineModel> | undefined, pull: Pull, world: World): InputSource {
  const idle = pull === 'up';
  const drives = placed?.model.drives;
  if (placed === undefined || drives === undefined) return { level: () => idle, nextChangeMs: () => undefined };
  const faults = world.faults.filter((fault) => fault.at === 'device').filter(({ device }) => device === placed.device);
  const cuts = faults.filter(({ kind }) => kind === 'silent');
  const storms = faults.filter(({ kind }) => kind === 'noise');
  const stormEdge = (atMs: number) => (Math.floor(atMs / STORM_LEVEL_MS) + 1) * STORM_LEVEL_MS;
  return {
    level: (atMs) => {
      if (activeFault(cuts, 'device', atMs) !== undefined) return idle;
      if (activeFault(storms, 'device', atMs) !== undefined) return Math.floor(atMs / STORM_LEVEL_MS) % 2 === 0;
      return drives.level(atMs);
    },
    nextChangeMs: (atMs) => {
      const inStorm = activeFault(storms, 'device', atMs) !== undefined;
      const borders = [...cuts, ...storms].flatMap((fault) => [fault.fromMs, fault.toMs]);
      const edges = [drives.nextChangeMs(atMs), ...(inStorm ? [stormEdge(atMs)] : []), ...borders];
      const next = Math.min(...edges.filter((edgeMs) => edgeMs !== undefined && edgeMs > atMs).map(Number));
      return Number.isFinite(next) ? next : undefined;
    },
  };
}

/** The levels of one line, as a port gives them; `see` is shown every level that is given. */
export interface LevelSource {
  /** @throws BusError `edge-storm` */
  read(): boolean;
  changes(signal: AbortSignal): AsyncIterable<boolean>;
}

/** Follows one line: debounces it, and looks away from it while it storms. */
export function lineLevels(
  line: number,
  source: InputSource,
  { debounceMs }: InputOptions,
  clock: Clock,
  see: (level: boolean) => void,
): LevelSource {
  let isStorming = false;
  const seen = (level: boolean) => {
    see(level);
    return level;
  };
  return {
    read: () => {
      if (isStorming) throw new BusError('edge-storm', `GPIO line ${line} changes too often to be followed`);
      return seen(source.level(clock.monotonicMs()));
    },
    changes: (signal) => {
      const waiting: boolean[] = [];
      let wake = () => {};
      const give = (level: boolean) => {
        if (waiting.length >= CHANGES_WAITING_MAX)
          throw new Error(`${CHANGES_WAITING_MAX} changes of an input wait for their reader`);
        waiting.push(seen(level));
        wake();
      };
      const onStorm = (storms: boolean) => {
        isStorming = storms;
      };
      const stop = signal.aborted ? () => {} : follow({ source, debounceMs, clock, give, onStorm });
      const end = () => {
        stop();
        wake();
      };
      signal.addEventListener('abort', end, { once: true });
      return takeFrom(waiting, signal, (callback) => {
        wake = callback;
      });
    },
  };
}

interface Following {
  readonly source: InputSource;
  readonly debounceMs: number;
  readonly clock: Clock;
  readonly give: (level: boolean) => void;
  readonly onStorm: (storms: boolean) => void;
}

/**
 * Gives the level after each change, from the call on, until the function that it returns is called. A change within
 * `debounceMs` of the last accepted one is bounce; where the line stays at the new level, it is accepted when that time is over.
 */
function follow({ source, debounceMs, clock, give, onStorm }: Following): () => void {
  let accepted = source.level(clock.monotonicMs());
  let acceptedAtMs = Number.NEGATIVE_INFINITY;
  let second = { fromMs: clock.monotonicMs(), edgeCount: 0 };
  let cancelLook = () => {};
  let cancelNext = () => {};

  const accept = (level: boolean) => {
    [accepted, acceptedAtMs] = [level, clock.monotonicMs()];
    give(level);
  };
  const look = () => {
    cancelLook();
    const nowMs = clock.monotonicMs();
    const level = source.level(nowMs);
    if (level === accepted) return;
    const bounceMs = acceptedAtMs + debounceMs - nowMs;
    if (bounceMs > 0) cancelLook = clock.timer(bounceMs, look);
    else accept(level);
  };
  const isStorm = () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - second.fromMs >= 1000) second = { fromMs: nowMs, edgeCount: 0 };
    second.edgeCount += 1;
    return second.edgeCount > stormEdgesPerSecond(debounceMs);
  };
  const waitOut = (storm: { readonly fromMs: number; windowFromMs: number; changeCount: number; level: boolean }) => {
    cancelNext = clock.timer(STORM_SAMPLE_MS, () => {
      const nowMs = clock.monotonicMs();
      const level = source.level(nowMs);
      if (level !== storm.level) storm.changeCount += 1;
      storm.level = level;
      const forMs = nowMs - storm.windowFromMs;
      if (forMs < STORM_QUIET_MS) return waitOut(storm);
      const isQuiet = storm.changeCount * STORM_LOOKS_PER_CHANGE * STORM_SAMPLE_MS <= forMs;
      if (!isQuiet && nowMs - storm.fromMs < STORM_RETRY_MS) return waitOut({ ...storm, windowFromMs: nowMs, changeCount: 0 });
      onStorm(false);
      accept(level);
      accept(level);
      followLine();
    });
  };
  const followLine = () => {
    const nowMs = clock.monotonicMs();
    const nextMs = source.nextChangeMs(nowMs);
    if (nextMs === undefined) return;
    cancelNext = clock.timer(nextMs - nowMs, () => {
      if (isStorm()) {
        cancelLook();
        onStorm(true);
        const nowMs = clock.monotonicMs();
        waitOut({ fromMs: nowMs, windowFromMs: nowMs, changeCount: 0, level: source.level(nowMs) });
        return;
      }
      look();
      followLine();
    });
  };
  followLine();
  return () => {
    cancelLook();
    cancelNext();
    onStorm(false);
  };
}

async function* takeFrom(
  waiting: boolean[],
  signal: AbortSignal,
  onWake: (callback: () => void) => void,
): AsyncIterable<boolean> {
  while (!signal.aborted) {
    const level = waiting.shift();
    if (level !== undefined) yield level;
    else await new Promise<void>(onWake);
  }
}
