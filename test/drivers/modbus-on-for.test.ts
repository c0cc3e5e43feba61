// A relay whose board can switch it on for a time, and off by itself.

import { describe, expect, it, test } from 'vitest';
import type { DigitalOutputPort } from '../../drivers/bus/gpio.ts';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import type { DeviceSpec, ModbusSpec, OutputSpec, SwitchSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { model } from '../../simulator/devices/modbus-map.ts';
import { openRtu } from '../bus/support.ts';
import { context } from '../simulator/site.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { bytes, hex } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const MODBUS: ModbusSpec = { readWith: 'input', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const ON_FOR = { coil: 0x0200, stepMs: 100, mostMs: 3_276_700 };
const RELAY: SwitchSpec = { id: 'relay1', coil: 0, onFor: ON_FOR };

const specOf = (more: Partial<DeviceSpec>): DeviceSpec<{ unit: number }> => ({
  ...{ board: 'relays', readings: [], outputs: [], modbus: MODBUS },
  ...more,
  with: { unit: 1 },
});

/** A slave that does what it is told with a time, until somebody switches the coil. */
function timedSlave(): FakeModbus {
  const slave = new FakeModbus();
  slave.before = (asked) => {
    if (asked.startsWith('coil:512:=')) slave.bits.set('coil:0', true);
  };
  return slave;
}

test.each(vectors('modbus_relay').filter(({ id }) => id.includes('-for-')))(
  'is written as the maker prints it: $id',
  async ({ input, expected }) => {
    const heard: string[] = [];
    const { bus, clock } = await openRtu((request, { stream }) => {
      heard.push(hex(request));
      stream.receive(request);
    });
    await clock.run(bus.writeCoilValue(1, Number(expected['coil']), Number(expected['value'])));
    expect(heard).toEqual([input]);
    // The simulated board understands it: on for that time.
    const place = { id: 'relay', safe: false, coil: Number(expected['coil']) - 0x0200 };
    const outputs = [{ ...place, onFor: { ...ON_FOR, coil: Number(expected['coil']) } }];
    const board = model(context({ driver: 'modbus-map', address: 1, outputs }, {}));
    expect(hex(board.answer(bytes(input).slice(1, -2), 0).pdu)).toBe(input.slice(2, -4));
    const isOn = (atMs: number) => board.answer(Uint8Array.of(1, 0, place.coil, 0, 1), atMs).pdu[2];
    const onForMs = Number(expected['on_for_ms']);
    expect([isOn(0), isOn(onForMs - 1), isOn(onForMs)]).toEqual([1, 1, 0]);
  },
);

describe('what is written for what may be on', () => {
  // That time, a hundredth of it and two seconds, in steps of 100 ms, rounded up: 0x7FFF steps are 3276.7 s.
  it.each([
    [30_000, 323],
    [600_000, 6_080],
    [99, 21],
    [30_000.000_001, 323],
    [3_242_000, 32_765],
    [-60_000, 1],
  ])('for %d ms is %d', async (leftMs, steps) => {
    const slave = timedSlave();
    const output = await opened(slave);
    await output.write(true, { leftMs: () => leftMs });
    expect(slave.asked).toEqual([`coil:512:=${steps}`]);
  });

  it.each<[string, boolean, (() => number) | undefined]>([
    ['for longer than the board can count', true, () => 3_243_000],
    ['for ever', true, () => Number.POSITIVE_INFINITY],
    ['because that is safe', true, undefined],
    ['no longer', false, () => 30_000],
  ])('%s is no time', async (_, on, leftMs) => {
    const slave = timedSlave();
    const output = await opened(slave);
    await output.write(on, { leftMs });
    expect(slave.asked).toEqual([`coil:0=${Number(on)} single`]);
  });

  it('on a board that has no time-out is no time', async () => {
    const slave = new FakeModbus();
    const output = await opened(slave, { id: 'relay1', coil: 0 });
    await output.write(true, { leftMs: () => 30_000 });
    expect(slave.asked).toEqual(['coil:0=1 single']);
  });

  async function opened(slave: FakeModbus, place = RELAY) {
    const port = modbusMap.ports?.open(specOf({ ports: [place] }), new TestClock())('relay1', 'digital_out', slave);
    const output = await (port as DigitalOutputPort).open(false);
    slave.asked.length = 0;
    return output;
  }
});

describe('an output of the board itself', () => {
  const PUMP: OutputSpec = { ...RELAY, id: 'pump', safe: false };

  async function opened(slave: FakeModbus, output = PUMP, more: Partial<DeviceSpec> = {}) {
    const device = await modbusMap.open(slave, specOf({ outputs: [output], ...more }), new TestClock());
    slave.asked.length = 0;
    return device;
  }

  it('is switched on for its time and read back where it is', async () => {
    const slave = timedSlave();
    const device = await opened(slave);
    await device.write?.('pump', true, undefined, () => 30_000);
    await device.write?.('pump', false, undefined, () => 30_000);
    expect(slave.asked).toEqual(['coil:512:=323', 'coil:0+1', 'coil:0=0 single', 'coil:0+1']);
  });

  it('that is safe when it is on is given no time when it goes on', async () => {
    const slave = timedSlave();
    const device = await opened(slave, { ...PUMP, safe: true });
    await device.write?.('pump', false, undefined, () => 30_000);
    await device.write?.('pump', true, undefined, () => 30_000);
    expect(slave.asked).toEqual(['coil:0=0 single', 'coil:0+1', 'coil:0=1 single', 'coil:0+1']);
  });

  it.each([1, 2, 3])(
    'fails where the board refuses times with exception %d, and is not switched on without one',
    async (code) => {
      const slave = new FakeModbus();
      const device = await opened(slave);
      slave.before = (asked) => {
        if (asked.startsWith('coil:512')) throw new ModbusException(code, 'coil');
      };
      await expect(device.write?.('pump', true, undefined, () => 30_000)).rejects.toMatchObject({
        name: 'DeviceError',
        kind: 'refused',
        message:
          'pump: this board has no time-out of its own: it takes no time at coil 0x0200 ' +
          `(exception ${code}); use the board modbus-relay-8 for it, or one without \`on_for\``,
      });
      expect(slave.asked).toEqual(['coil:512:=323']);
    },
  );

  it('fails with what a board says that is busy, or not there', async () => {
    for (const error of [new ModbusException(6, 'coil'), new BusError('timeout', 'no answer')]) {
      const slave = timedSlave();
      const device = await opened(slave);
      slave.before = () => {
        throw error;
      };
      await expect(device.write?.('pump', true, undefined, () => 30_000)).rejects.toBe(error);
    }
  });
});
