import { expect, test } from 'vitest';
import { listedBySensor, listedOrders } from '../../../gateway/orders/listing.ts';

const GOOD = { order: 'off', sender: 'app', time: 2 };
const LISTED = { text: 'off', sender: 'app', timeMs: 2 };
const bytes = (json: unknown) => Buffer.from(JSON.stringify(json));

test('an order that nobody understands hides no other, and counts for what an answer holds', () => {
  const orders = [
    { order: 'x', time: 1 },
    GOOD,
    null,
    { ...GOOD, time: 'now' },
    { ...GOOD, time: 1.5 },
    { ...GOOD, time: 1e300 },
  ];
  expect(listedOrders(bytes({ orders }), 50)).toEqual({ orders: [LISTED], count: 6 });
  const sensors = [{ sensor: 'air', orders: [{}] }, { sensor: 'lamp' }, 7, { orders: [GOOD] }, { sensor: 'valve', orders }];
  expect([...(listedBySensor(bytes({ sensors }), 50) ?? [])]).toEqual([
    ['air', { orders: [], count: 1 }],
    ['valve', { orders: [LISTED], count: 6 }],
  ]);
});

test.each([['nothing'], [[]], [{}], [{ orders: 1, sensors: 1 }]])('%j is no listing', (json) => {
  expect(listedOrders(bytes(json), 50)).toBeUndefined();
  expect(listedBySensor(bytes(json), 50)).toBeUndefined();
});
