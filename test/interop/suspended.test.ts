// A process that was stopped for a while, as a debugger or a suspended machine does it, makes up for nothing.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { cityHas, cleanUp, freePort, startCity, startGateway, workFolder } from './support/barri.ts';
import { readServed, startModbusPeer } from './support/peers.ts';

const SENSOR = 'interop-meter-voltage';
const SUSPENDED_MS = 30_000;
const AFTER_MS = 10_000;

afterEach(cleanUp);

// Case ck-03, its second half.
it('a gateway that was suspended polls once and goes on on its grid, and the city gets no burst', async () => {
  const folder = workFolder();
  const log = join(folder, 'served.jsonl');
  const port = await freePort();
  await startModbusPeer('tcp', String(port), [1], log);
  const city = await startCity(folder, [SENSOR]);
  const gateway = startGateway({
    folder,
    cityUrl: city.url,
    site: `buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${port} } }
devices:
  meter: { board: eastron-sdm120@1, via: meters, every: 1s, with: { unit: 1 } }
`,
  });
  await cityHas(city, [SENSOR], 3, 30_000);
  gateway.kill('SIGSTOP');
  // What was on its way to the meter arrives all the same.
  await sleep(1_000);
  const stoppedMs = Date.now();
  const requestsBefore = readServed(log).length;
  // The SDM120's readings lie in two blocks, so one poll is as many requests as the first one took.
  const first = readServed(log)[0]?.wallMs ?? 0;
  const requestsOfPoll = readServed(log).filter(({ wallMs }) => wallMs < first + 500).length;
  await sleep(SUSPENDED_MS - 1_000);
  expect(readServed(log)).toHaveLength(requestsBefore);
  gateway.kill('SIGCONT');
  const goesOnMs = Date.now();
  await sleep(AFTER_MS);

  const after = readServed(log).slice(requestsBefore);
  const polls = after.length / requestsOfPoll;
  expect(polls).toBeGreaterThanOrEqual(AFTER_MS / 1_000 - 2);
  // One at once, and those of the grid.
  expect(polls).toBeLessThanOrEqual(AFTER_MS / 1_000 + 2);
  const atOnce = after.filter(({ wallMs }) => wallMs < goesOnMs + 700).length;
  expect(atOnce).toBeLessThanOrEqual(2 * requestsOfPoll);
  const kept = await city.read([SENSOR]);
  expect(kept.filter(({ timeMs }) => timeMs > stoppedMs && timeMs < goesOnMs - 1_000)).toEqual([]);
  gateway.kill('SIGTERM');
  expect((await gateway.ended).code).toBe(0);
});
