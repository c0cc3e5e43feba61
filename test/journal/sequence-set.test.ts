import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangesOf, SequenceSet } from '../../gateway/journal/sequence-set.ts';

const range = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 12 }))
  .map(([first, length]) => ({ first, last: first + length - 1 }));
const change = fc.record({ add: fc.boolean(), range });

describe('a set of sequences', () => {
  it('holds what a plain set holds after any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const model = new Set<number>();
        const set = new SequenceSet();
        for (const step of changes) {
          for (let n = step.range.first; n <= step.range.last; n++) step.add ? model.add(n) : model.delete(n);
          if (step.add) set.add(step.range);
          else set.remove(step.range);
        }
        for (let n = -1; n < 80; n++) expect(set.has(n)).toBe(model.has(n));
        expect(set.count).toBe(model.size);
        set.ranges.forEach((held, i) => {
          expect(held.first).toBeLessThanOrEqual(held.last);
          const next = set.ranges[i + 1];
          if (next) expect(next.first).toBeGreaterThan(held.last + 1);
        });
      }),
    );
  });

  it('names the parts of a range that it lacks', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), range, (held, wanted) => {
        const set = new SequenceSet(held);
        const lacking: number[] = [];
        for (let n = wanted.first; n <= wanted.last; n++) if (!set.has(n)) lacking.push(n);
        expect(set.missing(wanted)).toEqual(rangesOf(lacking));
        if (wanted.first <= wanted.last) expect(set.covers(wanted)).toBe(lacking.length === 0);
      }),
    );
  });

  it('leaves ranges that were handed out as they were', () => {
    const set = new SequenceSet([{ first: 1, last: 3 }]);
    const before = set.ranges;
    set.add({ first: 4, last: 4 });
    expect(before).toEqual([{ first: 1, last: 3 }]);
    expect(set.ranges).toEqual([{ first: 1, last: 4 }]);
  });
});
