import fc from 'fast-check';
import type { JournalRecord, Observation } from '../../gateway/record.ts';

const kind = <K extends JournalRecord['kind']>(name: K) => fc.constant(name);
const options = { noNullPrototype: true };

export const text = fc.string({ unit: 'grapheme', maxLength: 12 });
/** Minus zero has no place in a measurement: it is stored as zero. */
const number = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.integer({ min: -100_000, max: 100_000 }).map((hundredths) => hundredths / 100),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
  )
  .map((value) => value + 0);
const uncalibrated = fc.oneof(number, fc.boolean());
/** Few texts, which come again and again, and any. */
const value = fc.oneof(
  { weight: 2, arbitrary: number },
  fc.boolean(),
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom('OK', 'DOOR OPEN', '') }, text),
);
const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const stamp = {
  boot: fc.constantFrom('b1', 'b2', 'b3'),
  monotonicMs: fc.oneof(
    fc.integer({ min: 0, max: 100_000 }),
    fc.integer({ min: 0, max: 1e15 }).map((ns) => ns / 1e6),
    fc.double({ min: 0, max: 1e300, noNaN: true }).map((ms) => ms + 0),
  ),
  wallMs: fc.oneof(fc.integer({ min: 1_780_000_000_000, max: 1_780_000_000_999 }), fc.integer({ min: -1e13, max: 1e13 }), number),
  wallQuality: fc.constantFrom('synced' as const, 'holdover' as const, 'floor' as const, 'none' as const),
};
const calibration = fc.oneof(
  fc.record({ offset: number, scale: number }, options),
  fc.record({ points: fc.array(fc.tuple(number, number), { maxLength: 4 }) }, options),
);
const window = fc.record(
  { fromMonotonicMs: stamp.monotonicMs, count: fc.nat(), min: number, max: number },
  { ...options, requiredKeys: ['fromMonotonicMs', 'count'] },
);

const observationFields = {
  kind: kind('observation'),
  ...stamp,
  sensor: fc.oneof({ weight: 5, arbitrary: fc.constantFrom('a-temperature', 'a-door', 'b-power') }, text),
  channel: fc.constantFrom('a.temperature', 'b.power'),
  value,
  unit: fc.constantFrom('Cel', 'W'),
  precision: fc.constantFrom(0.1, 1),
  readingKind: fc.constantFrom(
    'gauge' as const,
    'total' as const,
    'delta' as const,
    'rate' as const,
    'state' as const,
    'position' as const,
  ),
  quality: fc.constantFrom('good' as const, 'suspect' as const),
  publish: fc.boolean(),
};
const optionalFields = {
  uncalibrated,
  calibration,
  reason: text,
  location: text,
  heldFrom: sequence,
  firstPlace: sequence,
  window,
};

/** Any observation: few sensors, so that many are of one series, and every field in every form. */
export const observations: fc.Arbitrary<Observation> = fc.oneof(
  fc.record(
    {
      ...observationFields,
      readingKind: fc.constant('gauge' as const),
      quality: fc.constant('good' as const),
      publish: fc.constant(true),
    },
    options,
  ),
  fc.record(
    { ...observationFields, ...optionalFields },
    { ...options, requiredKeys: Object.keys(observationFields) as (keyof typeof observationFields)[] },
  ),
) as fc.Arbitrary<Observation>;

const gapRequired = { kind: kind('gap'), ...stamp, firstSequence: sequence, lastSequence: sequence, cause: text };
const gapOptional = {
  recordClass: fc.constantFrom('gauges' as const, 'counts' as const, 'events' as const),
  count: fc.nat(),
  sensors: fc.array(text, { maxLength: 4 }),
  fromWallMs: number,
  toWallMs: number,
};
const result = { kind: kind('result'), ...stamp, order: text, output: text, done: fc.boolean() };

/** Any record of the six other kinds. */
export const otherRecords = fc.oneof(
  fc.record({ kind: kind('order'), ...stamp, id: text, output: text, on: fc.boolean(), from: text }, options),
  fc.record({ kind: kind('intent'), ...stamp, order: text, output: text, on: fc.boolean() }, options),
  fc.record({ ...result, reason: text }, { ...options, requiredKeys: Object.keys(result) as (keyof typeof result)[] }),
  fc.record({ kind: kind('anchor'), ...stamp, source: text, errorMs: number }, options),
  fc.record(
    { ...gapRequired, ...gapOptional },
    { ...options, requiredKeys: Object.keys(gapRequired) as (keyof typeof gapRequired)[] },
  ),
  fc.record(
    { kind: kind('event'), ...stamp, code: text, fields: fc.dictionary(text, fc.oneof(text, number, fc.boolean()), options) },
    options,
  ),
);

/** Any record of the seven kinds; mostly observations. */
export const records: fc.Arbitrary<JournalRecord> = fc.oneof(
  { weight: 4, arbitrary: observations },
  { weight: 1, arbitrary: otherRecords as fc.Arbitrary<JournalRecord> },
);

/** An observation of a thermometer at its `tick`th reading. */
export function plainObservation(tick: number, more: Partial<Observation> = {}): Observation {
  return {
    kind: 'observation',
    boot: 'b1',
    monotonicMs: 10_000 * tick,
    wallMs: 1_780_000_000_000 + 10_000 * tick,
    wallQuality: 'synced',
    sensor: 'makers-balcony-temperature',
    channel: 'balcony.temperature',
    value: tick,
    unit: 'Cel',
    precision: 0.1,
    readingKind: 'gauge',
    quality: 'good',
    publish: true,
    ...more,
  };
}
