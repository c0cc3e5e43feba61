// The power is cut while an order is carried out, at each moment of it: nothing is repeated, everything is safe when the power is
// back, and each order has one result, which is `unknown` where nobody can know.

import { expect, test } from 'vitest';
import type { Clock } from '../../drivers/clock.ts';
import { openGateway } from '../../gateway/gateway.ts';
import { loadModules } from '../../gateway/modules.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { simulatedMachine } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { readJournal } from './comparison.ts';

const SITE = `schema: gateway/v1
gateway: { id: trial }
buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 10min } } }
`;
const ORDER_MS = 5_000;
const STEP_MS = process.env['BARRI_DEEP'] === '1' ? 1 : 8;

/** Orders the pump on, cuts the power so long after that, and switches it on again. */
async function cutAfter(ms: number) {
  const { config } = await loadText(SITE);
  if (config === undefined) throw new Error('the site has errors');
  const modules = await loadModules(config);
  const clock = new VirtualClock(START_WALL_MS, turn);
  // The disk hangs on the same power: what it was told in a life that is over wakes nobody.
  let life: Pick<Clock, 'timer'> = clock;
  const onPower: Clock = {
    monotonicMs: () => clock.monotonicMs(),
    wall: () => clock.wall(),
    timer: (delayMs, callback) => life.timer(delayMs, callback),
  };
  const disk = new SimulatedDisk({ clock: onPower, random: createRandom(ms), syncMs: 8 });
  const http = () => Promise.reject(new Error('this site has no city'));
  const machine = simulatedMachine({ config, seed: 1, startWallMs: START_WALL_MS, clock, disk, http });
  const fatal: unknown[] = [];
  const boot = async () => {
    const writes: CoilWrite[] = [];
    const { host, power } = await machine.boot();
    life = power.worldClock;
    const wired = lossyLines(
      host,
      () => false,
      (write) => writes.push(write),
    );
    const options = { stateFolder: '/state', modules, fatal: (error: unknown) => fatal.push(error) };
    return { gateway: await clock.run(openGateway(config, wired, options)), power, writes };
  };
  const first = await boot();
  await clock.runUntil(ORDER_MS);
  let isDone = false;
  const order = first.gateway.outputs.order({ output: 'pump.switch', on: true, source: 'local', by: 'test' });
  order.then(({ done }) => {
    isDone = done;
  });
  await clock.runUntil(ORDER_MS + ms);
  first.power.cut();
  disk.crash();
  await clock.runUntil(ORDER_MS + 60_000);
  const second = await boot();
  await clock.runUntil(ORDER_MS + 70_000);
  await clock.run(second.gateway.stop());
  expect(fatal).toEqual([]);
  const records = await readJournal(disk, '/state/journal', clock);
  return { isDone, wasOn: first.writes.some(({ on }) => on), writes: second.writes, records };
}

const of = <Kind extends JournalRecord['kind']>(records: readonly JournalRecord[], kind: Kind) =>
  records.filter((record): record is Extract<JournalRecord, { kind: Kind }> => record.kind === kind);

test('whenever that is', async () => {
  const seen = new Set<string>();
  for (let ms = 0; ms <= 120; ms += STEP_MS) {
    const { isDone, wasOn, writes, records } = await cutAfter(ms);
    const [intent] = of(records, 'intent').filter(({ on }) => on);
    const results = of(records, 'result');
    expect(writes.length).toBeGreaterThan(0);
    expect(new Set(writes.map(({ on }) => on)), `${ms} ms`).toEqual(new Set([false]));
    // It never moved before what was about to be done was durable.
    if (wasOn) expect(intent, `${ms} ms`).toBeDefined();
    for (const { id } of of(records, 'order'))
      expect(
        results.filter(({ order }) => order === id),
        `${ms} ms`,
      ).toHaveLength(1);
    const [result] = results;
    const reason = result?.reason?.split(/[:;]/).slice(0, 2).join(':');
    seen.add(
      `${wasOn ? 'moved' : 'not moved'}, ${isDone ? 'done' : 'not done'}, ${result === undefined ? 'no order' : (reason ?? 'result')}`,
    );
    if (result !== undefined && !result.done) expect(result.reason).toMatch(/^unknown: /);
  }
  expect([...seen].toSorted()).toEqual(
    [
      'not moved, not done, no order',
      'not moved, not done, unknown: the gateway ended before it was carried out',
      'not moved, not done, unknown: the gateway ended while it was carried out',
      'moved, not done, unknown: the gateway ended while it was carried out',
      // Its result was not durable.
      'moved, done, unknown: the gateway ended while it was carried out',
      'moved, done, result',
    ].toSorted(),
  );
}, 60_000);
