import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../../gateway/journal/cbor.ts';
import {
  isAsRight,
  type OtherRecord,
  packRecord,
  RECORD_BYTES_MAX,
  recordBytesMax,
  unpackRecord,
} from '../../gateway/journal/record-codec.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { otherRecords, plainObservation, records } from './record-arbitraries.ts';

const encoded = (record: OtherRecord) => encodeCbor(packRecord(record));
const event: OtherRecord = {
  kind: 'event',
  boot: 'b',
  monotonicMs: 1,
  wallMs: 2,
  wallQuality: 'none',
  code: 'started',
  fields: {},
};

describe('the record codec', () => {
  it('gives back every record that is no observation as it was', () => {
    fc.assert(
      fc.property(otherRecords, (record) => {
        expect(unpackRecord(decodeCbor(encoded(record)))).toEqual(record);
      }),
    );
  });

  it('writes the bytes that RFC 8949 says', () => {
    const intent: OtherRecord = {
      kind: 'intent',
      boot: 'b',
      monotonicMs: 1,
      wallMs: 2,
      wallQuality: 'none',
      order: 'o',
      output: 'p',
      on: true,
    };
    // array(8), 2, "b", 1, 2, "none", "o", "p", true (RFC 8949, section 3.1 and appendix A)
    expect(Buffer.from(encoded(intent)).toString('hex')).toBe('8802616201026' + '46e6f6e65616f6170f5');
  });

  it('leaves out absent fields at the end, so that fields can be added', () => {
    const gap: OtherRecord = {
      kind: 'gap',
      boot: 'b',
      monotonicMs: 1,
      wallMs: 2,
      wallQuality: 'none',
      firstSequence: 3,
      lastSequence: 4,
      cause: 'c',
    };
    // array(8), 5, "b", 1, 2, "none", 3, 4, "c"
    expect(Buffer.from(encoded(gap)).toString('hex')).toBe('8805616201026' + '46e6f6e6503046163');
  });

  it('never throws for bytes that are no record, and takes none of them for one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(unpackRecord(decodeCbor(bytes))).toBeUndefined();
      }),
    );
  });

  it('lets every right record pass, with as many bytes as it takes or more', () => {
    fc.assert(
      fc.property(records, (record) => {
        const bytesMax = recordBytesMax(record);
        if (record.kind !== 'observation') expect(bytesMax).toBeGreaterThan(encoded(record).length);
      }),
    );
  });

  it.each<[string, JournalRecord, RegExp]>([
    ['NaN', plainObservation(1, { value: Number.NaN }), /value must be a finite number/],
    ['an infinite calibration', plainObservation(1, { uncalibrated: Number.POSITIVE_INFINITY }), /uncalibrated/],
    ['a calibration without a scale', plainObservation(1, { calibration: { offset: 1 } as never }), /calibration must be/],
    ['a point that is none', plainObservation(1, { calibration: { points: [[1, Number.NaN]] } }), /calibration must be/],
    ['a time that is none', plainObservation(1, { monotonicMs: Number.NaN }), /monotonicMs/],
    ['an unknown wall quality', plainObservation(1, { wallQuality: 'good' as never }), /wallQuality must be synced or/],
    ['an unknown kind of reading', plainObservation(1, { readingKind: 'sum' as never }), /readingKind must be gauge or/],
    ['a window without a count', plainObservation(1, { window: { fromMonotonicMs: 1 } as never }), /window must be/],
    ['a sequence of zero', plainObservation(1, { heldFrom: 0 }), /heldFrom must be a sequence/],
    ['a first place of zero', plainObservation(1, { heldFrom: 1, firstPlace: 0 }), /firstPlace must be a sequence/],
    ['a lone surrogate', plainObservation(1, { sensor: 'a\ud800' }), /sensor must be a text/],
    ['an object for a value', plainObservation(1, { value: {} as unknown as number }), /value must be a finite number, true or/],
    ['a lone surrogate in a value', plainObservation(1, { value: 'a\ud800' }), /value must be .* without lone surrogates/],
    ['a text for an uncalibrated value', plainObservation(1, { uncalibrated: '21' as unknown as number }), /uncalibrated/],
    ['a text that is too long', plainObservation(1, { value: 'x'.repeat(RECORD_BYTES_MAX) }), /more than the 16384/],
    ['an observation that is too long', plainObservation(1, { reason: 'x'.repeat(RECORD_BYTES_MAX) }), /more than the 16384/],
    ['an unknown kind', { ...event, kind: 'reading' } as unknown as JournalRecord, /no record of kind reading/],
    ['a lone surrogate in an event', { ...event, fields: { a: '\udfff' } }, /fields must be/],
    ['a gap of no count', { ...event, kind: 'gap', firstSequence: 1, lastSequence: 2, cause: 'c', count: -1 } as never, /count/],
    ['a record that is too long', { ...event, code: 'x'.repeat(RECORD_BYTES_MAX) }, /more than the 16384/],
  ])('refuses %s', (_what, record, message) => {
    expect(() => recordBytesMax(record)).toThrow(message);
    if (record.kind === 'observation') expect(isAsRight(record, plainObservation(1))).toBe(false);
  });

  it('takes an observation for as right as another only when all that could be wrong or long is the same', () => {
    const right = plainObservation(1);
    expect(isAsRight(plainObservation(2, { value: 7.5 }), right)).toBe(true);
    const text = plainObservation(1, { value: 'OK' });
    expect([
      isAsRight(plainObservation(2, { value: 'OK' }), text),
      isAsRight(plainObservation(2, { value: 'KO' }), text),
    ]).toEqual([true, false]);
    const others = {
      sensor: 'b',
      boot: 'c',
      value: true,
      unit: '%',
      calibration: { offset: 1, scale: 2 },
      reason: 'r',
      location: '1 2',
    };
    for (const [name, value] of Object.entries(others))
      expect(isAsRight(plainObservation(2, { [name]: value }), right), name).toBe(false);
  });
});
