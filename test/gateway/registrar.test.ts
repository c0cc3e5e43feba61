// The catalogue as a running gateway looks after it: a city that lost what it knew, and one that never knew.

import { expect, test } from 'vitest';
import { renderStatus } from '../../cli/render-status.ts';
import { HttpError, type HttpResponse } from '../../gateway/host.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;

const site = (catalog: string) => `sentilo:
  url: "https://city.example.cat"
  provider: makers
  token: { secret: sentilo_token }
  catalog: ${catalog}
buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s }
  door: { board: relay@1, via: gpio.pin18, outputs: { switch: { safe: off, max_on: 1h } } }
`;

/** What the catalogue answers to a request instead of the city. */
type Instead = (method: string, body: string) => HttpResponse | undefined;

async function started(
  catalog: 'check' | 'apply' | 'off',
  faults: readonly Fault[],
  isNew = false,
  instead: Instead = () => undefined,
) {
  const asked: string[] = [];
  let city: City | undefined;
  const running = await startSimulated(site(catalog), {
    http: (clock, config) => {
      const world = worldForSite(config, 'demo-token');
      const made = createCity(isNew ? { ...world, sensors: [] } : world);
      city = made;
      const http = cityHttp(made, clock.ofTheWorld(), { faults, latencyMs: 40, random: createRandom(1) });
      return (request, signal) => {
        const { pathname } = new URL(request.url);
        if (!pathname.startsWith('/catalog')) return http(request, signal);
        const body = Buffer.from(request.body ?? '').toString();
        asked.push(`${request.method} ${body}`);
        const answer = instead(request.method, body);
        return answer === undefined ? http(request, signal) : Promise.resolve(answer);
      };
    },
  });
  return {
    ...running,
    asked,
    sensorsInCity: () => new Set((city as City).observations('makers').map(({ sensor }) => sensor)),
    city: () => city as City,
  };
}

test('sensors that the city lost are sent to it anew, once, and no reading is lost or there twice', async () => {
  const lost: Fault = { at: 'city', kind: 'forget-sensors', rate: 1, fromMs: 2 * MINUTE_MS, toMs: 60 * MINUTE_MS };
  const running = await started('check', [lost]);
  await running.clock.runUntil(10 * MINUTE_MS);
  // Held for the half minute that the catalogue's job sleeps, and for the time until they are tried again.
  expect(running.gateway.status().city).toMatchObject({ state: 'ok', held: [] });
  const touches = running.asked.filter((each) => each.startsWith('PUT'));
  expect(touches).toEqual([expect.stringMatching(/^PUT \{"sensors":\[(\{"sensor":"trial-hall-\w+"\},?){2}\]\}$/)]);
  expect(running.log.filter((code) => code === 'city-sensors-renewed')).toHaveLength(1);
  await running.stop();
  const times = running
    .city()
    .observations('makers', 'trial-hall-temperature')
    .map(({ timestampMs }) => timestampMs);
  expect(new Set(times).size).toBe(times.length);
  expect(times.length).toBeGreaterThanOrEqual(60);
});

test('a city that never knew them gets them registered where that is allowed, and all readings since the start', async () => {
  const running = await started('apply', [], true);
  await running.clock.runUntil(5 * MINUTE_MS);
  expect(running.asked.filter((each) => each.startsWith('POST'))).toHaveLength(1);
  expect([...running.sensorsInCity()].toSorted()).toEqual(['trial-door-switch', 'trial-hall-humidity', 'trial-hall-temperature']);
  expect(running.city().observations('makers', 'trial-hall-temperature').length).toBeGreaterThanOrEqual(29);
  expect(running.gateway.status().city).toMatchObject({ state: 'ok', held: [] });
  await running.stop();
});

test('what was just registered is said to be, and no operator is named, until the city takes it', async () => {
  const running = await started('apply', [], true);
  const isPosted = () => running.asked.some((each) => each.startsWith('POST'));
  while (!isPosted()) await running.clock.runUntil(running.clock.monotonicMs() + 500);
  await running.clock.runUntil(running.clock.monotonicMs() + 2_000);
  const shown = renderStatus(running.gateway.status(), 1_000);
  expect(shown).toContain('3 sensors are registered; the city takes them in about half a minute: trial-');
  expect(shown).not.toMatch(/operator|not found/);
  await running.stop();
});

test('what was registered and is not taken all the same is no longer said to be', async () => {
  const running = await started('apply', [], true, (method) =>
    method === 'POST' ? { status: 200, headers: { 'x-sentilo-version': '2' }, body: new Uint8Array() } : undefined,
  );
  await running.clock.runUntil(8 * MINUTE_MS);
  const shown = renderStatus(running.gateway.status(), 1_000);
  expect(shown).toMatch(/does not take 3 sensors: .*\n.*not found.* `barri sentilo plan` shows what keeps it from that/);
  await running.stop();
});

test.each(['check', 'off'] as const)('with `catalog: %s` it is said what registers them', async (mode) => {
  const running = await started(mode, [], true);
  await running.clock.runUntil(3 * MINUTE_MS);
  const shown = renderStatus(running.gateway.status(), 1_000);
  expect(shown).toMatch(/`barri sentilo plan` shows what it lacks, `barri sentilo apply` registers it/);
  expect(shown).not.toMatch(/operator|\.\./);
  await running.stop();
});

test.each(['check', 'off'] as const)('with `catalog: %s` nothing is created', async (mode) => {
  const running = await started(mode, [], true);
  await running.clock.runUntil(5 * MINUTE_MS);
  expect(running.asked.filter((each) => !each.startsWith('GET'))).toEqual([]);
  expect(running.asked.length > 0).toBe(mode === 'check');
  expect(running.log.includes('city-catalog-differs')).toBe(mode === 'check');
  expect(running.gateway.status().city?.held.length).toBeGreaterThan(0);
  await running.stop();
});

test('a city that refuses to be asked about its catalogue costs no reading and few requests', async () => {
  const running = await started('check', [
    { at: 'city', kind: 'status', status: 403, rate: 0.5, fromMs: 0, toMs: 60 * MINUTE_MS },
  ]);
  await running.clock.runUntil(30 * MINUTE_MS);
  expect(running.asked.length).toBeLessThanOrEqual(20);
  await running.stop();
  expect(running.fatal).toEqual([]);
});

test.each(['TOO_LONG', 'TOO_SLOW'])('a listing that is too much for the line (%s) is asked for once an hour', async (code) => {
  const running = await started('check', [], false, () => {
    throw new HttpError(code, true, 'the listing did not come whole');
  });
  await running.clock.runUntil(6 * 60 * MINUTE_MS);
  expect(running.asked.length).toBeGreaterThanOrEqual(5);
  expect(running.asked.length).toBeLessThanOrEqual(7);
  expect(running.log.filter((line) => line === 'city-catalog-refused')).toHaveLength(1);
  await running.stop();
  expect(running.fatal).toEqual([]);
});

test.each(['GET', 'POST'])('one %s to the catalogue that is not answered is tried again soon', async (method) => {
  let isFirst = true;
  const running = await started('apply', [], true, (asked) => {
    if (asked !== method || !isFirst) return undefined;
    isFirst = false;
    throw new HttpError('TIMEOUT', true, 'no answer within 15 s');
  });
  await running.clock.runUntil(10 * MINUTE_MS);
  expect(isFirst).toBe(false);
  expect(running.gateway.status().city).toMatchObject({ state: 'ok', held: [] });
  expect(running.gateway.status().city?.deliveredCount).toBeGreaterThan(20);
  await running.stop();
  expect(running.fatal).toEqual([]);
});

test('sensors that the city lost are sent to it anew also while it refuses to change another', async () => {
  const lost: Fault = { at: 'city', kind: 'forget-sensors', rate: 1, fromMs: 2 * MINUTE_MS, toMs: 60 * MINUTE_MS };
  const refusal = Buffer.from(
    '{"code":400,"message":"Bad request data.","errorDetails":["Sensor x: invalid value for field type (x)."]}',
  );
  const running = await started('apply', [lost], false, (method, body) =>
    method === 'PUT' && body.includes('description') ? { status: 400, headers: {}, body: refusal } : undefined,
  );
  await running.clock.runUntil(20 * MINUTE_MS);
  expect(running.log).toContain('city-sensor-refused');
  expect(running.log.filter((code) => code === 'city-sensors-renewed')).toHaveLength(1);
  expect(running.gateway.status().city).toMatchObject({ state: 'ok', held: [] });
  await running.stop();
});

test('a lost sensor that the city refuses to send anew keeps no other from it, costs a few requests and is told once', async () => {
  const lost: Fault = { at: 'city', kind: 'forget-sensors', rate: 1, fromMs: 2 * MINUTE_MS, toMs: 600 * MINUTE_MS };
  const running = await started('check', [lost], false, (method, body) => {
    if (method !== 'PUT' || !body.includes('trial-hall-humidity')) return undefined;
    const errorDetails = ['Sensor trial-hall-humidity: invalid value for field type (humidity).'];
    return {
      status: 400,
      headers: {},
      body: Buffer.from(JSON.stringify({ code: 400, message: 'Bad request data.', errorDetails })),
    };
  });
  await running.clock.runUntil(3 * 60 * MINUTE_MS);
  expect(running.gateway.status().city?.held.map(({ sensor }) => sensor)).toEqual(['trial-hall-humidity']);
  expect(running.asked.length).toBeLessThanOrEqual(12);
  expect(running.log.filter((code) => code === 'city-sensor-refused')).toHaveLength(1);
  expect(running.log.filter((code) => code === 'city-sensors-renewed')).toHaveLength(1);
  expect(running.log).not.toContain('city-catalog-refused');
  await running.stop();
});

test('a change that the city refuses costs a few requests, is told once, and keeps nothing else from being changed', async () => {
  const running = await started('apply', [], false, (method, body) => {
    // The city shows another description of each, so all are to be changed.
    if (method !== 'PUT' || !body.includes('trial-hall-humidity')) return undefined;
    const errorDetails = ['Sensor trial-hall-humidity: invalid value for field type (humidity).'];
    return {
      status: 400,
      headers: {},
      body: Buffer.from(JSON.stringify({ code: 400, message: 'Bad request data.', errorDetails })),
    };
  });
  await running.clock.runUntil(6 * 60 * MINUTE_MS);
  expect(running.asked.length).toBeLessThanOrEqual(6);
  expect(running.log.filter((code) => code === 'city-sensor-refused')).toHaveLength(1);
  expect(running.log.filter((code) => code === 'city-sensors-registered')).toHaveLength(1);
  expect(running.log).not.toContain('city-catalog-refused');
  await running.stop();
});

test('a sensor that the city refuses to create is asked about seldom while its readings wait, and told once', async () => {
  const running = await started('apply', [], true, (method, body) => {
    if (method !== 'POST' || !body.includes('trial-hall-humidity')) return undefined;
    const errorDetails = ['Sensor trial-hall-humidity: invalid value for field type (humidity).'];
    return {
      status: 400,
      headers: {},
      body: Buffer.from(JSON.stringify({ code: 400, message: 'Bad request data.', errorDetails })),
    };
  });
  await running.clock.runUntil(6 * 60 * MINUTE_MS);
  expect(running.asked.filter((each) => each.startsWith('POST')).length).toBeLessThanOrEqual(8);
  expect(running.log.filter((code) => code === 'city-sensor-refused')).toHaveLength(1);
  expect(running.log.filter((code) => code === 'city-sensors-registered')).toHaveLength(1);
  await running.stop();
});

test('sensors that are still unknown after they were sent anew are sent again, seldom', async () => {
  const lost: Fault = { at: 'city', kind: 'forget-sensors', rate: 1, fromMs: 2 * MINUTE_MS, toMs: 600 * MINUTE_MS };
  let touchCount = 0;
  // The city says that it does it, and loses it.
  const running = await started('check', [lost], false, (method) => {
    if (method !== 'PUT') return undefined;
    touchCount += 1;
    return touchCount > 2 ? undefined : { status: 200, headers: { 'x-sentilo-version': '2.0.0' }, body: Buffer.from('') };
  });
  await running.clock.runUntil(50 * MINUTE_MS);
  expect(touchCount).toBe(3);
  expect(running.gateway.status().city).toMatchObject({ state: 'ok', held: [] });
  await running.stop();
});

test('what a public network answers before one signs in is not taken for the catalogue', async () => {
  let postCount = 0;
  const running = await started('apply', [], true, (method) => {
    if (method !== 'POST') return undefined;
    postCount += 1;
    return postCount > 1 ? undefined : { status: 200, headers: {}, body: Buffer.from('<html>Sign in</html>') };
  });
  await running.clock.runUntil(5 * MINUTE_MS);
  expect(postCount).toBe(2);
  expect(running.log.filter((code) => code === 'city-sensors-registered')).toHaveLength(1);
  expect(running.gateway.status().city).toMatchObject({ state: 'ok', held: [] });
  await running.stop();
});
