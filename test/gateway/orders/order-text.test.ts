import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { askedBySender, askedOf } from '../../../gateway/orders/order-text.ts';

describe.each([
  ['of the city', askedOf],
  ['of a broker', askedBySender],
])('the text of an order %s', (_what, understand) => {
  test.each([
    ['on', { on: true }],
    ['off', { on: false }],
    ['ON', { on: true }],
    [' Off\n', { on: false }],
    ['1', { on: true }],
    ['0', { on: false }],
    ['true', { on: true }],
    ['False', { on: false }],
    ['{"set":"on"}', { on: true }],
    ['{"set":"OFF"}', { on: false }],
    ['{"set":1}', { on: true }],
    ['{"set":false}', { on: false }],
    ['{"state":"on"}', { on: true }],
    ['{"state":"OFF","id":"a-1"}', { on: false, id: 'a-1' }],
    ['{"state":true,"for":"30s"}', { on: true, forMs: 30_000 }],
    ['{"set":"0"}', { on: false }],
    ['{"set":"on","for":"1h30min"}', { on: true, forMs: 5_400_000 }],
    ['{"id":"água-7","set":"on","for":"30s"}', { on: true, forMs: 30_000, id: 'água-7' }],
  ])('%s is understood', (text, asked) => {
    expect(understand(text)).toEqual(asked);
  });

  test.each([
    ['', 'expected on, off'],
    ['toggle', 'toggle is not absolute'],
    ['Toggle', 'toggle is not absolute'],
    ['valueOf', 'expected on, off'],
    ['"on"', 'expected on, off'],
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
    ['{"state":"toggle"}', 'state: expected on or off'],
    ['{"state":"toString"}', 'state: expected on or off'],
    ['{"set":"on","state":"on"}', 'set or state, not both'],
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
    expect(understand(text)).toEqual({ problem: expect.stringContaining(problem) });
  });

  test('is understood or refused, whatever comes, and nothing of it is repeated', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `{"state":"on","for":${json}}`),
      fc.json().map((json) => `{"set":${json},"auth":{"accessToken":"CANARY"}}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const asked = understand(text);
        if ('problem' in asked) {
          expect(asked.problem).not.toMatch(/CANARY|accessToken/);
          return;
        }
        expect(typeof asked.on).toBe('boolean');
        if (asked.forMs !== undefined) expect(asked.forMs).toBeGreaterThan(0);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });
});

describe('who has sent an order, and when', () => {
  test.each([
    ['{"state":"on","for":"10min","by":"Home Assistant"}', { on: true, forMs: 600_000, by: 'Home Assistant' }],
    ['{"set":"on","time":"2026-11-25T12:00:00Z"}', { on: true, sentMs: 1_795_608_000_000 }],
    ['{"state":"on","time":"2026-11-25T12:00:00.25Z"}', { on: true, sentMs: 1_795_608_000_000 }],
  ])('is said by the text where it comes over a broker, and by the city itself: %s', (text, asked) => {
    expect(askedBySender(text)).toEqual(asked);
    expect(askedOf(text)).toEqual({ problem: 'no key of it is called that: expected set, state, for, id' });
  });

  test.each([
    ['{"state":"on","time":"yesterday"}', 'time: expected one such as'],
    ['{"state":"on","time":"2026-02-30T12:00:00Z"}', 'time: expected one such as'],
    ['{"state":"on","time":1795608000}', 'time: expected one such as'],
    ['{"state":"on","by":""}', 'by: expected a short text'],
    ['{"state":"on","by":"a\\u0007b"}', 'by: expected a short text'],
    [`{"state":"on","by":"${'x'.repeat(200)}"}`, 'by: expected a short text'],
  ])('is not understood: %.60s', (text, problem) => {
    expect(askedBySender(text)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
