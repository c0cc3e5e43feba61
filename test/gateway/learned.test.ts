// What was found out about devices survives a restart in one file, which may be lost, damaged or refused at any time.

import { expect, test } from 'vitest';
import { openLearned } from '../../gateway/learned.ts';
import { ModelDisk } from '../journal/model-disk.ts';
import { slowDisk } from '../support/slow-disk.ts';
import { TestClock } from '../support/test-clock.ts';

const FOLDER = '/var/lib/barri';
const FILE = `${FOLDER}/learned.json`;

function machine(disk = new ModelDisk()) {
  const clock = new TestClock();
  const codes: string[] = [];
  const open = () => openLearned({ disk, clock, log: (_level, code) => codes.push(code) }, FOLDER);
  return { disk, clock, codes, open };
}

test('gives after a restart what was kept, each device its own', async () => {
  const { clock, disk, open } = machine();
  await disk.mkdir(FOLDER);
  const first = await clock.run(open());
  first.of('flat_1').set('cuts', [1, 2]);
  first.of('flat_2').set('cuts', [3]);
  await clock.run(first.close());
  const again = await clock.run(open());
  expect(again.of('flat_1').get('cuts')).toEqual([1, 2]);
  expect(again.of('flat_2').get('cuts')).toEqual([3]);
  expect(again.of('flat_3').get('cuts')).toBeUndefined();
});

test('writes what is learned within a second, and nothing while nothing is', async () => {
  const { clock, disk, open } = machine();
  await disk.mkdir(FOLDER);
  const learned = await clock.run(open());
  const before = disk.operationCount;
  await clock.advance(10_000);
  expect(disk.operationCount).toBe(before);
  for (let i = 0; i < 100; i++) learned.of('flat_1').set('cuts', [i]);
  await clock.advance(1_100);
  const again = await clock.run(open());
  expect(again.of('flat_1').get('cuts')).toEqual([99]);
  expect(clock.timerCount).toBe(0);
});

test('is the old or the new one after a power cut at any moment', async () => {
  for (let nth = 1; nth < 30; nth++) {
    const { clock, disk, open } = machine();
    await disk.mkdir(FOLDER);
    const learned = await clock.run(open());
    learned.of('flat_1').set('cuts', 'old');
    await clock.advance(1_100);
    let count = 0;
    let cut: ModelDisk | undefined;
    disk.fault = () => {
      count += 1;
      if (count === nth) cut = disk.fork();
      return undefined;
    };
    learned.of('flat_1').set('cuts', 'new');
    await clock.run(learned.close());
    if (cut === undefined) break;
    cut.fault = undefined;
    cut.crash(() => 0.5);
    const after = machine(cut);
    const found = (await after.clock.run(after.open())).of('flat_1').get('cuts');
    expect(['old', 'new', undefined], `operation ${nth}`).toContain(found);
    expect(found, `operation ${nth}`).toBeDefined();
  }
});

test.each([
  ['nothing', ''],
  ['no JSON', '{"flat_1":'],
  ['a list', '[1, 2]'],
  ['something else under a device', '{"flat_1": 7}'],
])('begins anew where the file holds %s', async (_says, text) => {
  const { clock, disk, open } = machine();
  await disk.mkdir(FOLDER);
  const file = await disk.open(FILE, 'create');
  await file.pwrite(Buffer.from(text), 0);
  await file.fdatasync();
  await file.close();
  const learned = await clock.run(open());
  expect(learned.of('flat_1').get('cuts')).toBeUndefined();
  learned.of('flat_1').set('cuts', 1);
  await clock.run(learned.close());
  expect((await clock.run(open())).of('flat_1').get('cuts')).toBe(1);
});

test('goes on without a file where the disk refuses, and says so', async () => {
  const { clock, codes, disk, open } = machine();
  disk.fault = () => 'EIO';
  const learned = await clock.run(open());
  learned.of('flat_1').set('cuts', 1);
  await clock.advance(2_000);
  expect(learned.of('flat_1').get('cuts')).toBe(1);
  await clock.run(learned.close());
  expect(new Set(codes)).toEqual(new Set(['learned-not-kept']));
});

test('keeps a start waiting for a second at most, and takes in later what is not known better by then', async () => {
  const { clock, codes, disk, open } = machine();
  await disk.mkdir(FOLDER);
  const before = await clock.run(open());
  for (const flat of ['flat_1', 'flat_2']) before.of(flat).set('cuts', 'old');
  await clock.run(before.close());
  const slow = slowDisk(disk, clock, 40_000, (call) => call === 'size');
  const startedMs = clock.monotonicMs();
  const opening = openLearned({ disk: slow, clock, log: (_level, code) => codes.push(code) }, FOLDER);
  const openMs = opening.then(() => clock.monotonicMs() - startedMs);
  await clock.advance(2_000);
  expect(await openMs).toBeLessThanOrEqual(1_000);
  expect(codes).toEqual(['learned-not-kept']);
  const learned = await opening;
  expect(learned.of('flat_1').get('cuts')).toBeUndefined();
  learned.of('flat_1').set('cuts', 'new');
  await clock.advance(60_000);
  expect(['flat_1', 'flat_2'].map((flat) => learned.of(flat).get('cuts'))).toEqual(['new', 'old']);
  await clock.run(learned.close());
});
