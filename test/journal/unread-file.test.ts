import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, placesOf } from '../../gateway/journal/frame.ts';
import { appendAll, FOLDER, gapsOf, observation, open, readAll, sequencesOf, storedValues, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const CURSOR = `${FOLDER}/sentilo.cursor`;
const SECOND = `${FOLDER}/slot-001`;
/** The largest type that is a byte of CBOR. */
const UNUSED_TYPE = 23;
/** Ten records fill a slot: each is a commit of its own. */
const SIZES = { slotBytes: 10 * 4096, slotCount: 5 };

/** Three slots with ten records each. Delivered are 1 to 12, and 21 to 25; 13 and 14 were on their way when the process ended. */
async function threeSlots(): Promise<ModelDisk> {
  const disk = new ModelDisk();
  // What is full is sealed otherwise, and its slot used again.
  disk.fault = (_operation, _count, path) => (path.includes('.blocks') ? 'EIO' : undefined);
  const journal = await open(disk, SIZES);
  for (let value = 1; value <= 30; value++) await journal.append(observation(value));
  const delivery = await journal.delivery('sentilo');
  delivery.settle([], [...upTo(12), ...upTo(25, 21)]);
  await delivery.begin([13, 14]);
  disk.crash(() => 0);
  disk.fault = undefined;
  return disk;
}

/** Makes the frames of the second slot those of a later release until it is called again. */
function toggleVersion(disk: ModelDisk): void {
  const bytes = new Uint8Array(disk.bytes(SECOND));
  const places = placesOf('slot-001');
  for (let offset = 0; offset < bytes.length; offset += 4096) {
    const frame = decodeFrame(bytes, offset, places + offset);
    if (frame === undefined) throw new Error(`no frame at ${offset}`);
    const again = encodeFrame({ ...frame, type: 'commit', hasTexts: false }, frame.payload, places + offset);
    if (frame.type === 'commit') bytes.set(ofLaterRelease(again, places + offset), offset);
    else bytes.set(again, offset);
  }
  disk.put(SECOND, bytes);
}

/** The same frame with a type that no release has used yet: the byte at 32, within the CRC. */
function ofLaterRelease(frame: Uint8Array, place: number): Uint8Array {
  const later = new Uint8Array(frame);
  later[32] = UNUSED_TYPE;
  const view = new DataView(later.buffer);
  const crc = crc32(later.subarray(38), crc32(later.subarray(4, 33), place >>> 0));
  view.setUint32(34, crc);
  return later;
}

/** Makes the second slot impossible to open until it is called again. */
function toggleAccess(disk: ModelDisk): void {
  const refuse = (operation: string, _count: number, path: string) =>
    operation === 'open' && path === SECOND ? 'EACCES' : undefined;
  disk.fault = disk.fault === undefined ? refuse : undefined;
}

describe.each([
  ['other-version', toggleVersion],
  ['unreadable', toggleAccess],
] as const)('a slot in the middle that cannot be read (%s)', (kind, toggle) => {
  it('is named, left as it is, and nothing counts as missing', async () => {
    const disk = await threeSlots();
    const before = new Uint8Array(disk.bytes(SECOND));
    toggle(disk);
    const journal = await open(disk, SIZES);
    const { damage } = journal.stats();
    expect(damage).toMatchObject([{ file: 'slot-001', kind }]);
    expect(damage[0]).not.toHaveProperty('missing');
    expect(await storedValues(journal)).toEqual([...upTo(10), ...upTo(30, 21)]);
    for (let value = 31; value <= 90; value++) await journal.append(observation(value));
    for (const gap of gapsOf(await readAll(journal))) expect(gap.firstSequence).toBeGreaterThan(30);
    await journal.close();
    toggle(disk);
    expect(new Uint8Array(disk.bytes(SECOND))).toEqual(before);
  });

  it('makes nobody wait for it, and is delivered from where it stood once it can be read', async () => {
    const disk = await threeSlots();
    toggle(disk);
    const blind = await open(disk, SIZES);
    const without = await blind.delivery('sentilo');
    expect(without.lowWater).toBeGreaterThanOrEqual(25);
    expect(without.unresolved).toEqual([]);
    await without.begin(upTo(30, 26));
    without.settle(upTo(30, 26), upTo(30, 26));
    await without.flush();
    await blind.close();
    toggle(disk);
    const journal = await open(disk, SIZES);
    const delivery = await journal.delivery('sentilo');
    expect(upTo(30).filter((sequence) => !delivery.isDelivered(sequence))).toEqual(upTo(20, 13));
    expect(sequencesOf(delivery.unresolved)).toEqual([13, 14]);
    expect(await storedValues(journal)).toEqual(upTo(30));
  });

  it('is looked up in the city once it can be read, when the delivery state was lost meanwhile', async () => {
    const disk = await threeSlots();
    disk.put(CURSOR, new Uint8Array(8192));
    toggle(disk);
    const blind = await open(disk, SIZES);
    const without = await blind.delivery('sentilo');
    expect(sequencesOf(without.unresolved)).toEqual(expect.arrayContaining([...upTo(10), ...upTo(30, 21)]));
    const unresolved = sequencesOf(without.unresolved).filter((sequence) => sequence <= 10 || sequence > 20);
    without.settle(unresolved, unresolved);
    await without.flush();
    await blind.close();
    toggle(disk);
    expect(sequencesOf((await (await open(disk, SIZES)).delivery('sentilo')).unresolved)).toEqual(
      expect.arrayContaining(upTo(20, 11)),
    );
  });
});

it('begins a journal anew beside files of other names, and leaves them alone', async () => {
  const disk = new ModelDisk();
  disk.put(`${FOLDER}/notes.txt`, new TextEncoder().encode('mine'));
  disk.put(`${FOLDER}/000000000001.journal`, new TextEncoder().encode('older'));
  const journal = await open(disk);
  await appendAll(journal, 1, 3);
  await journal.close();
  expect(new TextDecoder().decode(disk.bytes(`${FOLDER}/notes.txt`))).toBe('mine');
  expect(await storedValues(await open(disk))).toEqual([1, 2, 3]);
});
