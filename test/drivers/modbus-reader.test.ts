// What a reader of several blocks asks in which order and how often, by requests of which each has its own fate.

import { describe, expect, test } from 'vitest';
import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import { BusError } from '../../drivers/errors.ts';
import { type Block, keyOf } from '../../drivers/modbus-plan.ts';
import { ModbusReader } from '../../drivers/modbus-reader.ts';
import { TestClock } from '../support/test-clock.ts';

type Fate = 'given' | 'refused' | 'busy' | 'silent' | 'damaged' | 'out of reach';

const ERRORS: Readonly<Record<Exclude<Fate, 'given'>, () => Error>> = {
  refused: () => new ModbusException(2, 'refused'),
  busy: () => new ModbusException(6, 'busy'),
  silent: () => new BusError('timeout', 'no answer'),
  // What a converter says of a slave that does not answer it.
  'out of reach': () => new ModbusException(11, 'out of reach'),
  damaged: () => new BusError('bad-checksum', 'damaged'),
};

/** A reader of these registers; the neighbours are one block. */
function readerOf(...blocks: readonly (readonly number[])[]) {
  let fateOf: (at: number, count: number) => Fate = () => 'given';
  const asked: string[] = [];
  const bus: Pick<ModbusBus, 'readRegisters'> = {
    async readRegisters(_unit, _table, at, count) {
      asked.push(`${at}+${count}`);
      const fate = fateOf(at, count);
      if (fate !== 'given') throw ERRORS[fate]();
      return new Uint8Array(2 * count);
    },
  };
  const cuts: number[] = [];
  const forgotten: number[] = [];
  const spansOf = (ats: readonly number[]) => ats.map((at) => ({ table: 'holding' as const, at, count: 1 }));
  const clock = new TestClock();
  const reader = new ModbusReader(bus as ModbusBus, clock, {
    unit: 1,
    blocks: blocks.map((ats): Block => ({ table: 'holding', at: ats[0] ?? 0, count: ats.length, spans: spansOf(ats) })),
    cuts: {
      apply: (planned) => [...planned],
      add: (spans) => cuts.push(...spans.map(({ at }) => at)),
      forget: (spans) => forgotten.push(...spans.map(({ at }) => at)),
    },
  });
  /** The registers that one round gives, and what was asked for them. */
  const round = async () => {
    asked.length = 0;
    const { got } = await clock.run(reader.round(new AbortController().signal));
    const given = blocks.flat().filter((at) => got.get(keyOf({ table: 'holding', at, count: 1 })) instanceof Uint8Array);
    expect(got.size).toBe(blocks.flat().length);
    return { given, asked: [...asked] };
  };
  const set = (next: typeof fateOf) => {
    fateOf = next;
  };
  return { round, set, cuts, forgotten, clock };
}

/** Requests with the register `missing` are refused. */
const without =
  (...missing: readonly number[]) =>
  (at: number, count: number): Fate =>
    missing.some((each) => each >= at && each < at + count) ? 'refused' : 'given';

describe('blocks that were given before and are refused', () => {
  test('for a night, and in the morning lack one register, give the others again', async () => {
    const { round, set, cuts } = readerOf([20, 21, 22, 23]);
    await round();
    set(() => 'refused');
    for (let i = 0; i < 300; i++) await round();
    expect(cuts).toEqual([]);
    set(without(23));
    let rounds = 0;
    while ((await round()).given.length === 0) rounds += 1;
    expect(rounds).toBeLessThan(64);
    // The whole is asked in two more rounds before it is believed that it is cut for good.
    await round();
    expect(cuts).toEqual([]);
    await round();
    expect(cuts).toEqual([22, 23]);
    expect((await round()).given).toEqual([20, 21, 22]);
  });

  test('are all asked in parts, also when they are more than one round can ask so', async () => {
    const starts = Array.from({ length: 40 }, (_, i) => 10 * i);
    const { round, set } = readerOf(...starts.map((at) => [at, at + 1]));
    await round();
    set(without(...starts));
    for (let i = 0; i < 10; i++) await round();
    expect((await round()).given).toEqual(starts.map((at) => at + 1));
  });
});

/** So many registers from `first` on. */
const row = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

describe('a block that was never given and is refused', () => {
  test('with all of its parts, as of an inverter at night, is not cut: it is asked as a whole in each round', async () => {
    const { round, set, cuts } = readerOf(row(0, 16), [500]);
    set((at) => (at === 500 ? 'given' : 'refused'));
    const askedCounts: number[] = [];
    for (let i = 1; i <= 70; i++) {
      const { given, asked } = await round();
      expect(given).toEqual([500]);
      expect(asked).toContain('0+16');
      if (asked.length > 2) askedCounts.push(i);
    }
    expect(askedCounts).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(cuts).toEqual([]);
    set(() => 'given');
    const { given, asked } = await round();
    expect(given).toHaveLength(17);
    expect(asked.toSorted()).toEqual(['0+16', '500+1']);
  });

  test('is asked in parts every ten minutes, where polls are rare', async () => {
    const { round, set, clock } = readerOf(row(0, 4));
    set(() => 'refused');
    const askedAt: number[] = [];
    for (let i = 1; i <= 40; i++) {
      if ((await round()).asked.length > 1) askedAt.push(i);
      await clock.advance(4 * 60_000);
    }
    expect(askedAt.slice(0, 6)).toEqual([1, 2, 4, 7, 10, 13]);
    expect(askedAt).toHaveLength(15);
  });

  test('is cut only where a part is given, and not between registers that are all refused', async () => {
    const { round, set, cuts, forgotten } = readerOf(row(0, 16));
    set(without(4, 5, 6, 7, 8));
    expect((await round()).given).toEqual([0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15]);
    expect(cuts).toEqual([4, 9, 10, 12]);
    // The last three are neighbours that are all given. In the end they are one.
    for (let i = 0; i < 40; i++) await round();
    expect((await round()).asked.toSorted()).toEqual(['0+4', '4+5', '9+7']);
    expect(forgotten).toEqual([10, 12]);
  });

  test('is found to have one register, however many it lacks', async () => {
    const { round, set } = readerOf(row(0, 125));
    set((at, count) => (at === 77 && count === 1 ? 'given' : 'refused'));
    for (let i = 0; i < 8; i++) expect((await round()).asked.length).toBeLessThan(40);
    expect((await round()).given).toEqual([77]);
  });

  test('and of which one part stays silent gives the other part, and keeps back no other block', async () => {
    const { round, set } = readerOf([0, 1], [100]);
    set((at, count) => (at === 100 || count === 2 ? (count === 2 ? 'refused' : 'given') : at === 0 ? 'given' : 'silent'));
    for (let i = 0; i < 20; i++) expect((await round()).given).toEqual([0, 100]);
  });

  test('and of which one part is busy is asked for it once more before it is cut', async () => {
    const { round, set, cuts } = readerOf([0, 1, 2, 3]);
    let busyCount = 1;
    set((at, count) => (at === 2 && count === 2 && busyCount-- > 0 ? 'busy' : without(1)(at, count)));
    expect((await round()).given).toEqual([0, 2, 3]);
    expect(cuts).toEqual([1, 2]);
  });
});

describe('a block that was never given and stays silent', () => {
  // Many gateways answer with exception 11 in the place of a slave that stays silent.
  test.each<Fate>(['silent', 'out of reach'])('because halves lack a register gives all others in the end: %s', async (fate) => {
    const { round, set } = readerOf(row(0, 16), [500]);
    set((at, count) => (without(3, 11)(at, count) === 'given' ? 'given' : fate));
    for (let i = 0; i < 400; i++) await round();
    let wholeCount = 0;
    for (let i = 0; i < 100; i++) {
      const { given } = await round();
      if (given.length === 15) wholeCount += 1;
      expect(given).toContain(500);
    }
    expect(wholeCount).toBe(100);
  });

  test.each<Fate>(['silent', 'damaged'])(
    'by day where its long answers are %s, and refused everything at night',
    async (fate) => {
      const { round, set } = readerOf(row(0, 8), [500]);
      set((at) => (at === 500 ? 'given' : 'refused'));
      for (let i = 0; i < 40; i++) await round();
      set((_at, count) => (count > 4 ? fate : 'given'));
      for (let i = 0; i < 12; i++) await round();
      for (let i = 0; i < 20; i++) expect((await round()).given).toEqual([...row(0, 8), 500]);
    },
  );

  test('and is refused, with parts that come damaged because they are long, gives what it has', async () => {
    const { round, set } = readerOf(row(0, 16));
    set((at, count) => (count > 8 ? 'refused' : count > 2 ? 'damaged' : without(1)(at, count)));
    await round();
    expect((await round()).given).toEqual([0, ...row(2, 14)]);
  });
});

describe('a block that was answered and stays silent', () => {
  test('while others are answered is asked more and more rarely, at most every ninth round, until it answers', async () => {
    const { round, set } = readerOf([0], [100], [200]);
    await round();
    set((at) => (at === 0 ? 'silent' : 'given'));
    const askedIn: number[] = [];
    for (let i = 1; i <= 40; i++) {
      const { given, asked } = await round();
      // The first silence may be that of the device: it ends the round.
      expect(given).toEqual(i === 1 ? [] : [100, 200]);
      if (asked.includes('0+1')) askedIn.push(i);
    }
    expect(askedIn).toEqual([1, 2, 3, 6, 11, 20, 29, 38]);
    set(() => 'given');
    for (let i = 0; i < 6; i++) await round();
    for (let i = 0; i < 3; i++) expect((await round()).given).toEqual([0, 100, 200]);
  });

  test('once, or whose answers come damaged, is asked in each round', async () => {
    const { round, set } = readerOf([0], [100]);
    set((at) => (at === 0 ? 'silent' : 'given'));
    await round();
    set(() => 'given');
    await round();
    for (let i = 0; i < 20; i++) {
      set((at) => (at === 0 && i % 2 === 0 ? 'silent' : 'given'));
      expect((await round()).given).toEqual(i % 2 === 0 ? [100] : [0, 100]);
    }
    set((at) => (at === 0 ? 'damaged' : 'given'));
    for (let i = 0; i < 20; i++) expect((await round()).asked).toContain('0+1');
  });

  test.each<Fate>(['silent', 'out of reach'])('keeps back none that was not answered yet: %s', async (fate) => {
    const { round, set } = readerOf([0], [100], [200]);
    set((at) => (at === 0 ? 'given' : at === 100 ? 'damaged' : fate));
    await round();
    set((at) => (at === 0 ? fate : 'given'));
    await round();
    await round();
    for (let i = 0; i < 20; i++) expect((await round()).given).toEqual([100, 200]);
  });

  test.each<Fate>(['silent', 'out of reach'])('does not keep back the parts of one that is refused: %s', async (fate) => {
    const { round, set } = readerOf([0], [100, 101]);
    set((at) => (at === 0 ? 'given' : 'silent'));
    await round();
    set((at, count) => (at === 0 ? fate : without(101)(at, count)));
    for (let i = 0; i < 2; i++) await round();
    for (let i = 0; i < 20; i++) expect((await round()).given).toEqual([100]);
  });

  test.each<Fate>(['silent', 'damaged'])(
    'wherever it is long, also after one that came through, gives its parts: %s',
    async (fate) => {
      const { round, set, cuts } = readerOf(row(0, 4), [100]);
      await round();
      set((_at, count) => (count > 2 ? fate : 'given'));
      let rounds = 0;
      while ((await round()).given.length < 5) rounds += 1;
      expect(rounds).toBeLessThan(40);
      expect(cuts).toEqual([2]);
      for (let i = 0; i < 100; i++) expect((await round()).given).toEqual([...row(0, 4), 100]);
    },
  );

  test('costs a device that is away one deadline a round, also where it has parts', async () => {
    const { round, set, cuts } = readerOf(row(0, 4), row(100, 4));
    await round();
    set(() => 'silent');
    for (let i = 0; i < 50; i++) expect((await round()).asked).toHaveLength(1);
    set(() => 'given');
    expect((await round()).given).toHaveLength(8);
    expect(cuts).toEqual([]);
  });

  test('while others are answered is asked after ten minutes, where polls are rare', async () => {
    const { round, set, clock } = readerOf([0], [100]);
    await round();
    set((at) => (at === 0 ? 'silent' : 'given'));
    const askedIn: number[] = [];
    for (let i = 1; i <= 30; i++) {
      if ((await round()).asked.includes('0+1')) askedIn.push(i);
      await clock.advance(4 * 60_000);
    }
    expect(askedIn).toEqual([1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
  });

  test('costs a device that is away one deadline a round', async () => {
    const { round, set } = readerOf([0], [100], [200]);
    await round();
    set((at) => (at === 0 ? 'silent' : 'given'));
    for (let i = 0; i < 10; i++) await round();
    set(() => 'silent');
    for (let i = 0; i < 50; i++) expect((await round()).asked).toHaveLength(1);
    set(() => 'given');
    expect((await round()).given).toEqual([0, 100, 200]);
  });
});

describe('a block that was cut', () => {
  /** Reads for so many rounds. Returns those in which `whole` was asked; all of `given` came in each, for one request more at most. */
  async function trialsIn({ round }: ReturnType<typeof readerOf>, count: number, whole: string, given: readonly number[]) {
    const usualCount = (await round()).asked.length;
    const tried: number[] = [];
    for (let i = 2; i <= count; i++) {
      const one = await round();
      expect(one.given).toEqual(given);
      const isTrial = one.asked.at(-1) === whole;
      if (isTrial) tried.push(i);
      expect(one.asked.length).toBe(usualCount + Number(isTrial));
    }
    return tried;
  }

  test.each<Fate>(['refused', 'silent', 'damaged', 'out of reach'])(
    'is tried as a whole more and more rarely: %s',
    async (fate) => {
      const reader = readerOf([0, 1, 3, 4], [500]);
      reader.set((at, count) => (at <= 2 && at + count > 2 ? 'refused' : 'given'));
      await reader.round();
      expect(reader.cuts).toEqual([3]);
      reader.set((at, count) => (at <= 2 && at + count > 2 ? fate : 'given'));
      const tried = await trialsIn(reader, 1300, '0+5', [0, 1, 3, 4, 500]);
      expect(tried).toEqual([8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280]);
      expect(reader.forgotten).toEqual([]);
    },
  );

  test('is one again when it is given in eight rounds in a row, and what was learned is forgotten', async () => {
    const reader = readerOf(row(0, 4));
    reader.set((_at, count) => (count > 2 ? 'damaged' : 'given'));
    for (let i = 0; i < 4; i++) await reader.round();
    expect(reader.cuts).toEqual([2]);
    reader.set(() => 'given');
    for (let i = 0; i < 15; i++) await reader.round();
    expect(reader.forgotten).toEqual([2]);
    for (let i = 0; i < 20; i++) expect((await reader.round()).asked).toEqual(['0+4']);
  });

  test.each<Fate>(['silent', 'damaged', 'refused'])(
    'and is one again is cut in the same places as soon as it is %s again',
    async (fate) => {
      const reader = readerOf(row(0, 8), [500]);
      const byDay = (_at: number, count: number): Fate => (count > 2 ? fate : 'given');
      reader.set(byDay);
      for (let i = 0; i < 60; i++) await reader.round();
      const learned = reader.cuts.splice(0).toSorted();
      expect(learned.length).toBeGreaterThan(2);
      reader.set(() => 'given');
      for (let i = 0; i < 600; i++) await reader.round();
      expect(reader.forgotten.toSorted()).toEqual(learned);
      reader.set(byDay);
      for (let i = 0; i < 6; i++) await reader.round();
      expect(reader.cuts.toSorted()).toEqual(learned);
      for (let i = 0; i < 100; i++) expect((await reader.round()).given.toSorted()).toEqual([...row(0, 8), 500].toSorted());
    },
  );

  test('is not one again because a long answer comes through now and then', async () => {
    const reader = readerOf(row(0, 4));
    let longCount = 0;
    reader.set((_at, count) => (count > 2 && ++longCount % 8 !== 0 ? 'damaged' : 'given'));
    for (let i = 0; i < 3; i++) await reader.round();
    for (let i = 0; i < 3000; i++) expect((await reader.round()).given).toEqual([0, 1, 2, 3]);
    expect(reader.forgotten).toEqual([]);
  });

  test('in too many places is one wherever all is given, beside the one register that is not', async () => {
    const reader = readerOf(row(0, 12));
    reader.set((_at, count) => (count > 1 ? 'refused' : 'given'));
    for (let i = 0; i < 3; i++) await reader.round();
    expect(reader.cuts).toHaveLength(11);
    reader.set(without(5));
    for (let i = 0; i < 300; i++) expect((await reader.round()).given).toEqual(row(0, 12).filter((at) => at !== 5));
    expect((await reader.round()).asked.toSorted()).toEqual(['0+5', '5+1', '6+6']);
    expect(reader.forgotten.toSorted()).toEqual(reader.cuts.filter((at) => at !== 5 && at !== 6).toSorted());
  });

  test('in one place too many is one there', async () => {
    const reader = readerOf([0, 1, 3, 4, 5, 6]);
    reader.set((at, count) => (count > 2 ? 'refused' : without(2)(at, count)));
    for (let i = 0; i < 3; i++) await reader.round();
    reader.set(without(2));
    for (let i = 0; i < 200; i++) expect((await reader.round()).given).toEqual([0, 1, 3, 4, 5, 6]);
    expect(reader.forgotten).toHaveLength(reader.cuts.length - 1);
    expect(reader.forgotten).not.toContain(3);
  });

  test('is not tried while the device does not give all of its pieces', async () => {
    const reader = readerOf([0, 1, 2, 3], [500]);
    reader.set((at, count) => (at === 500 || (at === 0 && count === 1) ? 'given' : 'refused'));
    for (let i = 0; i < 3; i++) await reader.round();
    for (let i = 0; i < 300; i++) expect((await reader.round()).asked).not.toContain('0+4');
    reader.set(() => 'given');
    for (let i = 0; i < 9; i++) expect((await reader.round()).given).toEqual([0, 1, 2, 3, 500]);
    expect((await reader.round()).asked).toEqual(['500+1', '0+4']);
  });
});
