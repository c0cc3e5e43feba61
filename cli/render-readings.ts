import { UNITS } from '../drivers/quantities.ts';
import { valueText } from '../gateway/decimal.ts';
import type { ReadingRow } from '../gateway/status.ts';
import { text } from './messages/live.ts';
import { cellText, labelled, tableLines } from './table.ts';

const RIGHT = new Set([2, 4]);
/** Columns of a text: with ids of usual length a line fits on a terminal of 80. JSON has all of it. */
const TEXT_COLUMNS = 24;

/** Age and quality are left out from here. */
const VALUE_CELLS = 4;

/**
 * The table of `barri read`: one line for each reading, with its age and whether it can be trusted. Where the terminal is too narrow
 * for that these two are left out if they say nothing, as all are good; else they stand in a line below.
 */
export function renderReadings(rows: readonly ReadingRow[], columns = Number.POSITIVE_INFINITY): string {
  const cells = rows.map((row) => [
    row.device,
    row.reading,
    valueCell(row),
    UNITS.get(row.unit)?.symbol ?? row.unit,
    row.ageMs === undefined ? '' : text.duration(row.ageMs),
    qualityCell(row),
  ]);
  const table = [[...text.readingHeader], ...cells];
  const lines = tableLines(table, RIGHT, columns);
  const isGood = rows.every(({ quality, problem }) => quality === 'good' && problem === undefined);
  const isBroken = lines.length > table.length;
  const short =
    isGood && isBroken
      ? tableLines(
          table.map((each) => each.slice(0, VALUE_CELLS)),
          RIGHT,
          columns,
        )
      : lines;
  return `${short.join('\n')}\n`;
}

function valueCell({ value, precision, unit, quality }: ReadingRow): string {
  // A value that is too old is never shown as if it were current.
  if (value === undefined || quality === 'old') return '-';
  if (typeof value === 'string') return cellText(value, TEXT_COLUMNS);
  return unit === 'bool' ? text.state(Boolean(value)) : valueText(value, precision);
}

function qualityCell({ quality, reason, problem }: ReadingRow): string {
  const word = text.quality(quality, reason);
  return problem === undefined ? word : `${word}: ${problem.code}`;
}

/** What the codes in the table mean, with the driver's own words; each once for all that have it. Empty when nothing is wrong. */
export function renderProblems(rows: readonly ReadingRow[], columns: number): string {
  const lines = new Map<string, Set<string>>();
  for (const { device, reading, problem } of rows) {
    if (problem === undefined) continue;
    const isSame = (other: ReadingRow) => other.device !== device || other.problem?.message === problem.message;
    const line = text.deviceProblem(problem);
    lines.set(line, (lines.get(line) ?? new Set()).add(rows.every(isSame) ? device : `${device}.${reading}`));
  }
  const named = [...lines].map(([line, names]) => `${[...names].join(', ')}: ${line}`);
  return labelled([[text.statusLabels.device, named]], { columns });
}
