// The tests of the tests: each patch in this folder is a bug, which is planted in a copy of the tree and must be caught.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseMutant, plant } from './patch.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The code and what tests read of it; no history, nothing built, nothing installed. */
const COPIED = readdirSync(ROOT).filter((name) => !['node_modules', 'dist'].includes(name) && !name.startsWith('.git'));
/** Running the tests takes minutes. */
const IS_DEEP = process.env['BARRI_DEEP'] === '1';

const MUTANTS = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.patch'))
  .map((name) => ({ name, ...parseMutant(readFileSync(join(import.meta.dirname, name), 'utf8')) }));
const TEST_FILES = [...new Set(MUTANTS.flatMap(({ caughtBy }) => caughtBy))];

test.each(MUTANTS)('$name can be planted in exactly one place, and changes it', (mutant) => {
  const text = readFileSync(join(ROOT, mutant.file), 'utf8');
  expect(plant(mutant, text)).not.toBe(text);
});

test.each(TEST_FILES)('%s, which is to catch bugs, exists', (file) => {
  expect(existsSync(join(ROOT, file))).toBe(true);
});

test.each([
  ['nowhere', 'c\n', 'found 0'],
  ['twice', 'a\nb\na\n', 'found 2'],
])('a bug that fits %s is refused', (_says, text, message) => {
  const mutant = parseMutant(
    '# Does.\n# caught by: test/x.test.ts\n# says: z\n--- a/x.ts\n+++ b/x.ts\n@@ -1,1 +1,1 @@\n-a\n+z\n',
  );
  expect(plant(mutant, 'b\na\n')).toBe('b\nz\n');
  expect(() => plant(mutant, text)).toThrow(message);
});

if (IS_DEEP)
  describe('in a copy of the tree', () => {
    let folder = '';

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'barri-mutants-'));
      for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    });

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    /** Runs test files in the copy until one fails. A run that could not even begin is an error, not a caught bug. */
    function failuresIn(files: readonly string[]): string[] {
      const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
      const args = [vitest, 'run', '--bail=1', '--reporter=json', ...files];
      const run = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: environment(), maxBuffer: 64 << 20 });
      const report = JSON.parse(run.stdout) as Report;
      const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
      if (tests.length === 0) throw new Error(`no test ran: ${run.stdout} ${run.stderr}`);
      return tests
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]}`);
    }

    test('all is well without a bug', () => expect(failuresIn(TEST_FILES)).toEqual([]), 600_000);

    test.each(MUTANTS)(
      'is caught for what it does: $does ($name)',
      (mutant) => {
        const path = join(folder, mutant.file);
        const text = readFileSync(path, 'utf8');
        writeFileSync(path, plant(mutant, text));
        try {
          expect(failuresIn(mutant.caughtBy).join('\n\n')).toContain(mutant.says);
        } finally {
          writeFileSync(path, text);
        }
      },
      180_000,
    );
  });

/** What is used of vitest's report in JSON. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Ours, without what would make the inner run a deep one, or think that it runs inside of another. */
function environment(): NodeJS.ProcessEnv {
  const { BARRI_DEEP: _deep, ...rest } = process.env;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('VITEST')));
}
