import { expect, test } from 'vitest';
import { tooFewThreads } from '../../cli/thread-pool.ts';

test.each([
  { types: ['modbus-tcp'], size: undefined, wanted: undefined },
  { types: ['modbus-tcp', 'serial'], size: undefined, wanted: undefined },
  { types: ['i2c', 'serial'], size: undefined, wanted: undefined },
  { types: ['modbus-tcp', 'serial'], size: '2', wanted: 5 },
  { types: ['serial', 'i2c', 'modbus-rtu'], size: undefined, wanted: 7 },
  { types: ['serial', 'i2c', 'modbus-rtu'], size: '5', wanted: undefined },
  { types: ['onewire', 'gpio'], size: '12', wanted: undefined },
  { types: ['onewire', 'gpio'], size: 'many', wanted: 6 },
] as const)('a site with $types and UV_THREADPOOL_SIZE=$size should have $wanted', ({ types, size, wanted }) => {
  const env = size === undefined ? {} : { UV_THREADPOOL_SIZE: size };
  const buses = types.map((type) => ({ type }));
  expect(tooFewThreads(buses, env)?.wanted).toBe(wanted);
});

// libuv makes one thread of what is no number (uv_thread_pool: atoi, and 0 becomes 1), and four where nothing is said.
test.each([
  [undefined, 4],
  ['', 1],
  ['many', 1],
  ['0', 1],
  ['3', 3],
])('UV_THREADPOOL_SIZE=%s makes %i threads', (size, found) => {
  const env = size === undefined ? {} : { UV_THREADPOOL_SIZE: size };
  expect(tooFewThreads(Array(9).fill({ type: 'serial' }), env)?.found).toBe(found);
});
