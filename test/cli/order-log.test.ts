// What an output did without an order of its own is in the journal, and the order log reads it there.

import { expect, test } from 'vitest';
import { OrderLog } from '../../cli/order-log.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import type { Fault } from '../../simulator/faults.ts';
import { type SimulatedGateway, startSimulated } from '../gateway/simulated-gateway.ts';

const SECOND_MS = 1_000;
const SITE = `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }
devices:
  valve:
    board: solenoid-valve@1
    via: gpio.pin15
    outputs: { open: { safe: off, max_on: 1h, orders: [rules] } }
  pump:
    board: relay@1
    via: gpio.pin16
    outputs: { switch: { safe: off, max_on: 1h, never_with: [valve.open], orders: [rules] } }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  fan: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h, orders: [rules] } } }
`;

const order = ({ clock, gateway }: SimulatedGateway, output: string, on: boolean, forMs?: number) =>
  clock.run(gateway.outputs.order({ output, on, source: 'rules', by: 'x', ...(forMs !== undefined && { forMs }) }));

/** The order log of these records, a line each. */
function logOf(records: readonly JournalRecord[]): string[] {
  const log = new OrderLog(100);
  for (const [at, record] of records.entries()) log.take({ record, sequence: at + 1 });
  return log.orders.map(({ output, on, from, result }) => {
    const became = result === undefined ? 'nothing' : result.done ? 'done' : (result.reason ?? '');
    return `${output} ${on ? 'on' : 'off'} ${from} ${became}`;
  });
}

test('what never_with and a stop switched off has its line, and what was off has none', async () => {
  const running = await startSimulated(SITE);
  await running.clock.runUntil(SECOND_MS);
  await order(running, 'valve.open', true);
  await order(running, 'pump.switch', true);
  await running.stop();
  // The one that is switched on waits for the other.
  expect(logOf(await running.records())).toEqual([
    'valve.open on rules: x done',
    'pump.switch on rules: x done',
    'valve.open off never_with: pump.switch done',
    'pump.switch off the stop done',
  ]);
});

test('what did not follow at a stop has a line that says so', async () => {
  const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 5_000, toMs: 3_600_000 };
  const running = await startSimulated(SITE, { faults: [silent] });
  await running.clock.runUntil(SECOND_MS);
  await order(running, 'fan.switch', true);
  await running.clock.runUntil(6_000);
  await running.stop();
  expect(logOf(await running.records())).toEqual([
    'fan.switch on rules: x done',
    'fan.switch off the stop failed: it is not known to be safe',
  ]);
});

test('what was made safe by a later try has a line', async () => {
  const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 5_000, toMs: 15_000 };
  const running = await startSimulated(SITE, { faults: [silent] });
  await running.clock.runUntil(SECOND_MS);
  await order(running, 'fan.switch', true, 6 * SECOND_MS);
  await running.clock.runUntil(30_000);
  await running.stop();
  expect(logOf(await running.records())).toEqual([
    'fan.switch on rules: x done',
    expect.stringMatching(/^fan\.switch off the end of its time failed: /),
    'fan.switch off a later try done',
  ]);
});

/** The events of a start, and of orders, as a gateway writes them. */
const STAMP = { boot: 'b', monotonicMs: 1, wallMs: 1, wallQuality: 'synced' } as const;
const output = 'valve.open';
const START: JournalRecord = { kind: 'event', code: 'output-safe-at-start', fields: { output, on: false }, ...STAMP };
const asked = (id: string, on: boolean): JournalRecord => ({ kind: 'order', id, output, on, from: 'rules: x', ...STAMP });
const begun = (id: string, on: boolean): JournalRecord => ({ kind: 'intent', order: id, output, on, ...STAMP });
const became = (id: string, done: boolean, reason?: string): JournalRecord => ({
  kind: 'result',
  order: id,
  output,
  done,
  ...(reason !== undefined && { reason }),
  ...STAMP,
});
const ON = [asked('a', true), begun('a', true), became('a', true)];
const OFF = [asked('b', false), begun('b', false), became('b', true)];

test.each<[string, readonly JournalRecord[], boolean]>([
  ['on', ON, true],
  ['perhaps on, as nobody knows what became of it', ON.slice(0, 2), true],
  ['on, and could not be switched off', [...ON, ...OFF.slice(0, 2), became('b', false, 'failed: no answer')], true],
  ['perhaps on', [...ON.slice(0, 2), became('a', false, 'failed: no answer; it could not be made safe: no answer')], true],
  ['made safe', [...ON.slice(0, 2), became('a', false, 'failed: no answer; it was made safe')], false],
  ['off', [...ON, ...OFF], false],
  ['off, as what was ordered was never sent', [...ON.slice(0, 2), became('a', false, 'expired: it was too old')], false],
  ['on, as a newer order was under way', [...ON.slice(0, 2), begun('c', true), became('a', false, 'superseded: by c')], true],
  ['switched off by a stop', [...ON, asked('s', false), became('s', true)], false],
  ['on, as it did not follow at a stop', [...ON, asked('s', false), became('s', false, 'failed: not known')], true],
  [
    'perhaps on, as a start that found its board away said before',
    [
      ...OFF,
      ...ON.slice(0, 2),
      became('a', false, 'unknown: the gateway ended while it was carried out: the output may have moved'),
    ],
    true,
  ],
  [
    'perhaps on, as a stop came between and did not get through',
    [
      ...OFF,
      ...ON.slice(0, 2),
      became('a', false, 'superseded: the stop switched it off before this one was carried out'),
      asked('s', false),
      became('s', false, 'failed: it is not known to be safe'),
    ],
    true,
  ],
  ['ordered nothing', [], false],
  ['switched off by an earlier start', [...ON, START], false],
])('a start has a line only where the output was left away from safe: %s', (_what, before, hasLine) => {
  const lines = logOf([...before, START]);
  expect(lines.length - logOf(before).length).toBe(hasLine ? 1 : 0);
  if (hasLine) expect(lines.at(-1)).toBe('valve.open off the start done');
});

test('a start after a crash leaves that for each output, once', async () => {
  const running = await startSimulated(SITE);
  await running.clock.runUntil(SECOND_MS);
  await running.stop();
  const starts = (await running.records()).filter((record) => record.kind === 'event' && record.code === 'output-safe-at-start');
  expect(starts.map((record) => (record.kind === 'event' ? record.fields['output'] : '')).toSorted()).toEqual([
    'fan.switch',
    'pump.switch',
    'valve.open',
  ]);
});
