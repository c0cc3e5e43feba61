// The production gateway with a city and a broker: two uplinks over one journal, neither of which waits for the other, and a
// simulated Home Assistant that sees everything appear and switches an output.

import { expect, it } from 'vitest';
import type { MqttConnection, MqttMessage } from '../../gateway/host.ts';
import type { VirtualClock } from '../../simulator/clock.ts';
import { type SimulatedBroker, simulatedBroker } from '../../simulator/mqtt/broker.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { type SimulatedGateway, startSimulated } from '../gateway/simulated-gateway.ts';

const RUN_MS = 1_200_000;
const PREFIX = 'barri/trial';
const DEVICES = `
buses: { i2c1: { type: i2c } }
devices:
  air: { board: bme280@1, via: i2c1, every: 10s }
  lamp: { board: relay@1, via: gpio.pin11, outputs: { switch: { safe: off, max_on: 1h, orders: [mqtt] } } }
`;
const MQTT = 'mqtt: { url: "mqtt://127.0.0.1", discovery: home-assistant }\n';
const CITY = 'sentilo: { url: "http://127.0.0.1", provider: makers, token: { secret: sentilo_token } }\n';

interface World {
  readonly gateway: SimulatedGateway;
  readonly broker: SimulatedBroker;
  inCity(): number;
}

async function start(site: string): Promise<World> {
  let broker: SimulatedBroker | undefined;
  let city: ReturnType<typeof createCity> | undefined;
  const gateway = await startSimulated(site, {
    mqtt: (clock) => {
      broker = simulatedBroker(clock);
      return broker.connect;
    },
    ...(site.includes('sentilo:') && {
      http: (clock, config) => {
        city = createCity(worldForSite(config, 'demo-token'));
        return cityHttp(city, clock.ofTheWorld(), { faults: [], latencyMs: 40, random: () => 0.5 });
      },
    }),
  });
  if (broker === undefined) throw new Error('no broker');
  return { gateway, broker, inCity: () => city?.observations('makers').length ?? 0 };
}

function valuesOf(broker: SimulatedBroker, topic: string): { id: string; time: string; value: unknown }[] {
  return broker.taken.filter((each) => each.topic === topic).map(({ payload }) => JSON.parse(payload));
}

/** Somebody who listens, and may send. */
async function listener(broker: SimulatedBroker, clock: VirtualClock, filter: string) {
  const heard: (MqttMessage & { readonly text: string })[] = [];
  const connecting = broker.connect(
    {
      url: 'mqtt://127.0.0.1',
      clientId: `listener ${filter}`,
      will: { topic: 'nobody', payload: '' },
      keepaliveMs: 60_000,
      timeoutMs: 1_000,
      messageBytesMax: 1_000_000,
      onMessage: (message) => heard.push({ ...message, text: new TextDecoder().decode(message.payload) }),
      onLost: () => {},
    },
    new AbortController().signal,
  );
  const connection: MqttConnection = await clock.run(connecting);
  await clock.run(connection.subscribe(filter));
  await clock.runUntil(clock.monotonicMs() + 100);
  return { heard, connection };
}

it('delivers to a broker alone, everything in order and once', async () => {
  const { gateway, broker } = await start(MQTT + DEVICES);
  await gateway.clock.runUntil(RUN_MS);
  expect(gateway.gateway.status()).toMatchObject({ broker: { state: 'ok', waitingCount: 0 } });
  expect(gateway.gateway.status()).not.toHaveProperty('city');
  await gateway.stop();
  const sent = valuesOf(broker, `${PREFIX}/air/temperature`);
  const kept = (await gateway.records()).filter((each) => each.kind === 'observation' && each.channel === 'air.temperature');
  expect(sent).toHaveLength(kept.length);
  expect(sent.length).toBeGreaterThanOrEqual(119);
  const times = sent.map(({ time }) => time);
  expect([...times].sort()).toEqual(times);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(sent.length);
  expect(broker.retained(`${PREFIX}/status`)).toBe('offline');
  expect(gateway.fatal).toEqual([]);
});

it('delivers to the city while the broker is away, and the other way round', async () => {
  const { gateway, broker, inCity } = await start(CITY + MQTT + DEVICES);
  await gateway.clock.runUntil(60_000);
  broker.faults.isDown = true;
  broker.cutAll();
  const before = inCity();
  await gateway.clock.runUntil(RUN_MS);
  const status = gateway.gateway.status();
  expect(status).toMatchObject({ city: { state: 'ok' }, broker: { state: 'unreachable', problem: { code: 'M000' } } });
  expect(inCity()).toBeGreaterThan(before + 300);
  expect(status.broker?.waitingCount).toBeGreaterThan(300);
  broker.faults.isDown = false;
  await gateway.clock.runUntil(RUN_MS + 90_000);
  expect(gateway.gateway.status()).toMatchObject({ broker: { state: 'ok', waitingCount: 0 } });
  await gateway.stop();
  const kept = (await gateway.records()).filter((each) => each.kind === 'observation' && each.channel === 'air.humidity');
  const sent = new Set(valuesOf(broker, `${PREFIX}/air/humidity`).map(({ id }) => id));
  expect(sent.size).toBe(kept.length);
  // What Home Assistant sees is never the past: at its return it is told the newest, and nothing in between.
  const seen = valuesOf(broker, `${PREFIX}/air/humidity/state`).map(({ time }) => time);
  expect([...seen].sort()).toEqual(seen);
  expect(new Set(seen).size).toBeLessThan(kept.length - 90);
  expect(gateway.fatal).toEqual([]);
}, 60_000);

it('shows everything to Home Assistant, and lets it switch', async () => {
  const { gateway, broker } = await start(MQTT + DEVICES);
  const { clock } = gateway;
  await clock.runUntil(30_000);
  const { heard, connection } = await listener(broker, clock, '#');
  const config = (id: string) => heard.filter(({ topic, isRetained }) => isRetained && topic.endsWith(`/${id}/config`));
  for (const id of ['air-temperature', 'air-humidity', 'air-pressure', 'lamp-switch', 'connection'])
    expect(config(id)).toHaveLength(1);
  const lamp = JSON.parse(config('lamp-switch')[0]?.text ?? '{}');
  expect(heard.find(({ topic }) => topic === lamp.availability_topic)?.text).toBe('online');
  expect(JSON.parse(heard.find(({ topic }) => topic === lamp.state_topic)?.text ?? '{}')).toMatchObject({ value: false });
  const air = JSON.parse(config('air-temperature')[0]?.text ?? '{}');
  expect(JSON.parse(heard.find(({ topic }) => topic === air.state_topic)?.text ?? '{}').value).toEqual(expect.any(Number));

  heard.length = 0;
  await clock.run(connection.publish(lamp.command_topic, lamp.payload_on, { qos: 1, retain: false }));
  await clock.runUntil(clock.monotonicMs() + 3_000);
  expect(gateway.levels.at(-1)).toMatchObject({ level: true });
  const state = heard.filter(({ topic }) => topic === lamp.state_topic).at(-1);
  expect(JSON.parse(state?.text ?? '{}')).toMatchObject({ value: true });
  expect(JSON.parse(heard.find(({ topic }) => topic.endsWith('/result'))?.text ?? '{}')).toEqual({ done: true });
  expect(gateway.gateway.outputs.states()).toMatchObject([
    { output: 'lamp.switch', seen: true, asked: { from: 'mqtt: broker' } },
  ]);

  heard.length = 0;
  await clock.run(connection.publish('homeassistant/status', 'online', { qos: 1, retain: false }));
  await clock.runUntil(clock.monotonicMs() + 11_000);
  expect(heard.filter(({ topic }) => topic.endsWith('/config'))).toHaveLength(5);
  await gateway.stop();
  expect(gateway.levels.at(-1)).toMatchObject({ level: false });
  expect(broker.retained(`${PREFIX}/status`)).toBe('offline');
  expect(gateway.fatal).toEqual([]);
});

it('takes back what is no longer in the file, and nothing of anybody else', async () => {
  const { gateway, broker } = await start(MQTT + DEVICES);
  const gone = 'homeassistant/sensor/barri-trial/cellar-temperature/config';
  const others = ['homeassistant/sensor/barri-trial2/a-b/config', 'homeassistant/switch/tasmota/lamp/config'];
  for (const topic of [gone, ...others, `${PREFIX}/cellar/temperature/state`]) broker.send(topic, '{"x":1}', true);
  // An output that was a sensor before it took orders.
  broker.send('homeassistant/binary_sensor/barri-trial/lamp-switch/config', '{"x":1}', true);
  await gateway.clock.runUntil(30_000);
  expect(broker.retained(gone)).toBeUndefined();
  expect(broker.retained(`${PREFIX}/cellar/temperature/state`)).toBeUndefined();
  expect(broker.retained('homeassistant/binary_sensor/barri-trial/lamp-switch/config')).toBeUndefined();
  expect(broker.retained(`${PREFIX}/lamp/switch/state`)).toBeDefined();
  for (const topic of others) expect(broker.retained(topic)).toBe('{"x":1}');
  await gateway.stop();
});

it('never carries out an order that the broker has kept, over ten connections (ou-03)', async () => {
  const { gateway, broker } = await start(MQTT + DEVICES);
  broker.send(`${PREFIX}/lamp/switch/set`, 'on', true);
  for (let connection = 1; connection <= 10; connection += 1) {
    await gateway.clock.runUntil(connection * 100_000);
    broker.cutAll();
  }
  expect(gateway.levels.some(({ level }) => level)).toBe(false);
  expect(gateway.log.filter((code) => code === 'broker-retained-order-refused')).toHaveLength(1);
  await gateway.stop();
});

it('does not act on what was sent while the gateway was away', async () => {
  const { gateway, broker } = await start(MQTT + DEVICES);
  await gateway.clock.runUntil(10_000);
  broker.faults.isDown = true;
  broker.cutAll();
  broker.send(`${PREFIX}/lamp/switch/set`, 'on');
  await gateway.clock.runUntil(20_000);
  broker.faults.isDown = false;
  await gateway.clock.runUntil(120_000);
  expect(gateway.gateway.status()).toMatchObject({ broker: { state: 'ok' } });
  expect(gateway.levels.some(({ level }) => level)).toBe(false);
  await gateway.stop();
});
