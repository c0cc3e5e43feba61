import { join } from 'node:path';
import { type Disk, DiskError, type Log } from '../host.ts';
import { withFile, writeAll } from './disk-tools.ts';

/** Damaged bytes are kept for whoever wants to look at them: so many pieces, each up to so long. */
const PIECES_MAX = 16;
const PIECE_BYTES_MAX = 262_144;

/** Bytes of a file in the journal's folder. */
export interface BadPlace {
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Copies bad bytes into `damaged/`, as far as there is room for them. They stay where they are, too. Never rejects for what the disk does. */
export async function keepAside(disk: Disk, folder: string, { file, offset, sizeBytes }: BadPlace, log: Log): Promise<void> {
  try {
    const length = Math.min(sizeBytes, PIECE_BYTES_MAX);
    const bytes = await withFile(disk, join(folder, file), 'read', (open) => open.pread(offset, length));
    if (bytes.every((byte) => byte === 0)) return;
    const aside = join(folder, 'damaged');
    await disk.mkdir(aside);
    const name = `${file}-${offset}`;
    const kept = await disk.readDir(aside);
    if (kept.includes(name) || kept.length >= PIECES_MAX) return;
    await withFile(disk, join(aside, name), 'create', async (copy) => {
      await writeAll(copy, bytes, 0);
      await copy.fdatasync();
    });
    await disk.fsyncDir(aside);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    log('warning', 'journal-damage-not-set-aside', { file, offset, errno: error.code });
  }
}
