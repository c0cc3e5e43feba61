// A board that answers again on a bus on which others stay away.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { startSimulated } from './simulated-gateway.ts';

const BACK_MS = 600_000;
const UNIT = 100;
const OUTPUTS = [0, 1, 2, 3, 4, 5, 6, 7];
const BOARD = `schema: board/v1
id: relays
version: 1.0.0
label: Relays that measure
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding }
readings: { x: { quantity: voltage, unit: V, at: 0 } }
outputs:
${OUTPUTS.map((coil) => `  relay${coil}: { coil: ${coil}, quantity: switch_state, unit: bool, safe: off, max_on: 1h }`).join('\n')}
simulate: { x: { constant: 1 } }
`;
const meters = (name: string, firstUnit: number, count: number) =>
  Array.from(
    { length: count },
    (_, i) => `  ${name}_${i}: { board: eastron-sdm120@1, via: plant, with: { unit: ${firstUnit + i} }, every: 5s }\n`,
  ).join('');

test.each<[string, string, number]>([
  ['Modbus RTU', '{ type: modbus-rtu, port: header, baud: 9600 }', 0],
  ['Modbus TCP', '{ type: modbus-tcp, host: 10.0.0.5, timeout: 1s, in_flight: 3 }', 6],
])('has all its outputs written as soon as it is seen: %s', async (_type, bus, headerBytes) => {
  const away = (device: string, toMs: number): Fault => ({ at: 'device', device, kind: 'silent', rate: 1, fromMs: 60_000, toMs });
  const faults = [away('board', BACK_MS), ...Array.from({ length: 10 }, (_, i) => away(`away_${i}`, Number.POSITIVE_INFINITY))];
  const site = `buses: { plant: ${bus} }
devices:
  board: { board: relays@1, via: plant, with: { unit: ${UNIT} }, every: 5s }
${meters('meter', 1, 4)}${meters('away', 50, 10)}`;
  const running = await startSimulated(site, { faults, files: { 'boards/relays.board.yaml': BOARD } });
  await running.clock.runUntil(BACK_MS + 120_000);
  await running.stop();
  const ofBoard = running.frames.filter(({ bytes, atMs }) => atMs >= BACK_MS && bytes[headerBytes] === UNIT);
  const seenMs = ofBoard.find(({ direction }) => direction === 'in')?.atMs ?? Number.NaN;
  const written = ofBoard.filter(({ direction, bytes, atMs }) => {
    return direction === 'out' && bytes[headerBytes + 1] === 5 && atMs <= seenMs + 1_500;
  });
  expect(written.map(({ bytes }) => bytes[headerBytes + 3])).toEqual(OUTPUTS);
});
