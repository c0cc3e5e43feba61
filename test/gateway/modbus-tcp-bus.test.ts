// What a site says of one Modbus TCP device: how many requests it takes at once, and a pause after the connection was made.

import { expect, test } from 'vitest';
import { startSimulated } from './simulated-gateway.ts';

const site = (own: string) => `buses: { plant: { type: modbus-tcp, host: 10.0.0.5, timeout: 500ms${own} } }
devices:
${[1, 2, 3, 4].map((unit) => `  meter_${unit}: { board: eastron-sdm120@1, via: plant, with: { unit: ${unit} }, every: 5s }`).join('\n')}
`;

/** The most requests that were on the line at once, and when the first went out. */
async function requestsOf(own: string) {
  const running = await startSimulated(site(own));
  await running.clock.runUntil(60_000);
  const { devices } = running.gateway.status();
  await running.stop();
  let inFlight = 0;
  let most = 0;
  for (const { direction } of running.frames) {
    inFlight += direction === 'out' ? 1 : -1;
    most = Math.max(most, inFlight);
  }
  for (const { device, state, failedCount } of devices)
    expect({ device, state, failedCount }).toEqual({ device, state: 'ok', failedCount: 0 });
  return { most, firstMs: running.frames.find(({ direction }) => direction === 'out')?.atMs ?? Number.NaN };
}

test.each([
  ['', 1],
  [', in_flight: 3', 3],
  [', framing: rtu', 1],
])('a slave gets no more requests at once than it takes%s: %i', async (own, most) => {
  expect((await requestsOf(own)).most).toBe(most);
});

test('a converter that is deaf after it was connected is asked later', async () => {
  const { firstMs } = await requestsOf('');
  expect((await requestsOf(', connect_pause: 700ms')).firstMs).toBeCloseTo(firstMs + 700, 6);
});
