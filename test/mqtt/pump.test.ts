// How far a broker that has forgotten everything is told again: at most 100,000 records, whatever its mark says.

import { expect, it } from 'vitest';
import { Pump, type PumpParts } from '../../gateway/mqtt/pump.ts';

it.each([
  [149_000, { first: 149_001, last: 150_000 }],
  [50_000, { first: 50_001, last: 150_000 }],
  [49_999, { first: 50_001, last: 150_000 }],
  [0, { first: 50_001, last: 150_000 }],
  [150_000, undefined],
])('after 150,000 records a mark of %i sends again %j', (mark, again) => {
  const parts = { delivery: { lowWater: 150_000, ranges: [] } } as unknown as PumpParts;
  expect(new Pump(parts).goBack(mark)).toEqual(again);
});
