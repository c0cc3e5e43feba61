import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LoopDisk } from './loop-disk.ts';

/** `quick`: a tenth, to see whether it works. `full`: with 90 days of history whatever it takes. */
export type BenchSize = 'quick' | 'usual' | 'full';

/** What every part of the group gets. */
export interface Setting {
  readonly disk: LoopDisk;
  readonly size: BenchSize;
  /** One line for the person who waits. */
  say(text: string): void;
}

let folderCount = 0;

/** A new folder on the disk. */
export function newFolder({ disk }: Setting, name: string): string {
  const folder = join(disk.folder, `${name.replaceAll(' ', '-')}-${folderCount++}`);
  mkdirSync(folder);
  return folder;
}

/** A count for the usual size, or a tenth of it. */
export function scaled({ size }: Setting, count: number): number {
  return size === 'quick' ? Math.ceil(count / 10) : count;
}

/** The one in the middle; of an even number, the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
