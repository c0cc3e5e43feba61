import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Json, JsonError, readJson } from '../../../simulator/sentilo/json.ts';

/** The value as JSON.parse would give it. */
function plain(json: Json): unknown {
  switch (json.type) {
    case 'null':
      return null;
    case 'array':
      return json.items.map(plain);
    case 'object':
      return Object.fromEntries(json.entries.map(([key, value]) => [key, plain(value)]));
    case 'string':
      return json.text;
    default:
      return JSON.parse(json.text);
  }
}

describe('the JSON reader', () => {
  it('agrees with JSON.parse on every document that is not too deep', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        expect(plain(readJson(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses or accepts any text as JSON.parse does, but for what follows a complete value', () => {
    const signs = fc.constantFrom(...'{}[]:,"\\ \t\n0123456789-+.eEtrufalsn/');
    fc.assert(
      fc.property(fc.array(signs, { maxLength: 12 }), (characters) => {
        const text = characters.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          return;
        }
        expect(plain(readJson(text))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['12.30', '1e3', '-0', '1E+2', '123456789012345678901234567890'])('keeps the number %s as it was written', (text) => {
    expect(readJson(text)).toEqual({ type: 'number', text });
  });

  it('keeps repeated keys in their order', () => {
    expect(readJson('{"a":1,"a":2}')).toEqual({
      type: 'object',
      entries: [
        ['a', { type: 'number', text: '1' }],
        ['a', { type: 'number', text: '2' }],
      ],
    });
  });

  it('ignores what follows the value', () => {
    expect(readJson('{} and more')).toEqual({ type: 'object', entries: [] });
  });

  it.each([
    '',
    '{',
    '[1,]',
    '{"a":1,}',
    "{'a':1}",
    '{a:1}',
    '[01]',
    '[1.]',
    '[.5]',
    '[+1]',
    '[NaN]',
    '"a',
    '"\n"',
    '"\\x"',
    '"\\u12"',
    '\ufeff{}',
    '// c\n{}',
    'nul',
    '['.repeat(100_000),
  ])('refuses %.20j', (text) => {
    expect(() => readJson(text)).toThrow(JsonError);
  });

  it('reads a string of twenty megabytes', () => {
    const value = 'x'.repeat(20_000_000);
    expect(readJson(`"${value}"`)).toEqual({ type: 'string', text: value });
  });
});
