import { expect, it } from 'vitest';
import { MESSAGE_WORLD } from './facts/message-world.ts';
import { cityOf } from './support.ts';

/** The registry of sensors and alerts is lost for one request (sentilo.md §1.5.10). */
const LOST = { mishap: { kind: 'forget-sensors' } } as const;

it.each([
  [
    'an order is rejected',
    'PUT',
    '/order/rec/s',
    { order: 'open' },
    404,
    '{"code":404,"message":"Events associated with resources [s] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Sensor [s] not found on Sentilo (404.1)."]}',
  ],
  ['a provider-wide order is taken', 'PUT', '/order/rec', { order: 'open' }, 200, ''],
  [
    'an alarm is rejected',
    'PUT',
    '/alarm/A1',
    { message: 'leak' },
    404,
    '{"code":404,"message":"Events associated with resources [A1] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Alert [A1] not found on Sentilo (404.1)."]}',
  ],
  [
    'a sensor cannot be subscribed to',
    'PUT',
    '/subscribe/order/rec/s',
    { endpoint: 'http://gw' },
    404,
    '{"code":404,"message":"Sensor [s] not found on Sentilo (404.1)."}',
  ],
  ['a provider can be subscribed to', 'PUT', '/subscribe/order/rec', { endpoint: 'http://gw' }, 200, ''],
  ['orders of a sensor read as none', 'GET', '/order/rec/s', '', 200, '{"orders":[]}'],
  ['orders of a provider read as none', 'GET', '/order/rec', '', 200, '{"sensors":[]}'],
  ['alarms read as none', 'GET', '/alarm/A1', '', 200, '{"alarms":[]}'],
])('without the registry %s', (_, method, target, body, status, text) => {
  const { ask } = cityOf(MESSAGE_WORLD);
  expect(ask('PUT', '/order/rec/s', { order: 'shut' }).status).toBe(200);
  expect(ask('PUT', '/alarm/A1', { message: 'dry' }).status).toBe(200);
  expect(ask(method, target, body, LOST)).toMatchObject({ status, text });
});

it('a provider-wide order that came without the registry is stored nowhere', () => {
  const { ask } = cityOf(MESSAGE_WORLD);
  ask('PUT', '/order/rec', { order: 'open' }, LOST);
  expect(ask('GET', '/order/rec', '', { nowMs: 1_347_888_886_000 }).text).toBe('{"sensors":[]}');
});
