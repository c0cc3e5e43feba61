// Home Assistant beside a broker that does not let the gateway tell it everything.

import { afterEach, describe, expect, it } from 'vitest';
import { observation } from '../uplink/support.ts';
import { MqttBench, PREFIX, readings, upTo } from './support.ts';

const SENSORS = 'homeassistant/sensor/barri-corner-01';
const SWITCH = 'homeassistant/switch/barri-corner-01/lamp-switch/config';
const ANNOUNCED = [
  ...upTo(25).map((each) => ({ topic: `${SENSORS}/air-t${each}/config`, payload: `{"n":${each}}`, channel: `air.t${each}` })),
  { topic: SWITCH, payload: '{}', channel: 'lamp.switch' },
];

let bench: MqttBench;
afterEach(() => expect(bench.failures).toEqual([]));

function announcing(endsOverRefusal: boolean): MqttBench {
  bench = new MqttBench(readings('air.t1', 300));
  bench.announcements = ANNOUNCED;
  bench.broker.faults.endsOverRefusal = endsOverRefusal;
  return bench;
}

async function measureFor(minutes: number, first: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    await bench.append(observation('s', bench.clock.monotonicMs(), first + minute, { channel: 'air.t1' }));
    await bench.clock.advance(60_000);
  }
}

const taken = (topic: string) => bench.broker.taken.filter((each) => each.topic === topic);

describe.each([
  ['goes on', false],
  ['ends the connection', true],
])('a broker that refuses everything for Home Assistant and %s', (_what, endsOverRefusal) => {
  it('gets every reading all the same, and status says which right is missing', async () => {
    announcing(endsOverRefusal);
    bench.broker.faults.denies = (topic) => (topic.startsWith('homeassistant/') ? 0x87 : undefined);
    await bench.start();
    await bench.clock.advance(60_000);
    await measureFor(60, 301);
    expect([...new Set(bench.values('air.t1'))]).toEqual(upTo(360));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    const { code, parameters } = bench.status().homeAssistant ?? { parameters: {} };
    expect({ code, ...parameters }).toEqual({
      code: 'M135',
      words: expect.any(String),
      topic: expect.stringMatching(/^homeassistant\//),
      right: 'homeassistant/+/barri-corner-01/+/config',
    });
    // Once for each kind of thing.
    expect(bench.codes().filter((code) => code === 'home-assistant-refused')).toHaveLength(2);
    bench.broker.faults.denies = () => undefined;
    await measureFor(22, 361);
    expect(bench.status().homeAssistant).toBeUndefined();
    for (const { topic, payload } of ANNOUNCED) expect(bench.broker.retained(topic)).toBe(payload);
    await bench.stop();
  });
});

it('tells the rest where one kind of thing is refused', async () => {
  announcing(false);
  bench.broker.faults.denies = (topic) => (topic === SWITCH ? 0x87 : undefined);
  await bench.start();
  await bench.clock.advance(30_000);
  for (const { topic, payload } of ANNOUNCED.slice(0, 25)) expect(bench.broker.retained(topic)).toBe(payload);
  expect(bench.broker.retained(`${PREFIX}/air/t1/state`)).toContain('"value":300');
  expect(bench.status()).toMatchObject({ state: 'ok', homeAssistant: { code: 'M135', parameters: { topic: SWITCH } } });
  await bench.stop();
});

it('leaves out whatever has a topic that is refused for its name, and does not let the connection end over each', async () => {
  announcing(true);
  const topic = `${PREFIX}/air/t1/state`;
  bench.broker.faults.denies = (each) => (each === topic ? 0x90 : undefined);
  await bench.start();
  await measureFor(30, 301);
  const endCount = taken(`${PREFIX}/status`).filter(({ payload }) => payload === 'offline').length;
  expect(endCount).toBeLessThanOrEqual(3);
  expect(bench.codes().filter((code) => code === 'home-assistant-message-left-out')).toHaveLength(1);
  expect([...new Set(bench.values('air.t1'))]).toEqual(upTo(330));
  await bench.stop();
});

it.each([0x90, 0x95, 0x99])('leaves out for good what is refused as 0x%s, and says so once', async (reason) => {
  announcing(true);
  const topic = `${SENSORS}/air-t7/config`;
  bench.broker.faults.denies = (each) => (each === topic ? Number(reason) : undefined);
  await bench.start();
  await bench.clock.advance(60_000);
  await measureFor(30, 301);
  expect(taken(topic)).toEqual([]);
  for (const each of ANNOUNCED) if (each.topic !== topic) expect(bench.broker.retained(each.topic)).toBe(each.payload);
  expect(bench.codes().filter((code) => code === 'home-assistant-message-left-out')).toHaveLength(1);
  expect(bench.codes().slice(-1)).toEqual(['broker-ok']);
  expect([...new Set(bench.values('air.t1'))]).toEqual(upTo(330));
  await bench.stop();
});
