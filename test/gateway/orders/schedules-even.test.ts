// Random schedules of pushed and polled orders, with copies, delays, replays, faults of the network and crashes: the others.

import { expect, test } from 'vitest';
import { runHalf } from './schedules.ts';

test('no order is carried out twice or too late, and each has one answer', async () => {
  expect(await runHalf(1)).toEqual([]);
}, 3_600_000);
