// The rules of the example sites, and measuring across the hour that comes twice.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Observation } from '../../gateway/record.ts';
import { loadText, ROOT } from '../config/site-files.ts';
import { configOf, HOUR_MS, MINUTE_MS, RuleWorld } from '../gateway/rules/rule-world.ts';

const IS_DEEP = process.env['BARRI_DEEP'] === '1';

type Changes = readonly (readonly [string | RegExp, string])[];

/** An example site, some of whose lines are others; each must be there. */
async function site(name: string, changes: Changes) {
  let text = readFileSync(`${ROOT}examples/sites/${name}.gateway.yaml`, 'utf8');
  for (const [from, to] of changes) {
    const changed = text.replaceAll(from, to);
    if (changed === text) throw new Error(`${name} has no line ${from}`);
    text = changed;
  }
  const { config, problems } = await loadText(text);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

/** The garden with its beds on an analogue-to-digital converter, as this version cannot read an Arduino. */
const garden = (more: Changes) =>
  site('hort-urba', [
    [/board: firmata-uno@1\n {4}via: uno_usb/g, 'board: ads1115@1\n    via: i2c1'],
    [/uno_usb: .*/g, 'w1: { type: onewire, pin: gpio.pin7 }'],
    [/uno\.a([01])/g, 'uno.ain$1'],
    ...more,
  ]);

async function observations(world: RuleWorld): Promise<readonly Observation[]> {
  return (await world.records()).filter((record) => record.kind === 'observation');
}

test('the garden is watered at its times when its beds are dry, and not when they are not', async () => {
  // Short runs: in the deep one the beds dry up on the morning on which summer time begins.
  const bed = IS_DEEP ? 'high: 50, low: 20, period: 4h' : 'high: 30, low: 20, period: 36h';
  const changes: Changes = [
    [/via: uno\.ain([01])/g, `via: uno.ain$1\n    simulate: { moisture: { sawtooth: { ${bed} }, noise: 0.6 } }`],
    // It counts from the start, and would refuse the first.
    ['min_off: 30min', 'min_off: 1min'],
    // The simulated meter follows one of the two valves, and both expect water.
    ['<<: *valve', 'safe: off\n        max_on: 15min\n        min_off: 1min\n        orders: [rules]'],
  ];
  const start = IS_DEEP ? '2026-03-29T00:45:00Z' : '2026-06-01T04:27:00Z';
  const world = new RuleWorld(await garden(changes), { start });
  await world.start();
  await world.runTo(IS_DEEP ? 4.25 * HOUR_MS : 30 * MINUTE_MS);
  await world.stop();

  const all = await observations(world);
  const newest = (channel: string, wallMs: number) =>
    Number(all.findLast((each) => each.channel === channel && each.wallMs <= wallMs)?.value);
  // Local times of Madrid; the 29th of March is the Sunday on which summer time begins.
  const due = (
    IS_DEEP
      ? [
          ['2026-03-29T04:30:00Z', 'tomatoes'],
          ['2026-03-29T04:50:00Z', 'lettuce'],
        ]
      : [
          ['2026-06-01T04:30:00Z', 'tomatoes'],
          ['2026-06-01T04:50:00Z', 'lettuce'],
        ]
  ) as readonly (readonly [string, 'tomatoes' | 'lettuce'])[];
  const limits = { tomatoes: 35, lettuce: 45 };
  const minutes = { tomatoes: 8, lettuce: 5 };
  const expected = due.flatMap(([time, bed]) => {
    const atMs = Date.parse(time);
    const isDry = newest(`bed_${bed}.moisture`, atMs) < limits[bed] && newest('rain.rain_today', atMs) < 2;
    return isDry ? [`${bed} ${time.slice(0, 16)} for ${minutes[bed]} min`] : [];
  });
  const watered = (bed: 'tomatoes' | 'lettuce') => {
    const states = all.filter(({ channel }) => channel === `valve_${bed}.open`);
    return states.flatMap(({ value, wallMs }, index) => {
      const forMs = (states[index + 1]?.wallMs ?? Number.NaN) - wallMs;
      return value === true
        ? [`${bed} ${new Date(wallMs).toISOString().slice(0, 16)} for ${Math.round(forMs / MINUTE_MS)} min`]
        : [];
    });
  };
  const byBed = (bed: string) => expected.filter((each) => each.startsWith(bed));
  expect(watered('tomatoes')).toEqual(byBed('tomatoes'));
  expect(watered('lettuce')).toEqual(byBed('lettuce'));
  // Between the two moments of the deep run somebody has watered by hand: the sawtooth begins anew.
  expect(expected).toHaveLength(IS_DEEP ? 1 : 2);
  const told = await world.events('rule-fired', 'rule-not-fired');
  expect(told).toHaveLength(due.length);
  // Water that flows through a valve that is open is no leak.
  expect(await world.events('alarm-raised')).toEqual([]);
  expect(world.fatal).toEqual([]);
}, 120_000);

test('water that flows with both valves closed is a leak, told once', async () => {
  const world = new RuleWorld(
    await garden([
      ['{ follows: valve_tomatoes.open, on: 8.5, off: 0 }', '{ constant: 3 }'],
      ['token: {', 'alerts: { leak: PBN_LEAK }\n  token: {'],
    ]),
    { start: '2026-06-01T10:00:00Z' },
  );
  await world.start();
  await world.runTo(30 * MINUTE_MS);
  await world.stop();
  expect((await world.events('alarm-raised')).map(([, , { alarm, words }]) => [alarm, words])).toEqual([
    ['leak', 'Surt aigua amb les vàlvules tancades'],
  ]);
  expect(world.messages('PBN_LEAK')).toEqual([
    expect.stringMatching(/^hort-ciutadella-02: Surt aigua amb les vàlvules tancades \(2026-06-01 12:03:\d\d\)$/),
  ]);
}, 60_000);

test('the cabinet is cooled while it is hot', async () => {
  const heat =
    'every: 60s\n    simulate: { temperature: { sawtooth: { high: 50, low: 30, period: 40min }, noise: 0 } }\n\n  cabinet_door:';
  const world = new RuleWorld(await site('armari-energia', [[/every: 60s\s+cabinet_door:/g, heat]]), {
    start: '2026-06-01T10:00:00Z',
  });
  await world.start();
  await world.runTo((IS_DEEP ? 120 : 40) * MINUTE_MS);
  await world.stop();
  const states = (await observations(world)).filter(({ channel }) => channel === 'fan.switch').slice(1);
  // Half a degree a minute: above 42 from 0 to 16 min of each 40, below 36 from 28 min on; it is read once a minute.
  const minute = ({ wallMs }: Observation) => ((wallMs - Date.parse('2026-06-01T10:00:00Z')) / MINUTE_MS) % 40;
  const rounds = IS_DEEP ? 3 : 1;
  expect(states.filter(({ value }) => value === true)).toHaveLength(rounds);
  for (const state of states.slice(0, 2 * rounds)) {
    const [least, most] = state.value === true ? [2, 3.1] : [33, 34.1];
    expect(minute(state)).toBeGreaterThanOrEqual(least);
    expect(minute(state)).toBeLessThanOrEqual(most);
  }
}, 120_000);

// Case ou-07: interval work of others stopped in that hour, or ran as fast as it could.
test('a device that is asked every 15 seconds is asked 560 times in the 140 minutes around the hour that comes twice', async () => {
  const config = await configOf('buses: { i2c1: { type: i2c } }\ndevices: { hall: { board: sht31@1, via: i2c1, every: 15s } }\n');
  const world = new RuleWorld(config, { start: '2026-10-24T23:50:00Z' });
  await world.start();
  await world.runToWall('2026-10-25T02:10:00Z');
  await world.stop();
  const times = (await observations(world)).filter(({ channel }) => channel === 'hall.temperature').map(({ wallMs }) => wallMs);
  expect(times).toHaveLength(560);
  const gaps = times.slice(1).map((wallMs, index) => wallMs - (times[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(15_100);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(14_900);
});
