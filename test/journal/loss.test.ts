import { expect, test } from 'vitest';
import { joinLosses } from '../../gateway/journal/loss.ts';

test('losses that are joined have the cause of the last one that cost records', () => {
  const damaged = { firstSequence: 1, lastSequence: 4, cause: 'damaged', count: 4 };
  const leftOut = { firstSequence: 9, lastSequence: 65_544, cause: 'left-out', count: 0 };
  expect(joinLosses([damaged, leftOut], 1)).toMatchObject([
    { firstSequence: 1, lastSequence: 65_544, cause: 'damaged', count: 4 },
  ]);
  expect(joinLosses([leftOut, { ...leftOut, firstSequence: 70_000, lastSequence: 70_001 }], 1)).toMatchObject([{ count: 0 }]);
});
