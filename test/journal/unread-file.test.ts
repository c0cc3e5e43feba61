import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { appendAll, FOLDER, gapsOf, observation, open, readAll, storedValues, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const CURSOR = `${FOLDER}/sentilo.cursor`;
const SECOND = `${FOLDER}/000000000011.journal`;

/** Three files with ten records each. Delivered are 1 to 12, and 21 to 25; 13 and 14 were on their way when the process ended. */
async function threeFiles(): Promise<ModelDisk> {
  const disk = new ModelDisk();
  for (const from of [1, 11, 21]) {
    const journal = await open(disk);
    await appendAll(journal, from, from + 9);
    await journal.close();
  }
  const delivery = await (await open(disk)).delivery('sentilo');
  delivery.settle(delivery.unresolved, [...upTo(12), ...upTo(25, 21)]);
  await delivery.begin([13, 14]);
  disk.crash(() => 0);
  return disk;
}

/** Makes the second file one of a later version until it is called again. */
function toggleVersion(disk: ModelDisk): void {
  const bytes = new Uint8Array(disk.bytes(SECOND));
  bytes[9] = bytes[9] === 1 ? 2 : 1;
  new DataView(bytes.buffer).setUint32(28, crc32(bytes.subarray(0, 28)));
  disk.put(SECOND, bytes);
}

/** Makes the second file impossible to open until it is called again. */
function toggleAccess(disk: ModelDisk): void {
  const refuse = (operation: string, _count: number, path: string) =>
    operation === 'open' && path === SECOND ? 'EACCES' : undefined;
  disk.fault = disk.fault === undefined ? refuse : undefined;
}

describe.each([
  ['other-version', toggleVersion],
  ['unreadable', toggleAccess],
] as const)('a file in the middle that cannot be read (%s)', (kind, toggle) => {
  it('is named with what it may hold, and nothing counts as missing', async () => {
    const disk = await threeFiles();
    toggle(disk);
    const journal = await open(disk);
    const { damage } = journal.stats();
    expect(damage).toMatchObject([{ file: '000000000011.journal', kind, holds: { first: 11, last: 20 } }]);
    expect(damage[0]).not.toHaveProperty('missing');
    expect(await storedValues(journal)).toEqual([...upTo(10), ...upTo(30, 21)]);
    await journal.append(observation(31));
    for (const gap of gapsOf(await readAll(journal))) expect(gap.firstSequence).toBeGreaterThan(30);
  });

  it('is not counted among what damage beside it has cost', async () => {
    const disk = await threeFiles();
    const first = `${FOLDER}/000000000001.journal`;
    disk.put(first, new Uint8Array(disk.bytes(first).slice(0, -5)));
    toggle(disk);
    const { damage } = (await open(disk)).stats();
    expect(damage.map(({ missing }) => missing)).toEqual([undefined, { first: 10, last: 10 }]);
  });

  it('makes nobody wait for it, and is delivered from where it stood once it can be read', async () => {
    const disk = await threeFiles();
    toggle(disk);
    const blind = await open(disk);
    const without = await blind.delivery('sentilo');
    expect(without.lowWater).toBe(25);
    expect(without.unresolved).toEqual([]);
    await without.begin(upTo(30, 26));
    without.settle(upTo(30, 26), upTo(30, 26));
    await without.flush();
    await blind.close();
    toggle(disk);
    const journal = await open(disk);
    const delivery = await journal.delivery('sentilo');
    expect(upTo(30).filter((sequence) => !delivery.isDelivered(sequence))).toEqual(upTo(20, 13));
    expect(delivery.unresolved).toEqual([13, 14]);
    expect(await storedValues(journal)).toEqual(upTo(30));
  });

  it('is looked up in the city once it can be read, when the delivery state was lost meanwhile', async () => {
    const disk = await threeFiles();
    disk.put(CURSOR, new Uint8Array(8192));
    toggle(disk);
    const blind = await open(disk);
    const without = await blind.delivery('sentilo');
    expect(without.unresolved).toEqual([...upTo(10), ...upTo(30, 21)]);
    without.settle(without.unresolved, without.unresolved);
    await without.flush();
    await blind.close();
    toggle(disk);
    expect((await (await open(disk)).delivery('sentilo')).unresolved).toEqual(upTo(20, 11));
  });
});
