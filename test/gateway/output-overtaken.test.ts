// An order that is overtaken, comes too late, or loses its reason while it is on its way.

import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import type { Fault } from '../../simulator/faults.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { oneValve } from './one-output.ts';
import { startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
const UP = 30;
const DOWN = 31;

const twoBoards = (limits: string) => `buses:
  one: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 }
  two: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600 }
devices:
  r1: { board: modbus-relay-8@1, via: one, with: { unit: ${UP} } }
  r2: { board: modbus-relay-8@1, via: two, with: { unit: ${DOWN} } }
  up: { board: relay@1, via: r1.relay1, outputs: { switch: { safe: off, max_on: 10min, ${limits} } } }
  down: { board: relay@1, via: r2.relay1, outputs: { switch: { safe: off, max_on: 10min, never_with: [up.switch] } } }
`;

/** `diesOn`: the board of `up` takes the first `on` and hears nothing after it. */
async function start(site: string, { diesOn = false, faults = [] as readonly Fault[] } = {}) {
  const writes: CoilWrite[] = [];
  const isLost = () => diesOn && writes.some(({ unit, on }) => unit === UP && on);
  const gateway = await startSimulated(site, {
    faults: [...faults],
    between: (host) => lossyLines(host, isLost, (write) => writes.push(write)),
  });
  const order = (output: string, on: boolean, untilMs?: number) =>
    gateway.gateway.outputs.order({ output, on, source: 'local', by: 'test', ...(untilMs !== undefined && { untilMs }) });
  return { ...gateway, writes, order };
}

/** Orders `up` on and, as soon as its coil is written and before that is answered, off again. */
async function overtake({ clock, writes, order }: Awaited<ReturnType<typeof start>>) {
  const on = order('up.switch', true);
  const before = writes.length;
  while (!writes.slice(before).some((write) => write.on)) await clock.runUntil(clock.monotonicMs() + 1);
  await clock.runUntil(clock.monotonicMs() + 2);
  return { on, off: order('up.switch', false) };
}

test.each([
  ['max_on', 'max_on switched it off before this one was carried out'],
  ['somebody', 'a newer order came before this one was carried out'],
])('an order that waited for the disk is told that %s came before it', async (by, message) => {
  const { clock, outputs } = await oneValve('max_on: 10s, orders: [rules, local]', () => async () => undefined);
  const valve = { output: 'valve.open', source: 'rules', by: 'x' } as const;
  await outputs.order({ ...valve, on: true });
  await clock.advance(8_900);
  let keep = (_isKept: boolean) => {};
  const kept = new Promise<boolean>((resolve) => {
    keep = resolve;
  });
  const waiting = outputs.order({ ...valve, on: true, kept });
  await clock.advance(500);
  if (by === 'somebody') await outputs.order({ ...valve, on: false, source: 'local' });
  await clock.advance(1_000);
  keep(true);
  expect(await waiting).toEqual({ done: false, reason: 'superseded', message });
});

test('what may not be on with it stays off where nobody knows that it is off', async () => {
  const trial = await start(twoBoards('never_with: [down.switch]'), { diesOn: true });
  await trial.clock.runUntil(15 * SECOND_MS);
  await overtake(trial);
  const other = trial.order('down.switch', true);
  await trial.clock.runUntil(trial.clock.monotonicMs() + 60 * SECOND_MS);
  expect(await other).toMatchObject({ done: false, reason: 'never-with' });
  expect(trial.writes.filter(({ unit, on }) => unit === DOWN && on)).toEqual([]);
  await trial.stop();
});

test('half a second passes before the other is switched on', async () => {
  const trial = await start(twoBoards('never_with: [down.switch]'));
  await trial.clock.runUntil(15 * SECOND_MS);
  await overtake(trial);
  const other = trial.order('down.switch', true);
  await trial.clock.runUntil(trial.clock.monotonicMs() + 5 * SECOND_MS);
  expect(await other).toEqual({ done: true });
  const offMs = trial.writes.findLast(({ unit, on }) => unit === UP && !on)?.atMs ?? Number.NaN;
  const onMs = trial.writes.findLast(({ unit, on }) => unit === DOWN && on)?.atMs ?? Number.NaN;
  expect(onMs - offMs).toBeGreaterThanOrEqual(500);
  await trial.stop();
});

test('it stays off for as long as it has to', async () => {
  const trial = await start(twoBoards('min_off: 5s'));
  await trial.clock.runUntil(40 * SECOND_MS);
  const { off } = await overtake(trial);
  await trial.clock.run(off);
  expect(await trial.clock.run(trial.order('up.switch', true))).toMatchObject({ done: false, reason: 'min-off' });
  await trial.stop();
});

test.each([
  ['a serial line', '{ type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 10s }'],
  ['a converter', '{ type: modbus-tcp, host: 10.0.0.5, timeout: 10s }'],
])('nothing is sent over %s when its time is over before its turn comes', async (_, bus) => {
  const site = `buses: { line: ${bus} }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: ${UP} } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 10min } } }
  meter: { board: eastron-sdm120@1, via: line, with: { unit: 1 }, every: 5s }
`;
  const silent: Fault = { at: 'device', device: 'meter', kind: 'silent', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  const { clock, writes, order, gateway, stop } = await start(site, { faults: [silent] });
  await clock.runUntil(3 * SECOND_MS);
  const reasons = new Set<string>();
  for (let i = 0; i < 20; i += 1) {
    await clock.runUntil(clock.monotonicMs() + 1_700);
    const untilMs = clock.monotonicMs() + 500;
    const before = writes.length;
    const outcome = await clock.run(order('pump.switch', true, untilMs));
    reasons.add(outcome.done ? 'done' : outcome.reason);
    for (const write of writes.slice(before).filter(({ on }) => on)) expect(write.atMs).toBeLessThanOrEqual(untilMs);
    if (!outcome.done) expect(gateway.outputs.states()[0]).toMatchObject({ seen: false });
    await clock.run(order('pump.switch', false));
  }
  expect([...reasons].toSorted()).toEqual(['done', 'expired']);
  await stop();
});

test('an order that is not sent any more leaves the end of the one before it', async () => {
  const asked: [number, boolean][] = [];
  const { clock, outputs } = await oneValve('max_on: 1h', (time) => async (_output, on, isInTime = () => true) => {
    if (time.monotonicMs() === 5 * SECOND_MS) await time.advance(SECOND_MS);
    if (!isInTime()) return new BusError('expired', 'too old');
    asked.push([time.monotonicMs(), on]);
    return undefined;
  });
  const on = { output: 'valve.open', on: true, source: 'local', by: 'test' } as const;
  await outputs.order({ ...on, forMs: 30 * SECOND_MS });
  await clock.advance(5 * SECOND_MS);
  const late = await outputs.order({ ...on, forMs: 600 * SECOND_MS, untilMs: 5_500 });
  expect(late).toMatchObject({ done: false, reason: 'expired' });
  expect(outputs.states()).toMatchObject([{ seen: true, asked: { from: 'local: test' }, backInMs: 24 * SECOND_MS }]);
  await clock.advance(30 * SECOND_MS);
  expect(asked).toEqual([
    [0, true],
    [30 * SECOND_MS, false],
  ]);
  outputs.stop();
});

test('a rule whose reading goes stale while the disk takes nothing orders nothing', async () => {
  const site = `buses: { i2c1: { type: i2c } }
devices:
  air: { board: sht31@1, via: i2c1, every: 5s }
  valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 1h } } }
rules:
  warm: { when: { reading: air.temperature, above: -50, for: 44s }, do: { output: valve.open, set: on } }
`;
  const hang: Fault = { at: 'disk', code: 'hang', operations: ['fdatasync'], fromMs: 43_000, toMs: 53_500 };
  const silent: Fault = { at: 'device', device: 'air', kind: 'silent', rate: 1, fromMs: 40_000, toMs: 1e9 };
  const { clock, log, levels, stop } = await start(site, { faults: [silent, hang] });
  await clock.runUntil(48 * SECOND_MS);
  expect(log).toContain('rule-fired');
  await clock.runUntil(120 * SECOND_MS);
  expect(log).toContain('rule-failed');
  expect(levels.filter(({ atMs, level }) => atMs > 40_000 && level)).toEqual([]);
  await stop();
});

test('a reading that goes stale takes back what somebody ordered while the disk took nothing', async () => {
  const site = `buses: { i2c1: { type: i2c } }
devices:
  air: { board: sht31@1, via: i2c1, every: 5s }
  valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 1h } } }
rules:
  hot: { when: { reading: air.temperature, above: 90 }, do: { output: valve.open, set: on } }
`;
  const hang: Fault = { at: 'disk', code: 'hang', operations: ['fdatasync'], fromMs: 49_000, toMs: 53_500 };
  const silent: Fault = { at: 'device', device: 'air', kind: 'silent', rate: 1, fromMs: 40_000, toMs: 1e9 };
  const { clock, log, order, levels, stop } = await start(site, { faults: [silent, hang] });
  await clock.runUntil(49_700);
  const outcome = order('valve.open', true);
  await clock.runUntil(120 * SECOND_MS);
  expect(log.filter((code) => code === 'rule-reading-stale')).toHaveLength(1);
  expect(await outcome).toMatchObject({ done: false, reason: 'superseded' });
  expect(levels.filter(({ atMs, level }) => atMs > 49_000 && level)).toEqual([]);
  await stop();
});
