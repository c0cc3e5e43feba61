import { Buffer } from 'node:buffer';
import type { RecordClass } from '../record.ts';
import type { BlockSummary } from './block-summary.ts';
import type { Damage } from './journal.ts';

/*
 * The payload of a block frame is what columns.ts makes of the records, behind the extent that the block belongs to: all
 * blocks of one append, which became durable by one fdatasync. Every block says where its extent begins, so that after
 * damage it is known whether everything behind it may be torn or is there by right.
 *
 *   0   u32   offset of the extent's first frame
 *   4   u48   first sequence of the extent
 *   10  the block
 *
 * Big-endian.
 */
const EXTENT_BYTES = 10;

/** Records of one block at most. */
export const BLOCK_RECORDS = 8192;

/**
 * What is looked at of a block file. No release writes longer ones: a file is finished once it has 4 MiB, and what is
 * written then is a block and an index. All of a larger file would take hours to walk through.
 */
export const BLOCK_FILE_LOOKED_MAX = 8 << 20;

/** Where a block file stands in its chain: by first sequence, then by attempt. */
export interface BlockFilePlace {
  readonly recordClass: RecordClass;
  /** The first sequence that it was begun with. Thinning may have removed that record since. */
  readonly firstSequence: number;
  /** Tells files apart that begin at the same sequence, because the disk failed under the first. */
  readonly attempt: number;
}

/** All blocks of one append. */
export interface Extent {
  readonly offset: number;
  readonly firstSequence: number;
}

/** Where a block stands and what it holds. `series`: see packSeries. */
export interface Block extends Omit<BlockSummary, 'series'> {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly series: Uint8Array;
}

/** What is lost of a chain, and as much as its index or its neighbours tell about it. */
export interface BlockDamage extends Damage {
  readonly recordClass: RecordClass;
}

/** The highest sequence: what 48 bits hold. A thousand records a second reach it after nine thousand years. */
export const SEQUENCE_MAX = 0xffff_ffff_ffff;

/** `gauges-000000000042.blocks`, or `gauges-000000000042-1.blocks` for the next file that begins at the same sequence. Sequences from 10¹² on have more digits. */
export function blockFileName({ recordClass, firstSequence, attempt }: BlockFilePlace): string {
  return `${recordClass}-${String(firstSequence).padStart(12, '0')}${attempt === 0 ? '' : `-${attempt}`}.blocks`;
}

/** The place that a file name says, or undefined when it is not a block file's. */
export function parseBlockFileName(name: string): BlockFilePlace | undefined {
  const parts = /^(gauges|counts|events)-(\d{12}|[1-9]\d{12,15})(?:-([1-9]\d{0,5}))?\.blocks$/.exec(name);
  if (parts?.[1] === undefined) return undefined;
  return { recordClass: parts[1] as RecordClass, firstSequence: Number(parts[2]), attempt: Number(parts[3] ?? 0) };
}

/** The order of the files of one chain. */
export function compareBlockFiles(a: BlockFilePlace, b: BlockFilePlace): number {
  return a.firstSequence - b.firstSequence || a.attempt - b.attempt;
}

/** The payload of a block's frame. */
export function wrapBlock(extent: Extent, body: Uint8Array): Uint8Array {
  const payload = Buffer.allocUnsafe(EXTENT_BYTES + body.length);
  payload.writeUInt32BE(extent.offset, 0);
  payload.writeUIntBE(extent.firstSequence, 4, 6);
  payload.set(body, EXTENT_BYTES);
  return payload;
}

/** The extent and the block of a payload; undefined when it is too short. `body` is a view. */
export function unwrapBlock(payload: Uint8Array): { readonly extent: Extent; readonly body: Uint8Array } | undefined {
  if (payload.length < EXTENT_BYTES) return undefined;
  const view = Buffer.from(payload.buffer, payload.byteOffset, EXTENT_BYTES);
  const extent = { offset: view.readUInt32BE(0), firstSequence: view.readUIntBE(4, 6) };
  return { extent, body: payload.subarray(EXTENT_BYTES) };
}

/** Ascending ids as the distances between them, LEB128 each, beginning at -1: 200 series that follow each other are 200 ones. */
function packSeries(ids: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let before = -1;
  for (const id of ids) {
    let distance = id - before;
    for (; distance > 127; distance = Math.floor(distance / 128)) bytes.push(128 | (distance % 128));
    bytes.push(distance);
    before = id;
  }
  return Uint8Array.from(bytes);
}

/** The ids that packSeries packed. */
export function unpackSeries(packed: Uint8Array): number[] {
  const ids: number[] = [];
  let id = -1;
  for (let at = 0; at < packed.length; ) {
    let scale = 1;
    let byte = packed[at++] as number;
    for (; byte > 127 && at < packed.length; byte = packed[at++] as number) {
      id += (byte - 128) * scale;
      scale *= 128;
    }
    id += byte * scale;
    ids.push(id);
  }
  return ids;
}

/** The block of a summary. `before`: the block before it, whose list of series it shares when that is the same. */
export function blockOf(offset: number, sizeBytes: number, summary: BlockSummary, before: Block | undefined): Block {
  const packed = packSeries(summary.series);
  const isSame = before !== undefined && Buffer.compare(before.series, packed) === 0;
  const { firstSequence, lastSequence, count, fromWallMs, toWallMs, untimedCount } = summary;
  return {
    offset,
    sizeBytes,
    firstSequence,
    lastSequence,
    count,
    ...(fromWallMs === undefined || toWallMs === undefined ? {} : { fromWallMs, toWallMs }),
    untimedCount,
    series: isSame ? before.series : packed,
  };
}

/** What all blocks of a file come to. */
export interface BlockTotals {
  readonly recordCount: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly fromWallMs: number | undefined;
  readonly toWallMs: number | undefined;
  readonly untimedCount: number;
}

export function totalsOf(blocks: readonly Block[]): BlockTotals {
  let recordCount = 0;
  let untimedCount = 0;
  let fromWallMs: number | undefined;
  let toWallMs: number | undefined;
  for (const block of blocks) {
    recordCount += block.count;
    untimedCount += block.untimedCount;
    if (block.fromWallMs !== undefined) fromWallMs = Math.min(fromWallMs ?? block.fromWallMs, block.fromWallMs);
    if (block.toWallMs !== undefined) toWallMs = Math.max(toWallMs ?? block.toWallMs, block.toWallMs);
  }
  const [firstSequence, lastSequence] = [blocks[0]?.firstSequence ?? 0, blocks.at(-1)?.lastSequence ?? 0];
  return { recordCount, firstSequence, lastSequence, fromWallMs, toWallMs, untimedCount };
}
