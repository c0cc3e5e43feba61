// Which outputs are switched to their safe states when, and what is said of those that are not known to be there.

import { describe, expect, it } from 'vitest';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import type { DeviceSpec, ModbusSpec, OutputSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { bytes } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';

const NO_ABORT = new AbortController().signal;
const MODBUS: ModbusSpec = { readWith: 'input', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const RELAY: OutputSpec = { id: 'relay', safe: false, coil: 0 };
const FAN: OutputSpec = { id: 'fan', safe: true, coil: 1 };
/** A register that is measured, and these outputs. */
const specOf = (...outputs: readonly OutputSpec[]): DeviceSpec<{ unit: number }> => ({
  ...{ board: 'relays', with: { unit: 1 }, modbus: MODBUS },
  ...{ readings: [{ id: 'x', at: 7 }], outputs },
});

describe('at the opening of a device that measures too', () => {
  const SPEC = specOf(RELAY, FAN);

  /** Refuses to switch the relay, as long as `error` says so. */
  function refusing(error: Error) {
    const slave = new FakeModbus().put('input', 7, bytes('002a'));
    const refusal: { error: Error | undefined } = { error };
    slave.before = (asked) => {
      if (asked.startsWith('coil:0=') && refusal.error !== undefined) throw refusal.error;
    };
    return { slave, refusal };
  }

  it.each([1, 2, 3, 4, 5])('one output that is refused with exception %i keeps back no reading, and is told', async (code) => {
    const { slave, refusal } = refusing(new ModbusException(code, 'coil'));
    const device = await modbusMap.open(slave, SPEC, new TestClock());
    // The other output is switched all the same.
    expect(slave.asked).toEqual(['coil:0=0 single', 'coil:1=1 single', 'coil:1+1']);
    const writtenAt: number[] = [];
    for (let i = 1; i <= 260; i++) {
      slave.asked.length = 0;
      expect(await device.read?.(NO_ABORT)).toEqual([{ id: 'x', value: 42 }]);
      expect(slave.asked[0]).toBe('input:7+1');
      if (slave.asked.includes('coil:0=0 single')) writtenAt.push(i);
      expect(device.problem).toMatchObject({
        name: 'DeviceError',
        kind: 'refused',
        message: expect.stringMatching(/^relay is not known to be in its safe state, off: .*/),
      });
    }
    expect(writtenAt).toEqual([1, 3, 7, 15, 31, 63, 127, 191, 255]);
    refusal.error = undefined;
    for (let i = 0; i < 64; i++) await device.read?.(NO_ABORT);
    expect(device.problem).toBeUndefined();
    slave.asked.length = 0;
    for (let i = 0; i < 200; i++) await device.read?.(NO_ABORT);
    expect(new Set(slave.asked)).toEqual(new Set(['input:7+1']));
  });

  it.each([
    ['silence', new BusError('timeout', 'no answer')],
    ['a gateway that finds no slave', new ModbusException(11, 'gateway')],
  ])('%s is no refusal: it is not opened', async (_, error) => {
    await expect(modbusMap.open(refusing(error).slave, SPEC, new TestClock())).rejects.toBe(error);
  });

  it('an output that was refused and takes an order is not switched back', async () => {
    const { slave, refusal } = refusing(new ModbusException(4, 'coil'));
    const device = await modbusMap.open(slave, SPEC, new TestClock());
    await expect(device.write?.('relay', true)).rejects.toMatchObject({ kind: 'refused' });
    refusal.error = undefined;
    await Promise.all([device.write?.('relay', true), device.read?.(NO_ABORT)]);
    expect(device.problem).toBeUndefined();
    for (let i = 0; i < 100; i++) await device.read?.(NO_ABORT);
    expect(slave.bits.get('coil:0')).toBe(true);
  });

  it.each<[string, Error, boolean]>([
    ['refused', new ModbusException(2, 'input'), true],
    ['not answered', new BusError('timeout', 'no answer'), false],
    ['out of the reach of a gateway', new ModbusException(11, 'input'), false],
  ])('an output that was refused is written again unless nobody is there: the readings are %s', async (_, error, isWritten) => {
    const { slave } = refusing(new ModbusException(4, 'coil'));
    const device = await modbusMap.open(slave, SPEC, new TestClock());
    slave.before = (asked) => {
      if (asked.startsWith('input')) throw error;
    };
    slave.asked.length = 0;
    await expect(device.read?.(NO_ABORT)).rejects.toBe(error);
    expect(slave.asked.includes('coil:0=0 single')).toBe(isWritten);
    expect(device.problem === undefined).toBe(isWritten);
  });

  it('an output that is refused and then not answered stays one that is not safe', async () => {
    const { slave, refusal } = refusing(new ModbusException(4, 'coil'));
    const device = await modbusMap.open(slave, SPEC, new TestClock());
    refusal.error = new BusError('timeout', 'no answer');
    for (let i = 0; i < 10; i++) expect(await device.read?.(NO_ABORT)).toEqual([{ id: 'x', value: 42 }]);
    expect(device.problem?.kind).toBe('refused');
  });
});

describe('at the opening of a device with several outputs', () => {
  const RELAYS = [0, 1, 2, 3].map((coil): OutputSpec => ({ id: `relay${coil}`, safe: false, coil }));
  const SPEC = specOf(...RELAYS);
  const silence = new BusError('timeout', 'no answer');

  /** All relays are on; what is asked of those that fail throws their error. */
  function relays(fails: Readonly<Record<number, Error>>) {
    const slave = new FakeModbus().put('input', 7, bytes('002a'));
    for (const { coil } of RELAYS) slave.bits.set(`coil:${coil}`, true);
    slave.before = (asked) => {
      const error = fails[Number(/^coil:(\d+)/.exec(asked)?.[1])];
      if (error !== undefined) throw error;
    };
    return { slave, on: () => RELAYS.filter(({ coil }) => slave.bits.get(`coil:${coil}`)).map(({ coil }) => coil) };
  }

  it.each<[string, Record<number, Error>, number[]]>([
    ['one stays silent', { 0: silence }, [0]],
    ['all but the third stay silent after it', { 0: silence, 2: silence, 3: silence }, [0, 2, 3]],
    ['two come damaged', { 0: new BusError('bad-checksum', 'x'), 1: silence }, [0, 1]],
    ['a gateway does not reach one', { 1: new ModbusException(11, 'x') }, [1]],
    ['one is refused and another silent', { 0: new ModbusException(4, 'x'), 2: silence }, [0, 2]],
  ])('all others go to their safe state before it fails: %s', async (_, fails, left) => {
    const { slave, on } = relays(fails);
    const first = Object.values(fails).find(
      (error) => error === silence || !(error instanceof ModbusException) || error.isFromGateway,
    );
    await expect(modbusMap.open(slave, SPEC, new TestClock())).rejects.toBe(first);
    expect(on()).toEqual(left);
  });

  it('a slave that is not there is asked for two of them', async () => {
    const { slave } = relays({ 0: silence, 1: silence, 2: silence, 3: silence });
    await expect(modbusMap.open(slave, SPEC, new TestClock())).rejects.toBe(silence);
    expect(slave.asked).toEqual(['coil:0=0 single', 'coil:1=0 single']);
  });

  it('one that reads back another state keeps back no reading and no output, is told, and written until it follows', async () => {
    const { slave, on } = relays({});
    const takeBits = slave.writeBits.bind(slave);
    let isStuck = true;
    slave.writeBits = async (unit, at, ...rest) => {
      if (!isStuck || at !== 0) await takeBits(unit, at, ...rest);
    };
    const device = await modbusMap.open(slave, SPEC, new TestClock());
    expect(on()).toEqual([0]);
    for (let i = 0; i < 20; i++) expect(await device.read?.(NO_ABORT)).toEqual([{ id: 'x', value: 42 }]);
    const message =
      'relay0 is not known to be in its safe state, off: relay0: expected off at coil 0x0000 after writing it, found on';
    expect(device.problem).toMatchObject({ name: 'DeviceError', kind: 'implausible', message });
    isStuck = false;
    for (let i = 0; i < 20; i++) await device.read?.(NO_ABORT);
    expect([on(), device.problem]).toEqual([[], undefined]);
  });
});

describe('a board that was silent and may have started anew with its relays on', () => {
  /** Opens it, gives it `orders`, and starts it anew so that `reads` of its reads stay silent. */
  async function restarted(
    reads: number,
    { orders = [] as [string, boolean][], error = new BusError('timeout', 'x') as Error } = {},
  ) {
    const slave = new FakeModbus().put('input', 7, bytes('002a'));
    const device = await modbusMap.open(slave, specOf(RELAY, FAN), new TestClock());
    for (const [id, on] of orders) await device.write?.(id, on).catch(() => {});
    slave.before = () => {
      throw error;
    };
    for (let i = 0; i < reads; i++) await device.read?.(NO_ABORT).catch(() => {});
    slave.before = () => {};
    slave.asked.length = 0;
    slave.bits.set('coil:0', true).set('coil:1', false);
    return { slave, device, states: () => [slave.bits.get('coil:0'), slave.bits.get('coil:1')] };
  }

  it.each<[string, Error]>([
    ['nothing', new BusError('timeout', 'no answer')],
    ['a gateway says that it is away', new ModbusException(11, 'gateway')],
    ['the port was lost', new BusError('closed', 'unplugged')],
  ])('is switched to the safe states when it answers again, which is told and costs no reading: %s', async (_, error) => {
    const { device, states, slave } = await restarted(2, { error });
    expect(await device.read?.(NO_ABORT)).toEqual([{ id: 'x', value: 42 }]);
    expect(states()).toEqual([false, true]);
    const message = 'relay: expected off, found on; fan: expected on, found off';
    expect(device.problem).toMatchObject({ name: 'DeviceError', kind: 'strayed', message, outputs: ['relay', 'fan'] });
    slave.asked.length = 0;
    for (let i = 0; i < 100; i++) await device.read?.(NO_ABORT);
    expect([new Set(slave.asked), device.problem]).toEqual([new Set(['input:7+1']), undefined]);
  });

  it.each<[string, number, Error]>([
    ['one lost answer', 1, new BusError('timeout', 'no answer')],
    ['damaged answers', 50, new BusError('bad-checksum', 'damaged')],
    ['refusals', 50, new ModbusException(4, 'input')],
  ])('is not written to because of %s', async (_, reads, error) => {
    const { device, slave } = await restarted(reads, { error });
    await device.read?.(NO_ABORT);
    expect(slave.asked).toEqual(['input:7+1']);
  });

  it('is looked at, and not written to where its outputs are as they were ordered', async () => {
    const orders: [string, boolean][] = [
      ['relay', true],
      ['fan', false],
    ];
    const { device, slave } = await restarted(5, { orders });
    expect(await device.read?.(NO_ABORT)).toEqual([{ id: 'x', value: 42 }]);
    expect(slave.asked).toEqual(['input:7+1', 'coil:0+1', 'coil:1+1']);
    expect(device.problem).toBeUndefined();
  });

  it('is made safe where it was ordered away from safe, and not switched on again', async () => {
    const { device, states, slave } = await restarted(5, { orders: [['relay', true]] });
    slave.bits.set('coil:0', false).set('coil:1', true);
    for (let i = 0; i < 2; i++) {
      await device.read?.(NO_ABORT);
      const found = { kind: 'strayed', message: 'relay: expected on, found off', outputs: ['relay'] };
      if (i === 0) expect(device.problem).toMatchObject(found);
      else expect(device.problem).toBeUndefined();
    }
    expect(states()).toEqual([false, true]);
    expect(slave.asked).not.toContain('coil:0=1 single');
  });

  it('does not carry out an order to switch on that waited while it was found strayed', async () => {
    const { device, states, slave } = await restarted(5, { orders: [['relay', true]] });
    slave.bits.set('coil:0', false);
    let waiting: Promise<unknown> | undefined;
    slave.before = (asked) => {
      if (asked === 'coil:0+1') waiting ??= device.write?.('relay', true).catch((error: unknown) => error);
    };
    await device.read?.(NO_ABORT);
    expect(await waiting).toMatchObject({ kind: 'superseded' });
    expect(states()).toEqual([false, true]);
  });

  it('is not switched on anew before it was told that it had strayed: `min_off` counts from then', async () => {
    const { device, states, slave } = await restarted(5, { orders: [['relay', true]] });
    slave.bits.set('coil:0', false);
    let anew: Promise<unknown> | undefined;
    slave.before = (asked) => {
      if (asked === 'coil:1+1') anew ??= device.write?.('relay', true).catch((error: unknown) => error);
    };
    await device.read?.(NO_ABORT);
    expect(await anew).toMatchObject({ kind: 'superseded' });
    expect([states()[0], device.problem?.kind]).toEqual([false, 'strayed']);
    await device.write?.('relay', true);
    expect(states()[0]).toBe(true);
  });

  it('is told also where none of its readings comes', async () => {
    const { device, states, slave } = await restarted(5);
    slave.before = (asked) => {
      if (asked.startsWith('input')) throw new ModbusException(4, 'input');
    };
    await expect(device.read?.(NO_ABORT)).rejects.toMatchObject({ kind: 'strayed', outputs: ['relay', 'fan'] });
    expect(states()).toEqual([false, true]);
  });

  it('is looked at again where the look fails, and written to only then', async () => {
    const { device, states, slave } = await restarted(5, { orders: [['relay', true]] });
    slave.bits.set('coil:0', false);
    let failsLeft = 1;
    slave.before = (asked) => {
      if (asked === 'coil:0+1' && failsLeft-- > 0) throw new ModbusException(6, 'busy');
    };
    await device.read?.(NO_ABORT);
    expect(slave.asked).not.toContain('coil:0=0 single');
    for (let i = 0; i < 2; i++) await device.read?.(NO_ABORT);
    expect(slave.asked).toContain('coil:0=0 single');
    expect(states()).toEqual([false, true]);
  });

  it('is switched to the safe state where the newest order failed', async () => {
    const { device, states, slave } = await restarted(0, { orders: [['relay', true]] });
    slave.before = () => {
      throw new BusError('timeout', 'no answer');
    };
    await device.write?.('relay', false).catch(() => {});
    for (let i = 0; i < 3; i++) await device.read?.(NO_ABORT).catch(() => {});
    slave.before = () => {};
    await device.read?.(NO_ABORT);
    expect(states()).toEqual([false, true]);
  });

  it('is told while an output is not known to be safe, and the others are switched', async () => {
    const { device, states, slave } = await restarted(3);
    let error: Error = new BusError('timeout', 'no answer');
    slave.before = (asked) => {
      if (asked.startsWith('coil:0=')) throw error;
    };
    for (let i = 0; i < 3; i++) await device.read?.(NO_ABORT);
    expect(states()).toEqual([true, true]);
    const start = 'relay is not known to be in its safe state, off: ';
    expect(device.problem?.message).toBe(`${start}the device was silent, and may have started anew`);
    error = new ModbusException(4, 'coil');
    for (let i = 0; i < 64; i++) await device.read?.(NO_ABORT);
    expect(device.problem?.message).toBe(`${start}${error.message}`);
  });
});
