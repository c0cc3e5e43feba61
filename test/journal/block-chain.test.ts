import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Chain } from '../../gateway/journal/block-chain.ts';
import { PAGE_BYTES } from '../../gateway/journal/frame.ts';
import { matcherOf } from '../../gateway/journal/history-query.ts';
import type { HistoryQuery, SequenceRange, StoredRecord } from '../../gateway/journal/journal.ts';
import { collect, failAt, open, pathOf, readAll, run, SENSORS, sequencesOf, stored } from './block-chain-kit.ts';
import { IS_DEEP, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

describe('a chain of block files', () => {
  let disk: ModelDisk;
  beforeEach(() => {
    disk = new ModelDisk();
  });

  it('gives back what was appended, over many files and after it is opened again', async () => {
    const chain = await open(disk);
    for (let from = 1; from <= 4000; from += 500) await chain.append([run(from, from + 249), run(from + 250, from + 499)]);
    expect(chain.files.length).toBeGreaterThan(2);
    expect(chain).toMatchObject({ firstSequence: 3, lastSequence: 12_000, recordCount: 4000, damage: [] });
    expect(await readAll(chain)).toEqual(run(1, 4000));
    const files = chain.files.map((file) => ({ ...file, writer: undefined, named: undefined }));
    await chain.close();
    const again = await open(disk);
    expect(again.files.map((file) => ({ ...file, writer: undefined, named: undefined }))).toEqual(files);
    expect(await readAll(again)).toEqual(run(1, 4000));
    expect(again.damage).toEqual([]);
  });

  it('opens a finished file with one read', async () => {
    const chain = await open(disk);
    await chain.append([run(1, 4000)]);
    await chain.finish();
    await chain.close();
    let reads = 0;
    disk.fault = (operation) => {
      if (operation === 'pread') reads++;
      return undefined;
    };
    const again = await open(disk);
    expect(again.recordCount).toBe(4000);
    expect(reads).toBe(again.files.length);
  });

  it('leaves out what is there already', async () => {
    const chain = await open(disk);
    await chain.append([run(1, 100)]);
    await chain.append([run(50, 150)]);
    expect(await readAll(chain)).toEqual(run(1, 150));
    expect(chain.recordCount).toBe(150);
  });

  it('refuses records whose sequences do not ascend, and stays usable', async () => {
    const chain = await open(disk);
    await expect(chain.append([run(5, 6), run(4, 4)])).rejects.toThrow('record 12 comes after record 18');
    await chain.append([run(1, 10)]);
    expect(await readAll(chain)).toEqual(run(1, 10));
  });

  it('changes nothing when it is only read', async () => {
    const chain = await open(disk);
    await chain.append([run(1, 100)]);
    const before = disk.copy();
    disk.fault = (operation) => (['pread', 'open', 'size', 'readDir', 'mkdir'].includes(operation) ? undefined : 'EROFS');
    const reader = await open(disk, { isReadOnly: true });
    expect(await readAll(reader)).toEqual(run(1, 100));
    await expect(reader.append([run(101, 102)])).rejects.toThrow('for reading only');
    expect(disk.paths).toEqual(before.paths);
  });

  it('gives no record of an append that is not durable yet', async () => {
    const chain = await open(disk, { fileBytesMax: 1 << 20 });
    await chain.append([run(1, 100)]);
    async function* batches() {
      yield run(101, 200);
      expect(chain.lastSequence).toBe(300);
      expect(await readAll(chain)).toEqual(run(1, 100));
      yield run(201, 300);
    }
    await chain.append(batches());
    expect(await readAll(chain)).toEqual(run(1, 300));
  });

  it('drops a file, also the one that is open, and goes on', async () => {
    const chain = await open(disk);
    await chain.append([run(1, 1000)]);
    await chain.finish();
    await chain.append([run(1001, 1010)]);
    const [oldest, newest] = [chain.files[0], chain.files.at(-1)];
    if (oldest === undefined || newest === undefined) throw new Error('no files');
    expect(newest.isOpen).toBe(true);
    const rest = run(1, 1010).filter(({ sequence }) => sequence > oldest.lastSequence && sequence < newest.firstSequence);
    await chain.drop(oldest);
    await chain.drop(newest);
    await chain.append([run(1011, 1020)]);
    expect(await readAll(chain)).toEqual([...rest, ...run(1011, 1020)]);
    await chain.close();
    expect(await readAll(await open(disk))).toEqual([...rest, ...run(1011, 1020)]);
    expect(chain.damage).toEqual([]);
  });

  it('replaces the records of a file, also of the one that is open', async () => {
    const chain = await open(disk);
    await chain.append([run(1, 1000)]);
    await chain.finish();
    await chain.append([run(1001, 1010)]);
    const isKept = ({ sequence }: StoredRecord) => sequence % 5 === 0;
    async function* thinned(batches: AsyncIterable<readonly StoredRecord[]>) {
      for await (const batch of batches) yield batch.filter(isKept);
    }
    for (const file of [...chain.files]) await chain.replace(file, thinned(chain.recordsOf(file)), { isThinned: true });
    await chain.append([run(1011, 1020)]);
    const expected = [...run(1, 1010).filter(isKept), ...run(1011, 1020)];
    expect(await readAll(chain)).toEqual(expected);
    await chain.close();
    const again = await open(disk);
    expect(await readAll(again)).toEqual(expected);
    expect(again.files.map(({ isThinned }) => isThinned)).toEqual([...again.files.slice(1).map(() => true), false]);
  });

  it('keeps a file dropped or replaced when the power goes right after it', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      disk = new ModelDisk();
      const chain = await open(disk, { fileBytesMax: PAGE_BYTES });
      await chain.append([run(1, 1000)]);
      const [first, second] = chain.files;
      if (first === undefined || second === undefined) throw new Error('too few files');
      const [dropped, kept] = [first.lastSequence, run(1, 1000).filter(({ sequence }) => sequence > second.lastSequence)];
      await chain.drop(first);
      // A copy, because what comes next makes the name durable as well.
      const afterDrop = disk.fork();
      afterDrop.crash(seeded(seed));
      const left = sequencesOf(await readAll(await open(afterDrop)));
      expect(left, `seed ${seed}`).toEqual(sequencesOf(run(1, 1000)).filter((sequence) => sequence > dropped));
      await chain.replace(second, [[stored(dropped + 3)]], { isThinned: true });
      disk.crash(seeded(seed));
      expect(sequencesOf(await readAll(await open(disk))), `seed ${seed}`).toEqual(sequencesOf([stored(dropped + 3), ...kept]));
    }
  });

  it('remembers up to where it was filled when thinning takes the last record', async () => {
    const chain = await open(disk);
    await chain.append([run(1, 100)]);
    await chain.replace(chain.files[0] as Chain['files'][number], [run(1, 50)], { isThinned: true });
    await chain.close();
    const again = await open(disk);
    expect(again).toMatchObject({ lastSequence: 300, recordCount: 50 });
    await again.append([run(90, 110)]);
    expect(await readAll(again)).toEqual([...run(1, 50), ...run(101, 110)]);
  });

  it('names what was in a file that someone deleted, and goes on without it', async () => {
    const damage: unknown[] = [];
    const chain = await open(disk, { onDamage: (found) => damage.push(found), fileBytesMax: PAGE_BYTES });
    await chain.append([run(1, 1000)]);
    const [first, second] = chain.files;
    if (first === undefined || second === undefined) throw new Error('too few files');
    await disk.unlink(pathOf(second.name));
    const { firstSequence, lastSequence, recordCount: count } = second;
    const rest = run(1, 1000).filter(({ sequence }) => sequence < firstSequence || sequence > lastSequence);
    expect(await readAll(chain)).toEqual(rest);
    expect(damage).toEqual([
      expect.objectContaining({ file: second.name, count, missing: { first: firstSequence, last: lastSequence } }),
    ]);
    const open_ = chain.files.at(-1);
    await disk.unlink(pathOf(open_?.name ?? ''));
    await chain.append([run(1001, 1010)]);
    expect(sequencesOf(await readAll(chain)).slice(-10)).toEqual(sequencesOf(run(1001, 1010)));
  });
});

const anyQuery = fc
  .record({
    sensors: fc.option(fc.subarray([...SENSORS, 'nobody']), { nil: undefined }),
    fromWallMs: fc.option(fc.integer({ min: -100, max: 3500 }), { nil: undefined }),
    toWallMs: fc.option(fc.integer({ min: -100, max: 3500 }), { nil: undefined }),
    withUntimed: fc.boolean(),
  })
  .map(({ sensors, fromWallMs, toWallMs, withUntimed }): HistoryQuery => {
    return {
      ...(sensors === undefined ? {} : { sensors: new Set(sensors) }),
      ...(fromWallMs === undefined ? {} : { fromWallMs: WALL_MS + fromWallMs * 1000 }),
      ...(toWallMs === undefined ? {} : { toWallMs: WALL_MS + toWallMs * 1000 }),
      withUntimed,
    };
  });

describe('a chain and a plain array', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 300 }),
        batch: fc.integer({ min: 1, max: 90 }),
      }),
      fc.record({ do: fc.constant('drop' as const), at: fc.nat() }),
      fc.record({ do: fc.constant('thin' as const), at: fc.nat(), keep: fc.integer({ min: 1, max: 4 }) }),
      fc.constant({ do: 'reopen' as const }),
      fc.constant({ do: 'finish' as const }),
      fc.record({
        do: fc.constant('fail' as const),
        at: fc.integer({ min: 1, max: 12 }),
        count: fc.integer({ min: 1, max: 300 }),
      }),
    ),
    { maxLength: 14 },
  );

  it('hold the same after any changes, whatever is asked', { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(
      steps,
      fc.array(anyQuery, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 1, max: 400 })), { maxLength: 6 }),
      async (changes, queries, reads) => {
        const disk = new ModelDisk();
        let chain = await open(disk);
        let model: StoredRecord[] = [];
        let next = 1;
        for (const change of changes) {
          const file = 'at' in change ? chain.files[change.at % Math.max(1, chain.files.length)] : undefined;
          const isOfFile = ({ sequence }: StoredRecord) =>
            file !== undefined && file.recordCount > 0 && sequence >= file.firstSequence && sequence <= file.lastSequence;
          if (change.do === 'append' || change.do === 'fail') {
            const records = run(next, next + change.count - 1);
            if (change.do === 'fail') {
              failAt(disk, change.at, 'EIO');
              await chain.append([records]).catch(() => undefined);
              disk.fault = undefined;
            }
            const size = change.do === 'append' ? change.batch : records.length;
            const batches = records.flatMap((_, i) => (i % size === 0 ? [records.slice(i, i + size)] : []));
            await chain.append(batches);
            next += change.count;
            model.push(...records);
          } else if (change.do === 'drop' && file !== undefined) {
            model = model.filter((record) => !isOfFile(record));
            await chain.drop(file);
          } else if (change.do === 'thin' && file !== undefined) {
            const isKept = ({ sequence }: StoredRecord) => (sequence / 3) % change.keep === 0;
            const kept = (await collect(chain.recordsOf(file))).filter(isKept);
            model = model.filter((record) => !isOfFile(record) || isKept(record));
            await chain.replace(file, [kept], { isThinned: true });
          } else if (change.do === 'reopen') {
            await chain.close();
            chain = await open(disk);
          } else if (change.do === 'finish') await chain.finish();
        }
        for (const [from, limit] of reads) {
          expect(await chain.read(from, limit)).toEqual(model.filter(({ sequence }) => sequence >= from).slice(0, limit));
        }
        for (const query of queries) expect(await collect(chain.history(query))).toEqual(model.filter(matcherOf(query)));
        expect(await readAll(chain)).toEqual(model);
        // What a failed append left in a file may count as damage once the file that has it instead was dropped.
        const isOfModel = ({ missing }: { readonly missing?: SequenceRange }) =>
          missing !== undefined && model.some(({ sequence }) => missing.first <= sequence && sequence <= missing.last);
        expect(chain.damage.filter(isOfModel)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: IS_DEEP ? 1000 : 30 });
  });
});
