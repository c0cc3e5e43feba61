// What `barri status` says about the city beside whether it takes readings.

import { expect, test } from 'vitest';
import { cityText } from '../../cli/messages/city.ts';

test('a quota that sets the pace is named with what is left of it', () => {
  expect(cityText.quota({ perHour: 1_200, remaining: 1, everyMs: 75_000 })).toBe(
    "the city's quota sets the pace: it allows 1,200 requests an hour and 1 is left, so readings go out every 75 s",
  );
});

test.each([
  [3_600_000, '1 h ahead of'],
  [-12_000, '12 s behind'],
])('a clock of the city that is %d ms off is told', (aheadMs, words) => {
  expect(cityText.clock(aheadMs)).toBe(`the city's clock is ${words} this machine's: readings keep the time of this machine`);
});
