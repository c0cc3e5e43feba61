import { join } from 'node:path';
import { Low } from 'lowdb';
import { withDeadline } from '../drivers/clock.ts';
import type { Learned } from '../drivers/driver.ts';
import { type Disk, DiskError, type Host } from './host.ts';
import { replaceFile, withFile } from './journal/disk-tools.ts';

/** Name of the file in the state folder. */
const FILE_NAME = 'learned.json';
/** A larger one was not written by this program. */
const BYTES_MAX = 1024 * 1024;
/** So long a start waits for it: outputs stay on meanwhile, and it is worth no more. */
const READ_MS_MAX = 1_000;
/** What changes within this time is written together. */
const WRITE_AFTER_MS = 1_000;

/** Everything that was learned, by device and key. */
type Content = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What the gateway found out about its devices and could find out again: never readings. */
export interface LearnedFile {
  /** What belongs to one device: read and kept by its driver. */
  of(device: string): Learned;
  /** Writes what has changed. Never rejects for what the disk does: it is learned again. */
  close(): Promise<void>;
}

/**
 * Opens the one file of what was learned, within a second: what a slow card gives later is taken in then. A file that is missing,
 * damaged or not ours is no loss: it is learned again, and the file is made anew. It can be deleted at any time.
 */
export async function openLearned(
  { disk, clock, log }: Pick<Host, 'disk' | 'clock' | 'log'>,
  stateFolder: string,
): Promise<LearnedFile> {
  const path = join(stateFolder, FILE_NAME);
  const failed = (error: unknown) => {
    if (!(error instanceof DiskError)) throw error;
    log('warning', 'learned-not-kept', { path, message: error.message });
  };
  const db: Low<Content> = new Low<Content>(
    {
      // What was learned while it was read is newer.
      read: async () => ({ ...(await readContent(disk, path)), ...db.data }),
      write: (content) => replaceFile(disk, path, bytesOf(content)),
    },
    {},
  );
  const late = () => new DiskError('ETIMEDOUT', `${path} was not read within ${READ_MS_MAX} ms`);
  const reading = db.read().catch(failed);
  await withDeadline(clock, READ_MS_MAX, new AbortController().signal, late, () => reading).catch(failed);
  // What is in the file is written again with the rest: not before it is known.
  let writing = reading;
  let cancel: (() => void) | undefined;
  const write = () => {
    cancel = undefined;
    writing = writing.then(() => db.write()).catch(failed);
  };
  return {
    of: (device) => ({
      get: (key) => db.data[device]?.[key],
      set: (key, value) => {
        db.data = { ...db.data, [device]: { ...db.data[device], [key]: value } };
        cancel ??= clock.timer(WRITE_AFTER_MS, write);
      },
    }),
    async close() {
      const isWaiting = cancel !== undefined;
      cancel?.();
      if (isWaiting) write();
      await writing;
    },
  };
}

async function readContent(disk: Disk, path: string): Promise<Content | null> {
  const sizeBytes = await disk.size(path);
  if (sizeBytes === undefined || sizeBytes > BYTES_MAX) return null;
  const bytes = await withFile(disk, path, 'read', (file) => file.pread(0, sizeBytes));
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isContent(content) ? content : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isContent(content: unknown): content is Content {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject(content) && Object.values(content as object).every(isObject);
}

function bytesOf(content: Content): Uint8Array {
  return Buffer.from(`${JSON.stringify(content, undefined, 1)}\n`);
}
