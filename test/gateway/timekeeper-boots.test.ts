import { describe, expect, it } from 'vitest';
import { timesOf } from '../../cli/journal-time.ts';
import type { Stamp } from '../../gateway/record.ts';
import { observation } from '../journal/kit.ts';
import { diskFull, HOUR_MS, Machine, SECOND_MS, START_MS } from './machine.ts';

const MINUTE_MS = 60_000;
/** More than what a start reads of the end of the journal. */
const MANY = 600;

/** What a sensor says on that machine now, durable at once. */
async function measure(machine: Machine): Promise<Stamp> {
  const stamp = machine.stamp();
  await machine.journal.append(observation(1, stamp));
  return stamp;
}

async function measureMany(machine: Machine): Promise<Stamp[]> {
  const stamps: Stamp[] = [];
  for (let index = 0; index < MANY; index++) {
    stamps.push(await measure(machine));
    await machine.pass(SECOND_MS);
  }
  return stamps;
}

/** A boot from 12:00 on that is cut off at 12:59, when nothing but readings has told of it since 12:00. */
async function cutOff(machine: Machine): Promise<Stamp> {
  await machine.boot(START_MS, 'synced');
  for (let minute = 0; minute < 59; minute++) {
    await measure(machine);
    await machine.pass(MINUTE_MS);
  }
  return await measure(machine);
}

/** And one after it that begins at 12:17, the time that fake-hwclock had saved, without a network. */
async function cutOffTwice(machine: Machine): Promise<{ readonly before: Stamp; readonly behind: Stamp[] }> {
  const before = await cutOff(machine);
  await machine.boot(START_MS + 17 * MINUTE_MS, 'floor');
  return { before, behind: await measureMany(machine) };
}

function timesIn(machine: Machine, stamps: readonly Stamp[]): Set<number | string> {
  return new Set(stamps.map((stamp) => machine.timeOf(stamp)));
}

describe('a boot that began before the end of the one before it', () => {
  it('has no time in later processes and boots either, however much has been written since', async () => {
    const machine = new Machine();
    const { before, behind } = await cutOffTwice(machine);
    await machine.restart();
    expect(machine.keeper.status()).toMatchObject({ doubt: 'behind' });
    behind.push(...(await measureMany(machine)));
    expect(timesIn(machine, behind)).toEqual(new Set(['unknown']));
    await machine.boot(START_MS + 3 * HOUR_MS, 'synced');
    await measureMany(machine);
    for (const _process of [1, 2]) {
      expect(timesIn(machine, behind)).toEqual(new Set(['unknown']));
      expect(machine.timeOf(before)).toBe(59 * MINUTE_MS);
      const bounds = { fromMs: START_MS + 59 * MINUTE_MS, toMs: START_MS + 3 * HOUR_MS };
      expect(machine.keeper.boundsOf('boot 2')).toEqual(bounds);
      expect(machine.keeper.status()).toMatchObject({ untimedBootCount: 1, untimedBoots: [bounds] });
      await machine.restart();
    }
  });

  it('has none for whoever reads only the events of the journal', async () => {
    const machine = new Machine();
    const { before, behind } = await cutOffTwice(machine);
    const { timeOf } = await timesOf(machine.journal);
    expect(timeOf(before)).toEqual({ wallMs: START_MS + 59 * MINUTE_MS });
    expect(new Set(behind.map((stamp) => 'why' in timeOf(stamp)))).toEqual(new Set([true]));
  });

  it('has none when the journal can only be read long after the start', async () => {
    const machine = new Machine();
    await cutOff(machine);
    const read = machine.journal.read;
    machine.journal.read = diskFull;
    await machine.boot(START_MS + 17 * MINUTE_MS, 'floor');
    const behind: Stamp[] = [];
    for (let index = 0; index < MANY; index++) behind.push(await measure(machine));
    machine.journal.read = read;
    await machine.pass(2 * MINUTE_MS);
    expect(machine.keeper.status()).toMatchObject({ doubt: 'behind' });
    await machine.boot(START_MS + 3 * HOUR_MS, 'synced');
    expect(timesIn(machine, behind)).toEqual(new Set(['unknown']));
  });

  it('has none when the journal ends with readings that were only appended again', async () => {
    const machine = new Machine();
    const before = await cutOff(machine);
    for (let index = 0; index < 3 * MANY; index++) {
      await machine.journal.append(observation(1, { boot: 'of long ago', wallMs: START_MS, heldFrom: 1 }));
    }
    await machine.boot(START_MS + 17 * MINUTE_MS, 'floor');
    expect(machine.keeper.status()).toMatchObject({ doubt: 'behind' });
    expect(machine.timeOf(before)).toBe(59 * MINUTE_MS);
  });

  it('gets no time from before that end when the events of its beginning are lost', async () => {
    const machine = new Machine();
    const { behind } = await cutOffTwice(machine);
    machine.journal.records.forEach(({ boot, kind }, index) => {
      if (boot === 'boot 2' && kind !== 'observation') machine.journal.gone.add(index + 1);
    });
    // Its clock has passed 12:59 when the next event comes.
    await machine.pass(HOUR_MS);
    await machine.journal.append({ kind: 'event', code: 'gateway-stopped', fields: {}, ...machine.stamp() });
    await machine.boot(START_MS + 3 * HOUR_MS, 'synced');
    await measureMany(machine);
    await machine.restart();
    expect(timesIn(machine, behind)).toEqual(new Set(['unknown']));
  });
});

describe('the end of a boot', () => {
  it('that only a reading tells of is written down by the next one, once, with the time of that reading', async () => {
    const machine = new Machine();
    const last = await cutOff(machine);
    await machine.boot(START_MS + 2 * HOUR_MS, 'synced');
    await machine.restart();
    await measureMany(machine);
    await machine.restart();
    expect(machine.events('boot-ended')).toEqual([{ kind: 'event', code: 'boot-ended', fields: {}, ...last }]);
  });

  it('that an event tells of is not written down', async () => {
    const machine = new Machine();
    await cutOff(machine);
    await machine.journal.append({ kind: 'event', code: 'gateway-stopped', fields: {}, ...machine.stamp() });
    await machine.boot(START_MS + 2 * HOUR_MS, 'synced');
    expect(machine.events('boot-ended')).toEqual([]);
  });

  it('that the disk refuses is tried again', async () => {
    const machine = new Machine();
    await cutOff(machine);
    const { append } = machine.journal;
    machine.journal.append = (record, urgent) =>
      record.kind === 'event' && record.code === 'gateway-started' ? append.call(machine.journal, record, urgent) : diskFull();
    await machine.boot(START_MS + 2 * HOUR_MS, 'synced');
    await machine.pass(2 * MINUTE_MS);
    expect(machine.events('boot-ended')).toEqual([]);
    machine.journal.append = append;
    await machine.pass(2 * MINUTE_MS);
    expect(machine.events('boot-ended')).toHaveLength(1);
    expect(machine.log.filter((code) => code === 'time-not-recorded')).toHaveLength(1);
  });
});

it('a boot of which nothing is left is older than all others', async () => {
  const machine = new Machine();
  await cutOff(machine);
  await machine.boot(START_MS + 2 * HOUR_MS, 'synced');
  await machine.boot(START_MS + 3 * HOUR_MS, 'synced');
  expect(machine.keeper.boundsOf('of long ago')).toEqual({ toMs: START_MS });
  const stamp = { boot: 'of long ago', monotonicMs: 5, wallMs: START_MS + MINUTE_MS, wallQuality: 'floor' } as const;
  expect(machine.timeOf(stamp)).toBe('unknown');
});
