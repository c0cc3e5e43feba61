// What the gateway does with every answer that the city has (sentilo.md §1.4), in the city's own words there.

import { describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../gateway/host.ts';
import { answerOf, Bench, history, once, SIE03, TOKEN } from './support.ts';

const HOUR_MS = 3_600_000;
const MILLISECONDS = 1_795_608_000_000;
const INTERNAL =
  'Something went wrong. Please try again. If the problem persists, contact your support site and provide the following error code:';

function said(status: number, message: string, details?: readonly string[], headers: Readonly<Record<string, string>> = {}) {
  return answerOf(status, { code: status, message, ...(details === undefined ? {} : { errorDetails: details }) }, headers);
}

interface Row {
  readonly name: string;
  readonly answer: HttpResponse;
  /** The state and the problem that are shown directly afterwards. */
  readonly state: string;
  readonly code?: string;
  readonly words?: string;
  /** What follows the refused PUT, and how long after its answer at the earliest and at the latest. */
  readonly next: 'PUT' | 'GET';
  readonly afterMs: readonly [from: number, to: number];
}

const AT_ONCE = [0, 0] as const;
const SOON = [500, 1_000] as const;
const SELDOM = [2_500, 5_000] as const;

/** Refusals of a whole request: nothing is lost, nothing is set aside, and everything is in the city once when it is over. */
const KEPT: readonly Row[] = [
  {
    name: 'a wrong path',
    answer: said(400, 'Invalid path was requested:/data/x/y/z/1'),
    ...{ state: 'refused', code: 'S400', words: 'Invalid path was requested:/data/x/y/z/1', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'a body that came too slowly',
    answer: said(400, SIE03, ['java.net.SocketTimeoutException: Read timed out\n\tat java.base/sun.nio']),
    ...{
      state: 'waiting',
      code: 'S400',
      words: `${SIE03} java.net.SocketTimeoutException: Read timed out`,
      next: 'PUT',
      afterMs: SOON,
    },
  },
  {
    name: 'a body that was cut',
    answer: said(400, SIE03, ['org.apache.http.ConnectionClosedException: Premature end of Content-Length']),
    ...{ state: 'waiting', code: 'S400', next: 'PUT', afterMs: SOON },
  },
  {
    name: 'a body that is too long',
    answer: said(400, 'Unable to read message. Request payload size (9000 bytes) exceeds the limit (300 bytes)'),
    ...{ state: 'ok', next: 'PUT', afterMs: AT_ONCE },
  },
  {
    name: 'an unknown or revoked token',
    answer: said(401, `Invalid credential ${TOKEN}`),
    ...{ state: 'refused', code: 'S401', words: 'Invalid credential ***', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'no token where one is needed',
    answer: said(401, 'Anonymous access is forbidden.'),
    ...{ state: 'refused', code: 'S401', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'a missing permission',
    answer: said(403, 'Entity a has not permission to WRITE  info about entity b'),
    ...{ state: 'refused', code: 'S403', words: 'Entity a has not permission to WRITE  info about entity b' },
    ...{ next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'a provider that may come over TLS only',
    answer: said(403, 'SSL access is required'),
    ...{ state: 'refused', code: 'S002', words: 'SSL access is required', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'a service for providers only',
    answer: said(403, 'The service you have requested is restricted to providers only'),
    ...{ state: 'refused', code: 'S403', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'a path that no service has',
    answer: said(404, 'handler not found to process request /dta/x'),
    ...{ state: 'refused', code: 'S404', words: 'handler not found to process request /dta/x', next: 'GET', afterMs: AT_ONCE },
  },
  {
    name: 'a verb that the service does not take',
    answer: said(405, 'HTTP PUT method not allowed for the requested resource'),
    ...{ state: 'refused', code: 'S405', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'its own quota, gone for 3 minutes',
    answer: said(
      429,
      'Sent quota exceeded. You are only allowed to send 100 requests per hour on this site. Try again later.',
      [],
      {
        'x-ratelimit-inbound-limit': '100',
        'x-ratelimit-inbound-remaining': '0',
        'x-ratelimit-inbound-reset': '3',
      },
    ),
    ...{ state: 'waiting', code: 'S429', next: 'PUT', afterMs: [180_000, 600_000] },
  },
  {
    name: 'the quota of all, and no time named',
    answer: said(429, 'Global inbound requests quota exceeded. Service only accepts 9 requests per hour. Try again later.'),
    ...{ state: 'waiting', code: 'S429', next: 'PUT', afterMs: [15_000, 90_000] },
  },
  ...['SIE00', 'SIE01', 'SIE02', 'SIE04', 'SIE99'].map(
    (code): Row => ({
      name: `an internal error ${code}`,
      answer: said(500, `${INTERNAL} ${code}-${MILLISECONDS}`),
      ...{ state: 'waiting', code: 'S500', words: `${INTERNAL} ${code}-${MILLISECONDS}`, next: 'GET', afterMs: AT_ONCE },
    }),
  ),
  {
    name: 'a verb that HTTP does not have',
    answer: answerOf(501, 'PUTT method not supported', { 'content-type': 'text/plain' }),
    ...{ state: 'waiting', code: 'S501', next: 'GET', afterMs: AT_ONCE },
  },
  {
    name: 'a request line that HTTP cannot read',
    answer: answerOf(400, 'Invalid request line', { 'content-type': 'text/plain' }),
    ...{ state: 'unreachable', code: 'S001', next: 'GET', afterMs: [2_000, 2_000] },
  },
  {
    name: 'a server that is starting',
    answer: said(503, 'API Server is temporarily unavailable because it is starting...'),
    ...{ state: 'waiting', code: 'S503', next: 'PUT', afterMs: SOON },
  },
  // What stands in front of the city has statuses of its own.
  ...[301, 302, 303, 307, 308].map(
    (status): Row => ({
      name: `a redirect ${status}`,
      answer: answerOf(status, '<html>moved</html>', { location: 'https://elsewhere.example/login' }),
      ...{ state: 'refused', code: `S${status}`, words: 'https://elsewhere.example/login', next: 'PUT', afterMs: SELDOM },
    }),
  ),
  {
    name: 'a proxy that wants a password',
    answer: answerOf(407, ''),
    ...{ state: 'refused', code: 'S407', next: 'PUT', afterMs: SELDOM },
  },
  {
    name: 'a proxy that takes no such length',
    answer: answerOf(413, ''),
    ...{ state: 'ok', next: 'PUT', afterMs: AT_ONCE },
  },
  ...[502, 504].map(
    (status): Row => ({
      name: `a proxy that gave the city up with ${status}`,
      answer: answerOf(status, '<html>Bad Gateway</html>'),
      ...{ state: 'waiting', code: `S${status}`, next: 'GET', afterMs: [2_000, 2_000] },
    }),
  ),
  {
    name: 'a page for signing in',
    answer: answerOf(200, '<html>Welcome</html>', { 'content-type': 'text/html' }),
    ...{ state: 'unreachable', code: 'S001', next: 'GET', afterMs: [2_000, 2_000] },
  },
];

describe('an answer', () => {
  it.each(KEPT)('of $name loses and doubles nothing', async ({ answer, state, code, words, next, afterMs }) => {
    const bench = new Bench(history('a', 12));
    bench.script = once(() => answer);
    await bench.start();
    await bench.clock.advance(bench.latencyMs);
    const status = bench.status();
    expect(status.state).toBe(state);
    if (code !== undefined) expect(status.problem?.code).toBe(code);
    if (words !== undefined) expect(status.problem?.parameters['words']).toBe(words);
    expect(status).toMatchObject({ waitingCount: 12, rejected: {} });
    await bench.clock.advance(HOUR_MS);
    const [, second] = bench.traffic;
    expect(second?.method).toBe(next);
    const waitedMs = (second?.atMs ?? 0) - bench.latencyMs;
    expect(waitedMs).toBeGreaterThanOrEqual(afterMs[0]);
    expect(waitedMs).toBeLessThanOrEqual(afterMs[1]);
    expect(bench.values().map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, deliveredCount: 12, rejected: {} });
    expect(bench.everythingTold()).not.toContain('se/cret');
    await bench.stop();
  });

  it.each([
    'Wrong timestamp value: x',
    'Wrong date value: x',
    'Wrong location value: x',
    'Wrong integer value: x',
    'com.fasterxml.jackson.core.JsonParseException: Unexpected character',
  ])('of bad data (%s) sets the one aside that is to blame, with the reason', async (detail) => {
    const bench = new Bench(history('a', 12));
    bench.script = (request, text, city, signal) =>
      text.includes('"value":"7"') ? said(400, SIE03, [detail]) : city(request, signal);
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(
      bench
        .values()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
    expect(bench.status()).toMatchObject({ waitingCount: 0, rejected: { 'refused-by-city': 1 } });
    expect(bench.journal.events).toMatchObject([{ fields: { value: '7', words: `${SIE03} ${detail}` } }]);
    await bench.stop();
  });

  it.each([
    'To publish data is mandatory to fill in the value field',
    'To publish data is mandatory to fill in the observations field',
  ])('of failed validation (%s) is narrowed down too', async (message) => {
    const bench = new Bench(history('a', 4));
    bench.script = (request, text, city, signal) => (text.includes('"value":"3"') ? said(400, message) : city(request, signal));
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(bench.values()).toEqual(['1', '2', '4']);
    expect(bench.status()).toMatchObject({ waitingCount: 0, rejected: { 'refused-by-city': 1 } });
    await bench.stop();
  });

  it.each(['Sensor [b] not found on Sentilo (404.1).', 'Sensor [b] is not online (404.2).'])(
    'of a sensor that it does not take (%s) holds that one, and the others are delivered',
    async (detail) => {
      const bench = new Bench([...history('a', 4), ...history('b', 4)]);
      let isRefused = true;
      bench.script = async (request, text, city, signal) => {
        if (request.method !== 'PUT' || !isRefused || !text.includes('"sensor":"b"')) return city(request, signal);
        const body = JSON.parse(text) as { sensors: { sensor: string }[] };
        const others = { sensors: body.sensors.filter(({ sensor }) => sensor !== 'b') };
        if (others.sensors.length > 0) await city({ ...request, body: new TextEncoder().encode(JSON.stringify(others)) }, signal);
        return said(404, 'Events associated with resources [b] have been rejected. See the error details', [detail]);
      };
      await bench.start();
      await bench.clock.advance(5_000);
      expect(bench.values('a')).toEqual(['1', '2', '3', '4']);
      expect(bench.status()).toMatchObject({ state: 'ok', held: [{ sensor: 'b', words: detail }], waitingCount: 4 });
      isRefused = false;
      await bench.clock.advance(HOUR_MS);
      expect(bench.values('b')).toEqual(['1', '2', '3', '4']);
      expect(bench.status()).toMatchObject({ held: [], waitingCount: 0, rejected: {} });
      await bench.stop();
    },
  );

  it('of 200 with Sentilo’s version is the only one that counts as delivered', async () => {
    const bench = new Bench(history('a', 4));
    await bench.start();
    await bench.clock.advance(1_000);
    expect(bench.status()).toMatchObject({ state: 'ok', deliveredCount: 4, waitingCount: 0 });
    expect(bench.traffic).toHaveLength(1);
    await bench.stop();
  });
});
