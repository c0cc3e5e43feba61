import { expect, test } from 'vitest';
import { tooFewThreads } from '../../cli/thread-pool.ts';

test.each([
  { types: ['modbus-tcp'], size: undefined, wanted: undefined },
  { types: ['modbus-tcp', 'serial'], size: undefined, wanted: 5 },
  { types: ['modbus-tcp', 'serial'], size: '5', wanted: undefined },
  { types: ['serial', 'i2c', 'modbus-rtu'], size: '6', wanted: 7 },
  { types: ['onewire', 'gpio'], size: '12', wanted: undefined },
  { types: ['onewire', 'gpio'], size: 'many', wanted: 6 },
] as const)('a site with $types and UV_THREADPOOL_SIZE=$size should have $wanted', ({ types, size, wanted }) => {
  const env = size === undefined ? {} : { UV_THREADPOOL_SIZE: size };
  const buses = types.map((type) => ({ type }));
  expect(tooFewThreads(buses, env)?.wanted).toBe(wanted);
});
