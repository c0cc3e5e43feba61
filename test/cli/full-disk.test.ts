// What a full disk leaves of files that were there before (case jo-02), on a real file system of 1 MiB.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log } from '../../gateway/host.ts';
import type { Delivery, Journal } from '../../gateway/journal/journal.ts';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import { STATE_FILE_BYTES } from '../../gateway/journal/two-slot-file.ts';
import { realClock, realHost } from '../../gateway/real-host.ts';
import { appendAll, open, seeded, upTo } from '../journal/kit.ts';
import { ModelDisk } from '../journal/model-disk.ts';
import { canMount, type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { barri, ROOT } from './in-process.ts';
import { hall, keep, minutes, openReal, temporaryState } from './journal-kit.ts';
import { killAll, start } from './processes.ts';

describe.runIf(canMount())('on a disk of 1 MiB that is full', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = smallDisk();
  });
  afterEach(() => disk.remove());

  describe('the output of', () => {
    let state: string;
    let remove: () => void;
    beforeEach(async () => {
      ({ state, remove } = temporaryState());
      await keep(state, minutes(1_200));
    });
    afterEach(() => remove());

    const commands = {
      export: (out: string) => ['export', '--state', state, '--out', out],
      'export as JSON lines': (out: string) => ['export', '--state', state, '--format', 'jsonl', '--out', out],
      salvage: (out: string) => ['salvage', state, '--out', out],
    };
    const rooms = { 'no room': 0, 'room for a half of it': 0.5 };

    test.each(Object.keys(commands).flatMap((command) => Object.keys(rooms).map((room) => ({ command, room }))))(
      '$command with $room leaves what was there, says so, and works once there is room',
      async ({ command, room }) => {
        const args = commands[command as keyof typeof commands];
        const elsewhere = join(state, 'whole');
        expect((await barri(['journal', ...args(elsewhere)])).code).toBe(0);
        const whole = readFileSync(elsewhere);
        const out = join(disk.folder, 'readings');
        const before = 'what was exported last week\n'.repeat(1_000);
        writeFileSync(out, before);
        disk.fill(whole.length * rooms[room as keyof typeof rooms]);
        const names = readdirSync(disk.folder);

        const { code, err, out: printed } = await barri(['journal', ...args(out)]);
        expect(code).toBe(75);
        expect(err).toBe(
          `error[B127] ${out} cannot be written: the disk is full\n` +
            '   = nothing half-written is left under this name; make room, or choose a file on another disk: --out FILE\n',
        );
        expect(printed).toBe('');
        expect(readFileSync(out, 'utf8')).toBe(before);
        expect(readdirSync(disk.folder)).toEqual(names);

        disk.free();
        expect((await barri(['journal', ...args(out)])).code).toBe(0);
        expect(readFileSync(out).equals(whole)).toBe(true);
      },
    );

    test('a first export leaves no file, neither empty nor begun', async () => {
      disk.fill();
      const names = readdirSync(disk.folder);
      const { code } = await barri(['journal', ...commands.export(join(disk.folder, 'readings'))]);
      expect(code).toBe(75);
      expect(readdirSync(disk.folder)).toEqual(names);
    });
  });

  describe('the state of a delivery', () => {
    const SMALL = { slotBytes: 65_536, slotCount: 4, blockFileBytes: 65_536 };
    const OTHER_CURSOR = 'other.cursor';
    let journal: Journal;
    let delivery: Delivery;
    beforeEach(async () => {
      journal = await openReal(disk.folder, SMALL);
      delivery = await journal.delivery('sentilo');
      await Promise.all(upTo(20).map((minute) => journal.append(hall(minute))));
    });

    /** As the next process finds it. */
    const found = async (uplink = 'sentilo') => {
      await journal.close();
      const next = await openReal(disk.folder, SMALL);
      const { lowWater, unresolved } = await next.delivery(uplink);
      await next.close();
      return { lowWater, unresolved };
    };

    test('is written over where it stands, and found by the next opening', async () => {
      await delivery.begin([1, 2, 3]);
      delivery.settle([1, 2, 3], [1, 2, 3]);
      await delivery.flush();
      disk.fill();
      await delivery.begin([4, 5, 6]);
      delivery.settle([4, 5, 6], [4, 5]);
      await delivery.begin([7, 8]);
      expect(await found()).toEqual({ lowWater: 5, unresolved: [{ first: 7, last: 8 }] });
    });

    test('that cannot be made lets nothing be sent, is never there half-made, and is made once there is room', async () => {
      disk.fill();
      const other = await journal.delivery('other');
      await expect(other.begin([1, 2, 3])).rejects.toThrow(`${OTHER_CURSOR} cannot be written (ENOSPC)`);
      for (const name of [OTHER_CURSOR, `${OTHER_CURSOR}.new`])
        expect(readdirSync(join(disk.folder, 'journal'))).not.toContain(name);
      disk.free();
      await other.begin([1, 2, 3]);
      other.settle([1, 2, 3], [1, 2, 3]);
      await other.begin([4]);
      // What will replace it one day, while there is room.
      expect(statSync(join(disk.folder, 'journal', `${OTHER_CURSOR}.new`)).size).toBe(STATE_FILE_BYTES);
      expect(await found('other')).toEqual({ lowWater: 3, unresolved: [{ first: 4, last: 4 }] });
    });
  });

  describe('a gateway that could write nothing from its start on', () => {
    const state = () => join(disk.folder, 'state');
    const look = (...words: string[]) => barri(['journal', ...words, '--state', state(), '--json']);
    beforeEach(() => disk.fill(64 * 1024));
    afterEach(() => killAll());

    test('delivers from memory, which no command takes for damage, and says at its end what is lost with it', async () => {
      const site = join(ROOT, 'examples/sites/carrer-demo.gateway.yaml');
      const gateway = start(['sim', 'run', site, '--state', state(), '--city-port', '0']);
      await gateway.until(/the disk is full/);
      await expect
        .poll(async () => (await barri(['status', '--state', state()])).out, { timeout: 20_000 })
        .toMatch(/[1-9]\d* readings delivered/);
      // What was delivered stands in the state a moment after the gateway knows it.
      const lowWater = async () => JSON.parse((await look('inspect')).out).uplinks[0].lowWater;
      await expect.poll(lowWater, { timeout: 20_000 }).toBeGreaterThan(0);
      const inspected = await look('inspect');
      expect(JSON.parse(inspected.out)).toMatchObject({ damage: [], sinceStart: { failing: { code: 'ENOSPC' } } });
      expect(inspected.code).toBe(0);
      const verified = await look('verify');
      expect(JSON.parse(verified.out)).toMatchObject({ damage: [] });
      expect(verified.code).toBe(0);
      gateway.child.kill('SIGINT');
      expect(await gateway.exit).toBe(0);
      expect(gateway.out()).toMatch(/\nStopped\. Outputs are safe\.\n\d+ records .* could not be written/);
      expect(gateway.out()).not.toContain('the journal is in');
    }, 60_000);
  });

  describe('a journal of the usual size', () => {
    const records = upTo(20).map((minute) => hall(minute));
    let failing: Promise<void>;
    let openUsual: () => Promise<Journal>;
    beforeEach(() => {
      let fails = () => {};
      failing = new Promise((resolve) => {
        fails = resolve;
      });
      const log: Log = (_level, code) => {
        if (code === 'journal-failing') fails();
      };
      const options = { clock: realClock(), log, syncMs: 0, maxSizeBytes: 1024 ** 3, keepMs: 86_400_000 };
      openUsual = () => openJournal(realHost(log).disk, join(disk.folder, 'journal'), options);
    });

    const found = async (journal: Journal) => (await journal.read(1, 100)).map(({ record }) => record);

    test('takes no more room than there is, and keeps everything', async () => {
      const journal = await openUsual();
      const sequences = await Promise.all(records.map((record) => journal.append(record)));
      expect(sequences).toEqual(upTo(20));
      expect(journal.stats()).not.toHaveProperty('failing');
      await journal.close();
      const again = await openUsual();
      expect(await found(again)).toEqual(records);
      await again.close();
    });

    test('that finds no room at all says so, and gives and delivers from memory what is measured', async () => {
      disk.fill();
      const journal = await openUsual();
      const delivery = await journal.delivery('sentilo');
      const ended = Promise.allSettled(records.map((record) => journal.append(record)));
      await failing;
      expect(journal.stats()).toMatchObject({ failing: { code: 'ENOSPC', waitingCount: 20 } });
      expect(await found(journal)).toEqual(records);
      await delivery.begin(upTo(20));
      delivery.settle(upTo(20), upTo(20));
      expect(delivery.lowWater).toBe(20);
      await journal.close();
      // Nobody was told that any of it is kept.
      expect(new Set((await ended).map(({ status }) => status))).toEqual(new Set(['rejected']));
    });
  });
});

describe('the state of a delivery on a disk that is full from any of its operations on', () => {
  /** What writes, makes or makes longer. A sync is refused where the room is given only when it is needed. */
  const NEEDING = ['pwrite', 'fdatasync', 'truncate', 'rename', 'fsyncDir'];

  test.each(['the first time', 'the second time', 'after a failure'])(
    'is that of before or the new one, also after a power cut (it is written %s)',
    async (when) => {
      for (let nth = 1; ; nth++) {
        const model = new ModelDisk();
        const journal = await open(model);
        const delivery = await journal.delivery('sentilo');
        await appendAll(journal, 1, 20);
        let before = 0;
        const settle = async (first: number, last: number) => {
          await delivery.begin(upTo(last, first));
          delivery.settle(upTo(last, first), upTo(last, first));
          await delivery.flush();
          before = last;
        };
        if (when !== 'the first time') await settle(1, 3);
        if (when === 'after a failure') {
          model.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : undefined);
          await expect(delivery.begin([4])).rejects.toThrow('EIO');
        }
        let count = 0;
        model.fault = (operation) => (NEEDING.includes(operation) && ++count >= nth ? 'ENOSPC' : undefined);
        const isWritten = await settle(before + 1, 10).then(
          () => true,
          () => false,
        );
        for (const disk of [model.copy(), ...upTo(5).map((seed) => crashed(model, seed))]) {
          const next = await (await open(disk)).delivery('sentilo');
          expect([before, 10]).toContain(next.lowWater);
          if (isWritten) expect(next.lowWater).toBe(10);
          // Empty, or taken for new, it would have everything looked up in the city once more.
          if (before > 0) expect(next.unresolved.every(({ last }) => last <= 10)).toBe(true);
        }
        if (isWritten && count < nth) return;
      }
    },
  );
});

function crashed(disk: ModelDisk, seed: number): ModelDisk {
  const fork = disk.fork();
  fork.crash(seeded(seed));
  return fork;
}
