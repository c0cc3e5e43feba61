// At a start the outputs are made safe before anything is measured on any bus, and an output that does not answer keeps nobody from it
// for long.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { startSimulated } from './simulated-gateway.ts';

const SITE = `buses:
  meters: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 }
  line: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600 }
devices:
  meter: { board: eastron-sdm120@1, via: meters, with: { unit: 1 } }
  near: { board: eastron-sdm120@1, via: line, with: { unit: 1 } }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
  fan: { board: relay@1, via: relays.relay2, outputs: { switch: { safe: off, max_on: 1h } } }
`;

test('the outputs come first', async () => {
  const { clock, frames, stop } = await startSimulated(SITE);
  await clock.runUntil(5_000);
  const asked = frames.filter(({ direction }) => direction === 'out').map(({ bus, bytes }) => `${bus} ${bytes[0]} ${bytes[1]}`);
  // Two relays, each written and read back; then the meters of both buses.
  expect(asked.slice(0, 4).toSorted()).toEqual(['line 30 1', 'line 30 1', 'line 30 5', 'line 30 5']);
  expect(asked).toContain('meters 1 4');
  expect(asked).toContain('line 1 4');
  await stop();
});

test('a board that does not answer keeps nobody from measuring for longer than two and a half seconds', async () => {
  const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  const slow = SITE.replace('ttyAMA1, baud: 9600', 'ttyAMA1, baud: 9600, timeout: 2s');
  const { clock, frames, log, stop } = await startSimulated(slow, { faults: [silent] });
  await clock.runUntil(5_000);
  const first = frames.find(({ bus }) => bus === 'meters');
  expect(first?.atMs).toBeLessThanOrEqual(2_600);
  expect(log).toContain('outputs-not-answering');
  await stop();
});

test('a stop meanwhile is not kept waiting', async () => {
  const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  const { clock, log, stop } = await startSimulated(SITE, { faults: [silent] });
  await clock.runUntil(200);
  await stop();
  expect(clock.monotonicMs()).toBeLessThanOrEqual(5_000);
  expect(log).not.toContain('outputs-not-answering');
});
