// A card whose file system has found an error is mounted read-only: what was kept is read, and the gateway measures on.

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Disk } from '../../gateway/host.ts';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import { realClock, realHost } from '../../gateway/real-host.ts';
import { readAll, upTo } from '../journal/kit.ts';
import { canMount, type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { barri, ROOT } from './in-process.ts';
import { hall, keep, openReal, temporaryState } from './journal-kit.ts';
import { killAll, start } from './processes.ts';

describe.runIf(canMount())('on a read-only disk', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = smallDisk();
    disk.setReadOnly();
  });
  afterEach(() => disk.remove());

  test.each(['export', 'salvage'])('the file of %s is refused, to be tried again', async (command) => {
    const { state, remove } = temporaryState();
    await keep(state, [hall(1)]);
    const out = join(disk.folder, 'saved');
    const folder = command === 'export' ? ['--state', state] : [state];
    const { code, err } = await barri(['journal', command, ...folder, '--out', out]);
    remove();
    expect(err).toMatch(/^error\[B127\] .*saved cannot be written: the disk is read-only\n {3}= .*choose a file on another disk/);
    expect(code).toBe(75);
  });

  test('a state folder is refused, with the reason', async () => {
    const site = join(ROOT, 'examples/sites/carrer-demo.gateway.yaml');
    const { code, err } = await barri(['sim', 'run', site, '--city-port', '0', '--state', join(disk.folder, 'state')]);
    expect(err).toMatch(/error\[B102\].*EROFS\n {3}= the disk is read-only: check the card, or choose a folder on another/);
    expect(err).not.toContain('writable');
    expect(code).toBe(75);
  });
});

describe.runIf(canMount())('a state folder on a disk that has become read-only', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = smallDisk(20 * 1024 * 1024, 1_000);
  });
  afterEach(() => {
    killAll();
    disk.remove();
  });

  test('is read whole at the first look, and what is measured waits in memory', async () => {
    const journal = await openReal(disk.folder);
    const readings = upTo(40).map((minute) => hall(minute));
    // A commit each, so that there are many frames.
    for (const reading of readings) await journal.append(reading);
    await journal.close();
    disk.setReadOnly();
    let openedCount = 0;
    const real = realHost(() => {}).disk;
    const counting: Disk = {
      ...real,
      open: (path, mode) => {
        openedCount += 1;
        return real.open(path, mode);
      },
    };
    const options = { clock: realClock(), log: () => {}, syncMs: 0, maxSizeBytes: 64 << 20, keepMs: 1e12 };
    const again = await openJournal(counting, join(disk.folder, 'journal'), options);
    expect((await readAll(again)).map(({ record }) => record)).toEqual(readings);
    expect(again.stats().damage).toEqual([]);
    // Some for each file, and not for each of its frames.
    expect(openedCount).toBeLessThan(40);
    const ended = again.append(hall(41)).catch(() => undefined);
    await expect.poll(() => again.stats().failing).toMatchObject({ code: 'EROFS' });
    await again.close();
    await ended;
  });

  test('lets a gateway start, which says what it lacks', async () => {
    const site = join(ROOT, 'examples/sites/carrer-demo.gateway.yaml');
    const args = ['sim', 'run', site, '--state', join(disk.folder, 'state'), '--city-port', '0', '--json'];
    const first = start(args);
    await first.until(/"bus-open"/);
    first.child.kill('SIGINT');
    expect(await first.exit).toBe(0);
    disk.setReadOnly();
    const second = start(args);
    for (const code of ['local-api-not-served', 'journal-failing', 'bus-open']) await second.until(new RegExp(`"${code}"`));
    second.child.kill('SIGINT');
    expect(await second.exit).toBe(0);
    expect(second.out()).toMatch(/"errno":"EROFS","count":\d+,.*"code":"journal-records-lost"/);
    expect(second.out()).not.toContain('this is a bug');
  }, 60_000);
});
