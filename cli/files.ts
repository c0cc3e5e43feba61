import { promises as fs } from 'node:fs';
import { FILE_BYTES_MAX } from '../config/yaml-limits.ts';

/**
 * Reads a file, or what comes through a pipe or device, up to one byte more than a configuration may have: the parser
 * then says that it is too large, and an endless device ends. `-` is the standard input. Rejects with the system's error.
 */
export async function readLimited(path: string): Promise<Uint8Array> {
  const file = await fs.open(path === '-' ? '/dev/stdin' : path, 'r');
  try {
    const bytes = new Uint8Array(FILE_BYTES_MAX + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Names in a folder; empty when there is no such folder, because a folder of boards need not exist. */
export async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return [];
    throw error;
  }
}
