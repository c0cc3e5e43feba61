// What is said to somebody who types a command line wrong.

import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../cli/table.ts';
import { barri } from './in-process.ts';

describe('wrong use', () => {
  test.each([
    { is: 'an unknown command', line: 'jurnal', help: 'barri' },
    { is: 'an unknown option', line: 'status --jsn', help: 'barri status' },
    { is: 'an unknown subcommand', line: 'journal inspekt', help: 'barri journal' },
    { is: 'a subcommand of another command', line: 'sim journal', help: 'barri sim' },
    { is: 'a missing argument', line: 'journal salvage --out saved', help: 'barri journal salvage' },
    { is: 'a missing option', line: 'journal salvage card', help: 'barri journal salvage' },
    { is: 'an option without its value', line: 'journal export --out', help: 'barri journal export' },
    { is: 'a wrong choice', line: 'journal export --format xml', help: 'barri journal export' },
    { is: 'a wrong value', line: 'sim sentilo --port x', help: 'barri sim sentilo' },
    { is: 'an argument too many', line: 'journal verify one two', help: 'barri journal verify' },
  ])('points to the help of its command: $is', async ({ line, help }) => {
    const { code, out, err } = await barri(line.split(' '));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: /);
    expect(err).toContain(`\n(\`${help} --help\` shows `);
    expect((await barri([...help.split(' ').slice(1), '--help'])).out).toContain(`Usage: ${help} `);
  });
});

describe('help on a terminal of 40 columns', () => {
  test('breaks a paragraph once, and not where it is broken on a wider one', async () => {
    const lines = (await barri(['set', '--help'], {}, 40)).out.split('\n');
    const at = lines.findIndex((line) => line.startsWith('It goes back'));
    const paragraph = lines.slice(at, lines.indexOf('', at));
    // Each line is full: the first word of the next one finds no room in it.
    const loose = paragraph.filter((line, index) => {
      const [word = ''] = (paragraph[index + 1] ?? '').trimStart().split(' ');
      return !/[.:]$/.test(line) && displayWidth(line) + 1 + displayWidth(word) <= 40;
    });
    expect(loose).toEqual([]);
    expect(paragraph.length).toBeGreaterThan(5);
  });

  test.each([[''], ['sim run'], ['journal export'], ['status'], ['outputs log']])(
    'fits, but for what is pasted: %s',
    async (line) => {
      const { code, out } = await barri([...line.split(' ').filter((word) => word !== ''), '--help'], {}, 40);
      const wide = out.split('\n').filter((each) => displayWidth(each) > 40);
      // An example is there to be pasted, and a single word cannot be broken.
      expect(wide.filter((each) => !/^ {2}barri |^ *\S+$/.test(each))).toEqual([]);
      expect(out).toContain('\n  barri ');
      expect(code).toBe(0);
    },
  );
});
