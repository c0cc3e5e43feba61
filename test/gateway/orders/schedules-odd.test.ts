// Random schedules of pushed and polled orders, with copies, delays, replays, faults of the network and crashes: every other one.

import { expect, test } from 'vitest';
import { runHalf } from './schedules.ts';

test('no order is carried out twice or too late, and each has one answer', async () => {
  expect(await runHalf(0)).toEqual([]);
}, 3_600_000);
