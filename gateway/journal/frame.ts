import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/*
 * Slots and block files are made of frames. A frame is one CBOR item (RFC 8949) and zeros between frames are the item 0,
 * so that a file is a CBOR sequence (RFC 8742) that any CBOR tool walks. Integers have fixed widths and are big-endian.
 *
 *   0   D9 D9 F7   tag 55799 "self-described CBOR": where a reader that lost its way finds the next frame
 *   3   87         array of 7
 *   4   1A u32     epoch: which use of which file this is; tells stale frames of a recycled slot apart
 *   9   1B u64     first sequence
 *   18  1B u64     last sequence
 *   27  1A u32     count of records
 *   32  u8         type: 1 commit, 2 block, 3 index, 4 marked commit; 5 to 8 the same where the value of a record, or what a
 *                  definition says, is a text (a CBOR integer below 24)
 *   33  1A u32     CRC-32 of bytes 4 to 32 and 38 to the end, begun with the frame's place (the second argument of zlib's
 *                  crc32): the CRC-32 of the file's name, plus the offset in the file, modulo 2^32
 *   38  5A u32     byte string of the payload's length
 *   43  payload
 */
const MARK = Buffer.from([0xd9, 0xd9, 0xf7, 0x87]);
const UINT32 = 0x1a;
const UINT64 = 0x1b;
const BYTES32 = 0x5a;
const AT = { epoch: 4, first: 9, last: 18, count: 27, type: 32, crc: 33, length: 38, payload: 43 } as const;

/** Bytes of a frame before its payload. */
export const FRAME_HEADER_BYTES = AT.payload;
/** Writes begin on a page, so that no durable byte is written twice. */
export const PAGE_BYTES = 4096;
/** A length beyond this is damage, not a length. */
export const FRAME_BYTES_MAX = 1 << 20;

/**
 * What a frame holds. `commit`: records as they were appended; `marked`: the same, among them gap records or copies of held
 * ones, which an opening must look into; `block`: sealed records; `index`: the blocks of a finished file.
 */
const FRAME_TYPES = { commit: 1, block: 2, index: 3, marked: 4 } as const;
/** Added to the type of a frame with texts: a release before them would take each for `true`, and leaves alone what it does not know. */
const WITH_TEXTS = 4;
/** `later`: a right frame of a kind that a later release writes. It is left alone. */
export type FrameType = keyof typeof FRAME_TYPES | 'later';

export interface FrameHead {
  readonly epoch: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly count: number;
  readonly type: FrameType;
}

/** What can be written. `hasTexts`: the value of a record, or what a definition says, is a text. */
export type WritableHead = FrameHead & { readonly type: keyof typeof FRAME_TYPES; readonly hasTexts: boolean };

/** A frame whose CRC was right. `payload` is a view of the bytes it was read from. */
export interface Frame extends FrameHead {
  readonly payload: Uint8Array;
  /** With its header, without what pads it. */
  readonly sizeBytes: number;
}

/** Where the places of a file's frames begin: add the offset in the file. `name`: in the journal's folder, for good. */
export function placesOf(name: string): number {
  return crc32(name);
}

/**
 * The frame as it stands at a place (`placesOf`). The CRC begins with it, so that a frame that a confused card wrote to
 * another place or into another file is no frame.
 */
export function encodeFrame(head: WritableHead, payload: Uint8Array, place: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(AT.payload + payload.length);
  encodeFrameInto(bytes, 0, head, payload, place);
  return bytes;
}

/** As encodeFrame, into `bytes` at `at`; returns where the frame ends there. */
export function encodeFrameInto(bytes: Uint8Array, at: number, head: WritableHead, payload: Uint8Array, place: number): number {
  const end = at + AT.payload + payload.length;
  const frame = viewOf(bytes.subarray(at, end));
  MARK.copy(frame);
  frame[AT.epoch] = UINT32;
  frame.writeUInt32BE(head.epoch, AT.epoch + 1);
  frame[AT.first] = UINT64;
  writeUint64(frame, head.firstSequence, AT.first + 1);
  frame[AT.last] = UINT64;
  writeUint64(frame, head.lastSequence, AT.last + 1);
  frame[AT.count] = UINT32;
  frame.writeUInt32BE(head.count, AT.count + 1);
  frame[AT.type] = FRAME_TYPES[head.type] + (head.hasTexts ? WITH_TEXTS : 0);
  frame[AT.crc] = UINT32;
  frame[AT.length] = BYTES32;
  frame.writeUInt32BE(payload.length, AT.length + 1);
  frame.set(payload, AT.payload);
  frame.writeUInt32BE(crcOf(frame, place), AT.crc + 1);
  return end;
}

/** The frame at `at` of `bytes`, which stands at `place`; undefined when there is none, or not all of it, or it is damaged. */
export function decodeFrame(bytes: Uint8Array, at: number, place: number): Frame | undefined {
  const sizeBytes = frameBytes(bytes, at);
  if (sizeBytes === undefined || at + sizeBytes > bytes.length) return undefined;
  const frame = viewOf(bytes.subarray(at, at + sizeBytes));
  if (frame.readUInt32BE(AT.crc + 1) !== crcOf(frame, place)) return undefined;
  return {
    epoch: frame.readUInt32BE(AT.epoch + 1),
    firstSequence: Number(frame.readBigUInt64BE(AT.first + 1)),
    lastSequence: Number(frame.readBigUInt64BE(AT.last + 1)),
    count: frame.readUInt32BE(AT.count + 1),
    type: TYPE_NAMES.get(frame[AT.type] as number) ?? 'later',
    payload: frame.subarray(AT.payload),
    sizeBytes,
  };
}

/** How long the frame at `at` says it is; undefined when no frame begins there or its header is not all there. */
export function frameBytes(bytes: Uint8Array, at: number): number | undefined {
  const frame = viewOf(bytes);
  if (frame.length < at + AT.payload || frame.compare(MARK, 0, MARK.length, at, at + MARK.length) !== 0) return undefined;
  const sizeBytes = AT.payload + frame.readUInt32BE(at + AT.length + 1);
  return sizeBytes > FRAME_BYTES_MAX ? undefined : sizeBytes;
}

/** The epoch that the frame at `at` says it has, whether or not the rest is right; undefined when no frame begins there. */
export function claimedEpoch(bytes: Uint8Array, at: number): number | undefined {
  return frameBytes(bytes, at) === undefined ? undefined : viewOf(bytes).readUInt32BE(at + AT.epoch + 1);
}

/** Where the next frame may begin, from `at` on; undefined when none does. */
export function findFrame(bytes: Uint8Array, at: number): number | undefined {
  const found = viewOf(bytes).indexOf(MARK, at);
  return found < 0 ? undefined : found;
}

/** The next multiple of a page. */
export function toPage(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
}

const TYPE_NAMES: ReadonlyMap<number, FrameType> = new Map(
  Object.entries(FRAME_TYPES).flatMap(([name, code]) => [code, code + WITH_TEXTS].map((each) => [each, name as FrameType])),
);

function crcOf(frame: Buffer, place: number): number {
  return crc32(frame.subarray(AT.length), crc32(frame.subarray(AT.epoch, AT.crc), place >>> 0));
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Twice as fast as a BigInt. Sequences are safe integers. */
function writeUint64(frame: Buffer, value: number, at: number): void {
  frame.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  frame.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}
