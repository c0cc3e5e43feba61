// One sensor with which requests fail, for whatever reason and whoever says so, must never keep the others from being delivered.

import { describe, expect, it } from 'vitest';
import { HttpError, type HttpResponse } from '../../gateway/host.ts';
import { answerOf, Bench, history, numbers, observation, type Script, sensorsOf, upTo } from './support.ts';

const MINUTE_MS = 60_000;
const INTERNAL = answerOf(500, { code: 500, message: 'Something went wrong.' });

type Failure = () => HttpResponse | Promise<HttpResponse>;

function lost(code: string): Failure {
  return () => {
    throw new HttpError(code, true, `the answer was lost: ${code}`);
  };
}

/** What happens to a PUT that holds `sensor`; `stored` says which other sensors of it the city stores first. */
function failing(sensor: string, failure: Failure, stored: 'none' | 'before' | 'others' = 'none'): Script {
  return async (request, _text, city, signal) => {
    const sent = request.method === 'PUT' ? sensorsOf(request.body ?? new Uint8Array()) : [];
    const at = sent.findIndex((one) => one.sensor === sensor);
    if (at < 0) return city(request, signal);
    const others = { none: [], before: sent.slice(0, at), others: sent.filter((one) => one.sensor !== sensor) }[stored];
    if (others.length > 0)
      await city({ ...request, body: new TextEncoder().encode(JSON.stringify({ sensors: others })) }, signal);
    return failure();
  };
}

/** Measures these every minute; the value is the number of the minute. */
async function measure(bench: Bench, sensors: readonly string[], from: number, to: number): Promise<void> {
  for (let minute = from; minute < to; minute++) {
    const atMs = bench.clock.monotonicMs();
    await bench.append(...sensors.map((sensor) => observation(sensor, atMs, minute)));
    await bench.clock.advance(MINUTE_MS);
  }
}

const html = (status: number) => () => answerOf(status, '<html>Blocked.</html>', { 'content-type': 'text/html' });

describe('a sensor with which every request fails', () => {
  const kinds: readonly (readonly [string, Failure, ('none' | 'before' | 'others')?])[] = [
    ['500 and nothing is stored', () => INTERNAL],
    ['500 and what stands before it is stored', () => INTERNAL, 'before'],
    ['404 that names no sensor', () => answerOf(404, { code: 404, message: 'rejected' }), 'others'],
    ['a reset', lost('ECONNRESET')],
    ['a timeout', lost('TIMEOUT')],
    ...[403, 406, 418, 500, 502, 503, 504, 520].map((status) => [`a page with ${status}`, html(status)] as const),
    ['a page with 200', html(200)],
  ];
  const orders = [['a', 'b'], ['b', 'a'], ['a', 'b', 'c'], ['b', 'a', 'c'], ['b', 'c', 'a'], [...'abcdefghijk']];
  const rows = kinds.flatMap(([name, failure, stored]) => orders.map((order) => ({ name, order, failure, stored })));

  it.each(rows)('($name; $order) is found, and the others are delivered', async ({ order, failure, stored }) => {
    const bench = new Bench();
    bench.script = failing('a', failure, stored);
    await bench.start();
    await measure(bench, order, 0, 6 * 60);
    const good = order.filter((sensor) => sensor !== 'a');
    for (const sensor of good) expect(numbers(bench, sensor).slice(0, 355)).toEqual(upTo(355));
    expect(bench.values('a')).toEqual([]);
    expect(bench.status()).toMatchObject({ state: 'ok', held: [{ sensor: 'a' }], rejected: {} });
    // What is new goes at once again, and each minute brings hardly more than the request for it.
    const before = bench.puts().length;
    await measure(bench, order, 360, 420);
    expect(bench.puts().length - before).toBeLessThan(60 + 130);
    for (const { timestampMs, arrivalMs } of good.flatMap((sensor) => bench.stored(sensor).slice(-50)))
      expect(arrivalMs - timestampMs).toBeLessThan(5_000);
    bench.script = undefined;
    await bench.clock.advance(2 * 60 * MINUTE_MS);
    for (const sensor of order) expect(numbers(bench, sensor)).toEqual(upTo(420));
    expect(bench.status()).toMatchObject({ held: [], waitingCount: 0 });
    await bench.stop();
  });
});

describe('a path that loses long requests', () => {
  it('delivers everything in short ones', async () => {
    const bench = new Bench(history('a', 1000));
    bench.script = (request, _text, city, signal) => {
      if ((request.body?.length ?? 0) <= 1300) return city(request, signal);
      return bench.pause(15_000, signal).then(lost('TIMEOUT'));
    };
    await bench.start();
    await measure(bench, ['b'], 0, 6 * 60);
    expect(numbers(bench, 'a')).toEqual(upTo(1001).slice(1));
    expect(numbers(bench, 'b').slice(0, 355)).toEqual(upTo(355));
    await bench.stop();
  });
});

describe('a value with which every request fails', () => {
  /** A request fails that holds one of these values of sensor a. */
  const failingAt =
    (bad: readonly string[], failure: Failure): Script =>
    async (request, _text, city, signal) => {
      const sent = request.method === 'PUT' ? sensorsOf(request.body ?? new Uint8Array()) : [];
      const values = sent
        .filter(({ sensor }) => sensor === 'a')
        .flatMap(({ observations }) => observations.map(({ value }) => value));
      return values.some((value) => bad.includes(value)) ? failure() : city(request, signal);
    };
  const failures: readonly (readonly [string, Failure])[] = [
    ['500', () => INTERNAL],
    ['a reset', lost('ECONNRESET')],
    ['a page with 403', html(403)],
  ];
  const rows = failures.flatMap(([name, failure]) =>
    [['a'], ['a', 'b'], ['b', 'a']].flatMap((order) =>
      [[30], [30, 31, 32, 90, 91, 200]].map((bad) => ({ name, order, bad, failure })),
    ),
  );

  it.each(rows)('($name at $bad; $order) waits, and the others of its sensor are delivered', async ({ order, bad, failure }) => {
    const bench = new Bench();
    bench.script = failingAt(bad.map(String), failure);
    await bench.start();
    await measure(bench, order, 0, 6 * 60);
    await bench.clock.advance(60 * MINUTE_MS);
    expect(numbers(bench, 'a')).toEqual(upTo(360).filter((minute) => !bad.includes(minute)));
    if (order.includes('b')) expect(numbers(bench, 'b')).toEqual(upTo(360));
    expect(bench.status()).toMatchObject({ waitingCount: bad.length, rejected: {} });
    bench.script = undefined;
    await bench.clock.advance(60 * MINUTE_MS);
    for (const sensor of order) expect(numbers(bench, sensor)).toEqual(upTo(360));
    expect(bench.status()).toMatchObject({ held: [], waitingCount: 0 });
    await bench.stop();
  });
});

it('what a suspect lost while later ones of it passed is sent when it is known to be lost', async () => {
  const bench = new Bench();
  let isLosing = false;
  bench.script = (request, text, city, signal) => {
    const ofC = request.method === 'PUT' && text.includes('"sensor":"c"');
    if (ofC && text.includes('"value":"13"') && bench.clock.monotonicMs() < 2 * MINUTE_MS) return INTERNAL;
    if (ofC && isLosing && !text.includes('"sensor":"a"') && text.split('"value"').length > 2) {
      isLosing = false;
      return answerOf(502, '<html>', {});
    }
    return city(request, signal);
  };
  await bench.start();
  for (let second = 0; second < 400; second++) {
    await bench.append(...['a', 'b', 'c'].map((sensor) => observation(sensor, second * 1000, second)));
    if (second === 200) isLosing = true;
    await bench.clock.advance(1000);
  }
  expect(isLosing).toBe(false);
  expect(numbers(bench, 'c').slice(0, 350)).toEqual(upTo(350));
  await bench.stop();
});
