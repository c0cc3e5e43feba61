// The gateway and Debian's Mosquitto: who says that it is gone when it is killed, what is there in the end when both are,
// orders that the broker has kept, TLS with an authority of one's own, and logins.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { openGateway } from '../../gateway/gateway.ts';
import { loadModules } from '../../gateway/modules.ts';
import { realHost } from '../../gateway/real-host.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { UplinkStatus } from '../../gateway/uplink/status.ts';
import { simulatedBuses } from '../../simulator/buses.ts';
import { createRandom } from '../../simulator/random.ts';
import { loadText } from '../config/site-files.ts';
import { acknowledgedWithin, askGateway, barri, cleanUp, freePort, workFolder } from './support/barri.ts';
import { type Child, eventually } from './support/child.ts';
import { dumpRecords } from './support/journal-dump.ts';
import { listen, makeCertificates, publish, startMosquitto } from './support/mosquitto.ts';
import { startModbusPeer } from './support/peers.ts';

const PREFIX = 'barri/interop';
const READING = /^barri\/interop\/meter_\d\/\w+$/;

afterEach(cleanUp);

function startGateway(folder: string, mqtt: string, devices: string): Child {
  const file = join(folder, 'site.gateway.yaml');
  mkdirSync(join(folder, 'secrets'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `schema: gateway/v1\ngateway: { id: interop }\nmqtt: { ${mqtt} }\n${devices}`);
  return barri(['run', file, '--state', join(folder, 'state')], {
    env: { CREDENTIALS_DIRECTORY: join(folder, 'secrets') },
  });
}

function brokerState(folder: string, is: (broker: NonNullable<GatewayStatus['broker']>) => boolean, withinMs: number) {
  let last: unknown;
  return eventually(
    async () => {
      const status = await askGateway<GatewayStatus>(join(folder, 'state'), '/status');
      last = status?.broker;
      return status?.broker !== undefined && is(status.broker) ? status.broker : undefined;
    },
    withinMs,
    () => `the broker is ${JSON.stringify(last)}`,
  );
}

it('misses nothing that the journal acknowledged after kills of the broker, of the gateway, and of both', async () => {
  const folder = workFolder();
  const [port, busPort] = [await freePort(), await freePort()];
  await startModbusPeer('tcp', String(busPort), [1, 2], join(folder, 'served.jsonl'));
  let broker = await startMosquitto({ folder, port });
  // Its session is the broker's to keep: what it has not got when the broker is killed has to come again.
  const subscriber = await listen(port, { id: 'platform' });
  const site = `defaults: { every: 1s }
buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${busPort} } }
devices:
  meter_1: { board: eastron-sdm120@1, via: meters, with: { unit: 1 } }
  meter_2: { board: eastron-sdm120@1, via: meters, with: { unit: 2 } }
`;
  const url = `url: "mqtt://127.0.0.1:${port}"`;
  let gateway = startGateway(folder, url, site);
  await subscriber.has(({ topic, payload }) => topic === `${PREFIX}/status` && payload === 'online', 20_000);
  const acknowledged = new Set<number>();
  for (const victim of ['gateway', 'broker', 'both', 'broker']) {
    const { first, last } = await acknowledgedWithin(join(folder, 'state'), 5_000);
    for (let sequence = first; sequence <= last; sequence += 1) acknowledged.add(sequence);
    if (victim !== 'gateway') {
      broker.kill('SIGKILL');
      await broker.ended;
    }
    if (victim !== 'broker') {
      gateway.kill('SIGKILL');
      await gateway.ended;
      const dead = subscriber.heard().length;
      if (victim === 'gateway') {
        await eventually(
          () =>
            subscriber
              .heard()
              .slice(dead - 1)
              .find(({ payload }) => payload === 'offline'),
          10_000,
        );
      }
    }
    await sleep(1_500);
    if (victim !== 'gateway') broker = await startMosquitto({ folder, port });
    if (victim !== 'broker') gateway = startGateway(folder, url, site);
    await brokerState(folder, ({ state }) => state === 'ok', 30_000);
  }
  await brokerState(folder, ({ waitingCount }) => waitingCount < 30, 30_000);
  gateway.kill('SIGTERM');
  expect((await gateway.ended).code).toBe(0);
  await subscriber.has(({ topic, payload, retain }) => topic === `${PREFIX}/status` && payload === 'offline' && !retain, 5_000);

  const records = dumpRecords(join(folder, 'state/journal'));
  const expected = records.flatMap(({ sequence, record }) =>
    record.kind === 'observation' && acknowledged.has(sequence) ? `${record.boot}-${sequence}` : [],
  );
  const readings = subscriber.heard().filter(({ topic }) => READING.test(topic));
  const ids = new Map<string, string[]>();
  for (const { topic, payload } of readings) ids.set(topic, [...(ids.get(topic) ?? []), JSON.parse(payload).id]);
  const have = new Set([...ids.values()].flat());
  expect(expected.length).toBeGreaterThan(100);
  expect(expected.filter((id) => !have.has(id))).toEqual([]);
  // Each sensor's in its order, where it came first.
  for (const each of ids.values()) {
    const sequences = [...new Set(each)].map((id) => Number(id.slice(id.lastIndexOf('-') + 1)));
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  }
  const repeated = readings.length - have.size;
  console.log(`${expected.length} acknowledged, ${readings.length} messages, ${repeated} of them repeated`);
}, 240_000);

it('appears in Home Assistant, switches, and never does what the broker has kept', async () => {
  const folder = workFolder();
  const port = await freePort();
  await startMosquitto({ folder, port });
  await publish(port, `${PREFIX}/lamp/switch/set`, 'on', ['-r']);
  const { config, problems } = await loadText(`schema: gateway/v1
gateway: { id: interop, name: { ca: Prova } }
mqtt: { url: "mqtt://127.0.0.1:${port}", discovery: home-assistant, qos: 2 }
buses: { i2c1: { type: i2c } }
devices:
  air: { board: bme280@1, via: i2c1, every: 1s }
  lamp: { board: relay@1, via: gpio.pin11, outputs: { switch: { safe: off, max_on: 1h, orders: [mqtt] } } }
`);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const log: string[] = [];
  const host = realHost((_level, code) => log.push(code));
  const { clock } = host;
  const buses = await simulatedBuses(config, { clock, random: createRandom(1), faults: [], epochWallMs: clock.wall().ms });
  const modules = await loadModules(config);
  const failures: unknown[] = [];
  const fatal = (error: unknown) => failures.push(error);
  const gateway = await openGateway(config, { ...host, buses }, { stateFolder: join(folder, 'state'), modules, fatal });
  const hub = await listen(port);
  const lamp = JSON.parse((await hub.has(({ topic }) => topic.endsWith('/lamp-switch/config'), 15_000)).payload);
  const air = JSON.parse((await hub.has(({ topic }) => topic.endsWith('/air-temperature/config'), 15_000)).payload);
  expect(lamp).toMatchObject({ name: null, command_topic: `${PREFIX}/lamp/switch/set` });
  await hub.has(({ topic, payload }) => topic === air.state_topic && typeof JSON.parse(payload).value === 'number', 15_000);
  await hub.has(({ topic, payload }) => topic === lamp.availability_topic && payload === 'online', 5_000);

  await eventually(() => (log.includes('broker-retained-order-refused') ? true : undefined), 5_000);
  expect(gateway.outputs.states()[0]).toMatchObject({ seen: false });
  await publish(port, lamp.command_topic, lamp.payload_on);
  await hub.has(({ topic, payload }) => topic === lamp.state_topic && JSON.parse(payload).value === true, 10_000);
  await hub.has(({ topic, payload }) => topic === `${PREFIX}/lamp/switch/result` && JSON.parse(payload).done === true, 5_000);
  await gateway.stop();
  await hub.has(({ topic, payload, retain }) => topic === `${PREFIX}/status` && payload === 'offline' && !retain, 5_000);
  expect(failures).toEqual([]);
  expect(log.filter((code) => code === 'broker-retained-order-refused')).toHaveLength(1);
  expect(log).not.toContain('broker-keeps-nothing');
}, 90_000);

it('goes over TLS with the authority that the site names, and over none without', async () => {
  const folder = workFolder();
  const port = await freePort();
  makeCertificates(folder);
  const tls = ['cafile', 'certfile', 'keyfile'].map(
    (key, index) => `${key} ${folder}/${['ca.crt', 'server.crt', 'server.key'][index]}`,
  );
  execFileSync('mosquitto_passwd', ['-b', '-c', join(folder, 'passwords'), 'interop', 'canary-51']);
  await startMosquitto({ folder, port, lines: [...tls, `password_file ${folder}/passwords`] });
  const mqtt = `url: "mqtts://localhost:${port}", user: interop, password: { secret: broker_password }`;
  const password = join(folder, 'secrets/broker_password');
  mkdirSync(join(folder, 'secrets'), { mode: 0o700 });
  writeFileSync(password, 'canary-51\n', { mode: 0o600 });

  const stranger = startGateway(folder, mqtt, '');
  const unknown = await brokerState(folder, ({ state }) => state !== 'starting', 20_000);
  expect(unknown).toMatchObject({ state: 'unreachable', problem: { code: 'M003' } });
  expect(String(unknown.problem?.parameters['words'])).toMatch(/certificate/);
  stranger.kill('SIGKILL');
  await stranger.ended;

  const trusting = `${mqtt}, ca: ca.crt`;
  const friend = startGateway(folder, trusting, '');
  await brokerState(folder, ({ state }) => state === 'ok', 20_000);
  const login = ['--cafile', join(folder, 'ca.crt'), '-u', 'interop', '-P', 'canary-51'];
  const hub = await listen(port, { args: login });
  await hub.has(({ topic, payload }) => topic === `${PREFIX}/status` && payload === 'online', 5_000);
  friend.kill('SIGKILL');
  await friend.ended;
  await hub.has(({ topic, payload }) => topic === `${PREFIX}/status` && payload === 'offline', 10_000);

  writeFileSync(password, 'wrong-51\n', { mode: 0o600 });
  const impostor = startGateway(folder, trusting, '');
  const refused = await brokerState(folder, ({ state }) => state !== 'starting', 20_000);
  expect(refused).toMatchObject({ state: 'refused', problem: { code: 'M135' } });
  impostor.kill('SIGTERM');
  expect((await impostor.ended).code).toBe(0);
  expect(stranger.out() + friend.out() + impostor.out()).not.toMatch(/canary-51|wrong-51/);
}, 120_000);

it('says which topic an access list keeps it from, and delivers once it may', async () => {
  const folder = workFolder();
  const [port, busPort] = [await freePort(), await freePort()];
  await startModbusPeer('tcp', String(busPort), [1], join(folder, 'served.jsonl'));
  const rights = join(folder, 'rights');
  writeFileSync(rights, `topic readwrite ${PREFIX}/status\ntopic readwrite ${PREFIX}/delivered\ntopic read #\n`);
  const broker = await startMosquitto({ folder, port, lines: [`acl_file ${rights}`] });
  const site = `buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${busPort} } }
devices: { meter_1: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, every: 1s } }
`;
  startGateway(folder, `url: "mqtt://127.0.0.1:${port}"`, site);
  const refused = await brokerState(folder, ({ state }) => state === 'refused', 20_000);
  expect(refused.problem).toMatchObject({ code: 'M135', parameters: { topic: expect.stringMatching(READING) } });
  // One rule for everything of the gateway is all that it needs.
  writeFileSync(rights, `topic readwrite ${PREFIX}/#\n`);
  broker.kill('SIGHUP');
  const hub = await listen(port);
  await hub.has(({ topic }) => READING.test(topic), 60_000);
  await brokerState(folder, ({ state, waitingCount }) => state === 'ok' && waitingCount < 10, 20_000);
}, 120_000);

it.each([
  ['goes on', []],
  ['ends the connection', ['max_queued_messages 0']],
])(
  'delivers all readings to a broker that takes nothing for Home Assistant and %s',
  async (_what, lines) => {
    const folder = workFolder();
    const [port, busPort] = [await freePort(), await freePort()];
    await startModbusPeer('tcp', String(busPort), [1], join(folder, 'served.jsonl'));
    const rights = join(folder, 'rights');
    writeFileSync(rights, `topic readwrite ${PREFIX}/#\n`);
    const broker = await startMosquitto({ folder, port, lines: ['max_queued_messages 1000', `acl_file ${rights}`, ...lines] });
    const site = `buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${busPort} } }
devices: { meter_1: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, every: 1s } }
`;
    startGateway(folder, `url: "mqtt://127.0.0.1:${port}", discovery: home-assistant`, site);
    const isDelivered = ({ state, waitingCount, deliveredCount }: UplinkStatus) =>
      state === 'ok' && waitingCount < 30 && deliveredCount > 100;
    const told = await brokerState(folder, (one) => one.homeAssistant !== undefined && isDelivered(one), 60_000);
    expect(told.homeAssistant).toMatchObject({ code: 'M135', parameters: { topic: expect.stringMatching(/^homeassistant\//) } });
    // It is tried again after a minute or more; over a connection that breaks test/mqtt waits for that, in virtual time.
    if (lines.length > 0) return;
    writeFileSync(rights, `topic readwrite ${PREFIX}/#\ntopic readwrite homeassistant/#\n`);
    broker.kill('SIGHUP');
    await brokerState(folder, ({ homeAssistant }) => homeAssistant === undefined, 90_000);
  },
  180_000,
);

it('sets aside what is longer than the broker takes, also where that is told over an acknowledgement', async () => {
  const folder = workFolder();
  const [port, busPort] = [await freePort(), await freePort()];
  await startModbusPeer('tcp', String(busPort), [1], join(folder, 'served.jsonl'));
  await startMosquitto({ folder, port, lines: ['message_size_limit 60'] });
  const site = `buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${busPort} } }
devices: { meter_1: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, every: 10min } }
`;
  startGateway(folder, `url: "mqtt://127.0.0.1:${port}"`, site);
  await brokerState(folder, ({ rejected }) => (rejected['refused'] ?? 0) > 2, 60_000);
}, 90_000);

it('sets aside what is longer than the broker takes, over a connection that lasts', async () => {
  const folder = workFolder();
  const [port, busPort] = [await freePort(), await freePort()];
  await startModbusPeer('tcp', String(busPort), [1], join(folder, 'served.jsonl'));
  await startMosquitto({ folder, port, lines: ['max_packet_size 130'] });
  const site = `buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${busPort} } }
devices: { meter_1: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, every: 1s } }
`;
  const gateway = startGateway(folder, `url: "mqtt://127.0.0.1:${port}"`, site);
  await brokerState(folder, ({ state, rejected }) => state === 'ok' && (rejected['refused'] ?? 0) > 60, 60_000);
  expect(gateway.out()).toContain('observation-set-aside');
  expect(gateway.out()).not.toMatch(/broker-(unreachable|waiting|refused)/);
}, 90_000);
