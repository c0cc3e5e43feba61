import { describe, expect, it } from 'vitest';
import type { City } from '../../../simulator/sentilo/city.ts';
import type { Push } from '../../../simulator/sentilo/push-queue.ts';
import type { World } from '../../../simulator/sentilo/world.ts';
import { MESSAGE_WORLD } from './facts/message-world.ts';
import { cityOf } from './support.ts';

/** 17/09/2012T13:34:45.123 UTC, when the server was started, too. */
const NOW_MS = 1_347_888_885_123;
const MINUTE_MS = 60_000;
const READER = { token: 'reader-token' };

/** A city with these subscriptions of the application `reader`: the path, and what its body has besides an endpoint. */
function subscribed(subscriptions: Readonly<Record<string, object>>, world: World = MESSAGE_WORLD): ReturnType<typeof cityOf> {
  const { city, ask } = cityOf(world);
  for (const [path, more] of Object.entries(subscriptions)) {
    const body = { endpoint: `http://gw.example/${path}`, ...more };
    expect(ask('PUT', `/subscribe/${path}`, body, READER).status).toBe(200);
  }
  return { city, ask };
}

/** Takes every push that is due, and says of each whether it was delivered. */
function take(city: City, { isDelivered = true, nowMs = NOW_MS } = {}): Push[] {
  const taken: Push[] = [];
  for (let push = city.pushes.next(nowMs); push !== undefined; push = city.pushes.next(nowMs)) {
    taken.push(push);
    city.pushes.done(push, isDelivered, nowMs);
  }
  return taken;
}

const textOf = (push: Push | undefined) => Buffer.from(push?.body ?? []).toString();
const urlsOf = (pushes: readonly Push[]) => pushes.map(({ url }) => url);

describe('the body of a push (sentilo.md §2.1)', () => {
  it('of an order has its keys in their order', () => {
    const { city, ask } = subscribed({ 'order/rec/s': {} });
    ask('PUT', '/order/rec/s', '{"order":"Stop"}', { token: 'writer-token' });
    expect(take(city).map(textOf)).toEqual([
      '{"message":"Stop","timestamp":"17/09/2012T13:34:45","topic":"/order/rec/s","type":"ORDER","sensor":"s","provider":"rec",' +
        '"time":1347888885123,"publisher":"writer","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"writer"}',
    ]);
  });

  it('of a provider-wide order names no sensor, comes once, and tells the time at which all of it was filed', () => {
    const { city, ask } = subscribed({ 'order/rec': {} });
    ask('PUT', '/order/rec', '{"order":"Stop"}');
    expect(take(city).map(textOf)).toEqual([
      '{"message":"Stop","timestamp":"17/09/2012T13:34:45","topic":"/order/rec","type":"ORDER","provider":"rec",' +
        '"time":1347888885127,"publisher":"rec","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"rec"}',
    ]);
  });

  it('of a provider-wide order comes although the provider has no sensor', () => {
    const { city, ask } = cityOf(MESSAGE_WORLD);
    ask('PUT', '/subscribe/order/bare', '{"endpoint":"http://gw.example/"}', { token: 'bare-token' });
    ask('PUT', '/order/bare', '{"order":"Stop"}', { token: 'bare-token' });
    expect(take(city)).toHaveLength(1);
  });

  it('of an observation has its own time, its location, and what the catalogue says of the sensor', () => {
    const described = {
      provider: 'rec',
      sensor: 's',
      state: 'online',
      component: 'hall',
      componentType: 'generic',
      type: 'wind',
    } as const;
    const world = { ...MESSAGE_WORLD, sensors: [described] };
    const { city, ask } = subscribed({ 'data/rec': {} }, world);
    ask('PUT', '/data/rec/s', {
      observations: [{ value: 'à "1"', timestamp: '17/09/2012T12:34:45', location: '41.4 2.2' }, { value: '2' }],
    });
    expect(take(city).map(textOf)).toEqual([
      '{"message":"à \\"1\\"","timestamp":"17/09/2012T12:34:45","topic":"/data/rec/s","type":"DATA","component":"hall","sensor":"s",' +
        '"provider":"rec","location":"41.4 2.2","time":1347885285000,"sensorType":"wind","componentType":"generic",' +
        '"publisher":"rec","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"rec"}',
      '{"message":"2","timestamp":"17/09/2012T13:34:45","topic":"/data/rec/s","type":"DATA","component":"hall","sensor":"s",' +
        '"provider":"rec","time":1347888885123,"sensorType":"wind","componentType":"generic",' +
        '"publisher":"rec","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"rec"}',
    ]);
  });

  it('of an alarm names the alert, and what else the alarm says', () => {
    const { city, ask } = subscribed({ 'alarm/A1': {} });
    ask('PUT', '/alarm/A1', '{"message":"leak"}');
    ask('PUT', '/alarm/A1', '{"message":"leak","alertType":"EXTERNAL","providerId":"p","sensorId":"x","componentId":"c"}');
    expect(take(city).map(textOf)).toEqual([
      '{"message":"leak","timestamp":"17/09/2012T13:34:45","topic":"/alarm/A1","type":"ALARM","alert":"A1",' +
        '"time":1347888885123,"publisher":"rec","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"rec"}',
      '{"message":"leak","timestamp":"17/09/2012T13:34:45","topic":"/alarm/A1","type":"ALARM","sensor":"x","provider":"p","alert":"A1",' +
        '"alertType":"EXTERNAL",' +
        '"time":1347888885123,"publisher":"rec","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"rec"}',
    ]);
  });
});

describe('the headers of a push', () => {
  it('are two without a secret', () => {
    const { city, ask } = subscribed({ 'order/rec': { secretCallbackKey: ' ' } });
    ask('PUT', '/order/rec/s', '{"order":"Stop"}');
    expect(take(city)).toMatchObject([
      {
        method: 'POST',
        url: 'http://gw.example/order/rec',
        headers: {
          'Content-Type': 'application/json; charset=UTF-8',
          'User-Agent': expect.stringMatching(/^Apache-HttpClient\/4\.5\.13/),
        },
      },
    ]);
  });

  it('sign the body and the time of sending with the secret (sentilo.md §2.2)', () => {
    const { city, ask } = subscribed({ 'order/rec': { secretCallbackKey: 'my_super_secret_key' } });
    ask('PUT', '/order/rec/s', '{"order":"Stop"}', { token: 'writer-token' });
    expect(take(city, { nowMs: NOW_MS + 2000 })[0]?.headers).toMatchObject({
      'X-Sentilo-Date': '17/09/2012T13:34:47',
      'X-Sentilo-Content-Hmac': '6pC84ciGQS85PL8exzLRFhax2Dld0lbGnUaqaWYtTBW880jkUcuu7sQ/uzTR/jxeuXYIDhtIQkSbTB2nlsvs3A==',
    });
  });

  it('tell the output quota under the names of constants (sentilo.md §1.10)', () => {
    const entities = MESSAGE_WORLD.entities.map((one) => (one.id === 'reader' ? { ...one, pushQuotaPerHour: 2 } : one));
    const { city, ask } = subscribed({ 'order/rec': {} }, { ...MESSAGE_WORLD, entities });
    for (const order of ['1', '2', '3']) ask('PUT', '/order/rec/s', { order });
    const quotas = take(city).map(({ headers }) => [headers['X_RL_OUTPUT_LIMIT'], headers['X_RL_OUTPUT_REMAINING']]);
    expect(quotas).toEqual([
      ['2', '1'],
      ['2', '0'],
    ]);
    // What is beyond the quota waits for a repetition; after an hour there is a new one.
    const [third] = take(city, { nowMs: NOW_MS + 60 * MINUTE_MS });
    expect(textOf(third)).toMatch(/"message":"3",.*"retryAttempt":\d/);
    expect(third?.headers).toMatchObject({ X_RL_OUTPUT_REMAINING: '1', X_RL_OUTPUT_RESET: '59' });
  });
});

describe('who is told', () => {
  it('is each entity once, with what it asked of the most specific topic', () => {
    const { city, ask } = subscribed({ 'order/rec': {}, 'order/rec/s': {}, 'data/rec': {} });
    ask('PUT', '/subscribe/order/rec', '{"endpoint":"http://other.example"}', { token: 'writer-token' });
    ask('PUT', '/order/rec/s', '{"order":"1"}');
    ask('PUT', '/order/rec/t', '{"order":"2"}');
    ask('PUT', '/order/rec', '{"order":"3"}');
    expect(urlsOf(take(city)).filter((url) => url.includes('gw'))).toEqual([
      'http://gw.example/order/rec/s',
      'http://gw.example/order/rec',
      'http://gw.example/order/rec',
    ]);
    ask('PUT', '/order/rec/s', '{"order":"4"}');
    expect(urlsOf(take(city)).sort()).toEqual(['http://gw.example/order/rec/s', 'http://other.example']);
  });

  it('is nobody of what was rejected, and of the stored part of a batch everybody', () => {
    const { city, ask } = subscribed({ 'data/rec': {}, 'order/rec': {}, 'alarm/A1': {} });
    expect(ask('PUT', '/order/rec/off', '{"order":"1"}').status).toBe(404);
    expect(
      ask('PUT', '/data/rec', { sensors: ['off', 's'].map((sensor) => ({ sensor, observations: [{ value: sensor }] })) }).status,
    ).toBe(404);
    const observations = ['1', '2', '3'].map((value) => ({ value }));
    const mishap = { kind: 'partial', storedFraction: 0.5 } as const;
    expect(ask('PUT', '/data/rec/t', { observations }, { mishap }).status).toBe(500);
    expect(take(city).map((push) => JSON.parse(textOf(push)).message)).toEqual(['s', '1', '2']);
  });

  it('is still told of all topics but one after a DELETE of everything that failed (sentilo.md §1.9)', () => {
    const { city, ask } = subscribed({ 'order/rec/s': {}, 'order/rec/t': {}, 'data/rec/s': {} });
    const publish = () => {
      ask('PUT', '/order/rec/s', '{"order":"1"}');
      ask('PUT', '/order/rec/t', '{"order":"1"}');
      ask('PUT', '/data/rec/s/1');
      return take(city).length;
    };
    expect(publish()).toBe(3);
    expect(ask('DELETE', '/subscribe', '', READER).status).toBe(500);
    expect(ask('GET', '/subscribe', '', READER).text).toBe('{"subscriptions":[]}');
    expect(publish()).toBe(2);
    expect(ask('DELETE', '/subscribe/nonsense', '', READER).status).toBe(500);
    expect(publish()).toBe(1);
    expect(ask('DELETE', '/subscribe', '', READER).status).toBe(200);
    expect(publish()).toBe(0);
  });

  it('is told no more once anybody’s subscription has had all of them read again', () => {
    const { city, ask } = subscribed({ 'order/rec/s': {}, 'order/rec/t': {} });
    expect(ask('DELETE', '/subscribe', '', READER).status).toBe(500);
    expect(ask('PUT', '/subscribe/data/rec', '{"endpoint":"http://other.example"}').status).toBe(200);
    ask('PUT', '/order/rec/s', '{"order":"1"}');
    ask('PUT', '/order/rec/t', '{"order":"1"}');
    expect(take(city)).toEqual([]);
  });
});

describe('the order of pushes', () => {
  it('is that of arrival, one at a time', () => {
    const { city, ask } = subscribed({ 'order/rec': {} });
    for (const order of ['1', '2']) ask('PUT', '/order/rec/s', { order });
    const first = city.pushes.next(NOW_MS);
    expect(JSON.parse(textOf(first)).message).toBe('1');
    expect(city.pushes.next(NOW_MS)).toBeUndefined();
    expect(city.pushes.nextDueMs).toBeUndefined();
    city.pushes.done(first as Push, true, NOW_MS);
    expect(city.pushes.nextDueMs).toBe(Number.NEGATIVE_INFINITY);
    expect(JSON.parse(textOf(city.pushes.next(NOW_MS))).message).toBe('2');
  });
});

describe('what becomes of a push that fails (sentilo.md §2.3)', () => {
  /** The minutes after the first attempt at which a push is tried again that never succeeds, and what its body counts. */
  function attempts(more: object, pushRetries: 'documented' | 'coded'): [minutes: number, attempt: number][] {
    const settings = { ...MESSAGE_WORLD.settings, pushRetries };
    const { city, ask } = subscribed({ 'order/rec': more }, { ...MESSAGE_WORLD, settings });
    const failedMs = NOW_MS + 10 * MINUTE_MS;
    ask('PUT', '/order/rec/s', '{"order":"1"}', { nowMs: failedMs });
    expect(take(city, { isDelivered: false, nowMs: failedMs })).toHaveLength(1);
    const found: [number, number][] = [];
    for (let dueMs = city.pushes.nextDueMs; dueMs !== undefined; dueMs = city.pushes.nextDueMs) {
      expect(take(city, { nowMs: dueMs - 1 })).toEqual([]);
      const pushes = take(city, { isDelivered: false, nowMs: dueMs });
      for (const push of pushes) found.push([(dueMs - failedMs) / MINUTE_MS, JSON.parse(textOf(push)).retryAttempt]);
    }
    return found;
  }

  it.each([
    [
      'after 5, 10 and 20 minutes',
      {},
      [
        [5, 1],
        [15, 2],
        [35, 3],
      ],
    ],
    ['as often as was asked for', { maxRetries: 1, retryDelay: 30 }, [[30, 1]]],
    [
      'after 12 hours at most',
      { maxRetries: 2, retryDelay: 600 },
      [
        [600, 1],
        [1320, 2],
      ],
    ],
  ])('as documented it is tried again %s', (_, more, expected) => {
    expect(attempts(more, 'documented')).toEqual(expected);
  });

  it('as coded it never comes again', () => {
    expect(attempts({}, 'coded')).toEqual([]);
  });

  it('is tried again by a job that runs every minute, two minutes after the start for the first time', () => {
    const { city, ask } = subscribed({ 'order/rec': { retryDelay: 1 } });
    ask('PUT', '/order/rec/s', '{"order":"1"}');
    take(city, { isDelivered: false, nowMs: NOW_MS + 1 });
    expect(city.pushes.nextDueMs).toBe(NOW_MS + 2 * MINUTE_MS);
    take(city, { isDelivered: false, nowMs: NOW_MS + 2 * MINUTE_MS + 1 });
    expect(city.pushes.nextDueMs).toBe(NOW_MS + 5 * MINUTE_MS);
  });

  it('counts its attempt between the component’s type and the publisher, and goes where it went before', () => {
    const { city, ask } = subscribed({ 'order/rec': {} });
    ask('PUT', '/order/rec/s', '{"order":"1"}');
    take(city, { isDelivered: false });
    ask('PUT', '/subscribe/order/rec', '{"endpoint":"http://new.example"}', READER);
    const [push] = take(city, { nowMs: NOW_MS + 5 * MINUTE_MS });
    expect(push?.url).toBe('http://gw.example/order/rec');
    expect(textOf(push)).toContain('"time":1347888885123,"retryAttempt":1,"publisher":"rec"');
  });
});
