import { join } from 'node:path';
import { type Disk, DiskError, type Log } from '../host.ts';
import { cursorName } from './cursor-file.ts';
import { JournalError } from './journal.ts';

/** The cursors of uplinks that are not in use: what those did not deliver would be kept for them for ever. */
export interface UnusedCursors {
  /**
   * An uplink that is in use again goes on where it stood. To be called before anything is read. Where the disk refuses that it
   * begins anew: what it has is sent again, or looked up, and its new cursor is the one that counts from then on.
   */
  takeBack(): Promise<void>;
  /**
   * Of these uplinks those that are in use no more are put aside. To be called when it is known which sequences they speak of.
   * `complete` writes into a cursor what only commits say of it.
   */
  setAside(uplinks: readonly string[], complete: (uplink: string) => Promise<void>): Promise<void>;
}

export function openUnusedCursors(
  disk: Disk,
  folder: string,
  {
    log,
    uplinks,
    isReadOnly = false,
  }: { readonly log: Log; readonly uplinks?: readonly string[]; readonly isReadOnly?: boolean },
): UnusedCursors {
  const rename = async (from: string, to: string) => {
    await disk.rename(join(folder, from), join(folder, to));
    await disk.fsyncDir(folder);
    log('info', 'journal-cursor-renamed', { from, to });
  };
  /** What the disk refuses is tried again at the next opening, except where there is another cursor by then. */
  const each = async (names: readonly string[], work: (cursor: string, unused: string, uplink: string) => Promise<void>) => {
    for (const uplink of isReadOnly ? [] : names) {
      const cursor = cursorName(uplink);
      await work(cursor, `${cursor}.unused`, uplink).catch((error: unknown) => {
        if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
        log('warning', 'journal-cursor-not-renamed', { cursor, message: error.message });
      });
    }
  };
  const isThere = async (name: string) => (await disk.size(join(folder, name))) !== undefined;
  return {
    takeBack: () =>
      each(uplinks ?? [], async (cursor, unused) => {
        if ((await isThere(unused)) && !(await isThere(cursor))) await rename(unused, cursor);
      }),
    setAside: (found, complete) =>
      each(
        found.filter((uplink) => uplinks?.includes(uplink) === false),
        async (cursor, unused, uplink) => {
          await complete(uplink);
          await rename(cursor, unused);
        },
      ),
  };
}
