// Brokers that end the connection over what they do not want, and say why in a word that is easily missed.

import { afterEach, describe, expect, it } from 'vitest';
import { type Mqtt, type MqttConnection, MqttError } from '../../gateway/host.ts';
import { inTurn } from '../../gateway/mqtt/in-turn.ts';
import { seeded } from '../journal/kit.ts';
import { drain } from '../support/test-clock.ts';
import { observation } from '../uplink/support.ts';
import { distinct, MqttBench, PREFIX, readings, upTo } from './support.ts';

const deniesLong = (topic: string) => (topic.endsWith('/long') ? 0x95 : undefined);
let bench: MqttBench;
afterEach(() => expect(bench.failures).toEqual([]));

describe('a broker that ends the connection over a message that it refuses', () => {
  it('is heard, and the topic is told', async () => {
    bench = new MqttBench([...readings('air.t', 30), ...readings('soil.t', 30)]);
    Object.assign(bench.broker.faults, {
      endsOverRefusal: true,
      denies: (topic: string) => (topic.includes('/soil/') ? 0x87 : undefined),
    });
    await bench.start();
    await bench.clock.advance(60_000);
    const problem = { code: 'M135', parameters: { topic: `${PREFIX}/soil/t` } };
    for (let each = 0; each < 10; each += 1) {
      expect(bench.status()).toMatchObject({ state: 'refused', problem });
      await bench.clock.advance(60_000);
    }
    bench.broker.faults.denies = () => undefined;
    await bench.clock.advance(310_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(30));
    expect(distinct(bench.values('soil.t'))).toEqual(upTo(30));
    await bench.stop();
  });

  it('is heard, however many messages go out before the one that it refuses', async () => {
    bench = new MqttBench(readings('air.t', 600));
    Object.assign(bench.broker.faults, {
      endsOverRefusal: true,
      denies: (topic: string) => (topic.includes('/soil/') ? 0x90 : undefined),
    });
    await bench.start();
    // All of them are sent again over each connection, because the first mark stays.
    while (bench.broker.retained(`${PREFIX}/delivered`) === undefined) await bench.clock.advance(1);
    bench.broker.faults.isForgetful = true;
    await bench.clock.advance(30_000);
    await bench.append(...readings('soil.t', 1), ...readings('air.t', 30, 601));
    await bench.clock.advance(600_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(630));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { refused: 1 } });
    await bench.stop();
  });

  it.each([0x95, 0x99, 0x90])('is heard also where it says %i only in the end itself, to nobody’s message', async (reason) => {
    bench = new MqttBench([...readings('air.t', 30), ...readings('soil.t', 1), ...readings('air.t', 30, 31)]);
    Object.assign(bench.broker, { connect: endingOverSoil(bench, reason) });
    await bench.start();
    await bench.clock.advance(30 * 60_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(60));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { refused: 1 } });
    await bench.stop();
  });

  it('gets a long backlog as fast as any other once the message before it is through', async () => {
    bench = new MqttBench(readings('air.t', 10_000));
    bench.broker.faults.ackMs = 90;
    await bench.start();
    for (let each = 0; each < 4; each += 1) {
      await bench.clock.advance(5_000);
      bench.broker.cutAll();
    }
    await bench.clock.advance(60_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(10_000));
    await bench.stop();
  });

  it('lets one message at a time go out at first, in the order in which they came, and then as many as it takes', async () => {
    const sent: string[] = [];
    const answers: (() => void)[] = [];
    const publish = (topic: string) =>
      new Promise<void>((resolve) => {
        sent.push(topic);
        answers.push(resolve);
      });
    const nothing = async () => {};
    const open = { inFlightMax: 3, packetBytesMax: 1_000, publish, subscribe: nothing, close: nothing, drop: () => {} };
    const connection = inTurn(open, { count: 200, leftCount: 200 });
    const all = upTo(210).map((each) => connection.publish(`${each}`, '', { qos: 1, retain: false }));
    for (let answered = 0; answered < 200; answered += 1) {
      await drain();
      expect([sent.length, connection.inFlightMax]).toEqual([answered + 1, 1]);
      answers[answered]?.();
      await all[answered];
    }
    await drain();
    expect([sent.length, connection.inFlightMax]).toEqual([203, 3]);
    expect(sent).toEqual(upTo(203).map(String));
    for (let answered = 200; answered < 210; answered += 1) {
      answers[answered]?.();
      await all[answered];
    }
    expect(sent).toHaveLength(210);
  });
});

describe('a connection that is ended soon after it is made, again and again, and nobody says why', () => {
  it('is told with what that may be', async () => {
    bench = new MqttBench(readings('air.t', 3));
    const { connect } = bench.broker;
    let isDisturbed = true;
    Object.assign(bench.broker, {
      // Another client of the same name comes back after three seconds each time.
      connect: async (...args: Parameters<typeof connect>) => {
        const connection = await connect(...args);
        const [{ onLost }] = args;
        if (isDisturbed) bench.clock.timer(3_000, () => onLost(new MqttError('CLOSED', 'the connection was closed')));
        return connection;
      },
    });
    await bench.start();
    await bench.clock.advance(8_000);
    expect(bench.logged.map(({ fields }) => fields?.['problem'])).not.toContain('M001');
    await bench.clock.advance(300_000);
    expect(bench.logged.filter(({ fields }) => fields?.['problem'] === 'M001').length).toBeGreaterThan(0);
    // A broker that is not there has not ended anything.
    bench.broker.faults.isDown = true;
    while (bench.status().problem?.code !== 'M000') await bench.clock.advance(1_000);
    // The last end, and the first time that it cannot be reached.
    expect(bench.status().attempt).toBe(2);
    bench.broker.faults.isDown = false;
    isDisturbed = false;
    await bench.clock.advance(200_000);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    bench.broker.faults.isDown = true;
    bench.broker.cutAll();
    await bench.clock.advance(10_000);
    expect(bench.status()).toMatchObject({ state: 'unreachable', problem: { code: 'M000' } });
    await bench.stop();
  });
});

describe('a message that is longer than the broker takes', () => {
  it.each([
    ['says so at the connection', { packetBytesMax: 170 }, {}],
    ['says so only then, and ends the connection', {}, { endsOverRefusal: true, denies: deniesLong }],
    ['says so where MQTT has no word for it', {}, { answersUnreadably: true, denies: deniesLong }],
  ])('is set aside, told once and counted, where the broker %s', async (_what, options, faults) => {
    const long = [1, 2].map((each) => observation('s', each, 'x'.repeat(120), { channel: 'a.long' }));
    bench = new MqttBench([...readings('air.t', 3), ...long, ...readings('air.t', 3, 4)], options);
    Object.assign(bench.broker.faults, faults);
    await bench.start();
    await bench.clock.advance(300_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(6));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { refused: 2 } });
    expect(bench.codes().filter((code) => code === 'observation-set-aside')).toHaveLength(1);
    if ('packetBytesMax' in options) expect(bench.codes()).not.toContain('broker-unreachable');
    await bench.stop();
  });
});

describe('a message every twenty seconds over which the broker ends the connection', () => {
  /** A number every ten seconds, and a text with every second one. `advance` looks at the status each time. */
  async function hours(count: number, text: string, look: () => void): Promise<void> {
    for (let each = 1; each <= count * 360; each += 1) {
      const atMs = bench.clock.monotonicMs();
      const texts = each % 2 === 0 ? [observation('l', atMs, text, { channel: 'a.long' })] : [];
      await bench.append(observation('s', atMs, each, { channel: 'air.t' }), ...texts);
      await bench.clock.advance(10_000);
      look();
    }
  }
  const isNotTwoOfOneId = () => expect(bench.status().problem?.code).not.toBe('M001');

  it.each(['endsOverRefusal', 'answersUnreadably'] as const)('is refused once a day for its length: %s', async (fault) => {
    bench = new MqttBench();
    bench.random = seeded(9);
    Object.assign(bench.broker.faults, { payloadBytesMax: 170, [fault]: true });
    await bench.start();
    await hours(2, 'x'.repeat(120), isNotTwoOfOneId);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(720));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { refused: 360 } });
    const endCount = () =>
      bench.broker.taken.filter(({ topic, payload }) => topic.endsWith('/status') && payload === 'offline').length;
    const learned = endCount();
    expect(learned).toBeLessThanOrEqual(3);
    // The limit is raised, which nobody tells the gateway.
    bench.broker.faults.payloadBytesMax = Number.POSITIVE_INFINITY;
    await bench.clock.advance(24 * 3_600_000);
    await bench.append(observation('l', bench.clock.monotonicMs(), 'y'.repeat(120), { channel: 'a.long' }));
    await bench.clock.advance(10_000);
    expect(bench.values('a.long')).toEqual(['y'.repeat(120)]);
    expect(endCount()).toBe(learned);
    await bench.stop();
  });

  it.each([
    // A number is as long: to learn from this would keep back everything.
    ['its length, although it is short', 0x95, 'endsOverRefusal'],
    ['its length, although it is short', 0x95, 'answersUnreadably'],
    ['its topic', 0x90, 'endsOverRefusal'],
    ['its form', 0x99, 'endsOverRefusal'],
  ] as const)('costs no other one, where it is refused for %s (%i, %s)', async (_what, reason, fault) => {
    bench = new MqttBench();
    bench.random = seeded(9);
    bench.broker.faults.denies = (topic) => (topic.endsWith('/long') ? reason : undefined);
    bench.broker.faults[fault] = true;
    await bench.start();
    await hours(2, 'x', isNotTwoOfOneId);
    await bench.clock.advance(60_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(720));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { refused: 360 } });
    await bench.stop();
  });
});

it('tells which topic is refused that is no reading', async () => {
  bench = new MqttBench(readings('air.t', 3));
  bench.broker.faults.denies = (topic) => (topic === `${PREFIX}/status` ? 0x87 : undefined);
  await bench.start();
  await bench.clock.advance(10_000);
  expect(bench.status()).toMatchObject({ problem: { code: 'M135', parameters: { topic: `${PREFIX}/status` } } });
  await bench.stop();
});

it('does not take a connection that another client of the name has ended for a topic that is refused', async () => {
  bench = new MqttBench(readings('air.t', 300));
  bench.broker.faults.ackMs = 5_000;
  await bench.start();
  await bench.clock.advance(6_000);
  const options = { clientId: 'barri-corner-01', url: '', will: { topic: 'x', payload: '' }, keepaliveMs: 1, timeoutMs: 1 };
  const other = { ...options, messageBytesMax: 1, onMessage: () => {}, onLost: () => {} };
  const taken = bench.broker.connect(other, new AbortController().signal);
  await bench.clock.advance(20);
  await taken;
  expect(bench.status().problem).toEqual({ code: 'M142', parameters: { words: expect.any(String) } });
  await bench.stop();
});

/** Connections to the bench's broker that end over each message of the soil, with a reason that names no message. */
function endingOverSoil({ broker, clock }: MqttBench, reason: number): Mqtt {
  const { connect } = broker;
  return async (options, signal) => {
    const connection = await connect(options, signal);
    const waiting: ((error: unknown) => void)[] = [];
    let isEnding = false;
    const publish: MqttConnection['publish'] = (topic, payload, delivery) => {
      if (!isEnding && !topic.includes('/soil/')) return connection.publish(topic, payload, delivery);
      if (!isEnding)
        clock.timer(30, () => {
          const error = new MqttError('REFUSED', `the broker ended the connection (${reason})`, reason);
          connection.drop();
          options.onLost(error);
          for (const fail of waiting.splice(0)) fail(error);
        });
      isEnding = true;
      return new Promise((_resolve, reject) => waiting.push(reject));
    };
    return { ...connection, publish };
  };
}
