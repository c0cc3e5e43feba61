import { basename, dirname } from 'node:path';
import { type LoadedBoard, loadBoardFile, openBoardLibrary } from '../config/board-library.ts';
import { closest } from '../config/closest.ts';
import { finish } from '../config/load-site.ts';
import type { ProblemParameters } from '../config/problem.ts';
import { viewOf } from './board-view.ts';
import { EXIT } from './exit-codes.ts';
import { boardFolders, listFolder, readLimited } from './files.ts';
import type { Io } from './io.ts';
import { textOf } from './messages/catalogue.ts';
import { en } from './messages/en.ts';
import { renderBoard } from './render-board.ts';
import { renderProblems } from './render-problems.ts';
import { say } from './say.ts';

const SUFFIX = '.board.yaml';

/** Shows one board, by its id, its reference (`bme280@1`) or its file. What is wrong is said, and the exit code is set. */
export async function boardShow(name: string, { json = false }: { readonly json?: boolean }, io: Io): Promise<void> {
  const isFile = name.endsWith('.yaml');
  // What lies beside a file that is named may be used by it, as beside a site.
  const folders = [...(isFile ? [dirname(name)] : []), ...boardFolders(io.packageRoot)];
  const options = { readFile: readLimited, listFolder, boardFolders: folders };
  const all = await openBoardLibrary(folders, options).all();
  const found = isFile ? await loadBoardFile(name, options) : boardOf(name, all, io);
  if (found === undefined) return;
  const { board, document, problems } = found;
  if (board === undefined) {
    const { problems: shown, sources } = finish(document, [document], problems);
    io.err(
      renderProblems(
        shown.filter(({ severity }) => severity === 'error'),
        sources,
        io,
      ),
    );
    io.setExitCode(EXIT.problems);
    return;
  }
  const view = await viewOf(board, { file: document.file, all: all.flatMap((each) => each.board ?? []), options });
  io.out(json ? `${JSON.stringify(view)}\n` : renderBoard(view, io));
}

/** The board of a name; undefined after it was said that there is none. */
function boardOf(name: string, all: readonly LoadedBoard[], io: Io): LoadedBoard | undefined {
  const [id = '', major] = name.split('@');
  const idOf = ({ document }: LoadedBoard) => basename(document.file, SUFFIX);
  const found = all.find((each) => idOf(each) === id);
  const version = found?.board?.version;
  if (found !== undefined && (major === undefined || version === undefined || version.split('.')[0] === major)) return found;
  if (version !== undefined) return refuse('C102', { board: name, version, write: `${id}@${version.split('.')[0]}` }, io);
  return refuse('C101', { board: name, candidates: closest(id, all.map(idOf)), file: `boards/my-meter${SUFFIX}` }, io);
}

function refuse(code: string, parameters: ProblemParameters, io: Io): undefined {
  const { what, hints } = textOf(en, code, parameters);
  return say(`error[${code}] ${what}\n${hints.map((hint) => `   = ${hint}\n`).join('')}`, io, EXIT.usage);
}
