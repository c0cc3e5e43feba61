import { describe, expect, it } from 'vitest';
import { DAY_MS, diskFull, HOUR_MS, Machine, SECOND_MS, START_MS } from './machine.ts';

const YEAR_MS = 365 * DAY_MS;

describe('a time anchor', () => {
  it('is written as soon as the clock is set, and every hour', async () => {
    const machine = new Machine();
    await machine.boot(0, 'none');
    await machine.pass(10 * SECOND_MS);
    expect(machine.anchors).toEqual([]);
    machine.step(START_MS, 'synced');
    await machine.pass(3 * HOUR_MS);
    expect(machine.anchors.map(({ monotonicMs }) => monotonicMs)).toEqual([11, 3611, 7211].map((s) => s * SECOND_MS));
    expect(machine.anchors[0]).toMatchObject({ boot: 'boot 1', wallMs: START_MS + 11_000, wallQuality: 'synced', errorMs: 500 });
  });

  it('is written when the quality rises, and at a correction that drift explains', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'floor');
    await machine.pass(HOUR_MS / 2);
    machine.step(0, 'synced');
    await machine.pass(HOUR_MS / 2);
    machine.step(600);
    await machine.pass(10 * SECOND_MS);
    expect(machine.anchors.map(({ wallQuality, monotonicMs, errorMs }) => [wallQuality, monotonicMs, errorMs])).toEqual([
      ['floor', 0, 15 * YEAR_MS + 4 * DAY_MS],
      ['synced', HOUR_MS / 2 + 1000, 500],
      // Which of the two was right nobody knows: 600 ms and the error of each.
      ['synced', HOUR_MS + 1000, 1100],
    ]);
  });

  it('that the disk refuses is tried again, and told once', async () => {
    const machine = new Machine();
    await machine.boot(0, 'none');
    machine.step(START_MS, 'synced');
    machine.journal.pause = diskFull;
    await machine.pass(60 * SECOND_MS);
    expect(machine.timeOf(machine.stamp())).toBe('unknown');
    machine.journal.pause = () => Promise.resolve();
    await machine.pass(2 * SECOND_MS);
    expect(machine.anchors).toHaveLength(1);
    expect(machine.log.filter((code) => code === 'time-not-recorded')).toHaveLength(1);
  });

  it('leaves everything from its moment on open until it is durable, because another second could come out', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.pass(HOUR_MS - SECOND_MS);
    let goOn = () => {};
    machine.journal.pause = () => new Promise((resolve) => (goOn = resolve));
    const before = machine.stamp();
    await machine.pass(5 * SECOND_MS);
    expect([before, machine.stamp()].map((stamp) => machine.timeOf(stamp))).toEqual([HOUR_MS - SECOND_MS, 'unknown']);
    let changes = 0;
    machine.keeper.onChange(() => changes++);
    machine.journal.pause = () => Promise.resolve();
    goOn();
    await machine.pass(SECOND_MS);
    expect(changes).toBe(1);
    expect(machine.timeOf(machine.stamp())).toBe(machine.monotonicMs);
  });
});

describe('what was measured before the clock was set', () => {
  it('gets its time from the first anchor, and keeps it after later ones and in later processes', async () => {
    const machine = new Machine();
    await machine.boot(0, 'none');
    const stamps = [machine.stamp()];
    await machine.pass(6 * HOUR_MS, 60 * SECOND_MS);
    stamps.push(machine.stamp());
    expect(stamps.map((stamp) => machine.timeOf(stamp))).toEqual(['unknown', 'unknown']);
    machine.step(START_MS, 'synced');
    await machine.pass(SECOND_MS);
    expect(stamps.map((stamp) => machine.timeOf(stamp))).toEqual([0, 6 * HOUR_MS]);
    // 100 ppm of six hours are 2.16 s.
    expect(stamps.map((stamp) => machine.errorOf(stamp))).toEqual([2661, 501]);
    machine.step(700);
    await machine.pass(HOUR_MS);
    await machine.restart();
    expect(stamps.map((stamp) => machine.timeOf(stamp))).toEqual([0, 6 * HOUR_MS]);
    await machine.boot(START_MS + DAY_MS, 'synced');
    expect(stamps.map((stamp) => machine.timeOf(stamp))).toEqual([0, 6 * HOUR_MS]);
  });
});

describe('a clock is not believed', () => {
  // Cases ck-04 and ck-08: a GPS receiver whose week counter wrapped says 22 March 2000; 1970 is a clock that was never set.
  it.each([
    ['in the year 2000', Date.UTC(2000, 2, 22, 20, 28, 27), 'before-release'],
    ['in 1970', 7_236_000, 'before-release'],
    ['80 years ahead', START_MS + 80 * YEAR_MS, 'too-late'],
  ])('%s, whatever it says of itself', async (_when, wallMs, doubt) => {
    const machine = new Machine();
    await machine.boot(wallMs, 'synced');
    const stamp = machine.stamp();
    await machine.pass(2 * HOUR_MS);
    expect(machine.anchors).toEqual([]);
    expect(machine.timeOf(stamp)).toBe('unknown');
    expect(machine.keeper.status()).toMatchObject({ quality: 'none', doubt });
    machine.wallMs = START_MS;
    await machine.pass(SECOND_MS);
    expect(machine.timeOf(stamp)).toBe(0);
  });

  it.each([
    ['an hour back (ck-02)', -HOUR_MS],
    ['a day forward (ck-03)', DAY_MS],
    ['30 years back', -30 * YEAR_MS],
    ['80 years forward', 80 * YEAR_MS],
  ])('when it jumps %s and returns', async (_how, byMs) => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.pass(HOUR_MS / 2);
    machine.step(byMs);
    const after = machine.stamp();
    await machine.pass(HOUR_MS / 2);
    expect(machine.keeper.wall()).toEqual({ ms: START_MS + HOUR_MS, quality: 'holdover' });
    expect(machine.keeper.status()).toMatchObject({ quality: 'holdover', wallMs: START_MS + HOUR_MS });
    const late = machine.stamp();
    machine.step(-byMs);
    await machine.pass(HOUR_MS);
    expect([after, late, machine.stamp()].map((stamp) => machine.timeOf(stamp))).toEqual([HOUR_MS / 2, HOUR_MS, 2 * HOUR_MS]);
    expect(machine.keeper.status()).not.toHaveProperty('doubt');
    expect(machine.events('clock-step-doubted').length).toBeLessThanOrEqual(1);
  });

  it('when it goes back by more than a quarter of an hour, until the next boot', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    machine.step(-DAY_MS);
    await machine.pass(5 * HOUR_MS);
    expect(machine.timeOf(machine.stamp())).toBe(5 * HOUR_MS);
    await machine.boot(START_MS - DAY_MS + 6 * HOUR_MS, 'synced');
    expect(machine.timeOf(machine.stamp())).toBe(-DAY_MS + 6 * HOUR_MS);
  });
});

describe('a step that drift does not explain', () => {
  it('forward is believed after an hour, from then on', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    machine.step(8 * HOUR_MS);
    await machine.pass(HOUR_MS);
    const before = machine.stamp();
    await machine.pass(2 * SECOND_MS);
    expect([before, machine.stamp()].map((stamp) => machine.timeOf(stamp))).toEqual([HOUR_MS, 9 * HOUR_MS + 2 * SECOND_MS]);
    expect(machine.events('clock-step-believed')).toMatchObject([{ fields: { byMs: 8 * HOUR_MS } }]);
  });

  it('back by ten minutes is believed after an hour, and made good without two readings changing places', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    machine.step(-600_000);
    const stamps = [];
    for (let minute = 0; minute < 120; minute++) {
      stamps.push(machine.stamp());
      await machine.pass(60 * SECOND_MS);
    }
    const times = stamps.map((stamp) => machine.timeOf(stamp) as number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Set(times.map((ms) => Math.floor(ms / 1000))).size).toBe(times.length);
    expect(times.at(-1)).toBe(119 * 60 * SECOND_MS - 600_000);
    // 80 minutes after the step, 20 after it was believed: 600 s − 19 min 59 s / 2 are left, and the stated error says so.
    const halfway = machine.errorOf(stamps[70] ?? machine.stamp()) ?? 0;
    expect(halfway).toBeGreaterThan(300_000);
    expect(halfway).toBeLessThan(302_000);
  });
});

describe('a clock that nobody checks', () => {
  it('is taken at its word where nothing speaks against it, without a stated error', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'floor');
    expect(machine.timeOf(machine.stamp())).toBe(0);
    expect(machine.errorOf(machine.stamp())).toBeUndefined();
    expect(machine.keeper.status().quality).toBe('floor');
    await machine.boot(START_MS + HOUR_MS, 'floor');
    expect(machine.timeOf(machine.stamp())).toBe(HOUR_MS);
  });

  it('waits for a synchronisation when it begins where the boot before ended, and is corrected by it', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.pass(HOUR_MS);
    // Switched off for two days; systemd-timesyncd set the clock to the time of the switching off.
    await machine.boot(START_MS + HOUR_MS + 2 * SECOND_MS, 'floor');
    const stamp = machine.stamp();
    await machine.pass(6 * HOUR_MS, 10 * SECOND_MS);
    expect(machine.timeOf(stamp)).toBe('unknown');
    expect(machine.keeper.status()).toMatchObject({ quality: 'none', doubt: 'may-be-saved' });
    expect(machine.keeper.waitsForCity).toBe(true);
    machine.keeper.heardCity();
    await machine.pass(20 * SECOND_MS);
    machine.step(2 * DAY_MS, 'synced');
    await machine.pass(SECOND_MS);
    expect(machine.timeOf(stamp)).toBe(2 * DAY_MS + HOUR_MS + 2 * SECOND_MS);
  });

  it('is taken at its word five minutes after the city was first heard, and what it said then stays', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.boot(START_MS + 30 * SECOND_MS, 'floor');
    const stamp = machine.stamp();
    await machine.pass(HOUR_MS);
    machine.keeper.heardCity();
    await machine.pass(299 * SECOND_MS);
    expect(machine.timeOf(stamp)).toBe('unknown');
    await machine.pass(2 * SECOND_MS);
    expect(machine.timeOf(stamp)).toBe(30 * SECOND_MS);
    machine.step(60 * SECOND_MS, 'synced');
    await machine.pass(2 * SECOND_MS);
    await machine.restart();
    expect(machine.timeOf(stamp)).toBe(30 * SECOND_MS);
    expect(machine.timeOf(machine.stamp())).toBe(90 * SECOND_MS + machine.monotonicMs);
  });

  it.each([2 * DAY_MS, -2 * DAY_MS])('is followed when it steps by %d ms and stays there for a minute', async (byMs) => {
    const machine = new Machine();
    await machine.boot(START_MS, 'floor');
    await machine.pass(10 * SECOND_MS);
    // chrony has found its servers.
    machine.step(byMs);
    await machine.pass(60 * SECOND_MS);
    const before = machine.stamp();
    await machine.pass(3 * SECOND_MS);
    const after = machine.stamp();
    expect([before, after].map((stamp) => machine.timeOf(stamp))).toEqual([70 * SECOND_MS, byMs + 73 * SECOND_MS]);
    await machine.restart();
    expect([before, after].map((stamp) => machine.timeOf(stamp))).toEqual([70 * SECOND_MS, byMs + 73 * SECOND_MS]);
  });

  it('is refused when it lies before what an earlier boot had reached', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.pass(2 * HOUR_MS);
    // The clock was saved an hour before the power was cut.
    await machine.boot(START_MS + HOUR_MS, 'floor');
    const stamp = machine.stamp();
    machine.keeper.heardCity();
    await machine.pass(2 * HOUR_MS);
    expect(machine.timeOf(stamp)).toBe('unknown');
    expect(machine.keeper.status()).toMatchObject({ quality: 'none', doubt: 'behind' });
    await machine.boot(START_MS + DAY_MS, 'synced');
    expect(machine.timeOf(stamp)).toBe('unknown');
  });

  it('counts in a boot that ended before anybody could check it', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.boot(START_MS + 20 * SECOND_MS, 'floor');
    const stamp = machine.stamp();
    await machine.pass(HOUR_MS);
    expect(machine.timeOf(stamp)).toBe('unknown');
    await machine.boot(START_MS + DAY_MS, 'synced');
    expect(machine.timeOf(stamp)).toBe(20 * SECOND_MS);
    expect(machine.errorOf(stamp)).toBeUndefined();
  });
});

describe('a boot that never got a time', () => {
  it('lies between its neighbours and is held for 72 hours in which later boots had one, however their clocks step', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    await machine.pass(HOUR_MS);
    await machine.boot(0, 'none');
    const stamp = machine.stamp();
    await machine.pass(HOUR_MS);
    // A boot without a time of its own does not count.
    await machine.boot(0, 'none');
    await machine.pass(DAY_MS, 60 * SECOND_MS);
    await machine.boot(START_MS + 10 * DAY_MS, 'synced');
    expect(machine.keeper.boundsOf('boot 2')).toEqual({ fromMs: START_MS + HOUR_MS, toMs: START_MS + 10 * DAY_MS });
    expect(machine.keeper.status()).toMatchObject({ untimedBootCount: 2, untimedBoots: [{ dropInMs: 3 * DAY_MS }, {}] });
    await machine.pass(DAY_MS, 60 * SECOND_MS);
    machine.step(30 * DAY_MS);
    await machine.pass(DAY_MS, 60 * SECOND_MS);
    await machine.boot(START_MS + 60 * DAY_MS, 'synced');
    await machine.pass(DAY_MS - HOUR_MS, 60 * SECOND_MS);
    expect(machine.timeOf(stamp)).toBe('unknown');
    let changes = 0;
    machine.keeper.onChange(() => changes++);
    await machine.pass(2 * HOUR_MS, 10 * SECOND_MS);
    expect(machine.timeOf(stamp)).toBe('lost');
    // Two hourly anchors, and the end of the hold, which both boots reach at once.
    expect(changes).toBe(3);
  });

  it('is not taken for one whose anchors are gone: a checked stamp then counts by itself', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    const wallMs = START_MS - DAY_MS;
    const stamp = { boot: 'of long ago', monotonicMs: 5, wallMs };
    expect(machine.timeOf({ ...stamp, wallQuality: 'synced' })).toBe(-DAY_MS);
    expect(machine.timeOf({ ...stamp, wallQuality: 'none' })).toBe('unknown');
    expect(machine.timeOf({ ...stamp, wallQuality: 'synced', wallMs: Date.UTC(2000, 2, 22) })).toBe('unknown');
  });
});

describe('a journal that cannot be read at the start', () => {
  it('is read later, and nothing has a time until then', async () => {
    const machine = new Machine();
    await machine.boot(START_MS, 'synced');
    machine.journal.pause = diskFull;
    const keeper = machine.boot(START_MS + DAY_MS, 'synced');
    await expect(keeper).rejects.toThrow('ENOSPC');
    expect(machine.timeOf(machine.stamp())).toBe('unknown');
    machine.journal.pause = () => Promise.resolve();
    await machine.pass(90 * SECOND_MS);
    expect(machine.timeOf(machine.stamp())).toBe(DAY_MS + 90 * SECOND_MS);
  });
});
