// Alarms on the production gateway against the simulated city: each is told once per episode, whatever happens on the way.

import { describe, expect, test } from 'vitest';
import { renderStatus } from '../../../cli/render-status.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { CITY, configOf, HOUR_MS, MINUTE_MS, RuleWorld, type RuleWorldOptions, SECOND_MS } from '../rules/rule-world.ts';

const START = '2026-06-01T04:00:00Z';
const SITE = (
  alerts: string,
  _hall = '{ constant: 20 }',
) => `${CITY.replace('token:', `alerts: ${alerts}, token:`)}web: { languages: [en, ca] }
buses: { i2c1: { type: i2c }, line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s, name: { ca: Vestíbul, en: Hall } }
  meter: { board: eastron-sdm120@1, via: line, with: { unit: 1 }, every: 10s, name: Meter }
  other: { board: eastron-sdm120@1, via: line, with: { unit: 2 }, every: 10s }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  fan: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 8h } } }
`;
const LIGHT = `${CITY.replace('token:', 'alerts: { hot: CITY_HOT }, token:')}web: { languages: [en, ca] }
buses: { i2c1: { type: i2c } }
devices:
  hall:
    board: sht31@1
    via: i2c1
    every: 15s
    # From 50 down to 10 °C within 100 minutes, again and again: above 42 for twenty of them.
    simulate: { temperature: { sawtooth: { high: 50, low: 10, period: 100min }, noise: 0 } }
`;
const HOT = `rules:
  hot: { when: { reading: hall.temperature, above: 42, for: 1min }, do: { alarm: hot, say: { ca: Fa calor, en: It is hot } } }
`;
const started = async (site: string, faults: readonly Fault[] = [], more: Partial<RuleWorldOptions> = {}) => {
  const world = new RuleWorld(await configOf(site), { start: START, faults, ...more });
  await world.start();
  return world;
};
const silent = (device: string, fromMs: number, toMs: number): Fault => ({
  at: 'device',
  device,
  kind: 'silent',
  rate: 1,
  fromMs,
  toMs,
});
const city = (kind: 'refuse' | 'timeout' | 'drop-answer', fromMs: number, toMs: number, rate = 1): Fault => ({
  at: 'city',
  kind,
  rate,
  fromMs,
  toMs,
});
const RAISED = expect.stringMatching(/^trial: It is hot \(2026-06-01 06:01:0[01]\)$/);
const OVER = expect.stringMatching(/^trial: Over: It is hot \(2026-06-01 06:30:\d\d\)$/);

describe('an alarm of a rule', () => {
  test('is told once per episode, and once when it is over, in the first language of the site', async () => {
    const world = await started(`${LIGHT}${HOT}`);
    await world.runTo(15 * MINUTE_MS);
    const { alarms } = world.gateway.status();
    expect(alarms).toMatchObject({ openCount: 1, waitingCount: 0 });
    expect(alarms?.open).toEqual([{ alarm: 'hot', about: 'hot', words: 'It is hot', forMs: expect.any(Number) }]);
    expect(renderStatus(world.gateway.status(), 120)).toMatch(/Alarm +hot: It is hot, for 13 min/);
    await world.runTo(95 * MINUTE_MS);
    expect(world.gateway.status().alarms).toMatchObject({ openCount: 0 });
    expect(world.messages('CITY_HOT')).toEqual([RAISED, OVER]);
    await world.runTo(105 * MINUTE_MS);
    expect(world.messages('CITY_HOT')).toHaveLength(3);
    await world.stop();
    const codes = await world.events('alarm-raised', 'alarm-cleared', 'alarm-told');
    expect(codes.map(([code]) => code)).toEqual([
      'alarm-raised',
      'alarm-told',
      'alarm-cleared',
      'alarm-told',
      'alarm-raised',
      'alarm-told',
    ]);
    expect(world.fatal).toEqual([]);
  });

  test('that nobody in the city wants to know of stays here', async () => {
    const world = await started(`${LIGHT.replace('hot: CITY_HOT', 'silent: CITY_HOT')}${HOT}`);
    await world.runTo(10 * MINUTE_MS);
    expect(world.gateway.status().alarms).toMatchObject({ openCount: 1, waitingCount: 0 });
    expect(world.log).toContain('alarm-raised');
    await world.stop();
    expect(world.asked).toEqual([]);
  });

  test.each([
    ['a city that is away', [city('refuse', 0, 5 * MINUTE_MS)], 0],
    ['a city that does not answer', [city('timeout', 0, 3 * MINUTE_MS)], 0],
    ['half of all answers lost', [city('drop-answer', 0, HOUR_MS, 0.5)], 0],
    ['its own answers lost', [], 40 * MINUTE_MS],
  ])('survives %s and is in the city once', async (_what, faults, alarmAnswersLostToMs) => {
    const world = await started(`${LIGHT}${HOT}`, faults, { alarmAnswersLostToMs });
    await world.runTo(50 * MINUTE_MS);
    await world.stop();
    expect(world.messages('CITY_HOT')).toEqual([RAISED, OVER]);
    expect(world.fatal).toEqual([]);
  });

  test.each([
    ['before it was told', [city('refuse', 0, 5 * MINUTE_MS)], 2 * MINUTE_MS, 0],
    // It is told a second after it was raised, and looked up two seconds after that.
    ['when nobody knows whether it was', [], 62_500, 70 * SECOND_MS],
    ['after it was told', [], 2 * MINUTE_MS, 0],
  ])('survives a power cut %s and is in the city once', async (_what, faults, atMs, alarmAnswersLostToMs) => {
    const world = await started(`${LIGHT}${HOT}`, faults, { alarmAnswersLostToMs });
    await world.runTo(atMs);
    world.cutPower();
    await world.runTo(atMs + 20 * SECOND_MS);
    await world.start();
    await world.runTo(10 * MINUTE_MS);
    expect(world.gateway.status().alarms).toMatchObject({ openCount: 1, waitingCount: 0 });
    expect(world.messages('CITY_HOT')).toEqual([RAISED]);
    await world.runTo(50 * MINUTE_MS);
    await world.stop();
    expect(world.messages('CITY_HOT')).toEqual([RAISED, OVER]);
  });

  test('under an alert that the city does not know costs readings nothing', async () => {
    const world = await started(`${LIGHT.replace('CITY_HOT', 'UNKNOWN_HOT')}${HOT}`);
    await world.runTo(HOUR_MS);
    // That it is over waits behind it.
    expect(world.gateway.status().alarms).toMatchObject({ waitingCount: 2, problem: { code: 'S404' } });
    expect(world.gateway.status().city).toMatchObject({ state: 'ok' });
    expect(world.log.filter((code) => code === 'alarm-refused')).toHaveLength(1);
    expect(world.asked.length).toBeLessThanOrEqual(40);
    await world.stop();
  });

  test('of a rule that is not in the file any more is over at once', async () => {
    const world = await started(`${LIGHT}${HOT}`);
    await world.runTo(5 * MINUTE_MS);
    await world.stop();
    const without = new RuleWorld(await configOf(LIGHT), {
      start: '2026-06-01T04:05:10Z',
      disk: world.disk,
    });
    await without.start();
    await without.runTo(MINUTE_MS);
    expect(without.gateway.status().alarms).toMatchObject({ openCount: 0 });
    expect(without.messages('CITY_HOT')).toEqual([expect.stringContaining('Over: It is hot')]);
    await without.stop();
  });
});

describe('an alarm of the gateway itself', () => {
  const told = (world: RuleWorld) => world.messages('CITY').map((message) => message.replace(/^trial: (.*) \(.*\)$/, '$1'));
  const ALL = '{ silent: CITY, output_fault: CITY, disk: CITY, buffer_filling: CITY }';

  test('tells of a device that is gone, once, and that it is back', async () => {
    const world = await started(SITE(ALL), [silent('meter', 2 * MINUTE_MS, 20 * MINUTE_MS)]);
    await world.runTo(6 * MINUTE_MS);
    expect(told(world)).toEqual([]);
    await world.runTo(9 * MINUTE_MS);
    expect(told(world)).toEqual(['does not answer: Meter']);
    await world.runTo(40 * MINUTE_MS);
    expect(told(world)).toEqual(['does not answer: Meter', 'Over: does not answer: Meter']);
    await world.stop();
  });

  test('tells a device that comes and goes once', async () => {
    const flaps = Array.from({ length: 6 }, (_, i) => silent('meter', (2 + 14 * i) * MINUTE_MS, (12 + 14 * i) * MINUTE_MS));
    const world = await started(SITE(ALL), flaps);
    await world.runTo(85 * MINUTE_MS);
    expect(told(world)).toEqual(['does not answer: Meter']);
    await world.stop();
  });

  test('tells of a line on which nothing answers, and not of each device on it', async () => {
    const all = ['meter', 'other', 'relays'].map((device) => silent(device, MINUTE_MS, 15 * MINUTE_MS));
    const world = await started(SITE(ALL), all);
    await world.runTo(12 * MINUTE_MS);
    expect(told(world).filter((words) => words.includes('answer'))).toEqual(['nothing on line answers']);
    await world.stop();
  });

  test('tells of a device that has the name of its line, and of the line', async () => {
    const site = SITE(ALL).replaceAll('meter:', 'line:');
    const faults = [silent('line', MINUTE_MS, 40 * MINUTE_MS), silent('other', 25 * MINUTE_MS, 40 * MINUTE_MS)];
    const world = await started(site, [...faults, silent('relays', 25 * MINUTE_MS, 40 * MINUTE_MS)]);
    await world.runTo(10 * MINUTE_MS);
    expect(told(world)).toEqual(['does not answer: Meter']);
    await world.runTo(35 * MINUTE_MS);
    expect(told(world)).toEqual(['does not answer: Meter', 'nothing on line answers']);
    await world.stop();
  });

  test('tells of an output that does not obey', async () => {
    const world = await started(SITE(ALL), [silent('relays', MINUTE_MS, 5 * MINUTE_MS)]);
    await world.runTo(70 * SECOND_MS);
    await world.clock.run(world.gateway.outputs.order({ output: 'fan.switch', on: true, source: 'local', by: 'test' }));
    await world.runTo(3 * MINUTE_MS);
    expect(told(world)).toEqual([expect.stringMatching(/^the output fan\.switch does not obey \(/)]);
    await world.runTo(20 * MINUTE_MS);
    expect(told(world)[1]).toMatch(/^Over: the output fan\.switch does not obey/);
    await world.stop();
  });

  test('tells of a broker that has been away for six hours', async () => {
    const world = await started(`mqtt: { url: "mqtt://broker.example.cat" }\n${SITE(ALL).replaceAll('10s', '5min')}`);
    await world.runTo(5.9 * HOUR_MS);
    expect(told(world)).toEqual([]);
    await world.runTo(6.1 * HOUR_MS);
    expect(told(world)).toEqual(['readings wait for too long or find no room: the MQTT broker does not get them']);
    await world.stop();
  });

  test('tells of a disk that takes nothing, although that cannot be kept', async () => {
    const full: Fault = {
      at: 'disk',
      code: 'ENOSPC',
      operations: ['pwrite', 'fdatasync', 'open'],
      fromMs: MINUTE_MS,
      toMs: 10 * MINUTE_MS,
    };
    const world = await started(SITE(ALL), [full]);
    await world.runTo(5 * MINUTE_MS);
    expect(told(world)).toEqual(['the disk does not keep what is measured (ENOSPC)']);
    await world.runTo(30 * MINUTE_MS);
    expect(told(world)).toHaveLength(2);
    await world.stop();
  });
});
