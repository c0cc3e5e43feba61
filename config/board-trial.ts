import { boardExample, exampleText } from './board-example.ts';
import { loadSite, type SiteOptions } from './load-site.ts';
import type { BoardFile } from './schema-board.ts';

/** What becomes of a device of a board in this version; `code` is that of the note that says why it does not run. */
export type BoardTrial =
  | { readonly kind: 'runs' }
  | { readonly kind: 'skipped'; readonly code: string }
  | { readonly kind: 'wrong' };

/** The name of a site that is on no disk. */
const FILE = 'trial.gateway.yaml';
const HEAD = 'schema: gateway/v1\ngateway: { id: trial }\n';

/** Tries a board as the only device of a site, so that what is said of it is what a site of somebody's own would hear. */
export async function tryBoard(board: BoardFile, { readFile, boardFolders, ...options }: SiteOptions): Promise<BoardTrial> {
  const example = boardExample(board);
  const text = new TextEncoder().encode(HEAD + exampleText(example));
  const { config } = await loadSite(FILE, {
    ...options,
    readFile: async (path) => (path === FILE ? text : await readFile(path)),
    // Boards beside a site that is nowhere would be those of the folder in which somebody stands.
    listFolder: async (folder) => (boardFolders.includes(folder) ? await options.listFolder(folder) : []),
    boardFolders,
  });
  const code = config?.skipped.get(example.device);
  if (code !== undefined) return { kind: 'skipped', code };
  return { kind: config === undefined ? 'wrong' : 'runs' };
}
