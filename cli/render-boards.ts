import type { BoardList, BoardRow, Unused } from './board-list.ts';
import { inEnglish } from './messages/board-show.ts';
import { text } from './messages/boards.ts';
import { fitted, labelled } from './table.ts';

/** Longer than the id of any board of the package. */
const LABEL_WIDTH = 28;

/** The picture of `barri board list`. */
export function renderBoards(list: BoardList, { columns }: { readonly columns: number }): string {
  const look = { columns, labelWidth: LABEL_WIDTH };
  const boards = labelled(
    list.boards.map((row) => [row.id, linesOf(row)]),
    look,
  );
  const unused = labelled(
    list.unused.map((each) => [each.file, [unusedLine(each)]]),
    look,
  );
  const counts = fitted(text.counts(list), columns);
  return `${boards}\n${counts}\n${fitted(text.unusedHead, columns)}${unused}`;
}

function linesOf({ file, about }: BoardRow): readonly string[] {
  if (about === undefined) return [text.wrong(file)];
  const { label, needs, driver, status, trial, provenBy } = about;
  const runs = trial.kind === 'runs' ? text.runs : text.runsNot(trial.kind === 'skipped' ? trial.code : undefined, driver);
  return [
    inEnglish(label),
    `${needs}, ${text.status(status, provenBy.length > 0)}, ${runs}`,
    ...(provenBy.length === 0 ? [] : [text.provenBy(provenBy)]),
  ];
}

function unusedLine({ ids, count, why }: Unused): string {
  return ids.length === 0 ? text.allUnused(count, why) : text.unused(ids, why);
}
