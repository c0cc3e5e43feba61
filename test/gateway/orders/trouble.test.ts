// Orders of the city while something else fails: they are asked for all the same, at a pace that the city bears.

import { describe, expect, test } from 'vitest';
import { renderStatus } from '../../../cli/render-status.ts';
import { isHealthy } from '../../../cli/status.ts';
import { type Http, HttpError } from '../../../gateway/host.ts';
import { type Garden, runFor, startGarden, startPolledGarden, untilPolled, VALVE } from './garden.ts';

const SECOND_MS = 1_000;

const states = (garden: Garden) => garden.openings().map(([state]) => state);

describe('while the card does not come back', () => {
  test('what is safe is polled and done', async () => {
    let hanging: Promise<void> | undefined;
    let goOn = () => {};
    const garden = await startPolledGarden({ syncing: async () => hanging });
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    hanging = new Promise((resolve) => {
      goOn = resolve;
    });
    garden.give('nonsense', 'demo-token');
    await runFor(garden, 20 * SECOND_MS);
    garden.give('off');
    await runFor(garden, 20 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open', 'closed']);
    goOn();
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.answers().map(({ set, result }) => [set, result])).toEqual(
      expect.arrayContaining([
        ['on', 'done'],
        ['off', 'done'],
      ]),
    );
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });
});

describe('the city is asked at a pace', () => {
  const polls = ({ asked }: Garden, from = 0) => asked.slice(from).filter((url) => url.includes('/order/garden?')).length;
  const withQuota = (quotaPerHour: number): Parameters<typeof startGarden>[0] => ({
    world: (world) => ({
      ...world,
      entities: world.entities.map((one) => (one.id === 'garden' ? { ...one, quotaPerHour } : one)),
    }),
  });

  test.each([
    ['of ten seconds, and once more in each for what is young', 0, 28, 30],
    ['of the quota, and never more often', 400, 1, 5],
  ])('%s, however many orders come', async (_, quota, least, most) => {
    const garden = await startPolledGarden(withQuota(quota));
    const before = garden.asked.length;
    for (let i = 0; i < 300; i++) {
      garden.give(`x${i}`);
      await runFor(garden, 500);
    }
    expect(polls(garden, before)).toBeLessThanOrEqual(most);
    expect(polls(garden, before)).toBeGreaterThanOrEqual(least);
    await garden.stop();
  });

  test.each([
    ['a minute', 'is pushed by it', true, 6],
    ['ten seconds', 'does not have the subscriptions', false, 30],
  ])('of %s while the gateway %s', async (_, _why, isSubscribed, most) => {
    const world: NonNullable<Parameters<typeof startGarden>[0]>['world'] = (one) =>
      isSubscribed ? one : { ...one, sensors: one.sensors.filter(({ sensor }) => sensor !== VALVE) };
    const garden = await startPolledGarden({ push: async () => 200, world });
    const before = garden.asked.length;
    await runFor(garden, 300 * SECOND_MS);
    expect(polls(garden, before)).toBeLessThanOrEqual(most);
    expect(polls(garden, before)).toBeGreaterThanOrEqual(most - 2);
    await garden.stop();
  });

  test('of ten seconds while the port for pushes is somebody else’s', async () => {
    const garden = await startPolledGarden({ push: async () => 200, isPortBusy: true });
    const before = garden.asked.length;
    await runFor(garden, 300 * SECOND_MS);
    expect(polls(garden, before)).toBeGreaterThanOrEqual(28);
    const status = garden.gateway.status();
    expect(isHealthy(status)).toBe(false);
    expect(renderStatus(status, 200)).toMatch(/Orders +the city cannot push them: port 8088 of this machine cannot be served/);
    await garden.stop();
  });

  test.each([
    ['may not read orders', '/order/', 403, /Orders +cannot be read: .*does not let/],
    ['may not subscribe', '/subscribe/', 403, /Orders +the city does not push them all/],
  ])('and it is told that the gateway %s', async (_, path, status, told) => {
    const proxy: NonNullable<Parameters<typeof startGarden>[0]>['proxy'] = (http) => async (request, signal) =>
      request.url.includes(path) && (path !== '/order/' || !request.url.includes('/subscribe/'))
        ? { status, headers: { 'x-sentilo-version': '2' }, body: Buffer.from('{"code":403,"message":"no"}') }
        : http(request, signal);
    const garden = await startGarden({ push: async () => 200, proxy });
    await runFor(garden, 60 * SECOND_MS);
    expect(renderStatus(garden.gateway.status(), 200)).toMatch(told);
    expect(renderStatus(garden.gateway.status(), 200).match(/Orders/g)).toHaveLength(1);
    expect(isHealthy(garden.gateway.status())).toBe(false);
    await garden.stop();
  });

  test('and nothing is told of orders while all is well, or while nothing of the city is there', async () => {
    let isGone = false;
    const proxy: NonNullable<Parameters<typeof startGarden>[0]>['proxy'] = (http) => (request, signal) =>
      isGone ? Promise.reject(new HttpError('ECONNREFUSED', false, 'nobody listens')) : http(request, signal);
    const garden = await startGarden({ push: async () => 200, proxy });
    await runFor(garden, 60 * SECOND_MS);
    expect(renderStatus(garden.gateway.status(), 200)).not.toContain('Orders');
    expect(isHealthy(garden.gateway.status())).toBe(true);
    isGone = true;
    await runFor(garden, 300 * SECOND_MS);
    expect(renderStatus(garden.gateway.status(), 200)).not.toContain('Orders');
    await garden.stop();
  });
});

test('of more than was asked for no more is looked at', async () => {
  const garden = await startPolledGarden({
    proxy: (http) => async (request, signal) => {
      const answer = await http(request, signal);
      if (!request.url.includes('/order/garden/')) return answer;
      const time = Date.parse(answer.headers['date'] ?? '') - 2 * SECOND_MS;
      const orders = Array.from({ length: 5_000 }, (_, each) => ({ order: `x${each}`, sender: 'app', time: time - each }));
      return { ...answer, body: Buffer.from(JSON.stringify({ orders })) };
    },
  });
  for (let i = 0; i < 60; i++) garden.give(`y${i}`);
  await runFor(garden, 20 * SECOND_MS);
  await garden.stop();
  const records = await garden.records();
  const answers = records.filter((record) => record.kind === 'observation' && record.sensor === `${VALVE}_ack`);
  expect(answers.length).toBeLessThan(2_500);
});

describe('among orders that are too long for one answer', () => {
  const flood = async (garden: Garden, sensor: string, count: number, bytes: number) => {
    for (let i = 0; i < count; i++) {
      garden.ask('PUT', `/order/garden/${sensor}`, { order: `x${i}`.padEnd(bytes, 'x') }, 'demo-token');
      await runFor(garden, 20);
    }
  };

  test.each([
    ['fifty long ones', VALVE, 50, 25_000],
    ['fifty long ones for another sensor', 'trial-air-temperature', 50, 25_000],
    ['one that is longer than an answer', VALVE, 1, 1_100_000],
    ['one for another sensor that is longer than an answer', 'trial-air-temperature', 1, 1_100_000],
  ])('is one found that comes after %s', async (_, sensor, count, bytes) => {
    const garden = await startPolledGarden();
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    await flood(garden, sensor, count, bytes);
    garden.give('off');
    await runFor(garden, 60 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open', 'closed']);
    expect(garden.answers().filter(({ from }) => from === 'app')).toHaveLength(2);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test.each([VALVE, `${VALVE}_ack`, 'trial-air-temperature'])('nothing is read again and again for one at %s', async (sensor) => {
    let longCount = 0;
    let count = 0;
    const proxy = (http: Http): Http => {
      return async (request, signal) => {
        if (request.url.includes('/order/')) count += 1;
        return await http(request, signal).catch((error: unknown) => {
          longCount += 1;
          throw error;
        });
      };
    };
    const garden = await startPolledGarden({ proxy });
    await runFor(garden, 130 * SECOND_MS);
    const usualCount = count;
    await flood(garden, sensor, 1, 1_100_000);
    count = 0;
    await runFor(garden, 130 * SECOND_MS);
    expect(longCount).toBeGreaterThan(0);
    // Once when it comes, and once more as long as it is so young that the city may file others before it.
    expect(longCount).toBeLessThanOrEqual(20);
    expect(count).toBeLessThan(4 * usualCount);
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open']);
    await garden.stop();
  });

  test('is one found that came before, also where a question about it fails', async () => {
    let isDown = false;
    let left = 'nothing';
    const proxy = (http: Http): Http => {
      return async (request, signal) => {
        if (!request.url.includes('/order/')) return await http(request, signal);
        if (isDown) throw new HttpError('ECONNREFUSED', false, 'down');
        if (left === 'a question') {
          left = 'none';
          throw new HttpError('ECONNRESET', true, 'cut');
        }
        return await http(request, signal).catch((error: unknown) => {
          if (left === 'nothing') left = 'a question';
          throw error;
        });
      };
    };
    const garden = await startPolledGarden({ proxy });
    await runFor(garden, 30 * SECOND_MS);
    isDown = true;
    await runFor(garden, 15 * SECOND_MS);
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    await flood(garden, 'trial-air-temperature', 1, 1_100_000);
    await runFor(garden, 15 * SECOND_MS);
    isDown = false;
    await runFor(garden, 300 * SECOND_MS);
    expect(left).toBe('none');
    expect(garden.answers().filter(({ from }) => from === 'app')).toEqual([expect.objectContaining({ result: 'done' })]);
    await garden.stop();
  });

  test('is one found that a server of the city dates half a minute back', async () => {
    const garden = await startPolledGarden();
    await untilPolled(garden);
    await flood(garden, 'trial-air-temperature', 1, 1_100_000);
    await runFor(garden, 25 * SECOND_MS);
    const body = Buffer.from(JSON.stringify({ order: 'on' }));
    const request = { method: 'PUT', target: `/order/garden/${VALVE}`, headers: [['IDENTITY_KEY', 'app-token'] as const], body };
    garden.city.handle(request, garden.clock.wall().ms - 30 * SECOND_MS);
    await runFor(garden, 60 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open']);
    await garden.stop();
  });

  test('is one for all sensors refused', async () => {
    const garden = await startPolledGarden();
    await flood(garden, VALVE, 50, 25_000);
    garden.ask('PUT', '/order/garden', { order: 'on' });
    await runFor(garden, 30 * SECOND_MS);
    expect(states(garden)).toEqual(['closed']);
    expect(garden.answers().filter(({ from }) => from === 'app')).toEqual([expect.objectContaining({ result: 'provider-wide' })]);
    await garden.stop();
  });

  test('is one given before the gateway was there for the first time none of its own', async () => {
    const garden = await startGarden();
    await flood(garden, VALVE, 1, 1_100_000);
    await garden.clock.runUntil(60 * SECOND_MS);
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open']);
    await garden.stop();
  });
});

describe('those who may not order', () => {
  const stranger = 'demo-token';
  const many = async (garden: Garden, sensors: readonly string[], count: number) => {
    for (let i = 0; i < count; i++) {
      for (const sensor of sensors) garden.ask('PUT', `/order/garden/${sensor}`, { order: `on ${i}` }, stranger);
      await runFor(garden, 10);
    }
  };

  test.each([60, 300])('do not keep one of somebody else from being done by %i of theirs', async (count) => {
    const garden = await startPolledGarden();
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    await untilPolled(garden);
    garden.give('off');
    await many(garden, [VALVE], count);
    await runFor(garden, 60 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open', 'closed']);
    // They are forgotten again and again, and what was done is not done once more.
    await many(garden, [VALVE], count);
    await runFor(garden, 60 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open', 'closed']);
    await garden.stop();
    const told = (await garden.records()).flatMap((record) =>
      record.kind === 'observation' && record.sensor === `${VALVE}_ack` ? [JSON.parse(String(record.value))] : [],
    );
    expect(told.filter(({ from }) => from === 'app').map(({ result }) => result)).toEqual(['done', 'done']);
    expect(told).toHaveLength(2 * count + 2);
    expect(garden.fatal).toEqual([]);
  });

  const elsewhere = [`${VALVE}_ack`, 'trial-air-temperature', 'trial-air-humidity'];
  const atOnce = async (garden: Garden) => {
    for (let i = 0; i < 201; i++)
      for (const sensor of elsewhere) garden.ask('PUT', `/order/garden/${sensor}`, { order: `on ${i}` }, stranger);
  };
  const longOne = async (garden: Garden) => {
    garden.ask('PUT', `/order/garden/${VALVE}_ack`, { order: 'x'.repeat(1_100_000) }, stranger);
  };

  test.each([
    ['by many orders to each sensor', (garden: Garden) => many(garden, [VALVE, ...elsewhere], 60)],
    ['by more in one second than can be read', atOnce],
    ['by one that is longer than an answer', longOne],
  ])('do not make one for all sensors look like one for an output %s', async (_, crowd) => {
    const garden = await startPolledGarden();
    garden.ask('PUT', '/order/garden', { order: 'on' });
    await crowd(garden);
    await runFor(garden, 30 * SECOND_MS);
    expect(states(garden)).toEqual(['closed']);
    await garden.stop();
    const answers = (await garden.records()).filter(
      (record) => record.kind === 'observation' && record.sensor === `${VALVE}_ack`,
    );
    const told = answers.map((answer) => JSON.parse('value' in answer ? String(answer.value) : ''));
    expect(told.filter(({ from }) => from === 'app').map(({ result }) => result)).toEqual(['provider-wide']);
  });
});
