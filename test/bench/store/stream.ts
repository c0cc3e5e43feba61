import type { Clock } from '../../../drivers/clock.ts';
import type { Observation } from '../../../gateway/record.ts';

/** Time between two readings of a sensor. */
export const PERIOD_MS = 10_000;
/** Wall time of the first tick. */
export const START_WALL_MS = Date.UTC(2026, 0, 10);
export const BOOT = '5d2e7c1a-8f3b-4d6e-9a70-b1c2d3e4f506';

const STAGGER_MS = 50;
const JITTER_MS = 5;

/**
 * What the values look like: `decimal` is a random walk on hundredths, as most sensors give it; `float32` what comes out of
 * two Modbus registers; `float64` what a computation leaves; `counter` a total that only rises.
 */
export type ValueKind = 'decimal' | 'float32' | 'float64' | 'counter';

export interface StreamOptions {
  readonly sensorCount: number;
  readonly valueKind: ValueKind;
  /** Monotonic times with the fractions of a millisecond that a real clock has; whole milliseconds otherwise. */
  readonly hasFractions?: boolean;
  readonly seed: number;
  /** The tick it begins with; the first, unless told otherwise. */
  readonly startTick?: number;
}

/** Readings of some sensors on one grid, as the gateway makes them: the same for the same seed. */
export interface Stream {
  /** The next `count` readings: of every sensor in turn, tick after tick. */
  next(count: number): Observation[];
  /** Virtual time, which has got as far as the stream has. */
  readonly clock: Clock;
  /** The position of a sensor, by its name. */
  readonly numbers: ReadonlyMap<string, number>;
}

export function openStream({ sensorCount, valueKind, hasFractions = false, seed, startTick = 0 }: StreamOptions): Stream {
  const random = xorshift(seed);
  const sensors = Array.from({ length: sensorCount }, (_, number) => sensorAt(number, valueKind));
  const values = sensors.map(() => Math.round(2000 + 1000 * random()));
  let nowMs = 0;
  let place = 0;
  let tick = startTick;
  const reading = (): Observation => {
    const sensor = sensors[place] as Sensor;
    const walk = (values[place] as number) + stepOf(valueKind, random);
    values[place] = walk;
    const jitterMs = JITTER_MS * random();
    nowMs = tick * PERIOD_MS + place * STAGGER_MS + (hasFractions ? jitterMs : Math.round(jitterMs));
    place += 1;
    if (place === sensorCount) {
      place = 0;
      tick += 1;
    }
    return {
      kind: 'observation',
      sensor: sensor.sensor,
      channel: sensor.channel,
      value: valueFor(valueKind, walk),
      unit: sensor.unit,
      precision: 0.01,
      readingKind: sensor.readingKind,
      quality: 'good',
      publish: true,
      boot: BOOT,
      monotonicMs: nowMs,
      wallMs: Math.round(START_WALL_MS + nowMs),
      wallQuality: 'synced',
    };
  };
  return {
    next: (count) => Array.from({ length: count }, reading),
    clock: virtualClock(() => nowMs),
    numbers: new Map(sensors.map(({ sensor }, number) => [sensor, number])),
  };
}

/** The value of a `decimal` reading in hundredths, in which sums are exact. */
export function hundredths({ value }: Observation): number {
  return Math.round(Number(value) * 100);
}

/** Time as the stream has it. Its timers are real ones: what waits for the disk has to go on although no reading comes. */
export function virtualClock(nowMs: () => number): Clock {
  return {
    monotonicMs: nowMs,
    wall: () => ({ ms: Math.round(START_WALL_MS + nowMs()), quality: 'synced' }),
    timer: (delayMs, callback) => {
      const timer = setTimeout(callback, Math.min(delayMs, 1_000_000_000));
      return () => clearTimeout(timer);
    },
  };
}

type Sensor = Pick<Observation, 'sensor' | 'channel' | 'unit' | 'readingKind'>;

const GAUGES = [
  { reading: 'temperature', unit: 'Cel' },
  { reading: 'humidity', unit: '%' },
  { reading: 'pressure', unit: 'hPa' },
  { reading: 'level', unit: 'dB[A]' },
] as const;

function sensorAt(number: number, valueKind: ValueKind): Sensor {
  const gauge = GAUGES[number % GAUGES.length] as (typeof GAUGES)[number];
  const device = `node${Math.floor(number / GAUGES.length)}`;
  const reading = valueKind === 'counter' ? `total${number % GAUGES.length}` : gauge.reading;
  return {
    sensor: `carrer-${device}-${reading}`,
    channel: `${device}.${reading}`,
    unit: valueKind === 'counter' ? 'kW.h' : gauge.unit,
    readingKind: valueKind === 'counter' ? 'total' : 'gauge',
  };
}

/** In hundredths, or in counts. */
function stepOf(valueKind: ValueKind, random: () => number): number {
  if (valueKind === 'counter') return Math.floor(3 * random());
  return valueKind === 'decimal' ? Math.floor(11 * random()) - 5 : 10 * random() - 5;
}

function valueFor(valueKind: ValueKind, walk: number): number {
  if (valueKind === 'counter') return walk;
  if (valueKind === 'float64') return walk / 100;
  return valueKind === 'float32' ? Math.fround(walk / 100) : Math.round(walk) / 100;
}

/** Marsaglia's xorshift32, in [0, 1). */
function xorshift(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}
