// What `barri check` prints fits the terminal, loses no word, and stays one line where a program reads it.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonProblem } from '../../cli/render-problems.ts';
import { displayWidth, fitted } from '../../cli/table.ts';
import { barri, ROOT } from './in-process.ts';

const FILES = [join(ROOT, 'examples/sites'), join(ROOT, 'test/data/config/broken'), join(ROOT, 'boards')];
const check = async (columns: number, ...more: string[]) => (await barri(['check', ...more, ...FILES], {}, columns)).out;

/** A text as its words, wherever its lines end. */
const words = (text: string) => text.split(/\s+/).join(' ').trim();

describe.each([60, 80, 100])('on a terminal of %d columns', (columns) => {
  it('no line is longer, but for a place or a single word that cannot be broken', async () => {
    const wide = (await check(columns)).split('\n').filter((line) => displayWidth(line) > columns);
    const isWhole = (line: string) => / --> \S+:\d+:\d+$/.test(line) || /^ *=? *(?:`[^`]+`\S*|\S+)$/.test(line);
    expect(wide.filter((line) => !isWhole(line))).toEqual([]);
  });

  it('every message and every advice is there whole, and every line of a file with its carets', async () => {
    const out = await check(columns);
    const { problems } = JSON.parse(await check(columns, '--json')) as { problems: readonly JsonProblem[] };
    expect(problems.length).toBeGreaterThan(100);
    const said = words(out);
    for (const { code, severity, message, fix, line } of problems) {
      expect(said).toContain(words(`${severity}[${code}] ${message}`));
      expect(fix).not.toEqual([]);
      for (const each of fix) expect(said).toContain(words(`= ${each}`));
      expect(line).toBeGreaterThan(0);
    }
    // A frame is the line with its number and below it the carets, both behind the bar.
    const lines = out.split('\n');
    const framed = lines.flatMap((line, index) => (/^\d+ \| /.test(line) ? [lines[index + 1] ?? ''] : []));
    expect(framed.length).toBeGreaterThan(100);
    expect(framed.filter((line) => !/^ +\| *\^+$/.test(line))).toEqual([]);
  });
});

it('JSON is the same on every terminal, in one line', async () => {
  const narrow = await check(40, '--json');
  expect(narrow).toBe(await check(200, '--json'));
  expect(narrow.trimEnd().split('\n')).toHaveLength(1);
});

describe('a line that is broken', () => {
  it('keeps a command in one piece, so that it can be pasted', () => {
    const text = '   = to give it to the gateway: `sudo chown barri /etc/barri/secrets/token`, then start again';
    expect(fitted(text, 60)).toBe(
      '   = to give it to the gateway:\n     `sudo chown barri /etc/barri/secrets/token`, then start\n     again',
    );
  });

  it.each([
    ['a command longer than the line', `see \`${'word '.repeat(30)}end\` there`],
    ['a mark that is never closed', `see \`${'word '.repeat(30)}`],
    ['three marks', `a \` b \`c\` ${'word '.repeat(30)}`],
  ])('loses nothing of %s', (_title, text) => {
    const broken = fitted(text, 50);
    expect(words(broken)).toBe(words(text));
    expect(broken.split('\n').filter((line) => displayWidth(line) > 50)).toEqual([]);
  });
});
