import { expect, test } from 'vitest';
import { startSimulated } from './simulated-gateway.ts';

const PAUSE_MS = 250;
/** Two requests a round, because its registers lie apart. */
const SLOW = `schema: board/v1
id: slow
version: 1.0.0
label: Slow meter
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding, min_pause: ${PAUSE_MS}ms }
readings:
  a: { quantity: voltage, unit: V, at: 0 }
  b: { quantity: voltage, unit: V, at: 1000 }
simulate: { a: { constant: 1 }, b: { constant: 2 } }
`;
const SITE = `buses: { meters: { type: modbus-rtu, port: header, baud: 9600 } }
devices:
  slow: { board: slow@1, via: meters, with: { unit: 1 }, every: 1s }
  quick: { board: eastron-sdm120@1, via: meters, with: { unit: 2 }, every: 1s }
`;

test('a device that asks for a pause gets it before each question, and another one is asked meanwhile', async () => {
  const running = await startSimulated(SITE, { files: { 'boards/slow.board.yaml': SLOW } });
  await running.clock.runUntil(60_000);
  await running.stop();
  const frames = running.frames.filter(({ bus }) => bus === 'meters');
  const asked = frames.filter(({ direction }) => direction === 'out');
  const slow = asked.filter(({ bytes }) => bytes[0] === 1);
  expect(slow.length).toBeGreaterThan(115);
  let otherCount = 0;
  for (const question of slow.slice(1)) {
    const before = frames.filter(({ direction, bytes, atMs }) => direction === 'in' && bytes[0] === 1 && atMs < question.atMs);
    const restedMs = question.atMs - (before.at(-1)?.atMs ?? Number.NaN);
    expect(restedMs).toBeGreaterThanOrEqual(PAUSE_MS - 0.001);
    if (restedMs > 2 * PAUSE_MS) continue;
    otherCount += asked.filter(
      ({ bytes, atMs }) => bytes[0] === 2 && atMs > question.atMs - restedMs && atMs < question.atMs,
    ).length;
  }
  expect(otherCount).toBeGreaterThan(50);
});
