// The delivery of alarms without a gateway around it: what is asked of the city, in which order, and for how long.

import { expect, test } from 'vitest';
import { type Outbox, openOutbox } from '../../gateway/alarms/outbox.ts';
import type { Http, HttpResponse } from '../../gateway/host.ts';
import { deliverAlarms } from '../../gateway/uplink/alarm-delivery.ts';
import { openAlarmService } from '../../gateway/uplink/alarm-service.ts';
import { maskOf } from '../../gateway/uplink/answer.ts';
import { Gate } from '../../gateway/uplink/gate.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { turn } from '../../simulator/wire/turn.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const TOKEN = 'secret-token';
const SENTILO = { 'x-sentilo-version': '2.0.0' };

const answer = (
  status: number,
  body: object | string = '',
  headers: Readonly<Record<string, string>> = SENTILO,
): HttpResponse => ({
  status,
  headers,
  body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)),
});

interface Bench {
  readonly clock: VirtualClock;
  readonly outbox: Outbox;
  readonly gate: Gate;
  /** `PUT CITY_LEAK words`, with the minute. */
  readonly asked: string[];
  readonly log: readonly (readonly [string, unknown])[];
  readonly settled: readonly string[];
  stop(): void;
}

function bench(city: (method: string, text: string, atMs: number) => HttpResponse): Bench {
  const clock = new VirtualClock(Date.UTC(2026, 5, 1), turn);
  const asked: string[] = [];
  const log: [string, unknown][] = [];
  const settled: string[] = [];
  const outbox = openOutbox();
  outbox.onSettled(({ id }, reason) => settled.push(reason === undefined ? id : `${id} ${reason}`));
  const http: Http = async ({ method, url, body }) => {
    const words = body === undefined ? '' : (JSON.parse(Buffer.from(body).toString()) as { message: string }).message;
    const text = `${method} ${new URL(url).pathname.replace('/alarm/', '')} ${words}`.trim();
    asked.push(`${Math.floor(clock.monotonicMs() / MINUTE_MS)} ${text}`);
    return city(method, text, clock.monotonicMs());
  };
  const host = {
    clock,
    http,
    random: () => 0.5,
    log: (_level: string, code: string, fields?: unknown) => log.push([code, fields]),
  };
  const config = { url: 'https://city.example.cat/', provider: 'makers' };
  const service = openAlarmService(host, { config, token: TOKEN, mask: maskOf(TOKEN), userAgent: 'test' });
  const gate = new Gate(host, () => {});
  const stopping = new AbortController();
  deliverAlarms(host, { service, outbox, gate }, stopping.signal).catch(() => {});
  return { clock, outbox, gate, asked, log, settled, stop: () => stopping.abort(new Error('stop')) };
}

const alarm = (id: string, alert: string, bornMs = 0, isDoubtful = false) => ({ id, alert, message: id, bornMs, isDoubtful });

test('messages of one alert go in their order, and one that is refused keeps back no other alert', async () => {
  const { clock, outbox, asked, settled, stop } = bench((_method, text, atMs) =>
    text.includes('UNKNOWN') && atMs < 10 * MINUTE_MS
      ? answer(404, { code: 404, message: 'Alert [UNKNOWN] not found on Sentilo (404.1).' })
      : answer(200),
  );
  for (const [id, alert] of [
    ['a1', 'UNKNOWN'],
    ['a2', 'UNKNOWN'],
    ['b1', 'LEAK'],
    ['b2', 'LEAK'],
  ] as const)
    outbox.add(alarm(id, alert));
  await clock.runUntil(MINUTE_MS);
  expect(settled).toEqual(['b1', 'b2']);
  expect(outbox.problem).toMatchObject({ code: 'S404' });
  await clock.runUntil(20 * MINUTE_MS);
  expect(settled).toEqual(['b1', 'b2', 'a1', 'a2']);
  expect(outbox.problem).toBeUndefined();
  expect(asked.findIndex((each) => each.endsWith('a2'))).toBe(asked.length - 1);
  stop();
});

test('what is refused for a day is given up, after some hundred requests, and told once', async () => {
  const { clock, outbox, asked, settled, log, stop } = bench(() =>
    answer(403, { code: 403, message: 'The provided credentials is invalid. Please review it' }),
  );
  outbox.add(alarm('a', 'OTHERS'));
  await clock.runUntil(25 * HOUR_MS);
  expect(settled).toEqual(['a expired']);
  expect(asked.length).toBeGreaterThan(100);
  expect(asked.length).toBeLessThan(500);
  expect(log.filter(([code]) => code === 'alarm-refused')).toHaveLength(1);
  stop();
});

// What a public network answers before one signs in is a 200 too.
test.each([
  ['a login page', answer(200, '<html>', {})],
  ['a proxy that gave the city up', answer(502, 'Bad Gateway', {})],
  ['trouble in the city', answer(500, { code: 500, message: 'Internal error.' })],
])('after %s it is looked whether the city has it, before it is told again', async (_what, first) => {
  let isFirst = true;
  const { clock, outbox, asked, settled, stop } = bench((method) => {
    if (method === 'GET') return answer(200, { alarms: [{ message: 'other', sender: 'makers', time: 1 }] });
    const isNow = isFirst;
    isFirst = false;
    return isNow ? first : answer(200);
  });
  outbox.add(alarm('a', 'LEAK'));
  await clock.runUntil(10 * MINUTE_MS);
  expect(settled).toEqual(['a']);
  const methods = asked.map((each) => each.split(' ')[1]);
  expect(methods.filter((method) => method === 'PUT')).toHaveLength(2);
  expect(methods[1]).toBe('GET');
  stop();
});

// Whoever answers with a page of its own has perhaps passed the message on, and the city may take its time.
test.each([500, 502, 503, 504, 520, 403, 406])('a page with %d makes no message two', async (status) => {
  const stored: string[] = [];
  const { clock, outbox, settled, stop } = bench((method, text, atMs) => {
    if (method === 'GET') return answer(200, { alarms: atMs < 20_000 ? [] : [{ message: 'a' }] });
    stored.push(text);
    return stored.length === 1 ? answer(status, '<html>', {}) : answer(200);
  });
  outbox.add(alarm('a', 'LEAK'));
  await clock.runUntil(20 * MINUTE_MS);
  expect(settled).toEqual(['a']);
  expect(stored).toHaveLength(1);
  stop();
});

test('one that an earlier process may have told is looked up first, and not told when it is there', async () => {
  const { clock, outbox, asked, settled, stop } = bench(() => answer(200, { alarms: [{ message: 'a' }] }));
  outbox.add(alarm('a', 'LEAK', -5 * MINUTE_MS, true));
  await clock.runUntil(10 * MINUTE_MS);
  expect(settled).toEqual(['a']);
  expect(asked).toEqual(['0 GET LEAK']);
  stop();
});

test('while the city is away nothing is asked but what the back-off allows, and old ones are given up all the same', async () => {
  const { clock, outbox, asked, settled, gate, stop } = bench(() =>
    answer(503, { code: 503, message: 'API Server is temporarily unavailable because it is starting...' }),
  );
  outbox.add(alarm('old', 'LEAK', -23.5 * HOUR_MS));
  outbox.add(alarm('new', 'LEAK'));
  await clock.runUntil(HOUR_MS);
  expect(gate.state.state).toBe('waiting');
  expect(asked.length).toBeLessThan(150);
  expect(settled).toEqual(['old expired']);
  stop();
});

test('of a storm the oldest are given up, so that memory is bounded', () => {
  const outbox = openOutbox();
  const settled: string[] = [];
  outbox.onSettled(({ id }, reason) => settled.push(`${id} ${reason}`));
  for (let count = 0; count < 205; count++) outbox.add(alarm(`a${count}`, 'LEAK'));
  expect(outbox.waiting).toHaveLength(200);
  expect(settled).toEqual(['a0', 'a1', 'a2', 'a3', 'a4'].map((id) => `${id} too-many`));
});
