import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DiskFile } from '../../gateway/host.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk, type SimulatedDiskOptions } from '../../simulator/disk.ts';
import { SECTOR_BYTES } from '../../simulator/disk-content.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';

function makeDisk(options: Partial<SimulatedDiskOptions> = {}, seed = 1) {
  const clock = new VirtualClock(0, turn);
  return { clock, disk: new SimulatedDisk({ clock, random: createRandom(seed), ...options }) };
}

function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

async function durableFile(disk: SimulatedDisk, path: string, bytes: Uint8Array): Promise<DiskFile> {
  await disk.mkdir('/state');
  const file = await disk.open(path, 'create');
  await file.pwrite(bytes, 0);
  await file.fdatasync();
  await disk.fsyncDir('/state');
  return file;
}

async function content(disk: SimulatedDisk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  return await file.pread(0, 1 << 20);
}

test('reads what was written, and fewer bytes only at the end', async () => {
  const { disk } = makeDisk();
  const file = await durableFile(disk, '/state/a', Uint8Array.of(1, 2, 3, 4));
  expect(await file.pread(1, 2)).toEqual(Uint8Array.of(2, 3));
  expect(await file.pread(2, 100)).toEqual(Uint8Array.of(3, 4));
  expect(await file.pread(9, 100)).toEqual(new Uint8Array(0));
  await file.pwrite(Uint8Array.of(9), 6);
  expect(await content(disk, '/state/a')).toEqual(Uint8Array.of(1, 2, 3, 4, 0, 0, 9));
  await file.truncate(2);
  await file.truncate(4);
  expect(await content(disk, '/state/a')).toEqual(Uint8Array.of(1, 2, 0, 0));
  expect(await disk.size('/state/a')).toBe(4);
  expect(await disk.size('/state/b')).toBeUndefined();
  expect(await disk.readDir('/state')).toEqual(['a']);
  expect(await disk.readDir('/')).toEqual(['state']);
});

test.each([
  ['open', (disk: SimulatedDisk) => disk.open('/state/none', 'write'), 'ENOENT'],
  ['open', (disk: SimulatedDisk) => disk.open('/nowhere/a', 'create'), 'ENOENT'],
  ['open', (disk: SimulatedDisk) => disk.open('/state', 'read'), 'EISDIR'],
  ['readDir', (disk: SimulatedDisk) => disk.readDir('/nowhere'), 'ENOENT'],
  ['rename', (disk: SimulatedDisk) => disk.rename('/state/none', '/state/b'), 'ENOENT'],
  ['unlink', (disk: SimulatedDisk) => disk.unlink('/state/none'), 'ENOENT'],
  ['fsyncDir', (disk: SimulatedDisk) => disk.fsyncDir('/nowhere'), 'ENOENT'],
] as const)('%s fails as the operating system would', async (_, call, code) => {
  const { disk } = makeDisk();
  await disk.mkdir('/state');
  await expect(call(disk)).rejects.toMatchObject({ name: 'DiskError', code });
});

test('keeps through a crash all that was synced, and of the rest whole sectors, old or new', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 0, max: 3000 }),
      async (seed, length, from) => {
        const { disk } = makeDisk({}, seed);
        const file = await durableFile(disk, '/state/a', filled(2000, 1));
        await file.pwrite(filled(length, 2), from);
        disk.crash();
        const after = await content(disk, '/state/a');
        expect([2000, Math.max(2000, from + length)]).toContain(after.length);
        for (let start = 0; start < after.length; start += SECTOR_BYTES) {
          const sector = after.slice(start, start + SECTOR_BYTES);
          const old = sector.map((_, i) => (start + i < 2000 ? 1 : 0));
          const written = old.map((byte, i) => (start + i >= from && start + i < from + length ? 2 : byte));
          expect([Buffer.from(old).toString('hex'), Buffer.from(written).toString('hex')]).toContain(
            Buffer.from(sector).toString('hex'),
          );
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('loses in some crash each sector that was not synced, and keeps it in another', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed += 1) {
    const { disk } = makeDisk({}, seed);
    const file = await durableFile(disk, '/state/a', filled(2 * SECTOR_BYTES, 1));
    await file.pwrite(filled(2 * SECTOR_BYTES, 2), 0);
    disk.crash();
    const after = await content(disk, '/state/a');
    seen.add(`${after[0]}${after[SECTOR_BYTES]}`);
  }
  expect([...seen].sort()).toEqual(['11', '12', '21', '22']);
});

test('keeps through a crash the names of the last fsyncDir', async () => {
  for (let seed = 0; seed < 30; seed += 1) {
    const { disk } = makeDisk({}, seed);
    await durableFile(disk, '/state/a', filled(4, 1));
    await durableFile(disk, '/state/b', filled(4, 2));
    await disk.rename('/state/a', '/state/b');
    await disk.fsyncDir('/state');
    disk.crash();
    expect(await disk.readDir('/state')).toEqual(['b']);
    expect(await content(disk, '/state/b')).toEqual(filled(4, 1));
    await disk.unlink('/state/b');
    await disk.fsyncDir('/state');
    disk.crash();
    expect(await disk.readDir('/state')).toEqual([]);
  }
});

/** Every outcome of a crash after `change`, as `name=first byte` in order. */
async function outcomes(change: (disk: SimulatedDisk) => Promise<void>): Promise<string[]> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed += 1) {
    const { disk } = makeDisk({}, seed);
    await durableFile(disk, '/state/a', filled(4, 1));
    await durableFile(disk, '/state/b', filled(4, 2));
    await disk.mkdir('/other');
    await change(disk);
    disk.crash();
    const files = [];
    for (const path of disk.paths) files.push(`${path.slice(path.lastIndexOf('/') + 1)}=${(await content(disk, path))[0] ?? ''}`);
    seen.add(files.join(' '));
  }
  return [...seen].sort();
}

test.each<[string, (disk: SimulatedDisk) => Promise<void>, string[]]>([
  ['a new name', async (disk) => void (await disk.open('/state/c', 'create')), ['a=1 b=2', 'a=1 b=2 c=']],
  ['a deleted name', (disk) => disk.unlink('/state/a'), ['a=1 b=2', 'b=2']],
  ['a file put in the place of another', (disk) => disk.rename('/state/a', '/state/b'), ['a=1 b=2', 'b=1']],
  [
    'two names, each of which may come first',
    async (disk) => {
      await disk.unlink('/state/a');
      await disk.unlink('/state/b');
    },
    ['', 'a=1', 'a=1 b=2', 'b=2'],
  ],
  [
    'two changes of one name, in their order',
    async (disk) => {
      await disk.unlink('/state/b');
      await disk.rename('/state/a', '/state/b');
    },
    ['a=1', 'a=1 b=2', 'b=1'],
  ],
  [
    'a file that moves to another folder, never in neither',
    (disk) => disk.rename('/state/a', '/other/c'),
    ['a=1 b=2', 'c=1 a=1 b=2', 'c=1 b=2'],
  ],
  [
    'a file renamed before its bytes are durable',
    async (disk) => {
      const file = await disk.open('/state/new', 'create');
      await file.pwrite(filled(4, 3), 0);
      await disk.rename('/state/new', '/state/b');
      await disk.fsyncDir('/state');
    },
    ['a=1 b=', 'a=1 b=0', 'a=1 b=3'],
  ],
])('a crash leaves any of: %s', async (_, change, expected) => {
  expect(await outcomes(change)).toEqual(expected.toSorted());
});

test('a sync that lies makes nothing durable, and one that is honest afterwards does', async () => {
  const seen = new Set<number | undefined>();
  for (let seed = 0; seed < 30; seed += 1) {
    const { disk } = makeDisk({}, seed);
    const file = await durableFile(disk, '/state/a', filled(4, 1));
    await file.pwrite(filled(4, 2), 0);
    disk.fault = () => 'lie';
    await file.fdatasync();
    if (seed % 2 === 0) {
      disk.fault = undefined;
      await file.fdatasync();
    }
    disk.crash();
    const [byte] = await content(disk, '/state/a');
    if (seed % 2 === 0) expect(byte).toBe(2);
    else seen.add(byte);
  }
  expect(seen).toEqual(new Set([1, 2]));
});

test('a sector may have become durable with what was written to it in between', async () => {
  const seen = new Set<number | undefined>();
  for (let seed = 0; seed < 100; seed += 1) {
    const { disk } = makeDisk({}, seed);
    const file = await durableFile(disk, '/state/a', filled(4, 1));
    await file.pwrite(filled(4, 2), 0);
    await file.pwrite(filled(4, 3), 0);
    disk.crash();
    seen.add((await content(disk, '/state/a'))[0]);
  }
  expect(seen).toEqual(new Set([1, 2, 3]));
});

test('a torn sector begins new and ends old, and what was not written of it stays', async () => {
  let tornCount = 0;
  for (let seed = 0; seed < 50; seed += 1) {
    const { disk } = makeDisk({ tornSectorRate: 0.5 }, seed);
    const file = await durableFile(disk, '/state/a', filled(SECTOR_BYTES, 1));
    await file.pwrite(filled(SECTOR_BYTES - 100, 2), 100);
    disk.crash();
    const after = [...(await content(disk, '/state/a'))];
    expect(after.slice(0, 100).every((byte) => byte === 1)).toBe(true);
    const edge = after.indexOf(1, 100);
    if (edge > 100) {
      tornCount += 1;
      expect(after.slice(edge).every((byte) => byte === 1)).toBe(true);
    }
  }
  expect(tornCount).toBeGreaterThan(5);
});

test('gives errors for a page that has gone bad, until the page is written whole', async () => {
  const { disk } = makeDisk();
  const file = await durableFile(disk, '/state/a', filled(3 * 4096, 1));
  disk.setUnreadable('/state/a', 1);
  expect(await file.pread(0, 4096)).toEqual(filled(4096, 1));
  await expect(file.pread(4095, 2)).rejects.toMatchObject({ code: 'EIO' });
  await file.pwrite(filled(100, 2), 5000);
  await expect(file.pread(8191, 1)).rejects.toMatchObject({ code: 'EIO' });
  await file.pwrite(filled(4096, 3), 4096);
  expect(await file.pread(4096, 4096)).toEqual(filled(4096, 3));
});

test('a copy and its original change independently, and a fork has the same crashes before it', async () => {
  for (let seed = 0; seed < 10; seed += 1) {
    const { disk } = makeDisk({}, seed);
    const file = await durableFile(disk, '/state/a', filled(4096, 1));
    await file.pwrite(filled(4096, 2), 0);
    await disk.open('/state/new', 'create');
    const copy = disk.copy();
    const forks = [disk.fork(), disk.fork()];
    await file.pwrite(filled(4096, 3), 0);
    await file.fdatasync();
    await disk.fsyncDir('/state');
    copy.crash(createRandom(seed));
    expect(copy.bytes('/state/a')).toEqual(filled(4096, 2));
    expect(copy.paths).toEqual(['/state/a', '/state/new']);
    for (const fork of forks) fork.crash(createRandom(seed));
    const [first, second] = forks.map((fork) => [fork.paths, fork.bytes('/state/a')]);
    expect(first).toEqual(second);
    expect(forks[0]?.bytes('/state/a')).not.toContain(3);
    disk.crash();
    expect(disk.bytes('/state/a')).toEqual(filled(4096, 3));
  }
});

test('a hook sees each operation with its number and can hold it up', async () => {
  const { disk } = makeDisk();
  const seen: unknown[] = [];
  let go = () => {};
  disk.fault = (operation, count, path) => {
    seen.push([operation, count, path]);
    return operation === 'pwrite'
      ? new Promise((resolve) => {
          go = () => resolve(undefined);
        })
      : undefined;
  };
  await disk.mkdir('/state');
  const file = await disk.open('/state/a', 'create');
  const writing = file.pwrite(filled(1, 1), 0);
  await turn();
  expect(await file.size()).toBe(0);
  go();
  expect(await writing).toBe(1);
  expect(seen).toEqual([
    ['mkdir', 1, '/state'],
    ['open', 2, '/state/a'],
    ['pwrite', 3, '/state/a'],
  ]);
});

test('an operation that hangs by schedule goes on when the fault ends', async () => {
  const { clock, disk } = makeDisk({ faults: [{ at: 'disk', code: 'hang', operations: ['pwrite'], fromMs: 0, toMs: 30_000 }] });
  await disk.mkdir('/state');
  const file = await disk.open('/state/a', 'create');
  expect(await clock.run(file.pwrite(filled(1, 1), 0))).toBe(1);
  expect(clock.monotonicMs()).toBe(30_000);
});

test('a write that fails with EIO may have written a beginning', async () => {
  const sizes = new Set<number>();
  for (let seed = 0; seed < 20; seed += 1) {
    const { disk } = makeDisk({}, seed);
    const file = await durableFile(disk, '/state/a', filled(0, 1));
    disk.fault = () => 'EIO';
    await expect(file.pwrite(filled(10, 1), 0)).rejects.toMatchObject({ code: 'EIO' });
    sizes.add(await file.size());
  }
  expect(sizes.size).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBeLessThan(10);
});

test('a file that was open in the crash is of no use any more', async () => {
  const { disk } = makeDisk();
  const file = await durableFile(disk, '/state/a', filled(4, 1));
  disk.crash();
  await expect(file.pwrite(filled(1, 1), 0)).rejects.toMatchObject({ code: 'EBADF' });
  const reader = await disk.open('/state/a', 'read');
  await expect(reader.pwrite(filled(1, 1), 0)).rejects.toMatchObject({ code: 'EBADF' });
  await reader.close();
  await expect(reader.size()).rejects.toMatchObject({ code: 'EBADF' });
});

test('what a failed sync has given up stays lost, though the next one succeeds', async () => {
  const outcomes = new Set<number | undefined>();
  for (let seed = 0; seed < 30; seed += 1) {
    const fault = { at: 'disk', code: 'EIO', operations: ['fdatasync'], fromMs: 100, toMs: 200 } as const;
    const { clock, disk } = makeDisk({ faults: [fault] }, seed);
    const file = await durableFile(disk, '/state/a', filled(SECTOR_BYTES, 1));
    await file.pwrite(filled(SECTOR_BYTES, 2), 0);
    await clock.runUntil(100);
    await expect(file.fdatasync()).rejects.toMatchObject({ code: 'EIO', message: expect.stringMatching(/state\/a/) });
    await clock.runUntil(200);
    await file.fdatasync();
    if (seed % 2 === 1) {
      await file.pwrite(filled(SECTOR_BYTES, 3), 0);
      await file.fdatasync();
    }
    disk.crash();
    const [byte] = await content(disk, '/state/a');
    if (seed % 2 === 1) expect(byte).toBe(3);
    else outcomes.add(byte);
  }
  expect(outcomes).toEqual(new Set([1, 2]));
});

test('writes what fits on a disk that is nearly full, and nothing on a full one', async () => {
  const { disk } = makeDisk({ capacityBytes: 1000 });
  const file = await durableFile(disk, '/state/a', filled(900, 1));
  expect(await file.pwrite(filled(300, 2), 800)).toBe(200);
  await expect(file.pwrite(filled(1, 3), 1000)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await file.pwrite(filled(10, 4), 0)).toBe(10);
  await disk.unlink('/state/a');
  const after = await durableFile(disk, '/state/b', filled(1000, 5));
  expect(await after.size()).toBe(1000);
});

test('writes less than it was given now and then, but at least one byte', async () => {
  const { disk } = makeDisk({ shortWriteRate: 0.5 });
  await disk.mkdir('/state');
  const file = await disk.open('/state/a', 'create');
  const lengths = [];
  for (let i = 0; i < 100; i += 1) lengths.push(await file.pwrite(filled(10, 1), 0));
  expect(lengths.filter((length) => length === 10).length).toBeGreaterThan(25);
  expect(lengths.filter((length) => length < 10).length).toBeGreaterThan(25);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1);
});

test.each(['open', 'pread', 'pwrite', 'fdatasync', 'truncate', 'rename', 'unlink', 'fsyncDir'] as const)(
  'a fault of %s fails that operation and no other',
  async (operation) => {
    const { clock, disk } = makeDisk({ faults: [{ at: 'disk', code: 'EROFS', operations: [operation], fromMs: 10, toMs: 20 }] });
    const file = await durableFile(disk, '/state/a', filled(4, 1));
    const calls = {
      open: () => disk.open('/state/a', 'read'),
      pread: () => file.pread(0, 1),
      pwrite: () => file.pwrite(filled(1, 1), 0),
      fdatasync: () => file.fdatasync(),
      truncate: () => file.truncate(4),
      fsyncDir: () => disk.fsyncDir('/state'),
      rename: () => disk.rename('/state/a', '/state/b'),
      unlink: () => disk.unlink('/state/b'),
    };
    await clock.runUntil(10);
    for (const [name, call] of Object.entries(calls)) {
      if (name === operation) await expect(call()).rejects.toMatchObject({ code: 'EROFS' });
      else if (!(operation === 'rename' && name === 'unlink')) await call();
    }
    await clock.runUntil(20);
    if (operation === 'rename') await calls.rename();
    if (operation === 'rename' || operation === 'unlink') await calls.unlink();
    else await expect(disk.size('/state/b')).resolves.toBeUndefined();
  },
);

test('makes a sync wait for as long as is said', async () => {
  const { clock, disk } = makeDisk({ syncMs: 8 });
  await disk.mkdir('/state');
  const file = await disk.open('/state/a', 'create');
  await clock.run(file.fdatasync());
  expect(clock.monotonicMs()).toBe(8);
});
