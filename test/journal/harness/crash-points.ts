import { strict as assert } from 'node:assert';
import { basename } from 'node:path';
import { decodeFrame, placesOf } from '../../../gateway/journal/frame.ts';
import type { Journal } from '../../../gateway/journal/journal.ts';
import { SimulatedDisk } from '../../../simulator/disk.ts';
import type { DiskOperation } from '../../../simulator/faults.ts';
import { TestClock } from '../../support/test-clock.ts';
import { FOLDER, gapsOf, open, readAll, seeded, WALL_MS } from '../kit.ts';
import { CAUSES_OF_ROOM, checkJournal } from './check.ts';
import { live } from './driver.ts';
import type { Program, Sizes } from './program.ts';
import { type History, type Truth, truthOf } from './truth.ts';

/** Operations that change nothing: the power may as well go at the next one that does. */
const READING: ReadonlySet<DiskOperation> = new Set(['readDir', 'open', 'size', 'pread']);
/** The part of the crash points at which the power goes again and again while the journal recovers. */
const LOOP_RATE = 0.1;
const LOOPS_MAX = 20;
/** The part of the operations that take longer, in turns of the microtask queue, so that different things overtake each other. */
const SLOW_RATE = 0.3;
const SLOW_TURNS_MAX = 30;

/** The disk as it was right before an operation, and how much had happened by then. */
interface CrashPoint {
  readonly disk: SimulatedDisk;
  readonly happenedCount: number;
  readonly at: string;
}

/**
 * Runs a program, life after life, and cuts the power at each operation that changes the disk: opens what is left, and checks
 * it. The next life goes on from one of these. Returns at how many points the power was cut.
 */
export async function runProgram({ sizes, lives }: Program): Promise<number> {
  const history: History = [];
  let disk = new SimulatedDisk({ tornSectorRate: 0.2 });
  let checkedCount = 0;
  for (const [number, life] of lives.entries()) {
    const random = seeded(life.seed);
    const points = await recordPoints(disk, history, random, () => live(disk, sizes, life, number, history), life.failsAt);
    const next = nextLife(points, random);
    for (const [index, point] of points.entries()) {
      const truth = truthOf(history, point.happenedCount);
      const where = `life ${number}, cut ${index} of ${points.length}, before ${point.at}`;
      const before = point.disk.fork();
      await orSay(where, () => check(point.disk, sizes, truth, random));
      checkedCount += 1;
      if (index !== next) continue;
      disk = before;
      if (life.end === 'power') disk.crash(random);
    }
    history.length = points[next]?.happenedCount ?? 0;
  }
  return checkedCount;
}

/** Where the next life begins: every second time in the middle of a sealing, if there was one. Commits are far more frequent. */
function nextLife(points: readonly CrashPoint[], random: () => number): number {
  const sealing = points.flatMap(({ at }, index) => (at.includes('.blocks') ? [index] : []));
  const isSealing = random() < 0.5 && sealing.length > 0;
  const choice = random();
  return isSealing ? (sealing[Math.floor(choice * sealing.length)] as number) : Math.floor(choice * points.length);
}

/** Notes the state of the disk before every changing operation, and at the end. Some operations take longer than others. */
async function recordPoints(
  disk: SimulatedDisk,
  history: History,
  random: () => number,
  run: () => Promise<unknown>,
  failsAt = 0,
): Promise<CrashPoint[]> {
  const points: CrashPoint[] = [];
  const note = (at: string) => points.push({ disk: disk.fork(), happenedCount: history.length, at });
  let changeCount = 0;
  disk.fault = (operation, _count, path) => {
    if (!READING.has(operation)) {
      note(`${operation} ${path}`);
      changeCount += 1;
      if (changeCount === failsAt) return 'EIO';
    }
    return random() < SLOW_RATE ? slowly(1 + Math.floor(random() * SLOW_TURNS_MAX)) : undefined;
  };
  await run();
  disk.fault = undefined;
  note('the end');
  return points;
}

async function slowly(turns: number): Promise<undefined> {
  for (let turn = 0; turn < turns; turn++) await undefined;
}

/** Cuts the power and checks what is left; now and then the power goes in the middle of the recovery, up to twenty times. */
async function check(disk: SimulatedDisk, sizes: Sizes, truth: Truth, random: () => number): Promise<void> {
  disk.crash(random);
  let left = disk;
  const loopCount = random() < LOOP_RATE ? 1 + Math.floor(random() * LOOPS_MAX) : 0;
  for (let loop = 0; loop < loopCount; loop++) {
    const points = await recordPoints(left, [], random, () => openFor(left, sizes));
    left = points[Math.floor(random() * points.length)]?.disk ?? left;
    left.crash(random);
  }
  checkNames(left);
  const { journal, clock } = await openFor(left, sizes);
  await clock.run(checkJournal(journal, truth, { causes: CAUSES_OF_ROOM }));
  await clock.run(checkBlocks(journal));
}

/**
 * Block files are shown when they are durable: the power alone damages none of them. (In a slot nobody can tell a commit that
 * was never finished from one that went bad, so there it may be called damage.)
 */
async function checkBlocks(journal: Journal): Promise<void> {
  const damage = journal.stats().damage.find(({ file, kind }) => kind !== 'torn-tail' && file.endsWith('.blocks'));
  assert(damage === undefined, `a power cut passes for damage: ${JSON.stringify(damage)}`);
  const gap = gapsOf(await readAll(journal, 200)).find(
    ({ cause, recordClass }) => cause === 'damaged' && recordClass !== undefined,
  );
  assert(gap === undefined, `a power cut passes for damage: ${JSON.stringify(gap)}`);
}

/** No name of a block file is seen before what is in it is durable. */
function checkNames(disk: SimulatedDisk): void {
  for (const path of disk.paths) {
    if (!path.startsWith(`${FOLDER}/`) || path.includes('/damaged/') || !path.endsWith('.blocks')) continue;
    assert(decodeFrame(disk.bytes(path), 0, placesOf(basename(path))) !== undefined, `${path} has its name, and no first block`);
  }
}

async function openFor(disk: SimulatedDisk, sizes: Sizes) {
  const clock = new TestClock({ ms: WALL_MS + 86_400_000, quality: 'synced' });
  return { journal: await clock.run(open(disk, { clock, ...sizes })), clock };
}

async function orSay(where: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
