import { expect, it, test } from 'vitest';
import { analog } from '../../drivers/analog.ts';
import { BusError } from '../../drivers/errors.ts';
import { TestClock } from '../support/test-clock.ts';

const spec = { board: 'probe', with: {}, readings: [{ id: 'level' }], outputs: [] };
const { signal } = new AbortController();

test('gives the voltage of its port, and the failure of its port as it is', async () => {
  const error = new BusError('no-answer', 'nobody');
  const volts = [1.25, error];
  const readVolts = async () => {
    const next = volts.shift();
    if (typeof next !== 'number') throw next;
    return next;
  };
  const device = await analog.open({ readVolts }, spec, new TestClock());
  expect(await device.read?.(signal)).toEqual([{ id: 'level', value: 1.25 }]);
  await expect(device.read?.(signal)).rejects.toBe(error);
});

it.each([0, 2])('refuses a board with %d readings', async (count) => {
  const readings = Array.from({ length: count }, (_, index) => ({ id: `level${index}` }));
  await expect(analog.open({ readVolts: async () => 0 }, { ...spec, readings }, new TestClock())).rejects.toThrow(
    /board probe: expected exactly one reading/,
  );
});
