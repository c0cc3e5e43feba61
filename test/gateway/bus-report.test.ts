// What the counts of a line speak for, and how `barri bus stats` says it.

import { describe, expect, test } from 'vitest';
import { renderBuses } from '../../cli/render-buses.ts';
import { type ModbusCounts, ModbusUnits } from '../../drivers/bus/modbus-unit.ts';
import { type BusReport, causesOf } from '../../gateway/bus-report.ts';
import type { Fault } from '../../simulator/faults.ts';
import { openRtu, outcome } from '../bus/support.ts';
import { bytes } from '../support/hex.ts';
import { startSimulated } from './simulated-gateway.ts';

type Counts = Partial<Record<keyof ModbusCounts, number>>;

/** Slaves, each with a thousand requests, and what came of them; `line` is what was counted of none of them. */
function causes(units: Readonly<Record<number, Counts>>, line: Counts & { readonly echoNoticed?: boolean } = {}) {
  const { echoNoticed = false, ...counted } = line;
  const all = new ModbusUnits();
  const count = (id: number | undefined, counts: Counts) => {
    for (const [what, times] of Object.entries(counts) as [keyof ModbusCounts, number][])
      for (let i = 0; i < times; i++) all.count(id, what);
  };
  for (const [id, { requestCount = 300, ...rest }] of Object.entries(units)) {
    all.of(Number(id));
    const { damagedCount = 0, timeoutCount = 0 } = rest;
    count(Number(id), { requestCount, answerCount: requestCount - damagedCount - timeoutCount, ...rest });
  }
  count(undefined, counted);
  return causesOf({ units: all.byId, recent: all.recent, echoNoticed });
}

describe('the likely cause', () => {
  test.each([
    ['nothing when all is well', {}, {}, []],
    ['nothing for an accident', { damagedCount: 12 }, {}, []],
    ['the cable when every answer suffers', { damagedCount: 24 }, { damagedCount: 27 }, [{ cause: 'wiring', units: [] }]],
    [
      'the cable when the only one that answers suffers',
      { damagedCount: 24 },
      { timeoutCount: 300 },
      [{ cause: 'wiring', units: [] }],
    ],
    ['a clash when only one does', { damagedCount: 24 }, {}, [{ cause: 'clash-or-stub', units: [1] }]],
    ['a slow device when its answers come late', {}, { lateCount: 24 }, [{ cause: 'slow', units: [2] }]],
    ['a converter when they come twice', {}, { repeatedCount: 24 }, [{ cause: 'repeated', units: [2] }]],
    ['nothing before enough was asked', { requestCount: 20, damagedCount: 19 }, {}, []],
    [
      'known soon where nothing good ever came',
      { requestCount: 20, damagedCount: 20 },
      {},
      [{ cause: 'clash-or-stub', units: [1] }],
    ],
  ] as const)('is %s', (_says, one, two, expected) => {
    expect(causes({ 1: one, 2: two })).toEqual(expected);
  });

  test('is a second master when answers come that nobody asked for', () => {
    expect(causes({ 1: {} }, { unaskedCount: 2 })).toEqual([]);
    expect(causes({ 1: {} }, { unaskedCount: 3 })).toEqual([{ cause: 'second-master', units: [] }]);
  });

  test('is that of now: a fault is seen after a month of good answers, and forgotten after it was mended', () => {
    const units = new ModbusUnits();
    units.of(1);
    const ask = (times: number, ...came: (keyof ModbusCounts)[]) => {
      for (let i = 0; i < times; i++) for (const what of ['requestCount', ...came] as const) units.count(1, what);
    };
    const now = () => causesOf({ units: units.byId, recent: units.recent, echoNoticed: false }).map(({ cause }) => cause);
    ask(500_000, 'answerCount');
    units.count(undefined, 'unaskedCount');
    ask(100, 'damagedCount');
    expect(now()).toEqual(['wiring']);
    ask(100, 'damagedCount', 'unaskedCount');
    expect(now()).toEqual(['wiring', 'second-master']);
    ask(100_000, 'answerCount');
    expect(now()).toEqual([]);
    // Three frames in a year are nobody's.
    for (let i = 0; i < 3; i++) {
      units.count(undefined, 'unaskedCount');
      ask(100_000, 'answerCount');
    }
    expect(now()).toEqual([]);
  });

  test('is the cable where one comes damaged and nothing of the others any more', () => {
    const units = new ModbusUnits();
    for (const id of [1, 2]) {
      units.of(id);
      for (let i = 0; i < 2000; i++) for (const what of ['requestCount', 'answerCount'] as const) units.count(id, what);
    }
    for (let i = 0; i < 40; i++) {
      for (const what of ['requestCount', 'damagedCount'] as const) units.count(1, what);
      for (const what of ['requestCount', 'timeoutCount'] as const) units.count(2, what);
      units.of(2).timedOut(i);
    }
    const found = causesOf({ units: units.byId, recent: units.recent, echoNoticed: false });
    expect(found).toEqual([{ cause: 'wiring', units: [] }]);
  });

  test('is the cable too where the baud rate is wrong and nothing that comes can be understood', async () => {
    const garbage = bytes('f81c0077e09c3f');
    const { clock, bus, line } = await openRtu((_request, { clock: on, stream }) => {
      on.timer(20, () => stream.receive(garbage));
    });
    for (let i = 0; i < 30; i++) await clock.run(outcome(bus.readRegisters(1 + (i % 2), 'holding', 1, 1)));
    expect(causesOf(line.stats())).toEqual([{ cause: 'wiring', units: [] }]);
  });

  test('is the adapter when it returns what is sent', () => {
    expect(causes({ 1: {} }, { echoNoticed: true })).toEqual([{ cause: 'echo', units: [] }]);
  });
});

const SITE = `buses: { meters: { type: modbus-rtu, port: /dev/ttyUSB0, baud: 9600, timeout: 300ms } }
devices:
  good: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, every: 5s }
  noisy: { board: eastron-sdm120@1, via: meters, with: { unit: 2 }, every: 5s }
  dead: { board: eastron-sdm120@1, via: meters, with: { unit: 3 }, every: 5s }
`;

test('a line with a good, a noisy and a dead meter is told as it is', async () => {
  const fault = (device: string, kind: 'silent' | 'corrupt', rate: number): Fault => ({
    ...{ at: 'device', device, kind, rate, fromMs: 0, toMs: 3_600_000 },
  });
  const running = await startSimulated(SITE, { faults: [fault('noisy', 'corrupt', 0.2), fault('dead', 'silent', 1)] });
  await running.clock.runUntil(3_602_500);
  const reports = running.gateway.buses();
  await running.stop();
  const [report] = reports as [BusReport];
  const [good, noisy, dead] = report.line?.units ?? [];
  expect(good).toMatchObject({ unit: 1, devices: ['good'], timeoutCount: 0, damagedCount: 0 });
  expect(good?.answerCount).toBe(good?.requestCount);
  // The simulated meters take 5 to 20 ms.
  expect(good?.p50Ms).toBeGreaterThanOrEqual(5);
  expect(good?.p99Ms).toBeLessThan(30);
  expect(good?.histogram.reduce((sum, count) => sum + count, 0)).toBe(100);
  expect(noisy?.damagedCount).toBeGreaterThan(100);
  expect(dead).toMatchObject({ unit: 3, devices: ['dead'], answerCount: 0 });
  expect(dead?.p50Ms).toBeUndefined();
  expect(report.causes).toEqual([{ cause: 'clash-or-stub', units: [2] }]);

  const shown = renderBuses(reports, { columns: 100 });
  // The check of the site plans two requests for each read of an SDM120.
  expect(shown).toMatch(/good: read 721 times, with 2 requests each; 1,442 asked/);
  expect(shown).toContain('dead: ');
  expect(shown).toContain('0 answered');
  expect(shown).toContain('unit 2: only these answers come damaged');
  for (const line of shown.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

describe('a bus that is not Modbus', () => {
  const CHIPS = `buses: { i2c1: { type: i2c } }
devices:
  air: { board: bme280@1, via: i2c1, every: 5s }
  hall: { board: sht31@1, via: i2c1, every: 5s }
`;
  const at = (device: string, kind: 'silent' | 'corrupt', rate: number): Fault => ({
    ...{ at: 'device', device, kind, rate, fromMs: 300_000, toMs: 3_600_000 },
  });

  async function report(faults: readonly Fault[], forMs = 1_800_000) {
    const running = await startSimulated(CHIPS, { faults });
    await running.clock.runUntil(forMs);
    const reports = running.gateway.buses();
    await running.stop();
    return { bus: (reports as [BusReport])[0], shown: renderBuses(reports, { columns: 100 }) };
  }

  test('tells of each device how its reads went and how long they took', async () => {
    const { bus, shown } = await report([]);
    expect(bus.devices.map(({ device, pollCount, failures }) => [device, pollCount, failures])).toEqual([
      ['air', 360, {}],
      ['hall', 360, {}],
    ]);
    // A measurement of a BME280 takes at most 9.3 ms with its usual settings (its data sheet, appendix B), beside a few bytes.
    expect(bus.devices[0]?.p99Ms).toBeGreaterThan(8);
    expect(bus.devices[0]?.p99Ms).toBeLessThan(30);
    expect(bus.causes).toEqual([]);
    expect(shown).toContain('air: read 360 times');
  });

  test('tells of a device that is damaged by itself', async () => {
    const { bus, shown } = await report([at('hall', 'corrupt', 0.3)]);
    expect(bus.devices[1]?.failures['D205']).toBeGreaterThan(20);
    expect(bus.causes).toEqual([{ cause: 'damaged', units: [], devices: ['hall'] }]);
    expect(shown).toContain('hall: answers come damaged');
    for (const line of shown.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('takes one silent device for itself, and all of them for the bus', async () => {
    expect((await report([at('hall', 'silent', 1)])).bus.causes).toEqual([]);
    const { bus, shown } = await report([at('hall', 'silent', 1), at('air', 'silent', 1)]);
    expect(bus.causes).toEqual([{ cause: 'all-silent', units: [] }]);
    expect(shown).toContain('the bus itself: none of its devices answers');
  });

  test('of a bus that is not there says no more than that', async () => {
    const unplugged: Fault = { at: 'bus', bus: 'i2c1', kind: 'unplugged', fromMs: 300_000, toMs: 3_600_000 };
    const { bus } = await report([unplugged]);
    expect(bus.devices[0]?.failures['D201']).toBeGreaterThan(5);
    expect(bus.causes).toEqual([]);
  });
});

test('a relay board is told with the devices in its ports', async () => {
  const running = await startSimulated(`buses: { meters: { type: modbus-rtu, port: header, baud: 9600 } }
devices:
  relays: { board: modbus-relay-8@1, via: meters, with: { unit: 30 } }
  fan: { board: relay@1, via: relays.relay1, every: 5s, outputs: { switch: { safe: off, max_on: 1h } } }
  pump: { board: relay@1, via: relays.relay2, every: 5s, outputs: { switch: { safe: off, max_on: 1h } } }
`);
  await running.clock.runUntil(60_000);
  const [bus] = running.gateway.buses();
  await running.stop();
  expect(bus?.line?.units.map(({ unit: at, devices }) => [at, devices])).toEqual([[30, ['fan', 'pump']]]);
});
