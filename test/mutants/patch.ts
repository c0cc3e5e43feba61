/** A planted bug: one change of the production code, and the tests that must notice it. */
export interface Mutant {
  readonly says: string;
  /** Test files, at least one of whose tests must fail. */
  readonly caughtBy: readonly string[];
  /** Path of the changed file. */
  readonly file: string;
  /** What stands there, lines around it included, and what the bug makes of it. */
  readonly from: string;
  readonly to: string;
}

/**
 * Reads a patch of one change in one file, as `git diff -U0` writes it (with lines around it where they are needed to find
 * the place), below two lines of header. Line numbers do not count: the text says where.
 *
 *     # What the bug does.
 *     # caught by: test/one.test.ts test/another.test.ts
 *
 * @throws Error when something of that is missing
 */
export function parseMutant(text: string): Mutant {
  const form = /^# (.+)\n# caught by: (.+)\n--- a\/(.+)\n\+\+\+ b\/\3\n@@ .+ @@.*\n([\s\S]+)$/;
  const [, says, caughtBy, file, change] = form.exec(text) ?? [];
  if (says === undefined || caughtBy === undefined || file === undefined || change === undefined) {
    throw new Error('a planted bug has two lines of header and one change of one file, see test/mutants/patch.ts');
  }
  const lines = change.replace(/\n$/, '').split('\n');
  const odd = lines.find((line) => !/^[ +-]/.test(line));
  if (odd !== undefined) throw new Error(`expected one change, found the line: ${odd}`);
  const side = (without: '+' | '-') => lines.filter((line) => !line.startsWith(without)).map((line) => `${line.slice(1)}\n`);
  return { says, caughtBy: caughtBy.split(' '), file, from: side('+').join(''), to: side('-').join('') };
}

/**
 * Plants the bug in the text of its file.
 * @throws Error unless the place is there exactly once: a bug that is planted nowhere, or somewhere else, proves nothing
 */
export function plant({ file, from, to }: Mutant, text: string): string {
  const [before, after, ...more] = text.split(from);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(
      `${file}: expected exactly one place that reads\n${from}\nfound ${after === undefined ? 0 : more.length + 1}`,
    );
  }
  return before + to + after;
}
