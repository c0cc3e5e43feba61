import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { RECORD_BYTES_MAX } from './record-codec.ts';

/*
 * A segment file is a header and frames, without anything between them. Numbers are big-endian.
 *
 *   header  0        8         10     12         16               24     28       32
 *           | BARRIJNL | version | zero | identity | first sequence | zero | CRC-32 |
 *
 *   frame   0       4        8        12         16         24
 *           | magic | CRC-32 | length | identity | sequence | payload: one CBOR item of `length` bytes |
 */
const HEADER_MAGIC = Buffer.from('BARRIJNL', 'latin1');
const FRAME_MAGIC = Buffer.from([0xb1, 0x4a, 0x46, 0x0a]);
const FORMAT_VERSION = 1;

/** Bytes of a segment's header. Magic, version and CRC keep their places in every version. */
export const HEADER_BYTES = 32;
/** Bytes of a frame before its payload. */
export const FRAME_HEADER_BYTES = 24;
/** The largest frame. */
export const FRAME_BYTES_MAX = FRAME_HEADER_BYTES + RECORD_BYTES_MAX;

/** What a segment's header says. The identity tells this file from every other: a frame that belongs elsewhere is refused. */
export interface SegmentHeader {
  readonly identity: number;
  readonly firstSequence: number;
}

/** One frame whose CRC was right. `payload` is a view. */
export interface Frame {
  readonly identity: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly sizeBytes: number;
}

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES);
  HEADER_MAGIC.copy(bytes);
  bytes.writeUInt16BE(FORMAT_VERSION, 8);
  bytes.writeUInt32BE(header.identity, 12);
  bytes.writeBigUInt64BE(BigInt(header.firstSequence), 16);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** The header; `other-version` for one that a later release wrote; `damaged` for anything else. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | 'other-version' | 'damaged' {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.length < HEADER_BYTES || !header.subarray(0, 8).equals(HEADER_MAGIC)) return 'damaged';
  if (header.readUInt32BE(28) !== crc32(header.subarray(0, 28))) return 'damaged';
  if (header.readUInt16BE(8) !== FORMAT_VERSION) return 'other-version';
  return { identity: header.readUInt32BE(12), firstSequence: Number(header.readBigUInt64BE(16)) };
}

/**
 * The frame of a record at `offset` of the file with `identity`. The CRC begins with the offset, so that a frame that a
 * confused card wrote to another place, of this file or of another, is no frame.
 */
export function encodeFrame(identity: number, offset: number, sequence: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  FRAME_MAGIC.copy(bytes);
  bytes.writeUInt32BE(payload.length, 8);
  bytes.writeUInt32BE(identity, 12);
  bytes.writeBigUInt64BE(BigInt(sequence), 16);
  bytes.set(payload, FRAME_HEADER_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(8), offset), 4);
  return bytes;
}

/** The frame at `at` of `bytes`, which is at `offset` of the file; undefined when there is none or it is damaged. */
export function decodeFrame(bytes: Uint8Array, at: number, offset: number, identity: number | undefined): Frame | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < at + FRAME_HEADER_BYTES || buffer.compare(FRAME_MAGIC, 0, 4, at, at + 4) !== 0) return undefined;
  const length = buffer.readUInt32BE(at + 8);
  const end = at + FRAME_HEADER_BYTES + length;
  if (length > RECORD_BYTES_MAX || end > buffer.length) return undefined;
  if (identity !== undefined && buffer.readUInt32BE(at + 12) !== identity) return undefined;
  if (buffer.readUInt32BE(at + 4) !== crc32(buffer.subarray(at + 8, end), offset)) return undefined;
  return {
    identity: buffer.readUInt32BE(at + 12),
    sequence: Number(buffer.readBigUInt64BE(at + 16)),
    payload: buffer.subarray(at + FRAME_HEADER_BYTES, end),
    sizeBytes: FRAME_HEADER_BYTES + length,
  };
}

/** Where the next frame may begin, from `at` on; undefined when none does. */
export function findFrame(bytes: Uint8Array, at: number): number | undefined {
  const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(FRAME_MAGIC, at);
  return found < 0 ? undefined : found;
}
