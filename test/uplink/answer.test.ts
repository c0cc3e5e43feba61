import { describe, expect, it } from 'vitest';
import { maskOf, outcomeOf } from '../../gateway/uplink/answer.ts';
import { match } from '../../gateway/uplink/city.ts';
import { answerOf, STARTING } from './support.ts';

const plain = (text: string) => text;

describe('a partial answer', () => {
  const of = (details: readonly unknown[], sensors: readonly string[]) =>
    outcomeOf(answerOf(404, { code: 404, message: 'Events associated …', errorDetails: details }), new Set(sensors), plain);

  it('rejects the sensors of its details and no others', () => {
    const details = ['Sensor [a] not found on Sentilo (404.1).', 'Sensor [b] is not online (404.2).'];
    expect(of(details, ['a', 'b', 'c'])).toEqual({
      kind: 'partial',
      rejected: new Map([
        ['a', 'Sensor [a] not found on Sentilo (404.1).'],
        ['b', 'Sensor [b] is not online (404.2).'],
      ]),
    });
  });

  // Ids are not escaped: each detail names one, up to its last bracket (reference §1.5.5).
  it('takes an id with brackets and commas whole', () => {
    expect(of(['Sensor [x]y,a] not found on Sentilo (404.1).'], ['x]y,a'])).toMatchObject({
      rejected: new Map([['x]y,a', expect.anything()]]),
    });
  });

  it.each([
    ['no details', []],
    ['a detail that says something else', ['Sensor [a] not found on Sentilo (404.1).', 'and more']],
    ['a detail that is no text, nor can become one', ['Sensor [a] not found on Sentilo (404.1).', { toString: 1, valueOf: 1 }]],
    ['a sensor that was not in the batch', ['Sensor [z] not found on Sentilo (404.1).']],
  ])('with %s leaves the outcome unknown', (_name, details) => {
    expect(of(details, ['a']).kind).toBe('unknown');
  });
});

describe('an answer', () => {
  it.each([
    [200, undefined, { 'x-sentilo-version': '2.0.0' }, 'stored'],
    [200, undefined, {}, 'unknown'],
    [200, '{}', { 'x-sentilo-version': '2.0.0' }, 'stored'],
    [200, '<html>', {}, 'unknown'],
    [204, undefined, {}, 'unknown'],
    [400, '<html>', {}, 'unknown'],
    [400, { code: 400, message: 'To publish data is mandatory to fill in the value field' }, {}, 'bad-data'],
    [500, { code: 500, message: 'Something went wrong' }, {}, 'unknown'],
    [502, 'bad gateway', {}, 'unknown'],
    [503, STARTING, {}, 'not-stored'],
    [503, { message: 'Service Unavailable' }, {}, 'unknown'],
    // An API gateway's own words: its codes are none of HTTP, or it repeats the status as the city does.
    [503, { code: 14, message: 'upstream connect error or disconnect/reset before headers' }, {}, 'unknown'],
    [503, { code: 503, message: 'Service Unavailable' }, {}, 'unknown'],
    [400, { code: 3, message: 'invalid argument' }, {}, 'unknown'],
    [403, { code: 7, message: 'permission denied' }, {}, 'unknown'],
    [404, { code: 5, message: 'not found' }, {}, 'unknown'],
    [401, { code: 401, message: 'Invalid credential x' }, {}, 'not-stored'],
    [405, { code: 405, message: 'HTTP POST method not allowed' }, {}, 'not-stored'],
  ] as const)('of %d with body %o and headers %o means %s', (status, body, headers, kind) => {
    expect(outcomeOf(answerOf(status, body, headers), new Set(['a']), plain).kind).toBe(kind);
  });
});

describe('the mask', () => {
  it('takes the token out as it is, in an address and in JSON', () => {
    const mask = maskOf('to/"ken"');
    expect(mask('a to/"ken" b to%2F%22ken%22 c to/\\"ken\\" d')).toBe('a *** b *** c *** d');
  });
});

describe('match', () => {
  const entry = (sequence: number, second: number, value: string) => ({
    sequence,
    sensor: 'a',
    second,
    value,
    boot: 'boot',
    monotonicMs: 0,
  });

  it('leaves out what the city had before, one value for each', () => {
    const entries = [entry(3, 10, '5'), entry(4, 10, '5'), entry(5, 10, '6')];
    const stored = ['5', '5', '6'].map((value) => ({ second: 10, value }));
    expect(match(entries, [entry(1, 10, '5'), entry(2, 10, '6')], stored)).toEqual(new Set([3]));
    expect(match(entries, [], stored)).toEqual(new Set([3, 4, 5]));
  });

  it('lets each stored value answer for one entry', () => {
    const entries = [entry(1, 10, '5'), entry(2, 10, '5'), entry(3, 11, '5'), entry(4, 11, '6')];
    const stored = [
      { second: 10, value: '5' },
      { second: 11, value: '6' },
      { second: 12, value: '5' },
    ];
    expect(match(entries, [], stored)).toEqual(new Set([1, 4]));
  });
});
