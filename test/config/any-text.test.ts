import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { problemsAsJson, renderProblems } from '../../cli/render-problems.ts';
import { checkBoardDocument } from '../../config/board-library.ts';
import { parseYaml } from '../../config/yaml-document.ts';
import { loadText, ROOT } from './site-files.ts';

const LOOK = { isTerminal: false, columns: 80, rows: 40, env: {} };
const RUNS = process.env['BARRI_DEEP'] ? 2000 : 80;

const SITE = readFileSync(join(ROOT, 'examples/sites/hort-urba.gateway.yaml'), 'utf8').split('\n');
const BOARD = readFileSync(join(ROOT, 'boards/eastron-sdm120.board.yaml'), 'utf8').split('\n');

/** Pieces that change what YAML makes of a line. */
const PIECE = fc.constantFrom(
  '',
  ' ',
  '  ',
  '\t',
  '\u00a0',
  ':',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a ',
  '*a',
  '<<: *a',
  '#',
  '|',
  '>',
  '!x ',
  '---',
  '? ',
  ',',
  'null',
  '~',
  'yes',
  '010',
  '1e3',
  '.nan',
  '.inf',
  '0x1F',
  'note: x',
  '__proto__: 1',
  '@',
  '%',
  '日本',
  '👩‍🌾',
  '\u202e',
);

/** A real file with some lines cut, moved, repeated or spoilt. */
function mutated(lines: readonly string[]): fc.Arbitrary<string> {
  const change = fc.record({
    line: fc.nat(lines.length - 1),
    at: fc.nat(60),
    piece: PIECE,
    kind: fc.constantFrom('insert', 'cut', 'drop', 'repeat'),
  });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    const copy = [...lines];
    for (const { line, at, piece, kind } of changes) {
      const old = copy[line] ?? '';
      if (kind === 'insert') copy[line] = old.slice(0, at) + piece + old.slice(at);
      else if (kind === 'cut') copy[line] = old.slice(0, at);
      else if (kind === 'drop') copy.splice(line, 1);
      else copy.splice(line, 0, old);
    }
    return copy.join('\n');
  });
}

describe('whatever a file holds', () => {
  const anyText = fc.oneof(
    fc.array(fc.oneof(PIECE, fc.string({ maxLength: 8 }), fc.constant('\n'))).map((parts) => parts.join('')),
    mutated(SITE),
  );

  it('a site is loaded or refused with problems that can be shown, and nothing is thrown', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const site = await loadText(text);
        expect(site.config === undefined).toBe(site.problems.some(({ severity }) => severity === 'error'));
        const lines = text.split('\n').length;
        for (const { place } of site.problems) expect(place.line >= 1 && place.line <= lines && place.column >= 1).toBe(true);
        // The texts of problems are those of the catalogue, without what the file holds.
        for (const { code, parameters } of site.problems) {
          const { what, hints } = textOf(en, code, parameters);
          const own = JSON.stringify(Object.values(parameters));
          for (const name of `${what} ${hints.join(' ')}`.match(/\{[a-z]+\}/g) ?? []) expect(own).toContain(name);
        }
        expect(renderProblems(site.problems, site.sources, LOOK)).not.toContain('undefined');
        JSON.parse(problemsAsJson(site.problems));
      }),
      { seed: 20_261_125, numRuns: RUNS },
    );
  });

  it('a board is loaded or refused with problems, and nothing is thrown', () => {
    fc.assert(
      fc.property(mutated(BOARD), (text) => {
        const { board, problems } = checkBoardDocument(parseYaml('eastron-sdm120.board.yaml', text));
        expect(board === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
      }),
      { seed: 20_261_125, numRuns: RUNS },
    );
  });
});
