// A board that answers again, also on a bus on which others stay away.

import { expect, test } from 'vitest';
import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import type { Fault } from '../../simulator/faults.ts';
import { bytes } from '../support/hex.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
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
/** Function codes (Modbus V1.1b3 §6). */
const [READ_COILS, WRITE_COIL] = [1, 5];
/** Coil 0 of unit 30 off, coil 1 on, with their checksums (serial line V1.02 appendix B), computed apart from the product. */
const [SWITCHED_OFF, OTHER_ON] = [bytes('1e0500000000cfa5'), bytes('1e050001ff00df95')];
const meters = (name: string, firstUnit: number, count: number) =>
  Array.from(
    { length: count },
    (_, i) => `  ${name}_${i}: { board: eastron-sdm120@1, via: plant, with: { unit: ${firstUnit + i} }, every: 5s }\n`,
  ).join('');

test.each<[string, string, number]>([
  ['Modbus RTU', '{ type: modbus-rtu, port: header, baud: 9600 }', 0],
  ['Modbus TCP', '{ type: modbus-tcp, host: 10.0.0.5, timeout: 1s, in_flight: 3 }', 6],
])('has all its outputs looked at as soon as it is seen: %s', async (_type, bus, headerBytes) => {
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
  const asked = ofBoard.filter(({ direction, atMs }) => direction === 'out' && atMs <= seenMs + 1_500);
  const coilsOf = (code: number) =>
    asked.filter(({ bytes }) => bytes[headerBytes + 1] === code).map(({ bytes }) => bytes[headerBytes + 3]);
  expect([coilsOf(READ_COILS), coilsOf(WRITE_COIL)]).toEqual([OUTPUTS, []]);
});

test.each([
  ['all off', [SWITCHED_OFF]],
  ['others on', [SWITCHED_OFF, OTHER_ON]],
])('that was on, and has started anew with %s, is made safe and stays off, and that is told', async (_, frames) => {
  const away: Fault = { at: 'device', device: 'board', kind: 'silent', rate: 1, fromMs: 60_000, toMs: 72_000 };
  let wire: OpenByteStream | undefined;
  const running = await startSimulated(
    `buses: { plant: { type: modbus-rtu, port: header, baud: 9600 } }
devices: { board: { board: relays@1, via: plant, with: { unit: 30 }, every: 5s, outputs: { relay0: { min_off: 40s } } } }
`,
    {
      faults: [away],
      files: { 'boards/relays.board.yaml': BOARD },
      between: (host) => ({
        ...host,
        buses: {
          ...host.buses,
          serial: async (...how) => {
            wire = await host.buses.serial(...how);
            return wire;
          },
        },
      }),
    },
  );
  const { clock, gateway } = running;
  const order = () => clock.run(gateway.outputs.order({ output: 'board.relay0', on: true, source: 'local', by: 'test' }));
  await clock.runUntil(50_000);
  expect(await order()).toEqual({ done: true });
  // Past the gateway, just before the board is silent: what it does in that time nobody sees.
  await clock.runUntil(59_000);
  for (const frame of frames) {
    await clock.run(wire?.write(frame) ?? Promise.reject(new Error('closed')));
    await clock.runUntil(clock.monotonicMs() + 200);
  }
  await clock.runUntil(100_000);
  const state = gateway.outputs.states().find(({ output }) => output === 'board.relay0');
  expect(state).toMatchObject({ seen: false, asked: { on: false, from: 'strayed' }, problem: expect.stringContaining('relay0') });
  expect(await order()).toMatchObject({ done: false, reason: 'min-off' });
  await running.stop();
  const writes = running.frames.filter(
    ({ direction, bytes, atMs }) => direction === 'out' && bytes[1] === WRITE_COIL && atMs > 60_000,
  );
  expect(writes.filter(({ bytes }) => bytes[4] !== 0)).toEqual([]);
  const records = await running.records();
  const faults = records.filter((record) => record.kind === 'event' && record.code === 'output-fault');
  const strayed = frames.map((_frame, i) =>
    expect.objectContaining({ fields: expect.objectContaining({ output: `board.relay${i}` }) }),
  );
  expect(faults).toEqual(strayed);
  const results = records.filter((record) => record.kind === 'result' && record.output === 'board.relay0' && record.done);
  expect(results).toHaveLength(2);
  expect(running.fatal).toEqual([]);
});

// The second relay's try may fall so shortly after the first one's that it is not asked for itself.
test.each([
  [4_000, 327_500],
  [10_000, 312_500],
  [10_000, 315_000],
  [14_000, 317_500],
])('has all its relays off within 30 s, whose times ended %i ms apart: back at %i ms', async (apartMs, backMs) => {
  const relay = (coil: number) =>
    `{ board: relay@1, via: relays.relay${coil}, every: 1h, outputs: { switch: { safe: off, max_on: 30min } } }`;
  const site = `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600 } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  one: ${relay(1)}
  two: ${relay(2)}
`;
  const away: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 30_000, toMs: backMs };
  const writes: CoilWrite[] = [];
  const running = await startSimulated(site, {
    faults: [away],
    between: (host) =>
      lossyLines(
        host,
        () => false,
        (write) => writes.push(write),
      ),
  });
  const { clock, gateway } = running;
  await clock.runUntil(5_000);
  for (const [output, forMs] of [
    ['one.switch', 40_000],
    ['two.switch', 40_000 + apartMs],
  ] as const)
    expect(await clock.run(gateway.outputs.order({ output, on: true, forMs, source: 'local', by: 'test' }))).toEqual({
      done: true,
    });
  await clock.runUntil(backMs + 60_000);
  await running.stop();
  const offMs = [0, 1].map((coil) => writes.find((write) => write.coil === coil && !write.on && write.atMs >= backMs)?.atMs);
  // The pause between two tries, and what a try takes.
  expect(Math.max(...offMs.map((atMs) => atMs ?? Number.POSITIVE_INFINITY)) - backMs).toBeLessThan(30_000 + 1_000);
});
