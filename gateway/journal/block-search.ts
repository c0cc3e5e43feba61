import { type Block, unpackSeries } from './block-file.ts';
import { canMatch } from './history-query.ts';
import type { HistoryQuery, StoredRecord } from './journal.ts';
import type { Dictionary } from './series.ts';

/** Neighbouring blocks are read at once, up to so many bytes: as many as are decoded before the event loop turns. */
const GROUP_BYTES_MAX = 131_072;
/** Bytes between two wanted blocks that are rather read than left out. */
const GROUP_GAP_MAX = 32_768;

/** Blocks that share their list of series share the answer about it. */
export function blockFilter(query: HistoryQuery, dictionary: Dictionary, clipFrom: number): (block: Block) => boolean {
  const { sensors } = query;
  const answers = new Map<Uint8Array, boolean>();
  const hasSensor = (series: Uint8Array): boolean => {
    if (sensors === undefined) return true;
    const known = answers.get(series);
    if (known !== undefined) return known;
    const answer = unpackSeries(series).some((id) => sensors.has(dictionary.get(id)?.sensor ?? ''));
    answers.set(series, answer);
    return answer;
  };
  return (block) => block.lastSequence >= clipFrom && canMatch(query, block) && hasSensor(block.series);
}

/** Neighbours are read together. */
export function* groupsOf(blocks: readonly Block[]): Generator<Block[]> {
  let group: Block[] = [];
  for (const block of blocks) {
    const [first, last] = [group[0], group.at(-1)];
    const isNear = last === undefined || block.offset - (last.offset + last.sizeBytes) <= GROUP_GAP_MAX;
    const isSmall = first === undefined || block.offset + block.sizeBytes - first.offset <= GROUP_BYTES_MAX;
    if (!isNear || !isSmall) {
      yield group;
      group = [];
    }
    group.push(block);
  }
  if (group.length > 0) yield group;
}

/** The first block that can hold the sequence or a later one. */
export function blockFrom(blocks: readonly Block[], sequence: number): number {
  return lowest(blocks.length, (i) => (blocks[i] as Block).lastSequence >= sequence);
}

/** The first record with this sequence or a later one. */
export function indexFrom(records: readonly StoredRecord[], sequence: number): number {
  return lowest(records.length, (i) => (records[i] as StoredRecord).sequence >= sequence);
}

/** The first place for which `isReached`, which stays true from there on; `count` when there is none. */
function lowest(count: number, isReached: (i: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isReached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
