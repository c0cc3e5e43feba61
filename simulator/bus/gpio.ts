import type { DigitalInput, DigitalOutput, GpioLines, InputOptions, Pull } from '../../drivers/bus/gpio.ts';
import type { Clock } from '../../drivers/clock.ts';
import { BusError } from '../../drivers/errors.ts';
import type { LineModel } from '../devices/model.ts';
import { activeFault } from '../faults.ts';
import { busFault, never } from './bus-fault.ts';
import type { PlacedModel, World } from './world.ts';

/** More changes than this that nobody has taken mean that the reader is gone. */
const CHANGES_WAITING_MAX = 1024;

const BUS = 'gpio';

/** The simulated GPIO lines, by number. Each has one owner at a time; a line with nothing on it shows its pull. */
export function simulatedGpio(lines: ReadonlyMap<number, PlacedModel<LineModel>>, world: World): () => Promise<GpioLines> {
  const owned = new Set<number>();
  const outputs = new Map<number, boolean>();

  const take = async (line: number): Promise<void> => {
    await passFault(world);
    if (owned.has(line)) throw new BusError('busy', `GPIO line ${line} is in use already`);
    owned.add(line);
  };
  const release = (line: number) => async () => {
    owned.delete(line);
  };
  const tap = (line: number, direction: 'in' | 'out', level: boolean) =>
    world.tap?.({
      bus: BUS,
      atMs: world.clock.monotonicMs(),
      direction,
      label: String(line),
      bytes: Uint8Array.of(Number(level)),
    });

  const openInput = async (line: number, options: InputOptions): Promise<DigitalInput> => {
    await take(line);
    const source = inputSource(lines.get(line), options.pull, world);
    const see = (level: boolean) => {
      tap(line, 'in', level);
      return level;
    };
    return {
      read: async () => {
        await passFault(world);
        return see(source.level(world.clock.monotonicMs()));
      },
      changes: (signal) => debouncedChanges(source, options.debounceMs, world.clock, see, signal),
      close: release(line),
    };
  };

  const openOutput = async (line: number, level: boolean): Promise<DigitalOutput> => {
    await take(line);
    const drive = (next: boolean) => {
      tap(line, 'out', next);
      outputs.set(line, next);
      lines.get(line)?.model.driven?.(next, world.clock.monotonicMs());
    };
    drive(level);
    return {
      write: async (next) => {
        await passFault(world);
        drive(next);
      },
      read: async () => {
        await passFault(world);
        return outputs.get(line) ?? false;
      },
      close: release(line),
    };
  };

  return async () => {
    await passFault(world);
    return {
      input: (line) => ({ open: (options) => openInput(line, options) }),
      output: (line) => ({ open: (level) => openOutput(line, level) }),
      close: async () => {},
    };
  };
}

async function passFault(world: World): Promise<void> {
  const fault = busFault(world, BUS);
  if (fault?.kind === 'hang') return never();
  if (fault?.kind === 'busy') throw new BusError('busy', 'the GPIO chip is in use');
  if (fault?.kind === 'unplugged') throw new BusError('absent', 'the GPIO chip is not there');
}

type InputSource = NonNullable<LineModel['drives']>;

/** What drives the pin. A device that is silent has its wire cut, and the pull decides. */
function inputSource(placed: PlacedModel<LineModel> | undefined, pull: Pull, world: World): InputSource {
  const idle = pull === 'up';
  const drives = placed?.model.drives;
  if (placed === undefined || drives === undefined) return { level: () => idle, nextChangeMs: () => undefined };
  const cuts = world.faults.filter((fault) => fault.at === 'device' && fault.device === placed.device && fault.kind === 'silent');
  return {
    level: (atMs) => (activeFault(cuts, 'device', atMs) === undefined ? drives.level(atMs) : idle),
    nextChangeMs: (atMs) => {
      const edges = [drives.nextChangeMs(atMs), ...cuts.flatMap((cut) => [cut.fromMs, cut.toMs])];
      const next = Math.min(...edges.filter((edgeMs) => edgeMs !== undefined && edgeMs > atMs).map(Number));
      return Number.isFinite(next) ? next : undefined;
    },
  };
}

/**
 * The level after each change, from the call on. A change within `debounceMs` of the last accepted one is bounce; where
 * the line stays at the new level, it is accepted when that time is over.
 */
function debouncedChanges(
  source: InputSource,
  debounceMs: number,
  clock: Clock,
  see: (level: boolean) => boolean,
  signal: AbortSignal,
): AsyncIterable<boolean> {
  let accepted = source.level(clock.monotonicMs());
  let acceptedAtMs = Number.NEGATIVE_INFINITY;
  const waiting: boolean[] = [];
  let wake = () => {};
  let cancelLook = () => {};
  let cancelNext = () => {};

  const look = () => {
    cancelLook();
    const nowMs = clock.monotonicMs();
    const level = source.level(nowMs);
    if (level === accepted) return;
    const bounceMs = acceptedAtMs + debounceMs - nowMs;
    if (bounceMs > 0) {
      cancelLook = clock.timer(bounceMs, look);
      return;
    }
    [accepted, acceptedAtMs] = [level, nowMs];
    if (waiting.length >= CHANGES_WAITING_MAX)
      throw new Error(`${CHANGES_WAITING_MAX} changes of an input wait for their reader`);
    waiting.push(see(level));
    wake();
  };
  const followLine = () => {
    const nowMs = clock.monotonicMs();
    const nextMs = source.nextChangeMs(nowMs);
    if (nextMs === undefined) return;
    cancelNext = clock.timer(nextMs - nowMs, () => {
      look();
      followLine();
    });
  };
  const stop = () => {
    cancelLook();
    cancelNext();
    wake();
  };
  if (!signal.aborted) {
    followLine();
    signal.addEventListener('abort', stop, { once: true });
  }
  return takeFrom(waiting, signal, (callback) => {
    wake = callback;
  });
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
