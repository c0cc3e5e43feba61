import type { SignalConfig } from '../config/config.ts';
import { integralFactor } from './integral-units.ts';
import type { Random } from './random.ts';

/**
 * The true value of something over the time of a simulation: a function of seed and time alone, with the same answer
 * whenever and in whatever order it is asked, but for what follows an output: that answers for the past only. Times are
 * monotonic milliseconds from 0.
 */
export interface Signal {
  at(atMs: number): number;
  /** For a signal that moves in steps: the first moment after `atMs` at which it can change. Undefined: never, or always. */
  nextChangeMs(atMs: number): number | undefined;
}

/** What the signals of one device are made from. */
export interface SignalSource {
  /** The device, for messages. */
  readonly device: string;
  readonly simulate: ReadonlyMap<string, SignalConfig>;
  /** The unit of each reading, where it is known; an integral converts with it. */
  readonly units: ReadonlyMap<string, string>;
  readonly random: Random;
  /** Whether an output (`device.output`) was on at a moment that is not to come. */
  readonly isOn: (output: string, atMs: number) => boolean;
  /** The site's local time at monotonic 0, in milliseconds since a midnight of 1970: where in its day the world begins. */
  readonly localStartMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Walks and integrals move on this grid; bursts begin and end on it, so that their integral is exact. It divides a day. */
export const GRID_MS = 10_000;
/** How soon it is seen that an output which something follows has moved. */
const FOLLOW_MS = 1_000;
const GRID_STEPS_PER_DAY = DAY_MS / GRID_MS;

/** The signals of a device, by reading. A signal made from others (`integrate`, `ratio`) finds them among these. */
export function createSignals(source: SignalSource): ReadonlyMap<string, Signal> {
  const made = new Map<string, Signal>();
  const inTheMaking = new Set<string>();
  const make = (reading: string): Signal => {
    const known = made.get(reading);
    if (known !== undefined) return known;
    const config = source.simulate.get(reading);
    if (config === undefined) throw new Error(`nothing says what ${source.device}.${reading} shows: add it to simulate:`);
    if (inTheMaking.has(reading))
      throw new Error(`what ${source.device}.${reading} shows is made from itself: correct its simulate:`);
    inTheMaking.add(reading);
    const signal = createSignal(config, reading, source, make);
    made.set(reading, signal);
    return signal;
  };
  for (const reading of source.simulate.keys()) make(reading);
  return made;
}

function createSignal(config: SignalConfig, reading: string, source: SignalSource, other: (reading: string) => Signal): Signal {
  const random = source.random.fork(reading);
  switch (config.type) {
    case 'constant':
      return constant(typeof config.value === 'number' ? config.value : (config.value[0] ?? 0), config.noise, random);
    case 'wave':
      return wave(config, source.localStartMs, random);
    case 'walk':
      return walk(config, random);
    case 'sawtooth':
      return smooth((atMs) => {
        const part = (atMs % config.periodMs) / config.periodMs;
        return config.high + (config.low - config.high) * part + noiseAt(random, config.noise, atMs);
      });
    case 'bursts':
      return bursts(config, random);
    case 'integrate': {
      const factor = integralFactor(source.units.get(config.reading), source.units.get(reading));
      return integral(other(config.reading), config, factor, source.localStartMs);
    }
    case 'ratio': {
      const [top, bottom] = [other(config.of[0]), other(config.of[1])];
      return smooth((atMs) => {
        const divisor = bottom.at(atMs);
        return divisor === 0 ? 0 : (config.scale * top.at(atMs)) / divisor;
      });
    }
    case 'follows':
      return {
        at: (atMs) => (source.isOn(config.output, atMs) ? config.on : config.off),
        // An order can come at any time: whoever waits for a change looks again soon.
        nextChangeMs: (atMs) => atMs + FOLLOW_MS,
      };
    case 'text':
      // A device model that shows texts asks for them as such (devices/model.ts).
      return constant(0, 0, random);
    default:
      return config satisfies never;
  }
}

function smooth(at: (atMs: number) => number): Signal {
  return { at, nextChangeMs: () => undefined };
}

/** At most ±`largest`, small deviations more often than large ones; a new one every millisecond. */
function noiseAt(random: Random, largest: number, atMs: number): number {
  if (largest === 0) return 0;
  const index = 2 * Math.floor(atMs);
  return largest * (random.at(index) + random.at(index + 1) - 1);
}

function constant(value: number, noise: number, random: Random): Signal {
  return smooth((atMs) => value + noiseAt(random, noise, atMs));
}

function wave(config: Extract<SignalConfig, { type: 'wave' }>, localStartMs: number, random: Random): Signal {
  return smooth((atMs) => {
    const hour = ((localStartMs + atMs) / HOUR_MS) % 24;
    const value = config.mean + config.swing * SHAPES[config.shape](hour) + noiseAt(random, config.noise, atMs);
    // Neither a household's consumption nor light goes below zero, whatever mean, swing and noise add up to.
    return config.shape === 'day' ? value : Math.max(0, value);
  });
}

/** The course of a day by the local hour. Each is at most 1, where the whole swing is added to the mean. */
const SHAPES = {
  /** Highest at 15:00, lowest at 3:00, as the temperature of the air; mean 0. */
  day: (hour: number) => Math.cos((2 * Math.PI * (hour - 15)) / 24),
  /** A peak in the morning and a higher one in the evening. The constant makes the mean over a day 0. */
  household: (hour: number) => 0.6 * bump(hour, 8, 1.5) + bump(hour, 21, 2) - 0.3,
  /** From 6:00 to 18:00, highest at noon; 0 at night. */
  daylight: (hour: number) => Math.max(0, Math.sin((Math.PI * (hour - 6)) / 12)),
} as const;

/** A bell of height 1 around `centre`, also across midnight. */
function bump(hour: number, centre: number, width: number): number {
  const apart = Math.abs(hour - centre);
  const distance = Math.min(apart, 24 - apart) / width;
  return Math.exp((-distance * distance) / 2);
}

/** A random walk on the grid that is reflected at its limits, straight between two points of the grid. */
function walk(config: Extract<SignalConfig, { type: 'walk' }>, random: Random): Signal {
  const point = onGrid(config.start, (previous, index) => {
    const next = previous + config.step * (2 * random.at(index) - 1);
    if (next > config.max) return Math.max(config.min, 2 * config.max - next);
    if (next < config.min) return Math.min(config.max, 2 * config.min - next);
    return next;
  });
  return smooth((atMs) => {
    const index = Math.floor(atMs / GRID_MS);
    const [from, to] = [point(index), point(index + 1)];
    return from + ((to - from) * (atMs - index * GRID_MS)) / GRID_MS;
  });
}

/**
 * The value at index 0, 1, 2 … of a sequence in which each value follows from the one before. The last two are kept, since
 * a moment lies between two points, and one per day, so that going back costs at most a day's steps.
 */
function onGrid(first: number, step: (previous: number, index: number) => number): (index: number) => number {
  const days = [first];
  let [lastIndex, last] = [0, first];
  let lastButOne: number | undefined;
  return (index) => {
    if (index === lastIndex - 1 && lastButOne !== undefined) return lastButOne;
    if (index < lastIndex) {
      const day = Math.floor(index / GRID_STEPS_PER_DAY);
      [lastIndex, last, lastButOne] = [day * GRID_STEPS_PER_DAY, days[day] ?? first, undefined];
    }
    while (lastIndex < index) {
      lastIndex += 1;
      lastButOne = last;
      last = step(last, lastIndex);
      if (lastIndex % GRID_STEPS_PER_DAY === 0) days[lastIndex / GRID_STEPS_PER_DAY] = last;
    }
    return last;
  };
}

/** Time is cut into equal parts, as many a day as there are bursts, and in each one burst begins at a random point of the grid. */
function bursts(config: Extract<SignalConfig, { type: 'bursts' }>, random: Random): Signal {
  if (config.perDay <= 0) return smooth(() => 0);
  const slotSteps = Math.max(1, Math.floor(GRID_STEPS_PER_DAY / config.perDay));
  const lengthSteps = Math.min(Math.max(1, Math.round((config.minutes * 60_000) / GRID_MS)), slotSteps);
  const slotAt = (atMs: number) => Math.floor(atMs / (slotSteps * GRID_MS));
  const startOf = (slot: number) => {
    const delaySteps = Math.floor(random.at(slot) * (slotSteps - lengthSteps + 1));
    return (slot * slotSteps + delaySteps) * GRID_MS;
  };
  const endOf = (slot: number) => startOf(slot) + lengthSteps * GRID_MS;
  return {
    at: (atMs) => {
      const slot = slotAt(atMs);
      return startOf(slot) <= atMs && atMs < endOf(slot) ? config.rate : 0;
    },
    nextChangeMs: (atMs) => {
      const slot = slotAt(atMs);
      if (atMs < startOf(slot)) return startOf(slot);
      return atMs < endOf(slot) ? endOf(slot) : startOf(slot + 1);
    },
  };
}

/**
 * The running integral of another signal, which counts as constant between two points of the grid. It is added up from
 * monotonic 0 on; with `resets: daily` it begins again at each local midnight, to the nearest step of the grid.
 */
function integral(
  of: Signal,
  config: Extract<SignalConfig, { type: 'integrate' }>,
  factorPerMs: number,
  localStartMs: number,
): Signal {
  const offset = Math.floor((localStartMs % DAY_MS) / GRID_MS);
  const amountPerMs = (index: number) => of.at(index * GRID_MS) * factorPerMs;
  const total = onGrid(config.start, (previous, index) => {
    const isMidnight = config.resets === 'daily' && (index + offset) % GRID_STEPS_PER_DAY === 0;
    return isMidnight ? 0 : previous + amountPerMs(index - 1) * GRID_MS;
  });
  return smooth((atMs) => {
    const index = Math.floor(atMs / GRID_MS);
    return total(index) + amountPerMs(index) * (atMs - index * GRID_MS);
  });
}
