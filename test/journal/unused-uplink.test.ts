// An uplink that is taken out of the site file: nothing is kept for it any more, and it goes on where it stood when it is back.

import { describe, expect, it } from 'vitest';
import { TestClock } from '../support/test-clock.ts';
import { appendGroup, FOLDER, open, storedValues, upTo, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const DAY_MS = 86_400_000;

/** A journal of two uplinks on its first day: the one has everything, the other the first hundred. */
async function ofTwo() {
  const disk = new ModelDisk();
  const journal = await open(disk, { uplinks: ['sentilo', 'mqtt'] });
  const [city, broker] = [await journal.delivery('sentilo'), await journal.delivery('mqtt')];
  await appendGroup(journal, 1, 300);
  city.settle([], upTo(300));
  broker.settle([], upTo(100));
  await city.flush();
  await broker.flush();
  await journal.close();
  return disk;
}

/** The same, with the readings of another hundred days behind them. */
async function aged(disk: ModelDisk, uplinks: readonly string[]) {
  const clock = new TestClock({ ms: WALL_MS + 100 * DAY_MS, quality: 'synced' });
  const options = { clock, uplinks, maxSizeBytes: 1 << 20, keepMs: 7 * DAY_MS, slotBytes: 8192, blockFileBytes: 16_384 };
  const journal = await open(disk, options);
  const delivery = await journal.delivery('sentilo');
  for (let from = 301; from < 20_000; from += 100) {
    const sequences = await appendGroup(journal, from, from + 99);
    delivery.settle([], sequences);
  }
  return journal;
}

describe('an uplink that is in use no more', () => {
  it('keeps nothing from being deleted that the others have', async () => {
    const values = await storedValues(await aged(await ofTwo(), ['sentilo']));
    expect(values[0]).toBeGreaterThan(300);
    const pinned = await storedValues(await aged(await ofTwo(), ['sentilo', 'mqtt']));
    expect(pinned[0]).toBe(1);
  });

  it('goes on where it stood when it is used again, and takes nothing of the time between for delivered', async () => {
    const disk = await ofTwo();
    const without = await open(disk, { uplinks: ['sentilo'] });
    expect(await disk.readDir(FOLDER)).toContain('mqtt.cursor.unused');
    await appendGroup(without, 301, 400);
    await without.close();
    const again = await open(disk, { uplinks: ['sentilo', 'mqtt'] });
    expect(await disk.readDir(FOLDER)).not.toContain('mqtt.cursor.unused');
    const broker = await again.delivery('mqtt');
    expect(broker.lowWater).toBe(100);
    expect(broker.unresolved).toEqual([]);
    expect(upTo(400, 101).filter((sequence) => broker.isDelivered(sequence))).toEqual([]);
  });

  it('goes on where it stood also where only commits say that, which others make from then on', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { uplinks: ['sentilo', 'mqtt'] });
    const broker = await journal.delivery('mqtt');
    await appendGroup(journal, 1, 50);
    broker.settle([], upTo(50));
    await appendGroup(journal, 51, 60);
    // The commit has said so: no write of its own is needed.
    await broker.flush();
    await journal.close();
    const without = await open(disk, { uplinks: ['sentilo'] });
    await appendGroup(without, 61, 70);
    await without.close();
    const again = await (await open(disk, { uplinks: ['sentilo', 'mqtt'] })).delivery('mqtt');
    expect([again.lowWater, again.unresolved]).toEqual([50, []]);
  });

  it('is sent more than once, and nothing is left out, where the disk refuses to take its cursor back', async () => {
    const disk = await ofTwo();
    await (await open(disk, { uplinks: ['sentilo'] })).close();
    disk.fault = (operation) => (operation === 'rename' ? 'EIO' : undefined);
    const lines: NonNullable<Parameters<typeof open>[1]>['lines'] = [];
    const one = await open(disk, { uplinks: ['sentilo', 'mqtt'], lines });
    expect(lines.map(({ code }) => code)).toContain('journal-cursor-not-renamed');
    const fresh = await one.delivery('mqtt');
    expect([fresh.lowWater, fresh.unresolved]).toEqual([0, [{ first: 1, last: 300 }]]);
    disk.fault = undefined;
    await fresh.begin([1]);
    fresh.settle([1], [1]);
    await fresh.flush();
    await one.close();
    // What it knows now is newer than what was set aside.
    const broker = await (await open(disk, { uplinks: ['sentilo', 'mqtt'] })).delivery('mqtt');
    expect([broker.lowWater, broker.unresolved]).toEqual([1, [{ first: 2, last: 300 }]]);
  });

  it('takes nothing for delivered that got its number after those that it spoke of were lost', async () => {
    const disk = await ofTwo();
    // Of the records only the newest is left behind the cursors: a slot that was lost.
    const names = (await disk.readDir(FOLDER)).filter((name) => name.startsWith('slot-'));
    for (const name of names) await disk.unlink(`${FOLDER}/${name}`);
    const without = await open(disk, { uplinks: ['sentilo'] });
    const sequences = await appendGroup(without, 301, 310);
    await without.close();
    const again = await open(disk, { uplinks: ['sentilo', 'mqtt'] });
    const broker = await again.delivery('mqtt');
    expect(sequences.filter((sequence) => broker.isDelivered(sequence))).toEqual([]);
  });

  it('is left as it is by whoever only looks, and by a disk that refuses', async () => {
    const disk = await ofTwo();
    await open(disk, { uplinks: ['sentilo'], isReadOnly: true });
    expect(await disk.readDir(FOLDER)).toContain('mqtt.cursor');
    const lines: { level: 'debug' | 'info' | 'warning' | 'error'; code: string; fields: unknown }[] = [];
    disk.fault = (operation) => (operation === 'rename' ? 'EROFS' : undefined);
    const journal = await open(disk, { uplinks: ['sentilo'], lines });
    expect(lines.map(({ code }) => code)).toContain('journal-cursor-not-renamed');
    expect(await journal.read(1, 1)).toHaveLength(1);
  });
});
