import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK_BYTES = 4096;

/** A file system of its own, so small that a test can fill it. */
export interface SmallDisk {
  readonly folder: string;
  /** Somebody else takes all the room that is left but for so many bytes. */
  fill(leftBytes?: number): void;
  /** What took the room is deleted. */
  free(): void;
  /** It becomes read-only, as a card does whose file system has found an error. */
  setReadOnly(): void;
  remove(): void;
}

/**
 * Whether this user may mount one. Where nobody looks at what was left out, leaving it out is a failure.
 * @throws Error in the continuous integration when it cannot be mounted
 */
export function canMount(): boolean {
  try {
    smallDisk().remove();
    return true;
  } catch (cause) {
    if (process.env['CI'] !== 'true') return false;
    throw new Error('the tests on a full disk need a tmpfs of their own, and so root: run them as root', { cause });
  }
}

/** A tmpfs of `sizeBytes` with at most `files` files. @throws Error when it cannot be mounted */
export function smallDisk(sizeBytes = 1024 * 1024, files = 100): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'barri-full-'));
  const remove = () => rmSync(folder, { recursive: true });
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes},nr_inodes=${files},mode=0700`, 'tmpfs', folder);
  } catch (error) {
    remove();
    throw error;
  }
  const filler = join(folder, 'of-somebody-else');
  return {
    folder,
    fill: (leftBytes = 0) => fillUp(filler, leftBytes),
    free: () => rmSync(filler, { force: true }),
    setReadOnly: () => run('mount', '-o', 'remount,ro', folder),
    remove: () => {
      run('umount', '--lazy', folder);
      remove();
    },
  };
}

function fillUp(path: string, leftBytes: number): void {
  const spare = `${path}-spare`;
  if (leftBytes > 0) writeFull(spare, leftBytes);
  writeFull(path, Number.POSITIVE_INFINITY);
  rmSync(spare, { force: true });
}

/** Writes so many bytes, or as many as there is room for. */
function writeFull(path: string, sizeBytes: number): void {
  const file = openSync(path, 'w');
  try {
    for (let at = 0; at < sizeBytes; ) at += writeSync(file, new Uint8Array(CHUNK_BYTES));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
