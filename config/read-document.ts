import { makeDocument, parseYaml, type YamlDocument } from './yaml-document.ts';

/** The files that a configuration is read from. `readFile` rejects with an error whose `code` is the system's (ENOENT, EACCES, EISDIR …). */
export interface Files {
  readFile(path: string): Promise<Uint8Array>;
  /** Names in a folder; empty when there is no such folder. Rejects when it cannot be read, like `readFile`. */
  listFolder(path: string): Promise<readonly string[]>;
}

const CODES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'C001'],
  ['ENOTDIR', 'C001'],
  ['EACCES', 'C002'],
  ['EPERM', 'C002'],
  ['EISDIR', 'C008'],
  ['EFBIG', 'C003'],
]);

/** Reads and parses one file. A file that cannot be read is a document with that one problem: it must not hide other files. */
export async function readDocument(file: string, files: Pick<Files, 'readFile'>): Promise<YamlDocument> {
  let bytes: Uint8Array;
  try {
    bytes = await files.readFile(file);
  } catch (error) {
    const reason = errorCode(error);
    if (reason === undefined) throw error;
    const place = { file, line: 1, column: 1, length: 1 };
    return makeDocument(file, '', undefined, [{ ...unread(file, reason), severity: 'error', place, path: '' }]);
  }
  return parseYaml(file, bytes);
}

/** The code and parameters of a file or folder that the system refused to read. */
export function unread(file: string, reason: string): { code: string; parameters: { file: string; reason: string } } {
  return { code: CODES.get(reason) ?? 'C009', parameters: { file, reason } };
}

/** The system's name of a failed file operation; undefined for anything that is a bug of ours. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}
