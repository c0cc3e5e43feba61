import { type BlockFilePlace, blockFileName } from './block-file.ts';
import type { BlockFile } from './block-reader.ts';
import type { FileList } from './file-list.ts';

/** What is known of the other files of its chain. */
export interface Beside {
  readonly entries: readonly Pick<BlockFile, 'nameSequence' | 'lastSequence'>[];
  readonly list: Pick<FileList, 'of' | 'isWhole'> | undefined;
  /** 0 when nothing says it. */
  readonly sealedThrough: number;
}

/** Whether a file of this name was there for certain. */
export function isListed(list: Beside['list'], place: BlockFilePlace): boolean {
  const name = blockFileName(place);
  return (list?.of(place.recordClass) ?? []).some(
    ({ nameSequence: firstSequence, attempt }) => blockFileName({ ...place, firstSequence, attempt }) === name,
  );
}

/**
 * Whether a file without a right frame is none of the journal's. The CRC of each frame begins with the file's name, so that
 * one that was copied or renamed has no right frame, as little as one of the journal's that lost everything. It is the first
 * where no file of the journal can be: within another one, beyond what was sealed, or where the list of all files has none.
 */
export function isNoFile({ recordClass, firstSequence: first }: BlockFilePlace, beside: Beside): boolean {
  const { entries, list, sealedThrough } = beside;
  const isWithin = entries.some(({ nameSequence, lastSequence }) => nameSequence <= first && first <= lastSequence);
  const isBeyond = sealedThrough > 0 && first > sealedThrough;
  // The newest is not listed yet.
  const isNewest = entries.every(({ nameSequence }) => nameSequence <= first);
  const listedFrom = list?.of(recordClass)[0]?.nameSequence ?? Number.POSITIVE_INFINITY;
  return isWithin || isBeyond || (!isNewest && (list?.isWhole === true || first >= listedFrom));
}
