// `barri journal inspect`: what a journal holds, on the real disk and beside a gateway that runs.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderInspection } from '../../cli/journal-render.ts';
import type { Gap } from '../../gateway/record.ts';
import { barri } from './in-process.ts';
import { contentsOf, DAY_MS, damage, hall, keep, minutes, openReal, STORED, serveStatus, stateForEach } from './journal-kit.ts';

let state: string;
const cleanUps = stateForEach((temporary) => {
  state = temporary;
});

const journal = (...args: string[]) => barri(['journal', ...args]);
const folder = () => join(state, 'journal');
const serve = async (...status: [stored: object, more?: object]) => {
  cleanUps.push(await serveStatus(state, ...status));
};

/** Seventeen readings that the size limit took. */
const GAP: Gap = {
  ...{ kind: 'gap', boot: 'b1', monotonicMs: 0, wallMs: DAY_MS, wallQuality: 'synced', cause: 'size-cap' },
  ...{ firstSequence: 1, lastSequence: 40, recordClass: 'gauges', count: 17, sensors: ['makers-hall-temperature'] },
  ...{ fromWallMs: DAY_MS, toWallMs: DAY_MS + 60_000 },
};

describe('inspect', () => {
  /** A journal of four readings, of which the city has two. The caller closes it. */
  async function halfDelivered() {
    const gateway = await openReal(state);
    const sequences = await Promise.all([0, 1, 2, 3].map((minute) => gateway.append(hall(minute))));
    const delivery = await gateway.delivery('sentilo');
    await delivery.begin(sequences.slice(0, 2));
    delivery.settle(sequences.slice(0, 2), sequences.slice(0, 2));
    await delivery.flush();
    return gateway;
  }

  test('shows files, times and what waits, on 80 columns', async () => {
    const gateway = await halfDelivered();
    await gateway.close();
    const { code, out } = await journal('inspect', '--state', state);
    expect(code).toBe(0);
    expect(out).toContain(`Journal   ${folder()}`);
    expect(out).toContain('4 records');
    expect(out).toMatch(/sentilo: 2 readings wait, the oldest of 2026-11-25 00:02:00 UTC/);
    expect(out).toContain('all up to 2');
    expect(out).toMatch(/slot-000 +slot/);
    const { out: json } = await journal('inspect', '--state', state, '--json');
    expect(JSON.parse(json)).toMatchObject({
      isRunning: false,
      recordCount: 4,
      uplinks: [{ uplink: 'sentilo', waitingCount: 2, lowWater: 2, oldestWaitingWallMs: DAY_MS + 120_000 }],
      damage: [],
      gaps: [],
    });
    for (const line of renderInspection(JSON.parse(json), 80).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  const holds = async () => (await journal('inspect', '--state', state)).out.replaceAll(/\s+/g, ' ');

  test('says from when to when it was measured, with what stands in slots only', async () => {
    await keep(state, minutes(3));
    expect(await holds()).toContain('measured from 2026-11-25 00:00 to 2026-11-25 00:02 UTC');
    await keep(state, minutes(3_000));
    expect(await holds()).toContain('measured from 2026-11-25 00:00 to 2026-11-27 01:59 UTC');
    const { out } = await journal('inspect', '--state', state, '--json');
    expect(JSON.parse(out)).toMatchObject({ fromWallMs: DAY_MS, toWallMs: DAY_MS + 2_999 * 60_000 });
  });

  test('takes for the times of its readings neither those of events nor those of a clock that was not set', async () => {
    const unset = { wallQuality: 'none', boot: 'b2', wallMs: 5 } as const;
    const stamp = { boot: 'b1', monotonicMs: 1, wallMs: DAY_MS - 86_400_000, wallQuality: 'synced' } as const;
    await keep(state, [
      { ...stamp, kind: 'event', code: 'gateway-started', fields: {} },
      hall(1, unset),
      hall(7),
      hall(2, unset),
    ]);
    expect(await holds()).toContain('measured from 2026-11-25 00:07 to 2026-11-25 00:07 UTC');
  });

  test('tells of a delivery whose cursor was deleted what the commits know', async () => {
    const gateway = await halfDelivered();
    // A commit carries the mark.
    await gateway.append(hall(4));
    await gateway.close();
    rmSync(join(folder(), 'sentilo.cursor'));
    const before = contentsOf(folder());
    const { out } = await journal('inspect', '--state', state);
    expect(out).not.toContain('no uplink has delivered');
    expect(out).toContain('delivered: all up to 2');
    expect(out.replaceAll(/\s+/g, ' ')).toContain('sentilo.cursor is not there');
    const { out: json } = await journal('inspect', '--state', state, '--json');
    expect(JSON.parse(json)).toMatchObject({
      uplinks: [{ uplink: 'sentilo', lowWater: 2, waitingCount: 3, isCursorMissing: true }],
    });
    expect(contentsOf(folder())).toEqual(before);
  });

  test('says that nothing was delivered where nothing was', async () => {
    await keep(state, [hall(1)]);
    expect((await journal('inspect', '--state', state)).out).toContain('no uplink has delivered anything from it');
  });

  test('names what is missing: when, whose, how many and why', async () => {
    await keep(state, [hall(1), GAP]);
    const { out } = await journal('inspect', '--state', state);
    expect(out.replaceAll(/\s+/g, ' ')).toContain(
      '2026-11-25 00:00:00 to 2026-11-25 00:01:00 UTC: 17 records of makers-hall-temperature (the journal was full)',
    );
    expect((await barri(['status', '--state', state])).out).toContain('17 records missing in all');
  });

  test.each(['damaged', 'gone'])('of what was lost it knows the sensors around only: %s', async (cause) => {
    await keep(state, [hall(1), { ...GAP, cause }]);
    const { out } = await journal('inspect', '--state', state);
    expect(out).toContain('17 records, around them makers-hall-temperature (');
  });

  test('has no times of a slot', async () => {
    await keep(state, [hall(1), hall(2)]);
    const { out } = await journal('inspect', '--state', state);
    expect(out).toMatch(/\nslot-000 +slot +66 kB +-\n +1 to 2 +2 +-\n/);
  });

  test.each([
    { exit: 0, when: 'all is there', records: [hall(1)] },
    { exit: 0, when: 'sequences were only left out', records: [hall(1), { ...GAP, cause: 'left-out', count: 0 }] },
    { exit: 1, when: 'records are missing', records: [hall(1), GAP] },
  ])('ends with $exit when $when, and so does status', async ({ exit, records }) => {
    await keep(state, records);
    for (const more of [[], ['--json']]) {
      expect((await journal('inspect', '--state', state, ...more)).code).toBe(exit);
      expect((await barri(['status', '--state', state, ...more])).code).toBe(exit);
    }
  });

  test('ends with 1 when something is damaged', async () => {
    await keep(state, minutes(1_000));
    damage(folder(), /^slot-/);
    expect((await journal('inspect', '--state', state)).code).toBe(1);
  });

  test('takes a copy of a cursor under another name for no uplink', async () => {
    await keep(state, [hall(1)]);
    writeFileSync(join(folder(), 'sentilo.bak.cursor'), '');
    const { code, out, err } = await journal('inspect', '--state', state);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('no uplink has delivered anything');
  });

  test('adds what only the gateway that runs knows', async () => {
    await keep(state, [hall(1)]);
    await serve({ ...STORED, thinnedCount: 5_000, evictedUndeliveredCount: 12 }, { city: { waitingCount: 1 } });
    const { code, out, err } = await journal('inspect', '--state', state);
    expect(code).toBe(0);
    expect(err).toContain('A gateway is running');
    expect(out).toContain('of 1.1 GB');
    expect(out.replaceAll(/\s+/g, ' ')).toContain('12 undelivered readings dropped, 5,000 merged');
  });

  describe('beside a gateway that runs, which delivered while the journal was read,', () => {
    const beside = async (city: object) => {
      await serve(STORED, { city });
      const { out } = await journal('inspect', '--state', state);
      return out.replaceAll(/\s+/g, ' ');
    };

    test('says of what is being sent neither that it is looked up nor more than what waits', async () => {
      const gateway = await halfDelivered();
      const delivery = await gateway.delivery('sentilo');
      // The records of the last two were not there yet when they were read.
      await delivery.begin([3, 4, 5, 6]);
      const out = await beside({ waitingCount: 1 });
      await gateway.close();
      expect(out).toContain('sentilo: 2 readings wait, the oldest of 2026-11-25 00:02:00 UTC');
      expect(out).toContain('2 readings are being sent ');
      expect(out).not.toContain('looked up');
    });

    test('tells of no delivery beyond the records that it tells of', async () => {
      const gateway = await halfDelivered();
      const delivery = await gateway.delivery('sentilo');
      delivery.settle([], [3, 4, 5, 6]);
      await delivery.flush();
      const out = await beside({ waitingCount: 2 });
      await gateway.close();
      expect(out).toContain('sequences 1 to 4,');
      expect(out).toContain('sentilo: nothing waits delivered: all up to 4 ');
    });
  });

  test('tells of no delivery beyond the last record of a gateway that has ended', async () => {
    const gateway = await halfDelivered();
    const delivery = await gateway.delivery('sentilo');
    delivery.settle([], [3, 4, 7, 8, 1_000_000]);
    await delivery.flush();
    await gateway.close();
    const said = await holds();
    expect(said).toContain('sequences 1 to 4,');
    expect(said).toContain('delivered: all up to 4 ');
  });

  test('says of a gateway that has ended that what it was sending is looked up', async () => {
    const gateway = await halfDelivered();
    const delivery = await gateway.delivery('sentilo');
    await delivery.begin([3]);
    await gateway.close();
    expect(await holds()).toContain('1 reading was being sent: looked up in the city before anything is sent again');
  });

  test('changes nothing', async () => {
    await keep(state, minutes(1_000));
    damage(folder(), /^slot-/);
    const before = contentsOf(folder());
    for (const args of [['inspect'], ['verify'], ['export'], ['wear']]) await journal(...args, '--state', state);
    await journal('salvage', state, '--out', join(state, 'saved.jsonl'));
    await barri(['status', '--state', state]);
    expect(contentsOf(folder())).toEqual(before);
  });
});
