/** A planted bug: one change of the production code, and the tests that must notice it. */
export interface Mutant {
  readonly does: string;
  /** Test files, at least one of whose tests must fail. */
  readonly caughtBy: readonly string[];
  /** Part of what the failing test is called and of what it says: any other failure has not caught this bug. */
  readonly says: string;
  /** Path of the changed file. */
  readonly file: string;
  /** What stands there, lines around it included, and what the bug makes of it. */
  readonly from: string;
  readonly to: string;
}

/**
 * Reads a patch of one change in one file, as `git diff -U0` writes it (with lines around it where they are needed to find
 * the place), below three lines of header. Line numbers do not count: the text says where.
 *
 *     # What the bug does.
 *     # caught by: test/one.test.ts test/another.test.ts
 *     # says: part of the failure
 *
 * @throws Error when something of that is missing
 */
export function parseMutant(text: string): Mutant {
  const form = /^# (.+)\n# caught by: (.+)\n# says: (.+)\n--- a\/(.+)\n\+\+\+ b\/\4\n@@ .+ @@.*\n([\s\S]+)$/;
  const [, does, caughtBy, says, file, change] = form.exec(text) ?? [];
  if (does === undefined || caughtBy === undefined || says === undefined || file === undefined || change === undefined) {
    throw new Error('a planted bug has three lines of header and one change of one file, see test/mutants/patch.ts');
  }
  const lines = change.replace(/\n$/, '').split('\n');
  const odd = lines.find((line) => !/^[ +-]/.test(line));
  if (odd !== undefined) throw new Error(`expected one change, found the line: ${odd}`);
  const side = (without: '+' | '-') => lines.filter((line) => !line.startsWith(without)).map((line) => `${line.slice(1)}\n`);
  return { does, says, caughtBy: caughtBy.split(' '), file, from: side('+').join(''), to: side('-').join('') };
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
