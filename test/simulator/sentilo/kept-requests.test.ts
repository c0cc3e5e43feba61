import { describe, expect, it } from 'vitest';
import { type City, createCity } from '../../../simulator/sentilo/city.ts';
import { keepingRequests, NotKept, replay } from '../../../simulator/sentilo/kept-requests.ts';
import type { World } from '../../../simulator/sentilo/world.ts';
import { NOW_MS, WORLD } from './support.ts';

/** With an alert, and a start that takes a while, which what was kept has behind it. */
const SLOW: World = {
  ...WORLD,
  alerts: [{ id: 'A1', entity: 'rec', type: 'EXTERNAL', isActive: true }],
  settings: { ...WORLD.settings, startingMs: 20_000 },
};

function ask(
  city: City,
  method: string,
  target: string,
  body: unknown = '',
  nowMs = NOW_MS,
  mishap?: Parameters<City['handle']>[2],
) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const request = { method, target, headers: [['IDENTITY_KEY', 'rec-token'] as const], body: bytes };
  const { status, body: answer } = city.handle(request, nowMs, mishap);
  return `${status} ${Buffer.from(answer)}`;
}

const READS = [
  '/data/rec?limit=50',
  '/data/rec/s?limit=50',
  '/catalog/rec',
  '/catalog/alert/rec',
  '/order/rec/s?limit=50',
  '/alarm/A1?limit=50',
  '/subscribe',
] as const;

/** A city to which something of everything was sent, and what it has kept of that. */
function lived() {
  const lines: string[] = [];
  const city = keepingRequests(createCity(SLOW, { startedMs: NOW_MS - 20_000 }), (line) => lines.push(line));
  ask(city, 'PUT', '/data/rec/s/21.5');
  ask(city, 'PUT', '/data/rec', {
    sensors: [
      { sensor: 's', observations: [{ value: 'à € \u{1f327}' }] },
      { sensor: 'nobody', observations: [{ value: '1' }] },
    ],
  });
  const batch = { observations: ['1', '2', '3', '4'].map((value) => ({ value })) };
  expect(ask(city, 'PUT', '/data/rec/t', batch, NOW_MS + 10, { kind: 'partial', storedFraction: 0.5 })).toMatch(/^500/);
  ask(
    city,
    'POST',
    '/catalog/rec',
    { sensors: [{ sensor: 'new', component: 'c', componentType: 'generic', type: 'temperature' }] },
    NOW_MS + 20,
  );
  ask(city, 'PUT', '/data/rec/new/7', '', NOW_MS + 40_000);
  ask(city, 'PUT', '/subscribe/order/rec/s', { endpoint: 'http://127.0.0.1:9/orders' }, NOW_MS + 41_000);
  ask(city, 'PUT', '/order/rec/s', { order: 'open' }, NOW_MS + 42_000);
  ask(city, 'PUT', '/alarm/A1', { message: 'leak' }, NOW_MS + 43_000);
  ask(city, 'DELETE', '/data/rec/t', '', NOW_MS + 44_000);
  ask(city, 'GET', '/data/rec', '', NOW_MS + 45_000);
  return { city, lines };
}

const again = (lines: readonly string[], world = SLOW) =>
  replay(world, lines, (startedMs) => createCity(world, startedMs === undefined ? {} : { startedMs }));

describe('what a city has kept', () => {
  it('makes another one answer as the first one does', () => {
    const { city, lines } = lived();
    const copy = again(lines);
    for (const target of READS)
      expect(ask(copy, 'GET', target, '', NOW_MS + 90_000), target).toBe(ask(city, 'GET', target, '', NOW_MS + 90_000));
    expect(ask(copy, 'GET', '/data/rec?limit=50', '', NOW_MS + 90_000)).toContain('à € \u{1f327}');
    expect(copy.observations('rec')).toEqual(city.observations('rec'));
    // And goes on as the first one does.
    for (const each of [city, copy]) ask(each, 'PUT', '/data/rec/s/22', '', NOW_MS + 91_000);
    expect(copy.observations('rec')).toEqual(city.observations('rec'));
  });

  it('is started anew with it, and tells nobody again', () => {
    const copy = again(lived().lines);
    copy.restart(NOW_MS + 100_000);
    expect(ask(copy, 'GET', '/data/rec', '', NOW_MS + 119_999)).toMatch(/^503/);
    expect(ask(copy, 'GET', '/data/rec', '', NOW_MS + 120_000)).toMatch(/^200/);
    expect(copy.pushes.next(NOW_MS + 120_000)).toBeUndefined();
    ask(copy, 'PUT', '/order/rec/s', { order: 'close' }, NOW_MS + 121_000);
    expect(Buffer.from(copy.pushes.next(NOW_MS + 121_000)?.body ?? []).toString()).toContain('close');
  });

  it('holds no token, and works with the one that the world gives now', () => {
    const { city, lines } = lived();
    expect(lines.join('\n')).not.toContain('rec-token');
    const changed = { ...SLOW, entities: SLOW.entities.map((one) => (one.id === 'rec' ? { ...one, token: 'another' } : one)) };
    expect(again(lines, changed).observations('rec')).toEqual(city.observations('rec'));
    const gone = { ...SLOW, entities: SLOW.entities.filter(({ id }) => id !== 'rec') };
    expect(again(lines, gone).observations('rec')).toEqual([]);
  });

  it('is what changes something, and not what asks or was turned away', () => {
    const { city, lines } = lived();
    expect(lines.map((line) => JSON.parse(line).method)).not.toContain('GET');
    const before = lines.length;
    city.handle({ method: 'PUT', target: '/data/rec/s/1', headers: [['IDENTITY_KEY', 'wrong']], body: new Uint8Array() }, NOW_MS);
    expect(lines).toHaveLength(before);
  });

  it('is not what was beyond a quota, which has room for it the second time', () => {
    const limited = { ...SLOW, settings: { ...SLOW.settings, quotaPerHour: 3 } };
    const lines: string[] = [];
    const city = keepingRequests(createCity(limited, { startedMs: NOW_MS - 20_000 }), (line) => lines.push(line));
    const sent = ['PUT /data/rec/s/1', 'GET /data/rec', 'GET /data/rec', 'PUT /data/rec/s/2'].map((each) => {
      const [method = '', target = ''] = each.split(' ');
      return ask(city, method, target).slice(0, 3);
    });
    expect(sent).toEqual(['200', '200', '200', '429']);
    expect(again(lines, limited).observations('rec')).toEqual(city.observations('rec'));
  });

  it.each(['', 'hello', '[]', '{"nowMs":1}', '{"nowMs":"1","entity":"rec","method":"PUT","target":"/","headers":[],"body":""}'])(
    'is not %j, and the place is told',
    (line) => {
      expect(() => again([...lived().lines, line])).toThrow(NotKept);
      expect(() => again([line])).toThrow('line 1 is no request');
    },
  );
});
