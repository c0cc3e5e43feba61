import { dirname } from 'node:path';
import { type Disk, DiskError, type DiskFile } from '../host.ts';
import { JournalError } from './journal.ts';

/** Writes all of `bytes`. The disk may take fewer than it was given, and says so; a disk that takes none at all is full. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await file.pwrite(bytes.subarray(done), position + done);
    if (written <= 0) throw new DiskError('ENOSPC', 'the disk took none of the bytes');
    done += written;
  }
}

/** Opens a file for the time of `work`. */
export async function withFile<T>(
  disk: Disk,
  path: string,
  mode: 'read' | 'write' | 'create',
  work: (file: DiskFile) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, mode);
  try {
    return await work(file);
  } finally {
    await file.close().catch(ignoreDiskError);
  }
}

/** A new file takes the place of the old one, so that a power cut leaves one of the two. */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const next = `${path}.new`;
  await withFile(disk, next, 'create', async (file) => {
    await file.truncate(0);
    await writeAll(file, bytes, 0);
    await file.fdatasync();
  });
  await disk.rename(next, path);
  await disk.fsyncDir(dirname(path));
}

/** For what the disk may refuse because it is tried again, or is worth nothing without. Anything else is a bug and goes on. */
export function ignoreDiskError(error: unknown): void {
  if (!(error instanceof DiskError)) throw error;
}

/** The same for what has a value of its own where the disk refuses. */
export function unlessDiskError<T>(value: T): (error: unknown) => T {
  return (error) => {
    ignoreDiskError(error);
    return value;
  };
}

/** For what fails for whoever asked for it, too. Anything else than a failing disk is a bug and goes on. */
export function ignoreFailure(error: unknown): void {
  if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
}

/** Bytes that the disk does not give are no bytes. */
export function noBytes(error: unknown): Uint8Array {
  if (error instanceof DiskError) return new Uint8Array(0);
  throw error;
}

/** What the operating system said. */
export function codeOf(error: DiskError | JournalError): string {
  if (error instanceof DiskError) return error.code;
  return error.cause instanceof DiskError ? error.cause.code : 'EIO';
}
