// Slaves that do not take a request as a whole: they refuse it, or stay silent.

import { describe, expect, it } from 'vitest';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import type { DeviceSpec, Learned, ModbusSpec, ReadingSpec } from '../../drivers/driver.ts';
import { BusError, type DeviceError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { isReading, type MissingReading, type Reading } from '../../drivers/reading.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { TestClock } from '../support/test-clock.ts';

const NO_ABORT = new AbortController().signal;
const MODBUS: ModbusSpec = { readWith: 'holding', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const SILENCE = new BusError('timeout', 'no answer');

type Results = readonly (Reading | MissingReading)[];

/** One uint16 reading for each address, named after it. */
function at(...addresses: readonly number[]): ReadingSpec[] {
  return addresses.map((address) => ({ id: `r${address}`, at: address }));
}

function specOf(readings: readonly ReadingSpec[], modbus: Partial<ModbusSpec> = {}): DeviceSpec<{ unit: number }> {
  return { board: 'test', with: { unit: 1 }, readings, outputs: [], modbus: { ...MODBUS, ...modbus } };
}

/** A slave that has these registers, each holding its address, and does not answer a request that touches another one. */
class SilentSlave extends FakeModbus {
  isAway = false;
  /** More registers at once get no answer either, as through a converter with a small buffer. */
  answeredMax = 125;

  constructor(...addresses: readonly number[]) {
    super();
    for (const address of addresses) this.registers.set(`holding:${address}`, address);
    this.before = () => {
      if (this.isAway) throw SILENCE;
    };
  }

  override async readRegisters(...request: Parameters<FakeModbus['readRegisters']>): Promise<Uint8Array> {
    const [, , , count] = request;
    return super.readRegisters(...request).then(
      (bytes) => {
        if (count > this.answeredMax) throw SILENCE;
        return bytes;
      },
      (error: unknown) => {
        throw error instanceof ModbusException ? SILENCE : error;
      },
    );
  }
}

async function opened(slave: FakeModbus, spec: DeviceSpec<{ unit: number }>, learned?: Learned) {
  const device = await modbusMap.open(slave, spec, new TestClock(), learned);
  /** The results of one round, or the reason why there are none; and what was asked for them. */
  return async (): Promise<{ results: Results | BusError | DeviceError; asked: string[] }> => {
    slave.asked.length = 0;
    const results = await (device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read'))).catch(
      (error: BusError | DeviceError) => error,
    );
    return { results, asked: [...slave.asked] };
  };
}

/** The values of a round, by reading; an error for a missing one. */
function values(results: Results | Error): Record<string, unknown> {
  if (results instanceof Error) throw results;
  return Object.fromEntries(results.map((result) => [result.id, isReading(result) ? result.value : 'missing']));
}

describe('a slave that stays silent where a register does not exist', () => {
  it('is asked in two parts after two rounds, and the cut holds once the whole stayed silent again', async () => {
    const round = await opened(new SilentSlave(24, 25, 26, 28), specOf(at(24, 25, 26, 28)));
    expect(await round()).toEqual({ results: SILENCE, asked: ['holding:24+5'] });
    expect(await round()).toEqual({ results: SILENCE, asked: ['holding:24+5'] });
    const third = await round();
    expect(third.asked).toEqual(['holding:24+3', 'holding:24+5']);
    expect(values(third.results)).toEqual({ r24: 24, r25: 25, r26: 26, r28: 'missing' });
    for (let i = 0; i < 3; i++) {
      const { results, asked } = await round();
      expect(asked).toEqual(['holding:24+3', 'holding:28+1']);
      expect(values(results)).toEqual({ r24: 24, r25: 25, r26: 26, r28: 28 });
    }
  });

  it('is found to have its hole in the first part too', async () => {
    const round = await opened(new SilentSlave(0, 9), specOf(at(0, 9, 10)));
    const seen = [];
    for (let i = 0; i < 12; i++) seen.push(await round());
    // 10 is wanted, does not exist, and is asked more and more rarely; the others come in every round from then on.
    for (const { results } of seen.slice(8)) expect(values(results)).toEqual({ r0: 0, r9: 9, r10: 'missing' });
  });

  it('does not keep back what stands behind it', async () => {
    const round = await opened(new SilentSlave(100, 200), specOf(at(0, 100, 200)));
    expect(await round()).toMatchObject({ results: SILENCE, asked: ['holding:0+1'] });
    const { results, asked } = await round();
    expect(asked).toEqual(['holding:100+1', 'holding:200+1', 'holding:0+1']);
    expect(values(results)).toEqual({ r0: 'missing', r100: 100, r200: 200 });
  });

  it('costs a deadline more and more rarely for a register that is never there, and is found when it is', async () => {
    const slave = new SilentSlave(100);
    const round = await opened(slave, specOf(at(0, 100)));
    let deadlines = 0;
    for (let i = 0; i < 1000; i++) {
      const { results, asked } = await round();
      if (asked.includes('holding:0+1')) deadlines += 1;
      if (i > 0)
        expect(results).toEqual([
          { id: 'r0', error: SILENCE },
          { id: 'r100', value: 100 },
        ]);
    }
    expect(deadlines).toBeLessThan(90);
    slave.registers.set('holding:0', 7);
    for (let i = 0; i < 65; i++) await round();
    expect(values((await round()).results)).toEqual({ r0: 7, r100: 100 });
  });

  it('is given requests as long as it takes, where a converter cuts longer ones', async () => {
    const addresses = Array.from({ length: 100 }, (_, address) => address);
    const slave = new SilentSlave(...addresses);
    slave.answeredMax = 60;
    const round = await opened(slave, specOf(at(...addresses)));
    for (let i = 0; i < 3; i++) await round();
    const { results, asked } = await round();
    expect(asked).toEqual(['holding:0+50', 'holding:50+50']);
    expect(values(results)).toEqual(Object.fromEntries(addresses.map((address) => [`r${address}`, address])));
  });

  it('is one whose answers always come damaged when they are long', async () => {
    const slave = new FakeModbus();
    for (const address of [0, 1, 2, 3]) slave.registers.set(`holding:${address}`, address);
    slave.before = (asked) => {
      if (asked.endsWith('+4')) throw new BusError('bad-checksum', 'cut');
    };
    const round = await opened(slave, specOf(at(0, 1, 2, 3)));
    for (let i = 0; i < 3; i++) await round();
    expect((await round()).asked).toEqual(['holding:0+2', 'holding:2+2']);
  });
});

describe('a slave that is only away', () => {
  it('costs one deadline a round, and nothing is learned of it', async () => {
    const slave = new SilentSlave(0, 1, 2, 3, 4, 5);
    const round = await opened(slave, specOf(at(0, 5)));
    slave.isAway = true;
    for (let i = 0; i < 50; i++) {
      const { results, asked } = await round();
      expect(results).toBe(SILENCE);
      expect(asked.length).toBe(1);
    }
    slave.isAway = false;
    // Whatever was being tried when it came back: the whole is asked before a cut is believed.
    for (let i = 0; i < 2; i++) expect(values((await round()).results)).toEqual({ r0: 0, r5: 5 });
    expect((await round()).asked).toEqual(['holding:0+6']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('and comes back after %i rounds is read as a whole from then on', async (rounds) => {
    const slave = new SilentSlave(0, 1, 2, 3, 4, 5);
    const round = await opened(slave, specOf(at(0, 5)));
    slave.isAway = true;
    for (let i = 0; i < rounds; i++) await round();
    slave.isAway = false;
    await round();
    expect((await round()).asked).toEqual(['holding:0+6']);
  });

  it.each([3, 6, 7, 20, 1000])('and has answered as a whole before is not cut into pieces: %i rounds', async (rounds) => {
    const slave = new SilentSlave(0, 1, 2, 3, 4, 5);
    const round = await opened(slave, specOf(at(0, 5)));
    await round();
    slave.isAway = true;
    for (let i = 0; i < rounds; i++) expect((await round()).asked).toHaveLength(1);
    slave.isAway = false;
    expect((await round()).asked).toContain('holding:0+6');
    expect((await round()).asked).toEqual(['holding:0+6']);
  });

  it('is tried at its second request too when its first is not answered', async () => {
    const slave = new SilentSlave();
    const round = await opened(slave, specOf(at(0, 100, 200)));
    const first = [];
    for (let i = 0; i < 4; i++) first.push((await round()).asked.join(' '));
    expect(first).toEqual(['holding:0+1', 'holding:100+1', 'holding:200+1', 'holding:0+1']);
  });
});

/** What is learned, as a file would keep it: in JSON. */
class Kept implements Learned {
  readonly texts = new Map<string, string>();

  get(key: string): unknown {
    const text = this.texts.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  set(key: string, value: unknown): void {
    this.texts.set(key, JSON.stringify(value));
  }
}

describe('a block that was given before and is refused', () => {
  const SPEC = specOf(at(20, 21, 22, 23));
  function slaveWith(...addresses: readonly number[]): FakeModbus {
    const slave = new FakeModbus();
    for (const address of addresses) slave.registers.set(`holding:${address}`, address);
    return slave;
  }

  it('once is asked as a whole again, and nothing is learned', async () => {
    const learned = new Kept();
    const slave = slaveWith(20, 21, 22, 23);
    const round = await opened(slave, SPEC, learned);
    await round();
    slave.registers.delete('holding:22');
    // What it still gives is not lost with the rest.
    expect(values((await round()).results)).toEqual({ r20: 20, r21: 21, r22: 'missing', r23: 23 });
    slave.registers.set('holding:22', 22);
    expect((await round()).asked).toEqual(['holding:20+4']);
    expect(learned.texts.size).toBe(0);
  });

  it('with all of its parts, as by an inverter at night, is asked in parts more and more rarely', async () => {
    const learned = new Kept();
    const slave = slaveWith(20, 21, 22, 23);
    const round = await opened(slave, specOf(at(20, 21, 22, 23, 500)), learned);
    slave.registers.set('holding:500', 500);
    await round();
    slave.before = (asked) => {
      if (!asked.startsWith('holding:500')) throw new ModbusException(2, 'standby');
    };
    const inParts: number[] = [];
    for (let refused = 1; refused <= 300; refused++) {
      const { asked } = await round();
      expect(asked).toContain('holding:20+4');
      if (asked.length > 2) inParts.push(refused);
    }
    expect(inParts).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 192, 256]);
    slave.before = () => {};
    expect((await round()).asked.toSorted()).toEqual(['holding:20+4', 'holding:500+1']);
    expect(learned.texts.size).toBe(0);
  });

  it('for good is cut for good', async () => {
    const learned = new Kept();
    const slave = slaveWith(20, 21, 22, 23);
    const round = await opened(slave, SPEC, learned);
    await round();
    slave.registers.delete('holding:23');
    for (let i = 0; i < 4; i++) await round();
    const { results, asked } = await round();
    expect(values(results)).toEqual({ r20: 20, r21: 21, r22: 22, r23: 'missing' });
    expect(asked).not.toContain('holding:20+4');
    expect(learned.texts.size).toBe(1);
  });
});

describe('a device that is busy', () => {
  it('is asked once more a tenth of a second later, and what it then gives is kept', async () => {
    const slave = new FakeModbus();
    for (const address of [20, 21, 500]) slave.registers.set(`holding:${address}`, address);
    const clock = new TestClock();
    const askedMs: [string, number][] = [];
    let busyCount = 1;
    slave.before = (asked) => {
      askedMs.push([asked, clock.monotonicMs()]);
      // V1.1b3 §7: the server is engaged in a long-duration command; retransmit later.
      if (asked === 'holding:20+2' && busyCount-- > 0) throw new ModbusException(6, 'busy');
    };
    const device = await modbusMap.open(slave, specOf(at(20, 21, 500)), clock);
    const results = await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
    expect(values(results)).toEqual({ r20: 20, r21: 21, r500: 500 });
    expect(askedMs).toEqual([
      ['holding:20+2', 0],
      ['holding:500+1', 0],
      ['holding:20+2', 100],
    ]);

    askedMs.length = 0;
    busyCount = 100;
    const busy = await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
    expect(values(busy)).toEqual({ r20: 'missing', r21: 'missing', r500: 500 });
    expect(askedMs).toHaveLength(3);
  });
});

describe('what was learned of a slave', () => {
  const SPEC = specOf(at(24, 25, 26, 28));
  const slaves: [string, () => FakeModbus][] = [
    ['stays silent', () => new SilentSlave(24, 25, 26, 28)],
    ['refuses', () => refusing(24, 25, 26, 28)],
  ];

  function refusing(...addresses: readonly number[]): FakeModbus {
    const slave = new FakeModbus();
    for (const address of addresses) slave.registers.set(`holding:${address}`, address);
    return slave;
  }

  it.each(slaves)('that %s is known at the next opening, and asked as it takes it from the first round on', async (_, slave) => {
    const learned = new Kept();
    const round = await opened(slave(), SPEC, learned);
    for (let i = 0; i < 4; i++) await round();
    const next = await opened(slave(), SPEC, learned);
    const { results, asked } = await next();
    expect(asked).toEqual(['holding:24+3', 'holding:28+1']);
    expect(values(results)).toEqual({ r24: 24, r25: 25, r26: 26, r28: 28 });
  });

  it('is forgotten, also in what is kept, when the device takes the whole again', async () => {
    const learned = new Kept();
    const slave = refusing(24, 25, 26, 28);
    await (await opened(slave, SPEC, learned))();
    expect([...learned.texts.values()]).toEqual(['{"board":"test","cuts":[["holding",28]]}']);
    slave.registers.set('holding:27', 27);
    const round = await opened(slave, SPEC, learned);
    for (let i = 0; i < 15; i++) expect(values((await round()).results)).toEqual({ r24: 24, r25: 25, r26: 26, r28: 28 });
    expect((await round()).asked).toEqual(['holding:24+5']);
    expect([...learned.texts.values()]).toEqual(['{"board":"test","cuts":[]}']);
    expect((await (await opened(slave, SPEC, learned))()).asked).toEqual(['holding:24+5']);
  });

  it.each(slaves)('that %s can be deleted: it is learned again', async (_, slave) => {
    const learned = new Kept();
    for (let opening = 0; opening < 2; opening++) {
      const round = await opened(slave(), SPEC, learned);
      for (let i = 0; i < 4; i++) await round();
      expect(values((await round()).results)).toEqual({ r24: 24, r25: 25, r26: 26, r28: 28 });
      learned.texts.clear();
    }
  });

  it('stays right when other readings are wanted', async () => {
    const learned = new Kept();
    await (await opened(refusing(24, 25, 26, 28), SPEC, learned))();
    const slave = refusing(20, 24, 25, 26, 28, 29);
    for (const address of [21, 22, 23]) slave.registers.set(`holding:${address}`, 0);
    const round = await opened(slave, specOf(at(20, 26, 28, 29)), learned);
    expect((await round()).asked).toEqual(['holding:20+7', 'holding:28+2']);
  });

  it('is not written again when nothing new was learned', async () => {
    const learned = new Kept();
    await (await opened(refusing(24, 25, 26, 28), SPEC, learned))();
    learned.set = () => {
      throw new Error('nothing new was learned');
    };
    const round = await opened(refusing(24, 25, 26, 28), SPEC, learned);
    for (let i = 0; i < 3; i++) await round();
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'cuts'],
    ['cuts that are none', { board: 'test', cuts: [['holding', -1]] }],
    ['cuts of another table', { board: 'test', cuts: [['outputs', 28]] }],
    ['cuts without end', { board: 'test', cuts: Array.from({ length: 20_000 }, () => ['holding', 28]) }],
    ['something more', { board: 'test', cuts: [], shape: 2 }],
    ['what was learned of another board', { board: 'other', cuts: [['holding', 25]] }],
    ['cuts where nothing is', { board: 'test', cuts: [['holding', 9999]] }],
  ])('is left aside when it is %s', async (_, value) => {
    const learned: Learned = { get: () => value, set: () => {} };
    const slave = new SilentSlave(24, 25, 26, 27, 28);
    const { results, asked } = await (await opened(slave, SPEC, learned))();
    expect(asked).toEqual(['holding:24+5']);
    expect(values(results)).toEqual({ r24: 24, r25: 25, r26: 26, r28: 28 });
  });

  it('of a slave that refuses everything is nothing', async () => {
    const learned = new Kept();
    const round = await opened(refusing(), SPEC, learned);
    for (let i = 0; i < 3; i++) expect((await round()).results).toMatchObject({ kind: 'refused' });
    expect(learned.texts.size).toBe(0);
  });

  it('of a slave that never answers is nothing', async () => {
    const learned = new Kept();
    const round = await opened(new SilentSlave(), SPEC, learned);
    for (let i = 0; i < 20; i++) expect((await round()).results).toBe(SILENCE);
    expect(learned.texts.size).toBe(0);
  });
});
