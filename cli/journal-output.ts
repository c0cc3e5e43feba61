import { promises as fs } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Io } from './io.ts';
import { toStandardOutput } from './process-io.ts';

/** Small writes are gathered up to this size. */
const CHUNK_BYTES = 262_144;

/** The output could not be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
  /** As the operating system names it (ENOSPC …). */
  readonly code: string;
  readonly path: string;
  constructor(code: string, path: string, options?: ErrorOptions) {
    super(`${path} cannot be written: ${code}`, options);
    this.code = code;
    this.path = path;
  }
}

/** Where records go. Each call ends when there is room for more, so that nothing piles up in memory. */
export interface Output {
  /** False when the reader has closed its end: nobody wants more. Rejects with OutputError. */
  write(bytes: string | Uint8Array): Promise<boolean>;
  /** Makes everything durable where that can be, under its final name. False when the reader closed its end before. */
  finish(): Promise<boolean>;
  /** Leaves nothing half-written behind. */
  discard(): Promise<void>;
}

/** Names of the standard output. Opened as a file it would be written from its beginning, over what is in it. */
const STANDARD_OUTPUT: ReadonlySet<string> = new Set(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);

/** The file at `path`, or the standard output where there is none. */
export async function openOutput(path: string | undefined, io: Io): Promise<Output> {
  return path === undefined || STANDARD_OUTPUT.has(resolve(path)) ? standardOutput(io) : await fileOutput(path);
}

/**
 * Whether `path` lies in `folder`: an output that took the name of a journal's file would destroy it.
 * Symbolic links are followed.
 */
export async function liesIn(path: string, folder: string): Promise<boolean> {
  const real = await realOf(folder);
  return (await targetOf(path)).startsWith(`${real}/`);
}

/** More than the system follows. */
const LINKS_MAX = 50;

/** The file that is written under a name: what it is a link to, also where that is not there yet. */
async function targetOf(path: string, linkCount = 0): Promise<string> {
  const real = await fs.realpath(path).catch(() => undefined);
  if (real !== undefined) return real;
  const place = join(await realOf(dirname(resolve(path))), basename(path));
  const link = await fs.readlink(place).catch(() => undefined);
  if (link === undefined || linkCount === LINKS_MAX) return place;
  return await targetOf(resolve(dirname(place), link), linkCount + 1);
}

async function realOf(folder: string): Promise<string> {
  return await fs.realpath(folder).catch(() => resolve(folder));
}

// ------------------------------------------------------------------------------------------------------ standard output

function standardOutput(io: Io): Output {
  let isGone = false;
  // Why it failed is said in process-io.ts, where a closed reader is silent.
  const onError = () => {
    isGone = true;
  };
  process.stdout.on('error', onError);
  return {
    async write(bytes) {
      if (isGone) return false;
      if (typeof bytes === 'string') io.out(bytes);
      else toStandardOutput(bytes);
      if (process.stdout.writableNeedDrain) await drained();
      return !isGone;
    },
    finish: async () => {
      process.stdout.off('error', onError);
      return !isGone;
    },
    discard: async () => {
      process.stdout.off('error', onError);
    },
  };
}

function drained(): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'error', 'close'] as const;
    const done = () => {
      for (const event of events) process.stdout.off(event, done);
      resolve();
    };
    for (const event of events) process.stdout.on(event, done);
  });
}

// ----------------------------------------------------------------------------------------------------------------- file

/** A file appears under its name when it is whole; what is no regular file (a pipe, a device) is written as it is. */
async function fileOutput(path: string): Promise<Output> {
  const existing = await fs.stat(path).catch(() => undefined);
  const isDirect = existing !== undefined && !existing.isFile() && !existing.isDirectory();
  // Beside what `path` is a link to, so that the link stays one, and because a file keeps its disk when it is renamed.
  const final = await targetOf(path);
  const partial = `${final}.partial`;
  const attempt = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (cause) {
      throw new OutputError((cause as NodeJS.ErrnoException).code ?? 'UNKNOWN', path, { cause });
    }
  };
  if (existing?.isDirectory() === true) throw new OutputError('EISDIR', path);
  // One of before may be a link to anything.
  if (!isDirect) await fs.rm(partial, { force: true }).catch(() => {});
  const file = await attempt(isDirect ? fs.open(path, 'w') : fs.open(partial, 'wx'));
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isGone = false;
  const flush = async () => {
    const bytes = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    try {
      for (let at = 0; at < bytes.length && !isGone; ) at += (await attempt(file.write(bytes, at))).bytesWritten;
    } catch (error) {
      // The reader of a pipe went away: of a named one, or of the one that /dev/stdout is.
      if (!(error instanceof OutputError && error.code === 'EPIPE')) throw error;
      isGone = true;
    }
  };
  return {
    async write(bytes) {
      const chunk = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= CHUNK_BYTES) await flush();
      return !isGone;
    },
    async finish() {
      await flush();
      if (!isDirect) await attempt(file.datasync());
      await attempt(file.close());
      if (!isDirect) await attempt(fs.rename(partial, final));
      return !isGone;
    },
    async discard() {
      await file.close().catch(() => {});
      if (!isDirect) await fs.rm(partial, { force: true });
    },
  };
}
