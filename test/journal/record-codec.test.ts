import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord, RECORD_BYTES_MAX } from '../../gateway/journal/record-codec.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { observation } from './kit.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
/** Minus zero has no place in a measurement: it is stored as zero. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0 || 0);
const value = fc.oneof(number, fc.integer(), fc.boolean());
const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const stamp = {
  boot: fc.uuid(),
  monotonicMs: fc.double({ min: 0, max: 1e12, noNaN: true }).map((ms) => ms || 0),
  wallMs: fc.integer({ min: -1e13, max: 1e13 }),
  wallQuality: fc.constantFrom('synced' as const, 'holdover' as const, 'floor' as const, 'none' as const),
};
const kind = <K extends JournalRecord['kind']>(name: K) => fc.constant(name);
const optional = { noNullPrototype: true };

const records: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record(
    {
      kind: kind('observation'),
      ...stamp,
      sensor: text,
      channel: text,
      value,
      uncalibrated: value,
      unit: text,
      precision: number,
      quality: fc.constantFrom('good' as const, 'suspect' as const),
      reason: text,
      location: text,
      publish: fc.boolean(),
      heldFrom: sequence,
    },
    {
      ...optional,
      requiredKeys: [
        'kind',
        'boot',
        'monotonicMs',
        'wallMs',
        'wallQuality',
        'sensor',
        'channel',
        'value',
        'unit',
        'precision',
        'quality',
        'publish',
      ],
    },
  ),
  fc.record({ kind: kind('order'), ...stamp, id: text, output: text, on: fc.boolean(), from: text }, optional),
  fc.record({ kind: kind('intent'), ...stamp, order: text, output: text, on: fc.boolean() }, optional),
  fc.record({ kind: kind('result'), ...stamp, order: text, output: text, done: fc.boolean(), reason: text }, optional),
  fc.record({ kind: kind('anchor'), ...stamp, source: text, errorMs: number }, optional),
  fc.record({ kind: kind('gap'), ...stamp, firstSequence: sequence, lastSequence: sequence, cause: text }, optional),
  fc.record(
    { kind: kind('event'), ...stamp, code: text, fields: fc.dictionary(text, fc.oneof(text, number, fc.boolean()), optional) },
    optional,
  ),
);

describe('the record codec', () => {
  it('gives back every record of the seven kinds as it was', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record);
      }),
    );
  });

  it('writes the bytes that RFC 8949 says', () => {
    const intent: JournalRecord = {
      kind: 'intent',
      boot: 'b',
      monotonicMs: 1,
      wallMs: 2,
      wallQuality: 'none',
      order: 'o',
      output: 'p',
      on: true,
    };
    // array(8), 3, "b", 1, 2, "none", "o", "p", true (RFC 8949, section 3.1 and appendix A)
    expect(Buffer.from(encodeRecord(intent)).toString('hex')).toBe('8803616201026' + '46e6f6e65616f6170f5');
  });

  it('never throws for bytes that are no record, and takes none of them for one it did not write', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(decodeRecord(bytes)).toBeUndefined();
      }),
    );
  });

  it.each([
    ['NaN', observation(1, { value: Number.NaN }), /value must be a finite number/],
    ['an infinite calibration', observation(1, { uncalibrated: Number.POSITIVE_INFINITY }), /uncalibrated/],
    ['a lone surrogate', observation(1, { sensor: 'a\ud800' }), /sensor must be a text/],
    ['a text for a value', observation(1, { value: '21' as unknown as number }), /value/],
    ['an unknown kind', { ...observation(1), kind: 'reading' } as unknown as JournalRecord, /no record of kind reading/],
    ['a record that is too long', observation(1, { reason: 'x'.repeat(RECORD_BYTES_MAX) }), /more than the 65536/],
  ])('refuses %s', (_what, record, message) => {
    expect(() => encodeRecord(record)).toThrow(message);
  });
});
