import { type BlockTotals, parseBlockFileName } from './block-file.ts';
import type { BlockFile } from './block-reader.ts';
import type { BlockWriter } from './block-writer.ts';
import type { ListedFile } from './file-list.ts';

/** A file of the chain, and what of it changes. */
export type ChainEntry = { -readonly [Key in keyof BlockFile]: BlockFile[Key] };

/** What the list of files says of it. */
export function listedOf({ name, nameSequence, lastSequence, recordCount, isThinned }: BlockFile): ListedFile {
  const attempt = parseBlockFileName(name)?.attempt ?? 0;
  return { nameSequence, attempt, lastSequence, recordCount: isThinned && recordCount > 0 ? undefined : recordCount };
}

/** A file without records. */
export function newEntry(name: string, nameSequence: number, writer: BlockWriter | undefined): ChainEntry {
  return {
    name,
    nameSequence,
    sizeBytes: 0,
    endBytes: 0,
    recordCount: 0,
    firstSequence: 0,
    lastSequence: 0,
    untimedCount: 0,
    isThinned: false,
    isOpen: writer !== undefined,
    clipFrom: 1,
    writer,
    named: new Set(),
  };
}

/** Takes over what is durable in the file. */
export function update(entry: ChainEntry, totals: BlockTotals, endBytes: number): void {
  const { fromWallMs, toWallMs, ...counts } = totals;
  Object.assign(entry, counts, { endBytes, sizeBytes: endBytes });
  if (fromWallMs !== undefined && toWallMs !== undefined) Object.assign(entry, { fromWallMs, toWallMs });
  else {
    delete entry.fromWallMs;
    delete entry.toWallMs;
  }
}
