import fc from 'fast-check';
import type { Value } from '../../../drivers/reading.ts';
import type { JournalRecord, Observation } from '../../../gateway/record.ts';
import { WALL_MS } from '../kit.ts';

/** One step of what a gateway does with its journal. `seed` decides the details. */
export type Step =
  /** Appends so many records; `isAwaited`: goes on only when they are durable. */
  | {
      readonly do: 'append';
      readonly count: number;
      readonly seed: number;
      readonly isUrgent: boolean;
      readonly isAwaited: boolean;
    }
  /** Sends some and settles them; of `refused` it tells the journal that the city did not take them. */
  | { readonly do: 'deliver'; readonly count: number; readonly isNewestFirst: boolean; readonly refused: 'none' | 'some' | 'all' }
  /** Begins to send some and does not hear of it any more. */
  | { readonly do: 'begin'; readonly count: number }
  /** `isBusy`: while records are appended. */
  | { readonly do: 'flush'; readonly isBusy: boolean }
  | { readonly do: 'read'; readonly fromPart: number; readonly limit: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'reopen' };

/** What happens between two switchings-on, and how it ends. */
export interface Life {
  readonly steps: readonly Step[];
  readonly syncMs: number;
  /** Decides where the next life branches off, and what a crash keeps. */
  readonly seed: number;
  /** `power`: what is not durable is lost. `killed`: only the process is. */
  readonly end: 'power' | 'killed';
  /** The operation that fails with EIO, counted from the opening among those that change the disk; 0 for none. */
  readonly failsAt: number;
}

/** The sizes of a small journal, in which everything happens soon. */
export interface Sizes {
  readonly maxSizeBytes: number;
  readonly slotBytes: number;
  readonly slotCount: number;
  readonly blockFileBytes: number;
}

export interface Program {
  readonly sizes: Sizes;
  readonly lives: readonly Life[];
}

const seed = fc.integer({ min: 0, max: 0x7fffffff });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 60 }),
      seed,
      isUrgent: fc.boolean(),
      isAwaited: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      count: fc.integer({ min: 1, max: 30 }),
      isNewestFirst: fc.constantFrom(false, false, true),
      refused: fc.constantFrom('none', 'none', 'some', 'all'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('begin' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const), isBusy: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      fromPart: fc.double({ min: 0, max: 1, noNaN: true }),
      limit: fc.integer({ min: 1, max: 50 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1_000, 60_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 24 }),
  syncMs: fc.constantFrom(0, 0, 1_000),
  seed,
  end: fc.constantFrom('power', 'power', 'killed'),
  failsAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 120 })),
});

/** Sealing, recycling, thinning and eviction soon; or hardly ever. */
const SIZES: readonly Sizes[] = [
  { maxSizeBytes: 128 * 1024, slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 },
  { maxSizeBytes: 128 * 1024, slotBytes: 8_192, slotCount: 3, blockFileBytes: 8_192 },
  { maxSizeBytes: 192 * 1024, slotBytes: 16_384, slotCount: 4, blockFileBytes: 32_768 },
  { maxSizeBytes: 1024 * 1024, slotBytes: 32_768, slotCount: 2, blockFileBytes: 16_384 },
  { maxSizeBytes: 8 * 1024 * 1024, slotBytes: 65_536, slotCount: 4, blockFileBytes: 65_536 },
];

export const program: fc.Arbitrary<Program> = fc.record({
  sizes: fc.constantFrom(...SIZES),
  lives: fc.array(life, { minLength: 1, maxLength: 4 }),
});

const SENSORS: readonly Pick<Observation, 'sensor' | 'channel' | 'unit' | 'precision' | 'readingKind' | 'publish'>[] = [
  { sensor: 'roof-temperature', channel: 'roof.temperature', unit: 'Cel', precision: 0.1, readingKind: 'gauge', publish: true },
  { sensor: 'hall-humidity', channel: 'hall.humidity', unit: '%', precision: 0.5, readingKind: 'gauge', publish: true },
  { sensor: 'hall-private', channel: 'hall.private', unit: 'lx', precision: 1, readingKind: 'gauge', publish: false },
  { sensor: 'flat-energy', channel: 'flat.energy', unit: 'kW.h', precision: 0.001, readingKind: 'total', publish: true },
  { sensor: 'roof-rain', channel: 'roof.rain', unit: 'mm', precision: 0.2, readingKind: 'delta', publish: true },
  { sensor: 'cellar-door', channel: 'cellar.door', unit: '1', precision: 1, readingKind: 'state', publish: true },
];
/** Readings after which a state goes on as something else. */
const STATES_ALIKE = 20;

/** What one boot measures: its records are numbered by their monotonic time, two seconds apart. */
export class Boot {
  readonly id: string;
  #count = 0;
  readonly #wallMs: number;

  constructor(number: number) {
    this.id = `boot-${number}`;
    this.#wallMs = WALL_MS + number * 3_600_000;
  }

  /** The next record. Nine of ten are observations, each of another sensor than the one before. */
  next(random: () => number): JournalRecord {
    this.#count += 1;
    // Never a whole number: that is what tells them from the journal's own records, which are stamped by the test's clock.
    const monotonicMs = this.#count * 2_000 + 0.25;
    const isUntimed = random() < 0.05;
    const stamp = {
      boot: this.id,
      monotonicMs,
      wallMs: Math.floor(isUntimed ? monotonicMs : this.#wallMs + monotonicMs),
      wallQuality: isUntimed ? ('none' as const) : ('synced' as const),
    };
    const kind = random();
    if (kind < 0.9) return this.#observation(stamp, random);
    if (kind < 0.93) return { kind: 'anchor', ...stamp, source: 'ntp', errorMs: Math.floor(random() * 1000) };
    if (kind < 0.96) return { kind: 'order', ...stamp, id: `o${this.#count}`, output: 'pump', on: random() < 0.5, from: 'city' };
    return { kind: 'event', ...stamp, code: 'door-opened', fields: { count: this.#count, cold: true } };
  }

  #observation(stamp: Pick<Observation, 'boot' | 'monotonicMs' | 'wallMs' | 'wallQuality'>, random: () => number): Observation {
    const sensor = SENSORS[this.#count % SENSORS.length] as (typeof SENSORS)[number];
    const steps = Math.floor(random() * 500);
    const isOdd = random() < 0.05;
    const value = {
      gauge: isOdd ? random() * 1e9 : (steps - 250) * sensor.precision,
      total: this.#count * 10 + steps / 1000,
      delta: steps * 0.2,
      state: this.#state(random() < 0.3),
      rate: steps,
      position: steps,
      answer: `answer ${this.#count}`,
    }[sensor.readingKind];
    return {
      kind: 'observation',
      ...stamp,
      ...sensor,
      value,
      quality: isOdd ? 'suspect' : 'good',
      ...(isOdd ? { reason: 'out-of-range' } : {}),
      ...(random() < 0.02 ? { uncalibrated: steps } : {}),
      ...(sensor.sensor === 'roof-temperature' ? { location: '41.4 2.2', calibration: { offset: 0.5, scale: 1 } } : {}),
    };
  }

  /** True and false, then a text that changes now and then, then one that is another each time. */
  #state(isOpen: boolean): Value {
    const turn = Math.floor(this.#count / SENSORS.length);
    const texts = [isOpen, isOpen ? 'OPEN' : '', `${isOpen ? 'OPEN' : 'SHUT'} ${turn}`] as const;
    return texts[Math.floor(turn / STATES_ALIKE) % texts.length] as Value;
  }
}
