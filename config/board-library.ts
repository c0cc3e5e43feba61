import { basename, join } from 'node:path';
import { checkBoard } from './board-check.ts';
import type { Problem } from './problem.ts';
import { errorCode, type Files, readDocument } from './read-document.ts';
import { type BoardFile, boardSchema } from './schema-board.ts';
import { BOARD_REFERENCE } from './schema-types.ts';
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
  | { readonly kind: 'other-id'; readonly file: string; readonly id: string }
  | { readonly kind: 'bad-reference'; readonly known: readonly string[] }
  | { readonly kind: 'unknown'; readonly known: readonly string[] }
  | { readonly kind: 'other-major'; readonly version: string; readonly loaded: LoadedBoard };

/** The boards of one site; each file is read once. */
export interface BoardLibrary {
  find(reference: string): Promise<Found>;
  /** Every board that there is, by its file's name. */
  all(): Promise<readonly LoadedBoard[]>;
  /** Every board file that has been read so far. */
  loaded(): Promise<readonly LoadedBoard[]>;
  /** Folders that are there and cannot be read, with the system's reason: another board could have been meant. */
  unreadable(): Promise<ReadonlyMap<string, string>>;
}

/** Looks for boards in `folders`; the first folder that has a file for the id wins. */
export function openBoardLibrary(folders: readonly string[], files: Files): BoardLibrary {
  const loaded = new Map<string, Promise<LoadedBoard>>();
  let reading: Promise<Index> | undefined;
  const index = () => {
    reading ??= readIndex(folders, files);
    return reading;
  };
  const load = (file: string) => {
    const board = loaded.get(file) ?? loadBoardFile(file, files);
    loaded.set(file, board);
    return board;
  };
  return {
    unreadable: async () => (await index()).unreadable,
    loaded: () => Promise.all(loaded.values()),
    all: async () => {
      const { fileOf } = await index();
      return Promise.all([...fileOf].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => load(file)));
    },
    async find(reference) {
      const match = BOARD_REFERENCE.exec(reference);
      const { fileOf } = await index();
      if (!match) return { kind: 'bad-reference', known: [...fileOf.keys()] };
      const [, id = '', major = ''] = match;
      const file = fileOf.get(id);
      if (file === undefined) return { kind: 'unknown', known: [...fileOf.keys()] };
      const result = await load(file);
      const version = result.board?.version;
      if (result.board && result.board.id !== id) return { kind: 'other-id', file, id: result.board.id };
      if (version !== undefined && Number(version.split('.')[0]) !== Number(major))
        return { kind: 'other-major', version, loaded: result };
      return { kind: 'found', loaded: result };
    },
  };
}

interface Index {
  /** The file of each board id. */
  readonly fileOf: ReadonlyMap<string, string>;
  readonly unreadable: ReadonlyMap<string, string>;
}

async function readIndex(folders: readonly string[], files: Files): Promise<Index> {
  const fileOf = new Map<string, string>();
  const unreadable = new Map<string, string>();
  for (const folder of folders) {
    try {
      for (const name of await files.listFolder(folder)) {
        const id = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
        if (id !== undefined && !fileOf.has(id)) fileOf.set(id, join(folder, name));
      }
    } catch (error) {
      const reason = errorCode(error);
      if (reason === undefined) throw error;
      unreadable.set(folder, reason);
    }
  }
  return { fileOf, unreadable };
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
