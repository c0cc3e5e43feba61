// What is refused again and again stands in nobody's way, and what somebody on the way refuses is not taken for the city's word.

import { describe, expect, it } from 'vitest';
import { openOutbox } from '../../gateway/alarms/outbox.ts';
import { openAlarmService } from '../../gateway/uplink/alarm-service.ts';
import { openAlertCatalog } from '../../gateway/uplink/alert-catalog.ts';
import { maskOf } from '../../gateway/uplink/answer.ts';
import { openSentilo } from '../../gateway/uplink/sentilo.ts';
import { answerOf, Bench, history, OWN_TIME, observation, refusing, SIE03, TOKEN } from './support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HTML = { 'content-type': 'text/html' };
const BLOCKED = '<html>This was blocked</html>';
const BAD_DATA = { code: 400, message: SIE03 };

it('sensors that are registered later are delivered beside one whose readings are all refused', { timeout: 60_000 }, async () => {
  const bench = new Bench();
  for (const sensor of ['b', 'c', 'd']) bench.unknown.add(sensor);
  bench.script = (request, text, city, signal) =>
    request.method === 'PUT' && text.includes('"sensor":"a"') ? answerOf(400, BAD_DATA) : city(request, signal);
  await bench.start();
  for (let minute = 0; minute < 6 * 60; minute += 1) {
    if (minute === 5) bench.unknown.clear();
    const atMs = bench.clock.monotonicMs();
    await bench.append(...['a', 'b', 'c', 'd'].map((sensor) => observation(sensor, atMs, minute)));
    await bench.clock.advance(MINUTE_MS);
  }
  for (const sensor of ['b', 'c', 'd']) expect(bench.values(sensor).length).toBeGreaterThan(330);
  expect(bench.status().held.map(({ sensor }) => sensor)).toEqual(['a']);
  await bench.stop();
});

describe('what a proxy refuses in its own name', () => {
  it.each([403, 406, 408])('with %i, and the city stores 20 s later, is there once', async (status) => {
    const bench = new Bench(history('a', 12));
    let isFirst = true;
    bench.script = async (request, _text, city, signal) => {
      if (request.method !== 'PUT' || !isFirst) return city(request, signal);
      isFirst = false;
      void bench.pause(20_000, new AbortController().signal).then(() => city(request, signal));
      return answerOf(status, BLOCKED, HTML);
    };
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(bench.values()).toHaveLength(12);
    await bench.stop();
  });

  it.each([
    ['a quota', () => answerOf(429, { code: 429, message: 'quota' }, { 'x-ratelimit-inbound-reset': '5' })],
    ['words of the city', () => answerOf(404, { code: 404, message: 'x' })],
    ['another page', () => answerOf(401, '<html/>', HTML)],
  ])('after it was stored is there once, also where a question about it ends with %s', async (_name, said) => {
    const bench = new Bench(history('a', 12));
    let [putCount, getCount] = [0, 0];
    bench.script = async (request, _text, city, signal) => {
      if (request.method === 'PUT' && ++putCount === 1) {
        await city(request, signal);
        return answerOf(403, BLOCKED, HTML);
      }
      if (request.method === 'GET' && ++getCount === 1) return said();
      return city(request, signal);
    };
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(bench.values()).toHaveLength(12);
    await bench.stop();
  });

  it('ends nothing while the own disk refuses', async () => {
    const bench = new Bench([observation('bad id', -5000, 1), ...history('a', 3)]);
    bench.script = (request, _text, city, signal) => {
      if (bench.clock.monotonicMs() > 10 * MINUTE_MS) return city(request, signal);
      if (request.method === 'GET' && bench.clock.monotonicMs() < MINUTE_MS) bench.journal.failing = true;
      return answerOf(403, BLOCKED, HTML);
    };
    await bench.start();
    await bench.clock.advance(MINUTE_MS);
    bench.journal.failing = false;
    await bench.clock.advance(HOUR_MS);
    expect(bench.failures).toEqual([]);
    expect(bench.values()).toHaveLength(3);
    await bench.stop();
  });

  it('says nothing of an alarm', async () => {
    const options = { config: { url: 'http://city.test', provider: 'p' }, token: 't', mask: maskOf('t'), userAgent: 'barri' };
    const service = openAlarmService({ http: async () => answerOf(404, BLOCKED, HTML) }, options);
    expect(await service.look('a', 'm', new AbortController().signal)).toHaveProperty('problem');
  });
});

describe('while all readings are refused as bad data', () => {
  it('none is lost for an alarm that is taken', async () => {
    const bench = new Bench(history('a', 20));
    bench.script = (request, _text, city, signal) => (request.method === 'PUT' ? answerOf(400, BAD_DATA) : city(request, signal));
    const host: typeof bench.host = {
      ...bench.host,
      http: async (request, signal) =>
        request.url.includes('/alarm/')
          ? answerOf(200, undefined, { 'x-sentilo-version': '2' })
          : bench.host.http(request, signal),
    };
    const outbox = openOutbox();
    const stop = new AbortController();
    const uplink = await openSentilo(bench.config, TOKEN, host, bench.journal, OWN_TIME, { outbox });
    const run = uplink.run(stop.signal);
    for (let i = 0; i < 10; i += 1) {
      outbox.add({ id: `x${i}`, alert: 'al', message: `m${i}`, bornMs: bench.clock.monotonicMs(), isDoubtful: false });
      await bench.clock.advance(10 * MINUTE_MS);
    }
    expect(uplink.status().rejected).toEqual({});
    stop.abort(new Error('the test is over'));
    await bench.clock.run(run);
  });

  it('none is lost for a sensor that is probed and unknown', async () => {
    const bench = new Bench();
    bench.unknown.add('u');
    bench.script = (request, text, city, signal) =>
      request.method === 'PUT' && !text.includes('"sensor":"u"') ? answerOf(400, BAD_DATA) : city(request, signal);
    await bench.start();
    await bench.append(observation('u', 0, 1));
    await bench.clock.advance(5_000);
    for (let i = 0; i < 60; i += 1) {
      await bench.append(observation('a', bench.clock.monotonicMs(), i));
      await bench.clock.advance(MINUTE_MS);
    }
    expect(bench.status().rejected).toEqual({});
    await bench.stop();
  });
});

it('one connection that is cut makes no suspect of a good sensor beside a refused reading', async () => {
  const bench = new Bench(Array.from({ length: 16 }, (_, i) => observation(`s${i}`, -1000, i === 15 ? 37 : 100 + i)));
  let isCut = false;
  const refuse = refusing('37');
  bench.script = (request, text, city, signal) => {
    const isTheOne = request.method === 'PUT' && text.includes('"sensor":"s14"') && !text.includes('"sensor":"s15"');
    if (!isTheOne || isCut) return refuse(request, text, city, signal);
    isCut = true;
    return answerOf(502, '<html/>', HTML);
  };
  await bench.start();
  await bench.clock.advance(30 * MINUTE_MS);
  expect(isCut).toBe(true);
  expect(bench.logged.filter(({ code }) => code === 'city-sensor-suspected')).toEqual([]);
  await bench.stop();
});

it('alerts that were created before the city failed are told', async () => {
  const options = { config: { url: 'http://city.test', provider: 'p' }, token: 't', mask: maskOf('t'), userAgent: 'barri' };
  let count = 0;
  const http = async () =>
    ++count === 1 ? answerOf(200, undefined, { 'x-sentilo-version': '2' }) : answerOf(502, BLOCKED, HTML);
  const told: string[] = [];
  const alerts = ['a', 'b'].map((id) => ({ id, alarms: [] }));
  const creating = openAlertCatalog({ http }, options).create(
    alerts,
    (_step, ids) => told.push(...ids),
    new AbortController().signal,
  );
  await expect(creating).rejects.toMatchObject({ applied: { created: ['a'] } });
  expect(told).toEqual(['a']);
});
