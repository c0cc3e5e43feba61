/** One figure of a bench, beside what it is to be compared with. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the baseline is, in words. */
  readonly against: string;
  /** The same figure of the baseline, taken in the same run; undefined when it could not be taken, which fails the bench. */
  readonly baseline: number | undefined;
  /** The figure, where it gives one: the value may be at most this. */
  readonly goal?: number;
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
  /** Null where there is no goal. */
  readonly met: boolean | null;
}

export function judge({ name, value, unit, against, baseline, goal }: Row): JudgedRow {
  return {
    name,
    value: rounded(value),
    unit,
    against,
    baseline: baseline === undefined ? null : rounded(baseline),
    ratio: baseline === undefined || baseline === 0 ? null : rounded(value / baseline),
    goal: goal ?? null,
    met: goal === undefined ? null : value <= goal,
  };
}

/** Three digits are more than a noisy machine can tell apart. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** The rows as a table for a person. */
export function table(rows: readonly JudgedRow[]): string {
  const head = ['name', 'value', 'unit', 'baseline', 'ratio', 'goal', 'met', 'against'];
  const lines = rows.map(({ name, value, unit, baseline, ratio, goal, met, against }) => [
    name,
    String(value),
    unit,
    baseline === null ? 'MISSING' : String(baseline),
    ratio === null ? '-' : String(ratio),
    goal === null ? '-' : `<= ${goal}`,
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
