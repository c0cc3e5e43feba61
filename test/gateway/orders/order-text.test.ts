import { describe, expect, test } from 'vitest';
import { askedOf } from '../../../gateway/orders/order-text.ts';

describe('the text of an order', () => {
  test.each([
    ['on', { on: true }],
    ['off', { on: false }],
    ['ON', { on: true }],
    [' Off\n', { on: false }],
    ['1', { on: true }],
    ['0', { on: false }],
    ['{"set":"on"}', { on: true }],
    ['{"set":"OFF"}', { on: false }],
    ['{"set":1}', { on: true }],
    ['{"set":false}', { on: false }],
    ['{"set":"on","for":"1h30min"}', { on: true, forMs: 5_400_000 }],
    ['{"id":"água-7","set":"on","for":"30s"}', { on: true, forMs: 30_000, id: 'água-7' }],
  ])('%s is understood', (text, asked) => {
    expect(askedOf(text)).toEqual(asked);
  });

  test.each([
    ['', 'expected on, off'],
    ['toggle', 'toggle is not absolute'],
    ['Toggle', 'toggle is not absolute'],
    ['true', 'expected on, off'],
    ['1.0', 'expected on, off'],
    ['-1', 'expected on, off'],
    ['2', 'expected on, off'],
    ['on off', 'expected on, off'],
    ['οn', 'expected on, off'],
    ['[1]', 'expected on, off'],
    ['null', 'expected on, off'],
    ['{', 'not JSON'],
    ['{"set":"on"} x', 'not JSON'],
    ['{}', 'set: expected on or off'],
    ['{"set":"toggle"}', 'set: expected on or off'],
    ['{"set":2}', 'set: expected on or off'],
    ['{"set":["on"]}', 'set: expected on or off'],
    ['{"set":"on","for":30}', 'for: expected a time'],
    ['{"set":"on","for":"0s"}', 'for: expected a time'],
    ['{"set":"on","for":"5m"}', 'for: expected a time'],
    ['{"set":"on","for":"999999d"}', 'for: expected a time'],
    ['{"set":"on","id":7}', 'id: expected a text'],
    ['{"set":"on","id":""}', 'id: expected a text'],
    ['{"set":"on","id":"a\\u202eb"}', 'id: expected a text'],
    ['{"set":"on","force":true}', 'no key of it is called that'],
    ['{"__proto__":{"set":"on"}}', 'no key of it is called that'],
    [`{"set":"on","id":"${'é'.repeat(600)}"}`, 'longer than 1024 bytes'],
  ])('%.40s is not', (text, problem) => {
    expect(askedOf(text)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
