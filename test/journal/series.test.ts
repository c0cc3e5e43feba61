import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_HEADER_BYTES, PAGE_BYTES } from '../../gateway/journal/frame.ts';
import { type Definitions, Dictionary, packDefinitions, unpackDefinitions } from '../../gateway/journal/series.ts';
import type { Observation } from '../../gateway/record.ts';
import { observations, plainObservation } from './record-arbitraries.ts';

describe('the dictionary of a file', () => {
  it('gives one number to observations that differ only in what changes with each of them', () => {
    const dictionary = new Dictionary();
    expect(dictionary.idOf(plainObservation(1))).toBe(0);
    expect(dictionary.idOf(plainObservation(2, { boot: 'b2', wallQuality: 'none', uncalibrated: 3, heldFrom: 1 }))).toBe(0);
  });

  it.each<[string, Partial<Observation>]>([
    ['the channel', { channel: 'balcony.humidity' }],
    ['the unit', { unit: 'K' }],
    ['the precision', { precision: 1 }],
    ['the kind of reading', { readingKind: 'total' }],
    ['the calibration', { calibration: { offset: 1, scale: 1 } }],
    ['the quality', { quality: 'suspect' }],
    ['the reason', { reason: 'jump' }],
    ['the location', { location: '41.4 2.2' }],
    ['whether it is sent', { publish: false }],
    ['what its values are', { value: true }],
    ['that they are texts', { value: 'OK' }],
    ['the sensor', { sensor: 'makers-yard-temperature' }],
  ])('gives another number when %s changes, and the first one when it changes back', (_what, change) => {
    const dictionary = new Dictionary();
    expect(dictionary.idOf(plainObservation(1))).toBe(0);
    expect(dictionary.idOf(plainObservation(2, change))).toBe(1);
    expect(dictionary.idOf(plainObservation(3))).toBe(0);
    expect(dictionary.idOf(plainObservation(4, structuredClone(change)))).toBe(1);
  });

  it('goes on counting after what it learned', () => {
    const dictionary = new Dictionary();
    const { publish, readingKind, sensor, channel, unit, precision, quality } = plainObservation(1);
    const series = { publish, readingKind, sensor, channel, unit, precision, quality, value: 0 };
    dictionary.learn([{ id: 7, series }]);
    expect(dictionary.get(7)).toEqual(series);
    expect(dictionary.get(6)).toBeUndefined();
    expect(dictionary.idOf(plainObservation(1))).toBe(7);
    expect(dictionary.idOf(plainObservation(1, { unit: 'K' }))).toBe(8);
    expect(dictionary.all().map(({ id }) => id)).toEqual([7, 8]);
  });

  it('gives every definition back as it was, few of them and many', () => {
    fc.assert(
      fc.property(fc.array(observations, { maxLength: 40 }), (all) => {
        const dictionary = new Dictionary();
        for (const observation of all) dictionary.idOf(observation);
        expect(unpackDefinitions(packDefinitions(dictionary.all()))).toEqual(dictionary.all());
      }),
    );
  });

  it('takes nothing else for definitions', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ minLength: 1 }), fc.anything()), (item) => {
        fc.pre(item !== null && !(Array.isArray(item) && item.length === 0));
        expect(unpackDefinitions(item)).toBeUndefined();
      }),
    );
  });
});

/** A frame of so many bytes that uses some series, after a hole of so many. */
const frames = fc.array(
  fc.record({
    hole: fc.oneof(fc.constant(0), fc.nat({ max: 5000 })),
    size: fc.oneof(fc.integer({ min: FRAME_HEADER_BYTES, max: 500 }), fc.integer({ min: FRAME_HEADER_BYTES, max: 20_000 })),
    uses: fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1 }),
  }),
  { minLength: 1, maxLength: 12 },
);

interface Written {
  readonly offset: number;
  readonly end: number;
  readonly uses: readonly number[];
  readonly definitions: Definitions;
}

/** Which series a frame that is left uses and no frame that is left defines, when the bytes from `at` on are damaged. */
function unreadable(written: readonly Written[], at: number): number[] {
  const left = written.filter(({ offset, end }) => end <= at || offset >= at + PAGE_BYTES);
  const defined = new Set(left.flatMap(({ definitions }) => definitions.map(({ id }) => id)));
  return left.flatMap(({ uses }) => uses.filter((id) => !defined.has(id)));
}

describe('where definitions stand in a file', () => {
  it('leaves every frame readable that 4 KiB of damage anywhere do not touch, also when the file was opened again', () => {
    fc.assert(
      fc.property(frames, fc.nat({ max: 12 }), (plan, reopenAt) => {
        let dictionary = new Dictionary();
        const written: Written[] = [];
        let position = 0;
        for (const [i, { hole, size, uses }] of plan.entries()) {
          if (i === reopenAt) {
            dictionary = new Dictionary();
            for (const { definitions, offset, end } of written) dictionary.learn(definitions, { offset, end });
          }
          const ids = uses.map((sensor) => dictionary.idOf(plainObservation(1, { sensor: String(sensor) })));
          const place = { offset: position + hole, end: position + hole + size };
          const definitions = dictionary.missing(ids, place.offset);
          dictionary.wrote(definitions, place);
          written.push({ ...place, uses: ids, definitions });
          position = place.end;
        }
        for (const { offset, end } of written) {
          for (const at of [offset - PAGE_BYTES + 1, offset, end - 1, end - PAGE_BYTES])
            expect(unreadable(written, at)).toEqual([]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('writes a definition no more once two frames hold it, a page or more apart', () => {
    const dictionary = new Dictionary();
    const ids = [dictionary.idOf(plainObservation(1))];
    const isWrittenAt = (offset: number) => {
      const definitions = dictionary.missing(ids, offset);
      dictionary.wrote(definitions, { offset, end: offset + 100 });
      return definitions.length > 0;
    };
    expect([0, 4096, 4196, 8192].map(isWrittenAt)).toEqual([true, true, true, false]);
  });

  it('writes it again 128 KiB further on, so that longer damage leaves one', () => {
    const dictionary = new Dictionary();
    const ids = [dictionary.idOf(plainObservation(1))];
    const at = Array.from({ length: 256 }, (_, page) => page * PAGE_BYTES).filter((offset) => {
      const definitions = dictionary.missing(ids, offset);
      dictionary.wrote(definitions, { offset, end: offset + PAGE_BYTES });
      return definitions.length > 0;
    });
    expect(at.length).toBeLessThanOrEqual(10);
    for (const [i, offset] of at.entries()) expect((at[i + 1] ?? 1 << 20) - offset).toBeLessThanOrEqual(131_072);
  });
});
