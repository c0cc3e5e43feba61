import { expect, test } from 'vitest';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, type OpenOptions, observation, open, readAll, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 65_536, slotCount: 4, blockFileBytes: 65_536, maxSizeBytes: 1_200_000 };

interface Thinned {
  readonly file: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

function thinnedIn(lines: readonly { readonly code: string; readonly fields: unknown }[]): Thinned | undefined {
  return lines.find(({ code }) => code === 'journal-file-thinned')?.fields as Thinned | undefined;
}

/** A journal whose oldest file was thinned to windows of 300 readings. */
async function thinnedOnce() {
  const disk = new ModelDisk();
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const lines: NonNullable<OpenOptions['lines']> = [];
  const options = { clock, lines, ...SIZES };
  const journal = await open(disk, options);
  await (await journal.delivery('sentilo')).flush();
  const random = seeded(3);
  let thinned: Thinned | undefined;
  for (let n = 0; thinned === undefined; thinned = thinnedIn(lines)) {
    for (let i = 0; i < 500; i++) {
      n += 1;
      const reading = observation(n, { value: random(), uncalibrated: random(), monotonicMs: n * 1_000 });
      journal.append(reading).catch(() => undefined);
    }
    await clock.advance(1);
  }
  const { file, firstSequence, lastSequence } = thinned;
  return { disk, clock, journal, options, path: `${FOLDER}/${file}`, range: { firstSequence, lastSequence } };
}

/** The one gap record of what was lost, after a record that carries it. */
async function gapIn(clock: TestClock, journal: Awaited<ReturnType<typeof open>>) {
  await clock.run(readAll(journal, 5_000));
  for (let n = 0; n < 2; n++) await clock.run(journal.append(observation(n), true));
  const gaps = gapsOf(await clock.run(readAll(journal, 5_000)));
  expect(gaps).toHaveLength(1);
  return gaps[0];
}

test.each([true, false])(
  'a thinned file that somebody deletes (running: %s) is named as of an unknown count',
  async (isRunning) => {
    const { disk, clock, journal, options, path, range } = await thinnedOnce();
    if (!isRunning) await journal.close();
    await disk.unlink(path);
    const gap = await gapIn(clock, isRunning ? journal : await open(disk, options));
    // Not by the windows that there were.
    expect(gap).toMatchObject({ cause: 'gone', ...range });
    expect(gap).not.toHaveProperty('count');
  },
);

test('so is a block of it that went bad', async () => {
  const { disk, clock, journal, options, path, range } = await thinnedOnce();
  await journal.close();
  disk.damage(path, 100, new Uint8Array(16).fill(7));
  const gap = await gapIn(clock, await open(disk, options));
  expect(gap).toMatchObject({ cause: 'damaged', lastSequence: range.lastSequence });
  expect(gap).not.toHaveProperty('count');
});
