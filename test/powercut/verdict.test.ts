import { describe, expect, it } from 'vitest';
import { judge } from './verdict.ts';
import { createListener } from './witness.ts';

const records = (...entries: [number, string][]) => new Map(entries);

describe('the verdict after a power cut', () => {
  it('finds what was acknowledged, and minds nothing that was not', () => {
    const verdict = judge(records([1, 'a'], [2, 'b']), records([1, 'a'], [2, 'b'], [3, 'c']), []);
    expect(verdict).toEqual({ foundCount: 2, droppedCount: 0, lost: [], changed: [] });
  });

  it('names what is not there and what is another record', () => {
    const verdict = judge(records([1, 'a'], [2, 'b'], [3, 'c']), records([1, 'a'], [3, 'x']), []);
    expect(verdict).toEqual({ foundCount: 1, droppedCount: 0, lost: [2], changed: [3] });
  });

  it('excuses what the journal announced to drop or to thin, and nothing beside it', () => {
    const acknowledged = records([1, 'a'], [2, 'b'], [3, 'c'], [4, 'd']);
    const verdict = judge(acknowledged, records([2, 'b'], [3, 'window']), [[1, 3]]);
    expect(verdict).toEqual({ foundCount: 1, droppedCount: 2, lost: [4], changed: [] });
  });
});

describe('what a guest says', () => {
  it('is what it holds, what it acknowledges and what it drops', () => {
    const listener = createListener();
    for (const line of ['OPENING', 'HAS 7 aa', 'HAS 8 bb', 'OPENED', 'ACK 11 cc', 'DROPS 7 8']) listener.take(line);
    expect(listener.heard()).toEqual({
      held: records([7, 'aa'], [8, 'bb']),
      acknowledged: records([11, 'cc']),
      dropped: [[7, 8]],
    });
  });

  it('tells nothing of a journal whose opening was cut', () => {
    const listener = createListener();
    for (const line of ['OPENING', 'HAS 7 aa']) listener.take(line);
    expect(listener.heard().held).toBeUndefined();
  });

  it('is refused when it is something else', () => {
    expect(() => createListener().take('Kernel panic')).toThrow('Kernel panic');
  });
});
