import { basename, join } from 'node:path';
import { checkBoard } from './board-check.ts';
import type { Problem } from './problem.ts';
import { type Files, readDocument } from './read-document.ts';
import { BOARD_REFERENCE, type BoardFile, boardSchema } from './schema-board.ts';
import { validate } from './validate.ts';
import type { YamlDocument } from './yaml-document.ts';

const SUFFIX = '.board.yaml';

/** A board file with everything that is wrong with it; `board` is undefined when it has errors. */
export interface LoadedBoard {
  readonly document: YamlDocument;
  readonly board: BoardFile | undefined;
  readonly problems: readonly Problem[];
}

/** What a reference such as `bme280@1` leads to. */
export type Found =
  | { readonly kind: 'found'; readonly loaded: LoadedBoard }
  | { readonly kind: 'bad-reference' }
  | { readonly kind: 'unknown'; readonly known: readonly string[] }
  | { readonly kind: 'other-major'; readonly version: string; readonly loaded: LoadedBoard };

/** The boards of one site; each file is read once. */
export interface BoardLibrary {
  find(reference: string): Promise<Found>;
  /** Every board file that has been read so far. */
  loaded(): Promise<readonly LoadedBoard[]>;
}

/** Looks for boards in `folders`; the first folder that has a file for the id wins. */
export function openBoardLibrary(folders: readonly string[], files: Files): BoardLibrary {
  const loaded = new Map<string, Promise<LoadedBoard>>();
  let index: Promise<ReadonlyMap<string, string>> | undefined;
  return {
    loaded: () => Promise.all(loaded.values()),
    async find(reference) {
      const match = BOARD_REFERENCE.exec(reference);
      if (!match) return { kind: 'bad-reference' };
      const [, id = '', major = ''] = match;
      index ??= readIndex(folders, files);
      const file = (await index).get(id);
      if (file === undefined) return { kind: 'unknown', known: [...(await index).keys()].sort() };
      const board = loaded.get(file) ?? loadBoardFile(file, files);
      loaded.set(file, board);
      const result = await board;
      const version = result.board?.version;
      if (version !== undefined && Number(version.split('.')[0]) !== Number(major))
        return { kind: 'other-major', version, loaded: result };
      return { kind: 'found', loaded: result };
    },
  };
}

async function readIndex(folders: readonly string[], files: Files): Promise<ReadonlyMap<string, string>> {
  const index = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await files.listFolder(folder)) {
      const id = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
      if (id !== undefined && !index.has(id)) index.set(id, join(folder, name));
    }
  }
  return index;
}

/** Reads and checks one board file. */
export async function loadBoardFile(file: string, files: Pick<Files, 'readFile'>): Promise<LoadedBoard> {
  return checkBoardDocument(await readDocument(file, files));
}

/** Checks a board file that has been parsed. */
export function checkBoardDocument(document: YamlDocument): LoadedBoard {
  const { value, problems: schemaProblems } = validate(document, boardSchema);
  const ownProblems = value ? checkBoard(document, value) : [];
  const name = basename(document.file);
  if (value && name.endsWith(SUFFIX) && name !== `${value.id}${SUFFIX}` && name.slice(0, -SUFFIX.length) !== value.id) {
    ownProblems.push(document.problem('C104', ['id'], { id: value.id, name: `${value.id}${SUFFIX}` }, 'warning'));
  }
  const problems = [...document.problems, ...schemaProblems, ...ownProblems];
  const hasErrors = problems.some((problem) => problem.severity === 'error');
  return { document, board: hasErrors ? undefined : value, problems };
}
