// The page that explains a site file part by part: what it shows is the example, and each part is right where it stands.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errors, loadText, marks, ROOT } from './site-files.ts';

const page = readFileSync(join(ROOT, 'docs/site-file.md'), 'utf8');
const example = readFileSync(join(ROOT, 'examples/sites/hort-petit.gateway.yaml'), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = '']) => yaml);
/** One file of several blocks: each shows the key that it stands under, which a file has once. */
const joined = (some: readonly string[]) => some.join('').split('\n').reduce(withoutRepeated, []).join('\n');
const withoutRepeated = (lines: readonly string[], line: string): readonly string[] =>
  /^\w+:$/.test(line) && lines.includes(line) ? lines : [...lines, line];
/** Without empty lines and the line for editors. */
const linesOf = (yaml: string) => yaml.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('the page about a site file', () => {
  it('shows all of the example, in its order', () => {
    expect(linesOf(joined(blocks))).toEqual(linesOf(example));
  });

  it.each(blocks.map((block, at) => [at, block.split('\n', 2).join(' ')] as const))(
    'is right up to the part %i: %s',
    async (at) => {
      expect(errors(await loadText(joined(blocks.slice(0, at + 1))))).toEqual([]);
    },
  );

  it('leaves nothing to be said of the whole', async () => {
    expect(marks(await loadText(joined(blocks)))).toEqual([]);
  });
});
