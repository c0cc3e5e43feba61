import { expect, test } from 'vitest';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { observation } from './kit.ts';

test('waits instead of spinning while the disk says that it is full whatever is freed, and keeps everything', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 10, 25), turn);
  const fault = { at: 'disk', code: 'ENOSPC', operations: ['fdatasync'], fromMs: 1_000, toMs: 60_000 } as const;
  const disk = new SimulatedDisk({ clock, random: createRandom(1), faults: [fault] });
  const options = { clock, log: () => {}, syncMs: 1_000, maxSizeBytes: 1e9, keepMs: 1e12 };
  const journal = await clock.run(openJournal(disk, '/journal', options));
  const appended = [];
  for (let second = 0; second < 120; second += 1) {
    appended.push(journal.append(observation(second)));
    await clock.runUntil((second + 1) * 1_000);
  }
  expect(new Set(await clock.run(Promise.all(appended))).size).toBe(120);
});
