import type { OutputState } from '../gateway/outputs/output.ts';
import type { Io } from './io.ts';
import { text } from './messages/outputs.ts';
import { cellText, fitted, tableColumns, tableLines } from './table.ts';

/** Who asked, and what is wrong, may be long. */
const WORDS_COLUMNS = 40;

/** The table of `barri outputs`, with what is wrong below it. */
export function renderOutputs(outputs: readonly OutputState[], io: Pick<Io, 'columns' | 'isTerminal'>): string {
  if (outputs.length === 0) return text.none;
  const rows = outputs.map(({ output, seen, safe, asked, backInMs }) => [
    output,
    text.state(seen),
    backInMs === undefined ? '' : text.back(backInMs, safe),
    asked === undefined ? text.never : cellText(text.asked(asked), WORDS_COLUMNS),
  ]);
  const problems = outputs.flatMap(({ output, problem }) =>
    problem === undefined ? [] : [fitted(`${text.problem(output, problem)}\n`, io.columns)],
  );
  return `${tableLines([text.head, ...rows], new Set(), tableColumns(io)).join('\n')}\n${problems.join('')}`;
}
