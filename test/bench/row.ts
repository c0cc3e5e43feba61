/** One figure of a bench, beside what it is to be compared with. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the baseline is, in words. */
  readonly against: string;
  /** The same figure of the baseline, taken in the same run; undefined when it could not be taken, which fails the bench. */
  readonly baseline: number | undefined;
  /** The figure, where it gives one. */
  readonly goal?: number;
  /** What the goal is for: the value, unless it says `ratio` (value / baseline). */
  readonly goalFor?: 'value' | 'ratio';
  /** Whether that may be `at most` the goal, which holds unless said otherwise, or has to be `at least` that. */
  readonly bound?: 'at most' | 'at least';
}

/** A row as it is printed: the ratio and the verdict are computed here and nowhere else. */
export interface JudgedRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly against: string;
  readonly baseline: number | null;
  /** value / baseline */
  readonly ratio: number | null;
  readonly goal: number | null;
  /** What the goal is for, and from which side; null where there is no goal. */
  readonly goalFor: 'value' | 'ratio' | null;
  readonly bound: 'at most' | 'at least' | null;
  /** Null where there is no goal, or nothing to hold against it. */
  readonly met: boolean | null;
}

export function judge(row: Row): JudgedRow {
  const { name, value, unit, against, baseline, goal, goalFor = 'value', bound = 'at most' } = row;
  const ratio = baseline === undefined || baseline === 0 ? null : value / baseline;
  const reached = goalFor === 'ratio' ? ratio : value;
  return {
    name,
    value: rounded(value),
    unit,
    against,
    baseline: baseline === undefined ? null : rounded(baseline),
    ratio: ratio === null ? null : rounded(ratio),
    goal: goal ?? null,
    goalFor: goal === undefined ? null : goalFor,
    bound: goal === undefined ? null : bound,
    met: goal === undefined || reached === null ? null : bound === 'at most' ? reached <= goal : reached >= goal,
  };
}

/** Three digits are more than a noisy machine can tell apart. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** The rows as a table for a person. */
export function table(rows: readonly JudgedRow[]): string {
  const head = ['name', 'value', 'unit', 'baseline', 'ratio', 'goal', 'met', 'against'];
  const lines = rows.map(({ name, value, unit, baseline, ratio, goal, goalFor, bound, met, against }) => [
    name,
    String(value),
    unit,
    baseline === null ? 'MISSING' : String(baseline),
    ratio === null ? '-' : String(ratio),
    goal === null ? '-' : `${goalFor === 'ratio' ? 'ratio ' : ''}${bound === 'at least' ? '>=' : '<='} ${goal}`,
    met === null ? '-' : met ? 'yes' : 'NO',
    against,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)));
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
