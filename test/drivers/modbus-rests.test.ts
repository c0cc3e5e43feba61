// What of a device is asked more rarely because it was silent for long, and what that means once it or all of the device changes.

import { expect, it } from 'vitest';
import type { DeviceSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { bytes } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';

const NO_ABORT = new AbortController().signal;
const SPEC: DeviceSpec<{ unit: number }> = {
  board: 'relays',
  with: { unit: 1 },
  modbus: { readWith: 'input', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] },
  readings: [
    { id: 'rests', at: 0 },
    { id: 'x', at: 500 },
  ],
  outputs: [{ id: 'relay', safe: false, coil: 0 }],
};
const SILENCE = new BusError('timeout', 'no answer');

/** A device with two blocks, of which the first fails with `error` as long as there is one. */
async function opened() {
  const clock = new TestClock();
  const slave = new FakeModbus().put('input', 0, bytes('0001')).put('input', 500, bytes('002a'));
  const fails: { first: Error | undefined; all: Error | undefined } = { first: undefined, all: undefined };
  slave.before = (asked) => {
    const error = fails.all ?? (asked.startsWith('input:0+') ? fails.first : undefined);
    if (error !== undefined) throw error;
  };
  const device = await modbusMap.open(slave, SPEC, clock);
  /** The readings of one minute that have a value, or why there is none. */
  const minute = async () => {
    const read = device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read'));
    const found = await read.then(
      (results) => results.filter((result) => 'value' in result).map(({ id }) => id),
      (error: unknown) => error,
    );
    await clock.advance(60_000);
    return found;
  };
  const minutes = async (count: number) => {
    for (let i = 0; i < count; i++) await minute();
  };
  return { slave, fails, minute, minutes };
}

it('a block whose rest ended by time is not left out again when one of its answers gets lost', async () => {
  const { fails, minute, minutes } = await opened();
  fails.first = SILENCE;
  await minutes(400);
  fails.first = undefined;
  await minutes(12);
  expect(await minute()).toEqual(['rests', 'x']);
  fails.first = SILENCE;
  await minute();
  fails.first = undefined;
  expect(await minute()).toEqual(['rests', 'x']);
});

it('a device that is away is told as silent although its newest answer to a block that rests came damaged', async () => {
  const { slave, fails, minute, minutes } = await opened();
  fails.first = new BusError('bad-checksum', 'damaged');
  await minutes(200);
  for (let i = 0; i < 70; i++) {
    fails.all = SILENCE;
    expect([i, await minute(), await minute()]).toEqual([i, SILENCE, SILENCE]);
    // It may have started anew: its outputs are written again.
    fails.all = undefined;
    slave.bits.set('coil:0', true);
    expect(await minute()).toEqual(['x']);
    expect([i, slave.bits.get('coil:0')]).toEqual([i, false]);
  }
});
