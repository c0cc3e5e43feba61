import { dirname, join } from 'node:path';
import { type LoadedBoard, openBoardLibrary } from '../config/board-library.ts';
import { type BoardTrial, tryBoard } from '../config/board-trial.ts';
import { type BoardVectors, loadBoardVectors } from '../config/board-vectors.ts';
import type { Texts } from '../config/config.ts';
import { boardFolders, listFolder, readLimited } from './files.ts';

/** One board of the list. */
export interface BoardRow {
  readonly id: string;
  readonly file: string;
  /** Missing when the file has errors. */
  readonly about?: {
    readonly label: Texts;
    readonly needs: string;
    readonly driver: string;
    readonly status: 'verified' | 'community';
    readonly trial: BoardTrial;
    /** Recordings and examples of others that it stands on, as `file/id`. */
    readonly provenBy: readonly string[];
  };
}

/** What nothing here makes use of: vectors of one file, or whole collections. */
export interface Unused {
  readonly file: string;
  readonly ids: readonly string[];
  readonly count: number;
  readonly why: string;
}

export interface BoardList {
  readonly boards: readonly BoardRow[];
  readonly verifiedCount: number;
  readonly communityCount: number;
  readonly unused: readonly Unused[];
}

/** Every board of the package and of this machine, and what is known of them from others. */
export async function boardList(packageRoot: string): Promise<BoardList> {
  const options = { readFile: readLimited, listFolder, boardFolders: boardFolders(packageRoot) };
  const own = join(packageRoot, 'boards');
  const vectors = await loadBoardVectors(join(own, 'vectors.yaml'), options);
  const loaded = await openBoardLibrary(options.boardFolders, options).all();
  const boards: BoardRow[] = [];
  for (const each of loaded) boards.push(await rowOf(each, options, dirname(each.document.file) === own ? vectors : undefined));
  const right = boards.flatMap(({ about }) => about ?? []);
  const verifiedCount = right.filter(({ provenBy }) => provenBy.length > 0).length;
  return { boards, verifiedCount, communityCount: right.length - verifiedCount, unused: unusedOf(vectors) };
}

/** `vectors` speak of the boards of the package, and not of one of the same name that a technician has put in its place. */
async function rowOf(
  { document: { file }, board }: LoadedBoard,
  options: Parameters<typeof tryBoard>[1],
  vectors: BoardVectors | undefined,
): Promise<BoardRow> {
  if (board === undefined) return { id: /([^/]*)\.board\.yaml$/.exec(file)?.[1] ?? file, file };
  const { id, label, needs, driver, status } = board;
  const provenBy = Object.entries(vectors?.files ?? {}).flatMap(([name, { proves = {} }]) =>
    (proves[id] ?? []).map((vector) => `${name}/${vector}`),
  );
  const trial = await tryBoard(board, options);
  return { id, file, about: { label, needs, driver, status, trial, provenBy } };
}

/** Those with one reason together. */
function unusedOf({ files, elsewhere }: BoardVectors): Unused[] {
  const inFiles = Object.entries(files).flatMap(([file, { unused = {} }]) => {
    const reasons = [...new Set(Object.values(unused))];
    return reasons.map((why): Unused => {
      const ids = Object.keys(unused).filter((id) => unused[id] === why);
      return { file, ids, count: ids.length, why };
    });
  });
  return [...inFiles, ...Object.entries(elsewhere).map(([file, { count, why }]) => ({ file, ids: [], count, why }))];
}
