import { Buffer } from 'node:buffer';
import { deflateRawSync } from 'node:zlib';
import type { DiskFile } from '../host.ts';
import { type Block, type BlockTotals, totalsOf } from './block-file.ts';
import { decodeCbor, encodeCbor, inflate } from './cbor.ts';
import { unlessDiskError } from './disk-tools.ts';
import { decodeFrame, encodeFrame, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, PAGE_BYTES, placesOf, toPage } from './frame.ts';
import { type Definitions, packDefinitions, unpackDefinitions } from './series.ts';

/*
 * The index is the last frame of a finished file. It begins on a page, and zeros in its payload make it end on one, so
 * that its last four bytes, the size of the frame, are the last four of the file: a reader needs one look at the end.
 *
 *   0    CBOR: [version, flags, blocks, records, first sequence, last sequence, from ms, to ms, untimed], null for no time
 *   a    raw deflate of CBOR: [definitions, sizes, gaps before blocks, first sequences, last sequences, counts,
 *        from ms, to ms, untimed, series], one array each with an entry per block; sequences as distances
 *   b    zeros
 *   -12  u32 a, u32 b
 *   -4   u32 size of the frame
 *
 * Integers are big-endian; a and b are offsets in the payload. A gap counts from the end of the block before, a first sequence
 * from the last one of the block before (from 0 for the first), a last sequence from the first one of its block. Series are
 * as packSeries writes them (block-file.ts), null when they are those of the block before.
 */
const TAIL_BYTES = 12;
const VERSION = 1;
const IS_THINNED = 1;
/** What an index of the largest allowed size can inflate to. */
const INFLATED_BYTES_MAX = 32 << 20;
/** Read from the end of a file at first: most indexes are shorter. */
const FIRST_READ_BYTES = 32_768;

/** The frame that ends a finished file. */
export interface FileIndex {
  readonly epoch: number;
  readonly isThinned: boolean;
  readonly totals: BlockTotals;
  /** Where the frame begins: behind the last block. */
  readonly offset: number;
  /** Inflates the list of blocks and the definitions; undefined when they are not what they should be. */
  readonly details: () => { readonly blocks: Block[]; readonly definitions: Definitions } | undefined;
}

/** What an index says. `coversTo`: the last sequence, if that record is not there any more. */
export interface IndexContent {
  readonly epoch: number;
  readonly isThinned: boolean;
  readonly coversTo: number;
  readonly blocks: readonly Block[];
  readonly definitions: Definitions;
}

/** The index frame for a place (frame.ts) at the beginning of a page; undefined when it is longer than a frame may be. */
export function encodeIndex(file: IndexContent, place: number): Uint8Array | undefined {
  const blocks = totalsOf(file.blocks);
  const totals = { ...blocks, lastSequence: Math.max(blocks.lastSequence, file.coversTo) };
  const head = encodeCbor([
    VERSION,
    file.isThinned ? IS_THINNED : 0,
    file.blocks.length,
    totals.recordCount,
    totals.firstSequence,
    totals.lastSequence,
    totals.fromWallMs ?? null,
    totals.toWallMs ?? null,
    totals.untimedCount,
  ]).slice();
  const details = deflateRawSync(encodeCbor([packDefinitions(file.definitions), ...packBlocks(file.blocks)]));
  const sizeBytes = toPage(FRAME_HEADER_BYTES + head.length + details.length + TAIL_BYTES);
  if (sizeBytes > FRAME_BYTES_MAX) return undefined;
  const payload = Buffer.alloc(sizeBytes - FRAME_HEADER_BYTES);
  payload.set(head);
  payload.set(details, head.length);
  payload.writeUInt32BE(head.length, payload.length - 12);
  payload.writeUInt32BE(head.length + details.length, payload.length - 8);
  payload.writeUInt32BE(sizeBytes, payload.length - 4);
  const { firstSequence, lastSequence, recordCount } = totals;
  const hasTexts = file.definitions.some(({ series }) => typeof series.value === 'string');
  const { epoch } = file;
  return encodeFrame({ epoch, firstSequence, lastSequence, count: recordCount, type: 'index', hasTexts }, payload, place);
}

/** The index at the end of the file of this name and size; undefined when there is none that is right. @throws DiskError */
export async function readIndex(file: DiskFile, name: string, fileBytes: number): Promise<FileIndex | undefined> {
  let tail = await readTail(file, fileBytes, FIRST_READ_BYTES).catch(unlessDiskError(undefined));
  // Perhaps it is a block before the index that the disk refuses.
  tail ??= await readTail(file, fileBytes, PAGE_BYTES);
  const sizeBytes = indexBytes(tail);
  if (sizeBytes === undefined || sizeBytes > fileBytes) return undefined;
  const offset = fileBytes - sizeBytes;
  const bytes = sizeBytes <= tail.length ? tail.subarray(tail.length - sizeBytes) : await file.pread(offset, sizeBytes);
  const frame = decodeFrame(bytes, 0, placesOf(name) + offset);
  if (frame === undefined || frame.type !== 'index' || frame.sizeBytes !== sizeBytes) return undefined;
  return decodeIndex(frame.payload, frame.epoch, offset);
}

async function readTail(file: DiskFile, fileBytes: number, length: number): Promise<Uint8Array> {
  return await file.pread(Math.max(0, fileBytes - length), Math.min(fileBytes, length));
}

/** What the last bytes of a file say that its index frame takes; undefined when no frame can be so long. */
export function indexBytes(tail: Uint8Array): number | undefined {
  if (tail.length < TAIL_BYTES + FRAME_HEADER_BYTES) return undefined;
  const sizeBytes = viewOf(tail).readUInt32BE(tail.length - 4);
  return sizeBytes > 0 && sizeBytes <= FRAME_BYTES_MAX && sizeBytes === toPage(sizeBytes) ? sizeBytes : undefined;
}

/** Of the payload of a frame that is right. */
export function decodeIndex(payload: Uint8Array, epoch: number, offset: number): FileIndex | undefined {
  if (payload.length < TAIL_BYTES) return undefined;
  const view = viewOf(payload);
  const [headEnd, detailsEnd] = [view.readUInt32BE(view.length - 12), view.readUInt32BE(view.length - 8)];
  const head = decodeCbor(payload.subarray(0, headEnd));
  if (!Array.isArray(head) || head[0] !== VERSION || head.length < 9) return undefined;
  const [, flags, blockCount, recordCount, firstSequence, lastSequence, from, to, untimedCount] = head as number[];
  const totals = {
    recordCount,
    firstSequence,
    lastSequence,
    fromWallMs: from ?? undefined,
    toWallMs: to ?? undefined,
    untimedCount,
  };
  return {
    epoch,
    isThinned: ((flags as number) & IS_THINNED) !== 0,
    totals: totals as BlockTotals,
    offset,
    details() {
      const items = decodeCbor(inflate(payload.subarray(headEnd, detailsEnd), INFLATED_BYTES_MAX));
      if (!Array.isArray(items) || items.length < 10) return undefined;
      const definitions = unpackDefinitions(items[0]);
      const blocks = unpackBlocks(items.slice(1));
      if (definitions === undefined || blocks === undefined || blocks.length !== blockCount) return undefined;
      return { blocks, definitions };
    },
  };
}

/** Columns, because alike numbers next to each other deflate well. */
function packBlocks(blocks: readonly Block[]): unknown[] {
  const beforeOf = (i: number) => blocks[i - 1];
  return [
    blocks.map((block) => block.sizeBytes),
    blocks.map((block, i) => block.offset - endOf(beforeOf(i))),
    blocks.map((block, i) => block.firstSequence - (beforeOf(i)?.lastSequence ?? 0)),
    blocks.map((block) => block.lastSequence - block.firstSequence),
    blocks.map((block) => block.count),
    blocks.map((block) => block.fromWallMs ?? null),
    blocks.map((block) => block.toWallMs ?? null),
    blocks.map((block) => block.untimedCount),
    blocks.map((block, i) => (block.series === beforeOf(i)?.series ? null : block.series)),
  ];
}

function unpackBlocks(columns: readonly unknown[]): Block[] | undefined {
  const [sizes, gaps, firsts, lasts, counts, froms, tos, untimed, series] = columns as number[][];
  if (!columns.every((column) => Array.isArray(column) && column.length === sizes?.length)) return undefined;
  const blocks: Block[] = [];
  for (let i = 0; i < (sizes as number[]).length; i++) {
    const before = blocks.at(-1);
    const firstSequence = (before?.lastSequence ?? 0) + (firsts?.[i] as number);
    const [fromWallMs, toWallMs] = [froms?.[i] ?? undefined, tos?.[i] ?? undefined];
    const packed = (series?.[i] as unknown as Uint8Array | null) ?? before?.series ?? new Uint8Array();
    blocks.push({
      offset: endOf(before) + (gaps?.[i] as number),
      sizeBytes: sizes?.[i] as number,
      firstSequence,
      lastSequence: firstSequence + (lasts?.[i] as number),
      count: counts?.[i] as number,
      ...(fromWallMs === undefined || toWallMs === undefined ? {} : { fromWallMs, toWallMs }),
      untimedCount: untimed?.[i] as number,
      // A copy, so that the bytes of the whole index can go.
      series: packed === before?.series ? packed : Uint8Array.from(packed),
    });
  }
  return blocks;
}

function endOf(block: Block | undefined): number {
  return block === undefined ? 0 : block.offset + block.sizeBytes;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
