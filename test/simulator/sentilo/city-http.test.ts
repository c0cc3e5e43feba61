import { describe, expect, it } from 'vitest';
import { HttpError, type HttpRequest } from '../../../gateway/host.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { createCity } from '../../../simulator/sentilo/city.ts';
import { cityHttp } from '../../../simulator/sentilo/city-http.ts';
import { TestClock } from '../../support/test-clock.ts';
import { NOW_MS, WORLD } from './support.ts';

const PUT: HttpRequest = {
  method: 'PUT',
  url: 'http://city.example/data/rec/s',
  headers: { IDENTITY_KEY: 'rec-token' },
  body: Buffer.from('{"observations":[{"value":"1"},{"value":"2"}]}'),
  timeoutMs: 15_000,
  responseBytesMax: 10_000,
};
const GET: HttpRequest = { ...PUT, method: 'GET', url: 'http://city.example/data/rec/s?limit=5', body: new Uint8Array() };

function network(faults: readonly Fault[] = [], latencyMs = 100, random = () => 0) {
  const city = createCity(WORLD);
  const clock = new TestClock({ ms: NOW_MS, quality: 'synced' });
  const http = cityHttp(city, clock, { faults, latencyMs, random });
  /** The answer or the error, and when it came. */
  function send(request: HttpRequest, abort: AbortSignal = new AbortController().signal) {
    const done = http(request, abort).then(
      (answer) => ({ answer, atMs: clock.monotonicMs() }),
      (error: unknown) => ({ error, atMs: clock.monotonicMs() }),
    );
    return clock.run(done);
  }
  return { city, clock, send };
}

function fault(kind: Extract<Fault, { at: 'city' }>['kind'], more: object = {}): Fault {
  return { at: 'city', kind, rate: 1, fromMs: 0, toMs: 1_000_000, ...more };
}

describe('the city under virtual time', () => {
  it('answers after the latency, with header names in lower case', async () => {
    const { city, send } = network();
    expect(await send(PUT)).toMatchObject({ answer: { status: 200, headers: { 'x-sentilo-version': '2.0.0' } }, atMs: 100 });
    // It acted half way.
    expect(city.observations('rec').map((one) => one.arrivalMs)).toEqual([NOW_MS + 50, NOW_MS + 50]);
    const read = await send(GET);
    expect(JSON.parse(Buffer.from('answer' in read ? read.answer.body : []).toString()).observations).toHaveLength(2);
  });

  it('dates its answers by its own clock, at the moment at which it acts', async () => {
    const { clock, send } = network([], 2 * 123_456);
    const actedMs = NOW_MS + clock.monotonicMs() + 123_456;
    const slow = { ...GET, timeoutMs: 1_000_000 };
    expect(await send(slow)).toMatchObject({ answer: { headers: { date: new Date(actedMs).toUTCString() } } });
  });

  it.each([
    ['refuse', 'ECONNREFUSED', false, 0],
    ['timeout', 'TIMEOUT', true, 0],
    ['cut-request', 'ECONNRESET', true, 0],
    ['drop-answer', 'ECONNRESET', true, 2],
    ['cut-answer', 'ECONNRESET', true, 2],
    ['long-answer', 'TOO_LONG', true, 2],
    ['garbage', 'BAD_ANSWER', true, 0],
  ] as const)('fails by %s as %s, and it may have been sent: %s', async (kind, code, maybeSent, storedCount) => {
    const { city, send } = network([fault(kind)]);
    const result = await send(PUT);
    expect(result).toMatchObject({ error: { code, maybeSent }, atMs: kind === 'timeout' ? 15_000 : expect.any(Number) });
    expect('error' in result && result.error).toBeInstanceOf(HttpError);
    expect(city.observations('rec')).toHaveLength(storedCount);
  });

  it('gives a page of something else for half of the garbage', async () => {
    const result = await network([fault('garbage')], 100, () => 0.7).send(PUT);
    expect(result).toMatchObject({ answer: { status: 200, headers: { 'content-type': 'text/html' } } });
  });

  it.each([
    ['status', { status: 503 }, 503, 0],
    ['status', {}, 500, 0],
    ['partial', {}, 500, 1],
    ['forget-sensors', {}, 404, 0],
  ] as const)('answers a request in the fault %s %j with %i', async (kind, more, status, storedCount) => {
    const { city, send } = network([fault(kind, more)], 100, () => 0.5);
    expect(await send(PUT)).toMatchObject({ answer: { status } });
    expect(city.observations('rec')).toHaveLength(storedCount);
  });

  it('meets a fault only within its time and at its rate', async () => {
    expect(await network([fault('refuse', { fromMs: 1 })]).send(PUT)).toMatchObject({ answer: { status: 200 } });
    expect(await network([fault('refuse', { toMs: 0 })]).send(PUT)).toMatchObject({ answer: { status: 200 } });
    expect(await network([fault('refuse', { rate: 0.3 })], 100, () => 0.4).send(PUT)).toMatchObject({ answer: { status: 200 } });
    expect(await network([fault('refuse', { rate: 0.5 })], 100, () => 0.4).send(PUT)).toMatchObject({
      error: { code: 'ECONNREFUSED' },
    });
  });

  it('times out when the way there and back is longer than the client waits', async () => {
    const { city, send } = network([], 20_000);
    expect(await send(PUT)).toMatchObject({ error: { code: 'TIMEOUT', maybeSent: true }, atMs: 15_000 });
    expect(city.observations('rec')).toHaveLength(2);
  });

  it('a slow city takes longer and acts half way', async () => {
    const { city, send } = network([fault('slow', { byMs: 2_000 })]);
    expect(await send(PUT)).toMatchObject({ answer: { status: 200 }, atMs: 2_100 });
    expect(city.observations('rec').map((one) => one.arrivalMs)).toEqual([NOW_MS + 1_050, NOW_MS + 1_050]);
    // It acts although the client is gone by the time of the answer.
    const late = network([fault('slow', { byMs: 20_000 })]);
    expect(await late.send(PUT)).toMatchObject({ error: { code: 'TIMEOUT', maybeSent: true }, atMs: 15_000 });
    expect(late.city.observations('rec')).toHaveLength(2);
  });

  it('refuses to give an answer that is longer than the client takes', async () => {
    expect(await network().send({ ...GET, responseBytesMax: 5 })).toMatchObject({ error: { code: 'TOO_LONG', maybeSent: true } });
  });

  it('ends with the reason of the signal and leaves no timer behind', async () => {
    const { clock, city, send } = network();
    expect(await send(PUT, AbortSignal.abort('stop'))).toMatchObject({ error: 'stop' });
    const controller = new AbortController();
    const pending = send(PUT, controller.signal);
    controller.abort('stop');
    expect(await pending).toMatchObject({ error: 'stop' });
    expect(clock.timerCount).toBe(0);
    expect(city.requestCount).toBe(0);
  });
});
