// At a sync the power fails, and of what was to be made durable one sector is lost, or one sector is all that is kept.

import { strict as assert } from 'node:assert';
import { expect, it } from 'vitest';
import type { Observation } from '../../gateway/record.ts';
import { gapsOf, observation, open, readAll, seeded, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SECTOR_BYTES = 512;
/** Slots are used again after some 600 readings, and a block file is full after a few sealings. */
const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };
const READINGS = 6_000;
const GROUP = 200;

/** Every fifth is a total. Digits that no codec makes shorter, so that blocks have several sectors. */
function reading(value: number): Observation {
  const [sensor, readingKind] = value % 5 === 0 ? (['flat-energy', 'total'] as const) : (['roof-temperature', 'gauge'] as const);
  return observation(value, { sensor, channel: sensor, readingKind, uncalibrated: seeded(value)() });
}

/** Before a sync. */
interface Moment {
  readonly at: string;
  /** What programs see, and what is durable. */
  readonly seen: ModelDisk;
  readonly durable: ModelDisk;
  /** So many readings were acknowledged. */
  readonly acknowledgedCount: number;
}

async function momentsOf(): Promise<Moment[]> {
  const moments: Moment[] = [];
  const disk = new ModelDisk();
  const journal = await open(disk, SIZES);
  let acknowledgedCount = 0;
  let syncCount = 0;
  disk.fault = (operation, _count, path) => {
    if (operation !== 'fdatasync') return undefined;
    syncCount += 1;
    const durable = disk.fork();
    durable.crash(() => 0);
    moments.push({ at: `sync ${syncCount} of ${path}`, seen: disk.copy(), durable, acknowledgedCount });
    return undefined;
  };
  for (let value = 1; value <= READINGS; value += GROUP) {
    const group: Promise<number>[] = upTo(value + GROUP - 1, value).map((each) => journal.append(reading(each)));
    await Promise.all(group);
    acknowledgedCount += GROUP;
  }
  return moments;
}

/** The disks that a moment may leave: each file in turn has lost one sector, or kept only one. */
function* disksAfter({ at, seen, durable }: Moment): Generator<{ readonly disk: ModelDisk; readonly where: string }> {
  for (const path of seen.paths) {
    const now = seen.bytes(path);
    const isNamed = durable.paths.includes(path);
    const then = isNamed ? durable.bytes(path) : new Uint8Array(0);
    for (let offset = 0; offset < now.length; offset += SECTOR_BYTES) {
      const [newest, oldest] = [sectorOf(now, offset), sectorOf(then, offset)];
      if (Buffer.compare(newest, oldest) === 0) continue;
      const where = `${at}, sector ${offset / SECTOR_BYTES} of ${path}`;
      yield { disk: withSector(seen, path, now, offset, oldest), where: `${where} lost` };
      // Of a file without a durable name nothing is left, whatever was kept of it.
      if (isNamed) yield { disk: withSector(durable, path, then, offset, newest), where: `${where} kept` };
    }
  }
}

function sectorOf(bytes: Uint8Array, offset: number): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  sector.set(bytes.subarray(offset, offset + SECTOR_BYTES));
  return sector;
}

function withSector(disk: ModelDisk, path: string, bytes: Uint8Array, offset: number, sector: Uint8Array): ModelDisk {
  const changed = new Uint8Array(Math.max(bytes.length, offset + SECTOR_BYTES));
  changed.set(bytes);
  changed.set(sector, offset);
  const other = disk.copy();
  other.put(path, changed);
  return other;
}

it('everything acknowledged is there, and nothing is called damaged or missing', async () => {
  let cutCount = 0;
  for (const moment of await momentsOf()) {
    for (const { disk, where } of disksAfter(moment)) {
      const journal = await open(disk, SIZES);
      const all = await readAll(journal, 10_000);
      const found = new Set(valuesOf(all));
      const lost = upTo(moment.acknowledgedCount).filter((value) => !found.has(value));
      assert.deepEqual(lost, [], where);
      const damaged = journal.stats().damage.filter(({ file, kind }) => file.endsWith('.blocks') && kind !== 'torn-tail');
      assert.deepEqual([...damaged, ...gapsOf(all)], [], where);
      await journal.close();
      cutCount += 1;
    }
  }
  expect(cutCount).toBeGreaterThan(500);
}, 120_000);
