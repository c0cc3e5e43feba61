import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBoardFile } from '../../config/board-library.ts';
import { loadSite } from '../../config/load-site.ts';
import { DATA, errors, marks, options } from './site-files.ts';

const BROKEN: readonly { file: string; code: string; line: number; column: number }[] = JSON.parse(
  readFileSync(join(DATA, 'broken/expected.json'), 'utf8'),
);

/** Read by `barri check`, which looks at the kind of file first: see test/cli/check.test.ts. */
const BY_KIND = new Set(['C001', 'C065', 'C066']);

describe('a broken file', () => {
  it.each(BROKEN.filter(({ code }) => !BY_KIND.has(code)))(
    '$file: $code at $line:$column',
    async ({ file, code, line, column }) => {
      const path = join(DATA, 'broken', file);
      const loaded = file.endsWith('.board.yaml') ? await loadBoardFile(path, options()) : await loadSite(path, options());
      expect(marks(loaded)).toContain(`${code} ${line}:${column}`);
    },
  );
});

describe('the file with eleven mistakes', () => {
  it('shows all of them in one run, each at its place', async () => {
    const site = await loadSite(join(DATA, 'eleven.gateway.yaml'), options());
    expect(marks(site).filter((mark) => !mark.startsWith('C136'))).toEqual([
      'C050 6:10',
      'C115 9:37',
      'C021 14:5',
      'C130 15:3',
      'C033 18:12',
      'C120 20:7',
      'C027 20:30',
      'C110 21:32',
      'C034 21:45',
      'C101 22:19',
      'C112 23:42',
    ]);
  });
});

describe('files from reports about other products', () => {
  it.each([
    ['cfg-01', 'U+00A0 is named on its line', ['C015 25:1']],
    ['cfg-03', 'unit 010 is pointed at', ['C028 30:19']],
    ['cfg-05', 'times of day need no quotes', []],
    ['cfg-07', 'a 1-Wire address with 13 digits', ['C124 34:18']],
    ['cfg-11', 'own keys win wherever << stands', []],
    ['cfg-14', 'an empty block', ['C029 39:5']],
    ['sc-06', 'aliases that multiply', ['C017 51:14']],
  ])('%s: %s', async (name, _title, expected) => {
    const startMs = performance.now();
    const site = await loadSite(join(DATA, `cases/${name}.gateway.yaml`), options());
    expect(
      site.problems
        .filter(({ severity }) => severity === 'error')
        .map(({ code, place }) => `${code} ${place.line}:${place.column}`),
    ).toEqual(expected);
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  it('cfg-01 speaks of the character and not of an unknown key', async () => {
    const site = await loadSite(join(DATA, 'cases/cfg-01.gateway.yaml'), options());
    expect(site.problems.map(({ code, parameters }) => [code, parameters])).toEqual([
      ['C015', { kind: 'space', character: 'U+00A0' }],
    ]);
  });

  it('cfg-11 keeps unit 12 of the meter that merges unit 11', async () => {
    const site = await loadSite(join(DATA, 'cases/cfg-11.gateway.yaml'), options());
    expect(
      [...(site.config?.devices.values() ?? [])].filter(({ board }) => board === 'eastron-sdm120').map(({ address }) => address),
    ).toEqual([11, 12]);
  });

  it('cfg-05 takes `orders: [rules, web]` and says what it is called now', async () => {
    const site = await loadSite(join(DATA, 'cases/cfg-05.gateway.yaml'), options());
    expect(errors(site)).toEqual([]);
    expect(site.problems.find(({ code }) => code === 'C062')).toMatchObject({
      severity: 'warning',
      place: { line: 40, column: 57 },
    });
  });

  it('cfg-09: a register is used as it is written, with a note about 4xxxx', async () => {
    const { board, problems } = await loadBoardFile(join(DATA, 'cases/cfg-09.board.yaml'), options());
    expect(board?.readings?.['model']?.at).toBe(40_002);
    // The request of the case is 01 03 9c42 0001: 40002 on the wire.
    expect(problems.map(({ code, severity, parameters }) => [code, severity, parameters])).toEqual([
      ['C129', 'note', { at: 40_002, first: 40_001, other: 1, bytes: '9c42' }],
      ['C104', 'warning', { id: 'sunspec-common', name: 'sunspec-common.board.yaml' }],
    ]);
  });

  it.each(['u00b5', 'u03bc'])('in-01: the micro sign %s is right', async (sign) => {
    const { board } = await loadBoardFile(join(DATA, `cases/in-01-${sign}.board.yaml`), options());
    expect(board?.readings?.['pm2_5']?.quantity).toBe('pm2_5');
  });
});
