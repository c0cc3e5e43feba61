import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { validate } from '../../config/validate.ts';
import { parseYaml } from '../../config/yaml-document.ts';

const codes = (text: string | Uint8Array) => parseYaml('a.yaml', text).problems.map(({ code }) => code);

describe('parsing', () => {
  it.each([
    ['an empty file', '', ['C004']],
    ['a file of comments', '# nothing\n', ['C004']],
    ['bytes that are no UTF-8', Uint8Array.of(0xff, 0xfe, 0x00, 0x41), ['C005']],
    ['a NUL in a text', 'a: "\0"\n', ['C005']],
    ['10 MB', 'x'.repeat(10_000_000), ['C003']],
    ['21 levels of lists', `a: ${'['.repeat(21)}${']'.repeat(21)}\n`, ['C018']],
    ['a hundred thousand dashes', '- '.repeat(100_000), ['C018']],
    ['two hundred thousand brackets', '['.repeat(200_000), ['C018']],
    ['a hundred thousand values', `a: [${'1,'.repeat(100_000)}]\n`, ['C032']],
    ['an anchor inside itself', 'a: &a [*a]\n', ['C016']],
    ['a list merged into a map', 'a: &a [1]\nb:\n  <<: *a\n', ['C019']],
    ['a key that is a list', '? [a]\n: b\n', ['C030']],
    ['__proto__', '__proto__: { polluted: true }\n', ['C031']],
    ['prototype', 'a: { prototype: 1 }\n', ['C031']],
  ])('refuses %s', (_title, text, expected) => {
    expect(codes(text)).toEqual(expected);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('accepts twenty aliases and refuses the twenty-first', () => {
    const list = (count: number) => `a: &a 1\nb: [${Array(count).fill('*a').join(', ')}]\n`;
    expect(codes(list(20))).toEqual([]);
    expect(codes(list(21))).toEqual(['C017']);
  });

  it('stops at aliases that double a large list ten times instead of building it', () => {
    const doubling = Array.from({ length: 10 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]`);
    const text = [`a0: &a0 [${'x, '.repeat(5000)}x]`, ...doubling].join('\n');
    expect(codes(text)).toEqual(['C017']);
  });

  it('accepts a byte order mark and Windows line ends', () => {
    const document = parseYaml('a.yaml', '\ufeffa: 1\r\nb:\r\n  c: x\r\n');
    expect(document.value).toEqual({ a: 1, b: { c: 'x' } });
    expect(document.placeOf(['b', 'c'])).toMatchObject({ line: 3, column: 6, length: 1 });
  });

  it('leaves a non-breaking space inside a text alone', () => {
    expect(parseYaml('a.yaml', 'a: 10\u00a0m\n')).toMatchObject({ value: { a: '10\u00a0m' }, problems: [] });
  });

  it('keeps keys as they are written', () => {
    expect(parseYaml('a.yaml', '010: a\ntrue: b\n').value).toEqual({ '010': 'a', true: 'b' });
  });
});

describe('places', () => {
  const document = parseYaml(
    'a.yaml',
    'a:\n  b: "text"\n  c:\n  d: [10, 20]\nbase: &base { x: 1, y: 2 }\ne: *base\nf:\n  <<: *base\n  y: 3\n',
  );

  it.each([
    ['a text, with its quotes', ['a', 'b'], 2, 6, 6],
    ['the key of a block', ['a'], 1, 1, 1],
    ['the key of what is empty', ['a', 'c'], 3, 3, 1],
    ['an item of a list', ['a', 'd', 1], 4, 11, 2],
    ['the nearest parent of what is missing', ['a', 'z', 'y'], 1, 1, 1],
    ['the alias through which a value came', ['e', 'x'], 6, 4, 5],
    ['the << through which a value came', ['f', 'x'], 8, 3, 2],
    ['what is written beside the <<', ['f', 'y'], 9, 6, 1],
  ])('point at %s', (_title, path, line, column, length) => {
    expect(document.placeOf(path)).toEqual({ file: 'a.yaml', line, column, length });
  });

  it('point at a key on demand', () => {
    expect(document.placeOf(['a', 'b'], 'key')).toMatchObject({ line: 2, column: 3, length: 1 });
  });
});

describe('validating', () => {
  const schema = z.strictObject({
    name: z.string().optional(),
    count: z.int().min(1).optional(),
    is_on: z.boolean().optional(),
    mode: z.enum(['8E1', '7E1']).optional(),
    either: z.union([z.string(), z.strictObject({ en: z.string() })]).optional(),
  });
  const check = (text: string) => validate(parseYaml('a.yaml', text), schema);

  it.each([
    ['name: 8E1', { name: '8E1' }],
    ['name: 08001', { name: '08001' }],
    ['name: true', { name: 'true' }],
    ['mode: 8E1', { mode: '8E1' }],
    ['either: 010', { either: '010' }],
    ['count: 0x10', { count: 16 }],
    ['is_on: true', { is_on: true }],
  ])('takes %s as it is meant', (text, value) => {
    expect(check(text)).toMatchObject({ value, problems: [] });
  });

  it.each([
    ['count: 010', 'C028', { written: '010', number: '10' }],
    ['count: 0o10', 'C028', { written: '0o10', number: '8' }],
    ['count: 1e1', 'C028', { written: '1e1', number: '10' }],
    ['count: 1.5', 'C023', { written: '1.5', found: 'number', expected: ['integer'] }],
    ['count: "3"', 'C069', { written: '3' }],
    ['count: "41,4"', 'C070', { written: '41,4', number: '41.4' }],
    ['count: -0,8', 'C070', { written: '-0,8', number: '-0.8' }],
    ['count: x', 'C023', { written: 'x', found: 'text', expected: ['number'] }],
    ['is_on: "true"', 'C069', { written: 'true' }],
    ['count: 0', 'C025', { written: '0', bound: 'least', of: 'number', amount: 1 }],
    ['is_on: yes', 'C027', { written: 'yes', meant: 'true' }],
    ['is_on: off', 'C027', { written: 'off', meant: 'false' }],
    ['is_on: "yes"', 'C023', { written: 'yes', found: 'text', expected: ['boolean'] }],
    ['mode: 8O1', 'C024', { written: '8O1', choices: ['8E1', '7E1'], candidates: ['8E1'] }],
    ['name:', 'C029', { key: 'name' }],
    ['nmae: x', 'C021', { key: 'nmae', candidates: ['name'], allowed: ['name', 'count', 'is_on', 'mode', 'either'] }],
    ['either: [1]', 'C023', { written: '', found: 'list', expected: ['text', 'map'] }],
    ['either: { french: x, en: y }', 'C021', { key: 'french', candidates: [], allowed: ['en'] }],
  ])('refuses %s', (text, code, parameters) => {
    const { value, problems } = check(text);
    expect(value).toBeUndefined();
    expect(problems).toMatchObject([{ code, parameters }]);
  });
});
