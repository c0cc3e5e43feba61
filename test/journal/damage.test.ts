import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../gateway/host.ts';
import { encodeFrame, encodeHeader, HEADER_BYTES } from '../../gateway/journal/frame.ts';
import { encodeRecord } from '../../gateway/journal/record-codec.ts';
import { appendAll, FOLDER, gapsOf, IS_DEEP, observation, open, readAll, seeded, storedValues, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const FIRST = `${FOLDER}/000000000001.journal`;

/** A closed journal with the values 1 to `count` in one file, and where each record's frame begins. */
async function journalOf(count: number): Promise<{ disk: ModelDisk; offsets: number[] }> {
  const disk = new ModelDisk();
  const journal = await open(disk);
  await appendAll(journal, 1, count);
  await journal.close();
  const offsets = [HEADER_BYTES];
  for (const value of upTo(count)) offsets.push((offsets.at(-1) ?? 0) + 24 + encodeRecord(observation(value)).length);
  expect(disk.bytes(FIRST).length).toBe(offsets.at(-1));
  return { disk, offsets };
}

function edit(
  disk: ModelDisk,
  path: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined,
): void {
  const bytes = new Uint8Array(disk.bytes(path));
  disk.put(path, change(bytes) ?? bytes);
}

function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const random = seeded(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** The file was written up to record 5 of 8 before it happened; the fifth is the one that was being written, or the one that is hit. */
const STORIES: readonly {
  readonly story: string;
  readonly change: (bytes: Uint8Array<ArrayBuffer>, at: (value: number) => number) => Uint8Array<ArrayBuffer> | undefined;
  readonly left: number[];
  readonly kind?: string;
  readonly missing?: { first: number; last: number };
}[] = [
  { story: 'nothing happened', change: () => undefined, left: upTo(8) },
  {
    story: 'torn write: only the frame header of the last record',
    change: (b, at) => b.slice(0, at(8) + 24),
    left: upTo(7),
    kind: 'torn-tail',
  },
  { story: 'torn write: half of the frame header', change: (b, at) => b.slice(0, at(8) + 11), left: upTo(7), kind: 'torn-tail' },
  { story: 'torn write: half of the payload', change: (b, at) => b.slice(0, at(8) + 60), left: upTo(7), kind: 'torn-tail' },
  { story: 'torn write: one byte short', change: (b) => b.slice(0, -1), left: upTo(7), kind: 'torn-tail' },
  {
    story: 'torn write: the length grew, the bytes are zeros',
    change: (b, at) => b.fill(0, at(6)),
    left: upTo(5),
    kind: 'torn-tail',
  },
  {
    story: 'torn write: the length grew, the bytes are garbage',
    change: (b, at) => void b.set(noise(b.length - at(6)), at(6)),
    left: upTo(5),
    kind: 'torn-tail',
  },
  {
    story: 'torn write: the header came last and is not there',
    change: (b, at) => void b.fill(0, at(8), at(8) + 24),
    left: upTo(7),
    kind: 'torn-tail',
  },
  {
    story: 'a middle record is missing',
    change: (b, at) => b.fill(0, at(5), at(6)),
    left: [1, 2, 3, 4, 6, 7, 8],
    kind: 'damaged',
    missing: { first: 5, last: 5 },
  },
  {
    story: 'a middle sector is missing',
    change: (b, at) => b.fill(0, at(4) + 9, at(6) + 9),
    left: [1, 2, 3, 7, 8],
    kind: 'damaged',
    missing: { first: 4, last: 6 },
  },
  {
    story: 'the first record is damaged',
    change: (b, at) => b.fill(0xff, at(1), at(1) + 8),
    left: upTo(8, 2),
    kind: 'damaged',
    missing: { first: 1, last: 1 },
  },
  {
    story: 'a length points far beyond the file',
    change: (b, at) => b.fill(0xff, at(3) + 8, at(3) + 12),
    left: [1, 2, 4, 5, 6, 7, 8],
    kind: 'damaged',
    missing: { first: 3, last: 3 },
  },
  { story: 'the file header is gone', change: (b) => b.fill(0, 0, HEADER_BYTES), left: upTo(8), kind: 'damaged' },
  {
    story: 'the file header and the first record are gone',
    change: (b) => b.fill(0, 0, HEADER_BYTES + 4),
    left: upTo(8, 2),
    kind: 'damaged',
  },
  {
    story: 'a frame stands a second time where another belongs (misdirected write)',
    change: (b, at) => void b.set(b.slice(at(2), at(3)), at(5)),
    left: [1, 2, 3, 4, 6, 7, 8],
    kind: 'damaged',
    missing: { first: 5, last: 5 },
  },
  {
    story: 'a right frame of another file stands in this one',
    change: (b, at) => void b.set(encodeFrame(12345, at(5), 5, encodeRecord(observation(5, { value: 9 }))), at(5)),
    left: [1, 2, 3, 4, 6, 7, 8],
    kind: 'damaged',
  },
  { story: 'the file is empty', change: () => new Uint8Array(0), left: [] },
  { story: 'the file is cut inside its header', change: (b) => b.slice(0, 20), left: [], kind: 'torn-tail' },
];

describe('opening after damage', () => {
  it.each(STORIES)('$story', async ({ change, left, kind, missing }) => {
    const { disk, offsets } = await journalOf(8);
    edit(disk, FIRST, (bytes) => change(bytes, (value) => offsets[value - 1] as number));
    const journal = await open(disk);
    expect(await storedValues(journal)).toEqual(left);
    const { damage } = journal.stats();
    if (kind === undefined) expect(damage).toEqual([]);
    else expect(damage[0]?.kind).toBe(kind);
    if (missing) expect(damage.map((piece) => piece.missing)).toContainEqual(missing);
    // It appends at once, behind everything that was ever promised, and a second opening finds both.
    const sequence = await journal.append(observation(100));
    expect(sequence).toBeGreaterThan(left.at(-1) ?? 0);
    await journal.close();
    const again = await open(disk);
    const stored = await readAll(again);
    expect(valuesOf(stored)).toEqual([...left, 100]);
    if (missing)
      expect(gapsOf(stored)).toContainEqual(
        expect.objectContaining({ firstSequence: missing.first, lastSequence: missing.last }),
      );
    // A gap is named once, not at every opening.
    const gapCount = gapsOf(stored).length;
    await again.append(observation(101));
    expect(gapsOf(await readAll(again))).toHaveLength(gapCount);
  });

  it('4 KiB of noise at offset 8192 of the newest and of an old file cost only the records that overlap (jo-04)', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { maxSizeBytes: 8 * 32_768 });
    await appendAll(journal, 1, 400);
    await journal.close();
    const files = disk.paths.filter((path) => path.endsWith('.journal'));
    expect(files.length).toBeGreaterThan(1);
    const before = await readAll(await open(disk.copy()));
    for (const path of [files[0], files.at(-1)] as string[])
      edit(disk, path, (bytes) => void bytes.set(noise(4096, path.length), 8192));

    const opened = await open(disk);
    const stored = await readAll(opened);
    expect(stored.length).toBeGreaterThan(0);
    const frameBytes = 24 + encodeRecord(observation(1)).length;
    expect(before.length - stored.length).toBeLessThanOrEqual(2 * (Math.ceil(4096 / frameBytes) + 1));
    const { damage } = opened.stats();
    expect(damage).toHaveLength(2);
    for (const piece of damage) {
      expect(piece.kind).toBe('damaged');
      expect(piece.offset).toBeLessThanOrEqual(8192);
      expect(piece.offset + piece.sizeBytes).toBeGreaterThanOrEqual(8192 + 4096);
    }
    const lost = damage.flatMap(({ missing }) => (missing ? upTo(missing.last, missing.first) : []));
    expect([...lost, ...valuesOf(stored)].sort((a, b) => Number(a) - Number(b))).toEqual(upTo(400));
    // The bad bytes are kept aside.
    expect(disk.paths.filter((path) => path.includes('/damaged/'))).toHaveLength(2);
    await opened.append(observation(401));
  });

  it('is never empty when a record was left, wherever 512 bytes are destroyed', async () => {
    const { disk } = await journalOf(40);
    const size = disk.bytes(FIRST).length;
    for (let at = 0; at < size; at += IS_DEEP ? 16 : 256) {
      const hit = disk.copy();
      edit(hit, FIRST, (bytes) => void bytes.set(noise(Math.min(512, size - at), at), at));
      const values = await storedValues(await open(hit));
      expect(values.length).toBeGreaterThanOrEqual(40 - 6);
    }
  });

  it('loses at most the touched record to any single flipped bit, and never reads a wrong one', async () => {
    const { disk, offsets } = await journalOf(36);
    const size = disk.bytes(FIRST).length;
    expect(size).toBeGreaterThan(3500);
    for (let bit = 0; bit < size * 8; bit += IS_DEEP ? 1 : 23) {
      const hit = disk.copy();
      edit(hit, FIRST, (bytes) => void bytes.set([(bytes[bit >> 3] as number) ^ (1 << (bit & 7))], bit >> 3));
      const stored = await readAll(await open(hit));
      const touched = offsets.findLastIndex((offset) => offset <= bit >> 3) + 1;
      const expected = upTo(36).filter((value) => value !== touched);
      expect(stored, `bit ${bit}`).toEqual(expected.map((value) => ({ sequence: value, record: observation(value) })));
    }
  }, 120_000);

  it('loses only the records on a page that cannot be read', async () => {
    const { disk, offsets } = await journalOf(200);
    const opened = await (async () => {
      const faulty = disk.copy();
      const page = { from: 8192, to: 12_288 };
      const original = faulty.open.bind(faulty);
      faulty.open = async (path, mode) => {
        const file = await original(path, mode);
        const pread = file.pread;
        file.pread = async (position, length) => {
          faulty.fault =
            position < page.to && position + length > page.from
              ? (operation) => (operation === 'pread' ? 'EIO' : undefined)
              : undefined;
          return await pread(position, length);
        };
        return file;
      };
      return await open(faulty);
    })();
    const overlaps = (value: number) => (offsets[value - 1] as number) < 12_288 && (offsets[value] as number) > 8192;
    expect(await storedValues(opened)).toEqual(upTo(200).filter((value) => !overlaps(value)));
    expect(opened.stats().damage[0]?.kind).toBe('unreadable');
    expect(await opened.append(observation(201))).toBeGreaterThan(200);
  });

  it('never uses a sequence again that unreadable bytes may hold: they may be readable some day', async () => {
    const { disk } = await journalOf(8);
    disk.fault = (operation) => (operation === 'pread' ? 'EIO' : undefined);
    const blind = await open(disk);
    expect(await blind.append(observation(100))).toBeGreaterThan(8);
    await blind.close();
    disk.fault = undefined;
    expect(await storedValues(await open(disk))).toEqual([...upTo(8), 100]);
  });

  it('cuts a torn tail off once it is kept aside', async () => {
    const { disk, offsets } = await journalOf(8);
    edit(disk, FIRST, (bytes) => bytes.slice(0, -5));
    expect((await open(disk)).stats().damage).toHaveLength(1);
    disk.crash(() => 0);
    expect(disk.bytes(FIRST).length).toBe(offsets[7]);
    expect(disk.paths).toContain(`${FOLDER}/damaged/000000000001.journal-${offsets[7]}`);
    expect((await open(disk)).stats().damage).toEqual([]);
  });

  it('ignores files that are not its own and leaves them alone', async () => {
    const { disk } = await journalOf(5);
    disk.put(`${FOLDER}/notes.txt`, noise(100));
    disk.put(`${FOLDER}/000000000001.journal.bak`, noise(100));
    disk.put(`${FOLDER}/1.journal`, noise(100));
    const journal = await open(disk);
    expect(await storedValues(journal)).toEqual(upTo(5));
    expect(journal.stats().damage).toEqual([]);
    expect(disk.paths).toHaveLength(4);
  });

  it('takes a record that stands in two files once', async () => {
    const { disk } = await journalOf(6);
    const later = `${FOLDER}/000000000004.journal`;
    const header = encodeHeader({ identity: 77, firstSequence: 4 });
    const pieces: Uint8Array[] = [header];
    for (const value of upTo(9, 4))
      pieces.push(encodeFrame(77, Buffer.concat(pieces).length, value, encodeRecord(observation(value))));
    disk.put(later, new Uint8Array(Buffer.concat(pieces)));
    disk.put(`${FOLDER}/000000000004-1.journal`, new Uint8Array(Buffer.concat(pieces)));
    const journal = await open(disk);
    expect((await readAll(journal, 2)).map(({ sequence }) => sequence)).toEqual(upTo(9));
    expect(journal.stats().recordCount).toBe(9);
    expect(await journal.append(observation(10))).toBe(10);
  });

  it('fills the holes of an uncertain file from the one that was written after it', async () => {
    const { disk, offsets } = await journalOf(12);
    // The sync of 10..12 failed and only 12 reached the disk; they were then written again.
    edit(disk, FIRST, (bytes) => bytes.fill(0, offsets[9], offsets[11]));
    const pieces: Uint8Array[] = [encodeHeader({ identity: 78, firstSequence: 10 })];
    for (const value of upTo(14, 10))
      pieces.push(encodeFrame(78, Buffer.concat(pieces).length, value, encodeRecord(observation(value))));
    disk.put(`${FOLDER}/000000000010.journal`, new Uint8Array(Buffer.concat(pieces)));
    const journal = await open(disk);
    expect((await readAll(journal, 3)).map(({ sequence }) => sequence)).toEqual(upTo(14));
    await journal.append(observation(15));
    expect(gapsOf(await readAll(journal))).toEqual([]);
  });

  it('names a file of a later version, never deletes it, and never uses its sequences again', async () => {
    const { disk } = await journalOf(3);
    const newer = new Uint8Array(5000);
    newer.set(encodeHeader({ identity: 5, firstSequence: 4 }));
    newer[9] = 2;
    new DataView(newer.buffer).setUint32(28, crc32(newer.subarray(0, 28)));
    disk.put(`${FOLDER}/000000000004.journal`, newer);
    const journal = await open(disk, { maxSizeBytes: 8 * 1024 });
    const place = { file: '000000000004.journal', offset: 0, sizeBytes: 5000 };
    expect(journal.stats().damage).toEqual([{ ...place, kind: 'other-version', holds: { first: 4, last: 5003 } }]);
    await appendAll(journal, 10, 60);
    expect(
      Math.min(...(await readAll(journal)).map(({ sequence }) => sequence).filter((sequence) => sequence > 3)),
    ).toBeGreaterThan(5000);
    expect(disk.bytes(`${FOLDER}/000000000004.journal`)).toEqual(newer);
  });

  it('takes a right frame with a wrong record in it for damage', async () => {
    const { disk, offsets } = await journalOf(4);
    const identity = new DataView(disk.bytes(FIRST).slice().buffer).getUint32(12);
    const wrong = Uint8Array.from([0x83, 0x01, 0x61, 0x61, 0x02]);
    edit(disk, FIRST, (bytes) => new Uint8Array([...bytes, ...encodeFrame(identity, offsets[4] as number, 5, wrong)]));
    const journal = await open(disk);
    expect(await storedValues(journal)).toEqual(upTo(4));
    expect(journal.stats().damage).toHaveLength(1);
  });
});

it('damage that comes while it runs is named the first time it is met, and only then', async () => {
  const { disk, offsets } = await journalOf(20);
  const lines: { level: LogLevel; code: string; fields: unknown }[] = [];
  const journal = await open(disk, { lines });
  const delivery = await journal.delivery('sentilo');
  edit(disk, FIRST, (bytes) => bytes.fill(0, offsets[6], offsets[9]));
  const left = [...upTo(6), ...upTo(20, 10)];
  expect(await storedValues(journal)).toEqual(left);
  expect(await storedValues(journal)).toEqual(left);
  expect(journal.stats()).toMatchObject({
    recordCount: 17,
    damage: [{ file: '000000000001.journal', kind: 'damaged', missing: { first: 7, last: 9 } }],
  });
  expect(lines.map(({ code }) => code)).toEqual(['journal-damage']);
  delivery.settle([], upTo(6));
  expect(delivery.lowWater).toBe(9);
  await appendAll(journal, 21, 21);
  expect(gapsOf(await readAll(journal))).toMatchObject([{ firstSequence: 7, lastSequence: 9, cause: 'damaged' }]);
  await journal.close();
});
