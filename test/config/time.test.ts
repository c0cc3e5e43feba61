import { describe, expect, it } from 'vitest';
import { problemsAsJson, renderProblems } from '../../cli/render-problems.ts';
import { HEAD, loadText } from './site-files.ts';

const LOOK = { isTerminal: false, columns: 100, rows: 40, env: {} };
const many = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');
const device = (index: number, more = '') => `  d${index}: { board: sht31@1, via: i2c1${more} }\n`;

/** Files within the limit of size that made a check take from five seconds to minutes; each needs about one. */
describe('a file of 256 KiB is checked and shown before a test takes too long', () => {
  it.each([
    ['a text of 250,000 letters', HEAD.replace('id: demo', `id: demo, contact: ${'a'.repeat(250_000)}`)],
    ['a gateway id of 250,000 letters', HEAD.replace('id: demo', `id: ${'a'.repeat(250_000)}`)],
    ['a key of 250,000 letters', `${HEAD}${'a'.repeat(250_000)}: 1\n`],
    ['a key of 60,000 short words', `${HEAD}"${'ab: '.repeat(60_000)}": 1\n`],
    ['addresses without end', `${HEAD}note: ${'a://'.repeat(60_000)}\n`],
    ['words before spaces', `${HEAD}note: "${`token ${' '.repeat(1000)}`.repeat(250)}"\n`],
    ['1500 tokens', `${HEAD}${many(1500, (index) => `t${index}: { token: abcdef${index} }\n`)}`],
    ['non-breaking spaces without end', `${HEAD}note: "token${'\u00a0'.repeat(120_000)}"\n`],
    ['references without end', `${HEAD}note: "${'token: {secret: a},'.repeat(13_000)}"\n`],
    [
      '100 short tokens in a long text',
      `${HEAD}note: ${'abc '.repeat(50_000)}\n${many(100, (index) => `t${index}: { token: a${index} }\n`)}`,
    ],
    ['a token before 5000 wrong keys of its line', `${HEAD}mqtt: { token: x, ${many(5000, (index) => `t${index}: 1, `)} }\n`],
    ['quotes without end', `${HEAD}note: x\na: ${`"'`.repeat(120_000)}\n`],
    ['5000 wrong keys', `${HEAD}${many(5000, (index) => `t${index}: 1\n`)}`],
    [
      '3500 devices on wrong buses',
      `${HEAD}devices:\n${many(3500, (index) => `  d${index}: { board: sht31@1, via: j2c${index} }\n`)}`,
    ],
    [
      '3500 devices of unknown boards',
      `${HEAD}devices:\n${many(3500, (index) => `  d${index}: { board: b${index}@1, via: i2c1 }\n`)}`,
    ],
    ['3500 devices on one address', `${HEAD}devices:\n${many(3500, (index) => device(index))}`],
    [
      '1000 wrong references among 900 devices',
      `${HEAD}devices:\n${many(900, (index) => device(index, ', enabled: false'))}rules:\n${many(1000, (index) => `  r${index}: { when: { reading: d${index}.temp }, do: { alarm: x } }\n`)}`,
    ],
  ])('%s', async (_title, text) => {
    expect(text.length).toBeLessThan(256 * 1024);
    const site = await loadText(text);
    renderProblems(site.problems, site.sources, LOOK);
    problemsAsJson(site.problems);
  });
});
