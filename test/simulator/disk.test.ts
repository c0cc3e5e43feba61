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

test('goes back to the names of the last fsyncDir', async () => {
  const { disk } = makeDisk();
  await durableFile(disk, '/state/a', filled(4, 1));
  await durableFile(disk, '/state/b', filled(4, 2));
  await disk.rename('/state/a', '/state/b');
  await disk.open('/state/new', 'create');
  expect(await disk.readDir('/state')).toEqual(['b', 'new']);
  disk.crash();
  expect(await disk.readDir('/state')).toEqual(['a', 'b']);
  expect(await content(disk, '/state/b')).toEqual(filled(4, 2));

  await disk.rename('/state/a', '/state/b');
  await disk.fsyncDir('/state');
  disk.crash();
  expect(await disk.readDir('/state')).toEqual(['b']);
  expect(await content(disk, '/state/b')).toEqual(filled(4, 1));

  await disk.unlink('/state/b');
  disk.crash();
  expect(await disk.readDir('/state')).toEqual(['b']);
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
    await expect(file.fdatasync()).rejects.toMatchObject({ code: 'EIO', message: /state\/a/ });
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
