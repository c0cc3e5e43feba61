import { describe, expect, it } from 'vitest';
import { DiskError } from '../../gateway/host.ts';
import type { Chain } from '../../gateway/journal/block-chain.ts';
import { PAGE_BYTES } from '../../gateway/journal/frame.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { collect, damageBytes, failAt, open, pathOf, readAll, run, SENSORS, sequencesOf, stored } from './block-chain-kit.ts';
import { IS_DEEP, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** Records of the oldest file as it is now. */
function upToFirstFile(chain: Chain): (record: StoredRecord) => boolean {
  const last = chain.files[0]?.lastSequence ?? 0;
  return ({ sequence }) => sequence <= last;
}

type Act = (chain: Chain) => Promise<unknown>;
const acts: { name: string; act: Act; lost: (chain: Chain) => (record: StoredRecord) => boolean }[] = [
  { name: 'append', act: (chain) => chain.append([run(501, 700), run(701, 900)]), lost: () => () => false },
  {
    name: 'append in a new file',
    act: (chain) => chain.finish().then(() => chain.append([run(501, 900)])),
    lost: () => () => false,
  },
  {
    name: 'replace',
    act: async (chain) => {
      const file = chain.files[0] as Chain['files'][number];
      await chain.replace(file, [(await collect(chain.recordsOf(file))).filter((_, i) => i % 2 === 0)], { isThinned: true });
    },
    lost: upToFirstFile,
  },
  {
    name: 'drop',
    act: (chain) => chain.drop(chain.files[0] as Chain['files'][number]),
    lost: upToFirstFile,
  },
];

/** A chain with 500 records, in a few files. */
async function prepared(): Promise<{ disk: ModelDisk; chain: Chain }> {
  const disk = new ModelDisk();
  const chain = await open(disk);
  for (let from = 1; from <= 500; from += 100) await chain.append([run(from, from + 99)]);
  return { disk, chain };
}

describe.each(acts)('when the disk fails during $name', ({ act, lost }) => {
  it.each(['EIO', 'ENOSPC', 'short'])('everything durable is there, now and when it is opened again: %s', async (code) => {
    for (let n = 1; ; n++) {
      const { disk, chain } = await prepared();
      const mayBeLost = lost(chain);
      const before = disk.operationCount;
      failAt(disk, n, code);
      const error = await act(chain).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (disk.operationCount - before < n) return;
      disk.fault = undefined;
      if (error !== undefined) expect((error as Error).name).toMatch(/^(DiskError|JournalError)$/);
      const kept = run(1, 500).filter((record) => !mayBeLost(record));
      const hasAll = (records: readonly StoredRecord[]) => {
        const sequences = new Set(sequencesOf(records));
        expect(kept.filter(({ sequence }) => !sequences.has(sequence))).toEqual([]);
        expect(records).toEqual(records.map(({ sequence }) => stored(sequence)));
      };
      hasAll(await readAll(chain));
      // The slots still hold what was to be appended.
      const slotsFrom = 501 * 3;
      const again = await open(disk.copy(), { slotsFrom });
      hasAll(await readAll(again));
      for (const survivor of [chain, again]) {
        await survivor.append([run(501, 900)]);
        const all = await readAll(survivor);
        hasAll(all);
        expect(
          sequencesOf(all.filter(({ sequence }) => sequence >= slotsFrom)),
          `operation ${n}, ${JSON.stringify(survivor.damage)}`,
        ).toEqual(sequencesOf(run(501, 900)));
        // What the disk did not give while a file was replaced is lost with the old one, and named.
        const isLoss = ({ missing, kind }: Chain['damage'][number]) => missing !== undefined && kind !== 'unreadable';
        expect(survivor.damage.filter(isLoss)).toEqual([]);
      }
    }
  });
});

describe.each(acts)('when the power goes during $name', ({ act, lost }) => {
  it('everything that was appended before is there, and the rest can be appended again', { timeout: 600_000 }, async () => {
    const seeds = IS_DEEP ? 100 : 4;
    for (let n = 1; ; n++) {
      let isOver = false;
      for (let seed = 1; seed <= seeds && !isOver; seed++) {
        const { disk, chain } = await prepared();
        const mayBeLost = lost(chain);
        const hanging = new Promise<string>((resolve) => {
          const at = disk.operationCount + n;
          disk.fault = (_operation, count) => {
            if (count !== at) return undefined;
            resolve('hangs');
            return 'hang';
          };
        });
        isOver = (await Promise.race([act(chain), hanging])) !== 'hangs';
        disk.crash(seeded(n * 1000 + seed));
        const again = await open(disk, { slotsFrom: 501 * 3 });
        await again.append([run(501, 900)]);
        const all = await readAll(again);
        const sequences = new Set(sequencesOf(all));
        const where = `operation ${n}, seed ${seed}`;
        expect(
          run(1, 900).filter((record) => !mayBeLost(record) && !sequences.has(record.sequence)),
          where,
        ).toEqual([]);
        expect(all, where).toEqual(all.map(({ sequence }) => stored(sequence)));
        expect(
          again.damage.filter(({ missing }) => missing !== undefined),
          where,
        ).toEqual([]);
      }
      if (isOver) return;
    }
  });
});

/** What is missing must be named, and lie in the blocks that were hit. */
async function expectNamed(chain: Chain, all: readonly StoredRecord[], where: string): Promise<StoredRecord[]> {
  const left = await readAll(chain);
  const sequences = new Set(sequencesOf(left));
  const missing = all.filter(({ sequence }) => !sequences.has(sequence));
  const isNamed = ({ sequence }: StoredRecord) =>
    chain.damage.some(({ missing: range }) => range !== undefined && range.first <= sequence && range.last >= sequence);
  expect(
    missing.filter((record) => !isNamed(record)),
    where,
  ).toEqual([]);
  expect(left, where).toEqual(left.map(({ sequence }) => stored(sequence)));
  return missing;
}

describe('damage', () => {
  it.each([
    ['a finished file', true],
    ['an unfinished file', false],
  ])('of one bit of %s costs at most the block that it hits, and is named', { timeout: 600_000 }, async (_, isFinished) => {
    const disk = new ModelDisk();
    const chain = await open(disk, { fileBytesMax: 1 << 20 });
    await chain.append([run(1, 200)]);
    await chain.append([run(201, 300)]);
    if (isFinished) await chain.finish();
    await chain.close();
    const name = chain.files[0]?.name ?? '';
    const bitCount = disk.bytes(pathOf(name)).length * 8;
    for (let bit = 0; bit < bitCount; bit += IS_DEEP ? 7 : 151) {
      const damaged = disk.copy();
      damageBytes(damaged, name, (bytes) => {
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      });
      // The newest commit says up to where the class is sealed.
      const again = await open(damaged, { slotsFrom: 301 * 3, sealedThrough: 300 * 3 });
      const missing = await expectNamed(again, run(1, 300), `bit ${bit}`);
      expect(missing.length, `bit ${bit}`).toBeLessThanOrEqual(40);
    }
  });

  it('of a page costs the blocks that it touches, and is named with their sensors and times', { timeout: 600_000 }, async () => {
    const disk = new ModelDisk();
    const chain = await open(disk, { fileBytesMax: 1 << 20, blockRecords: 1000 });
    await chain.append([run(1, 10_000)]);
    await chain.finish();
    const name = chain.files[0]?.name ?? '';
    const random = seeded(7);
    for (let trial = 0; trial < (IS_DEEP ? 300 : 10); trial++) {
      const damaged = disk.copy();
      const at = Math.floor(random() * (disk.bytes(pathOf(name)).length - PAGE_BYTES));
      damageBytes(damaged, name, (bytes) => bytes.fill(trial % 2 === 0 ? 0 : Math.floor(random() * 256), at, at + PAGE_BYTES));
      const again = await open(damaged, { slotsFrom: 10_001 * 3 });
      const missing = await expectNamed(again, run(1, 10_000), `trial ${trial} at ${at}`);
      expect(missing.length, `trial ${trial} at ${at}`).toBeLessThanOrEqual(2 * 1000);
      for (const found of again.damage) {
        if (found.count === undefined || found.missing === undefined) continue;
        expect(found).toMatchObject({ count: 1000, sensors: [...SENSORS].sort() });
        expect(found.fromWallMs).toBeGreaterThanOrEqual(WALL_MS + found.missing.first * 1000);
        expect(found.toWallMs).toBeLessThanOrEqual(WALL_MS + found.missing.last * 1000);
      }
    }
  });

  it('of the index costs nothing: the file is walked', async () => {
    const disk = new ModelDisk();
    const chain = await open(disk, { fileBytesMax: 1 << 20 });
    await chain.append([run(1, 500)]);
    await chain.finish();
    const { name, ...before } = { ...chain.files[0] } as Chain['files'][number];
    const size = disk.bytes(pathOf(name)).length;
    for (const [from, to] of [
      [size - 4, size],
      [size - PAGE_BYTES, size],
      [size - 100, size - 90],
    ] as const) {
      const damaged = disk.copy();
      damageBytes(damaged, name, (bytes) => bytes.fill(0, from, to));
      const again = await open(damaged);
      expect(await readAll(again)).toEqual(run(1, 500));
      expect(again.files[0]).toMatchObject({
        recordCount: before.recordCount,
        fromWallMs: before.fromWallMs,
        toWallMs: before.toWallMs,
      });
      expect(again.damage.filter(({ missing }) => missing !== undefined)).toEqual([]);
      await again.append([run(501, 510)]);
      expect(await readAll(again)).toEqual(run(1, 510));
    }
  });

  it('of a page that the disk refuses costs the blocks on it; the others are read around it', async () => {
    const { disk, chain } = await prepared();
    await chain.finish();
    await chain.close();
    const again = await open(disk);
    const broken = 300;
    const name = again.files[0]?.name ?? '';
    const original = disk.open.bind(disk);
    disk.open = async (path, mode) => {
      const file = await original(path, mode);
      if (path !== pathOf(name)) return file;
      const pread = async (position: number, length: number) => {
        if (position <= broken && position + length > broken) throw new DiskError('EIO', 'bad sector');
        return await file.pread(position, length);
      };
      return { ...file, pread };
    };
    const wanted = { sensors: new Set(SENSORS) };
    const found = await collect(again.history(wanted));
    const missing = await expectNamed(again, run(1, 500), 'bad sector');
    expect(missing).toHaveLength(40);
    expect(found).toEqual(await readAll(again));
    expect(again.damage).toEqual([expect.objectContaining({ kind: 'unreadable', file: name, count: 40 })]);
  });

  it('of the last extent is healed from the slots while they hold its records, and is damage when they do not', async () => {
    const disk = new ModelDisk();
    const chain = await open(disk, { fileBytesMax: 1 << 20 });
    await chain.append([run(1, 120)]);
    await chain.append([run(121, 300)]);
    await chain.close();
    const name = chain.files[0]?.name ?? '';
    const bytes = disk.bytes(pathOf(name));
    // The first block of the second extent: on a page, behind the padding.
    const secondExtent =
      PAGE_BYTES * Math.ceil(bytes.findLastIndex((byte, i) => byte !== 0 && i < findExtent(bytes)) / PAGE_BYTES);
    damageBytes(disk, name, (all) => all.fill(255, secondExtent + 100, secondExtent + 110));
    const held = await open(disk.copy(), { slotsFrom: 121 * 3 });
    expect(held.lastSequence).toBe(120 * 3);
    expect(held.damage).toEqual([expect.objectContaining({ kind: 'torn-tail' })]);
    await held.append([run(121, 320)]);
    expect(await readAll(held)).toEqual(run(1, 320));
    const free = await open(disk.copy(), { slotsFrom: 301 * 3 });
    expect(free.lastSequence).toBe(300 * 3);
    expect(await expectNamed(free, run(1, 300), 'free')).toEqual(run(121, 160));
  });

  it('of a file that cannot be opened is told, with what it may hold', async () => {
    const { disk, chain } = await prepared();
    await chain.close();
    const [first, second] = chain.files;
    const original = disk.open.bind(disk);
    disk.open = async (path, mode) => {
      if (path === pathOf(first?.name ?? '')) throw new DiskError('EACCES', 'not yours');
      return await original(path, mode);
    };
    const again = await open(disk);
    const holds = { first: first?.firstSequence, last: (second?.firstSequence ?? 0) - 1 };
    expect(again.damage).toEqual([expect.objectContaining({ kind: 'unreadable', file: first?.name, holds })]);
    expect(again.firstSequence).toBe(second?.firstSequence);
  });
});

/** Where the second extent of the file begins, by its mark on a page. */
function findExtent(bytes: Uint8Array): number {
  const isMark = (at: number) => bytes[at] === 0xd9 && bytes[at + 1] === 0xd9 && bytes[at + 2] === 0xf7;
  for (let at = PAGE_BYTES; at < bytes.length; at += PAGE_BYTES) if (isMark(at)) return at;
  throw new Error('only one extent');
}
