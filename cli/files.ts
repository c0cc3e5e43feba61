import { Buffer } from 'node:buffer';
import { createReadStream, promises as fs, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { FILE_BYTES_MAX } from '../config/yaml-limits.ts';

/**
 * Reads a file, or what comes through a pipe or device, up to one byte more than a configuration may have: the parser
 * then says that it is too large, and an endless device ends. `-` is the standard input. Rejects with the system's error.
 */
export async function readLimited(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Node takes a folder on the standard input for an empty file.
  if (path === '-' && fstatSync(0).isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  // Not /dev/stdin: that cannot be opened where the standard input is a socket.
  const stream = path === '-' ? process.stdin : createReadStream(path, { end: FILE_BYTES_MAX });
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > FILE_BYTES_MAX) break;
  }
  return Buffer.concat(chunks);
}

/**
 * Names in a folder; empty when there is no such folder, because a folder of boards need not exist. Rejects with the
 * system's error when it is there and cannot be read.
 */
export async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Where boards are looked for after the folder beside the site: those that a technician added here, then the package's. */
export function boardFolders(packageRoot: string): readonly string[] {
  return ['/etc/barri/boards.d', join(packageRoot, 'boards')];
}
