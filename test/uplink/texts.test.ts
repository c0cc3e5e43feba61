import { expect, it } from 'vitest';
import { TEXT_BYTES_MAX } from '../../drivers/reading.ts';
import { answerOf, Bench, observation, once } from './support.ts';

/** What JSON has to escape, what a reader could take for a number or a state, and letters beyond ASCII and beyond 16 bits. */
const TEXTS = [
  'say "OK"',
  'C:\\lift',
  '{"state":1}',
  "l'ascensor és obert",
  '电梯 🛗',
  '0012.50',
  'true',
  'null',
  '',
  ' OK',
  '</script>',
];
const said = (sensor: string, texts: readonly string[]) =>
  texts.map((text, i) => observation(sensor, (i - 60) * 1000, text, { unit: '{text}', precision: 1, readingKind: 'state' }));

it('texts are in the city as they are', async () => {
  const bench = new Bench(said('lift', TEXTS));
  await bench.start();
  await bench.clock.advance(10_000);
  expect(bench.values('lift')).toEqual(TEXTS);
  expect(JSON.parse(new TextDecoder().decode(bench.requests[0]?.body))).toMatchObject({
    sensors: [{ sensor: 'lift', observations: TEXTS.map((value) => ({ value })) }],
  });
  await bench.stop();
});

it('texts are known again when an answer was lost, and none is sent twice', async () => {
  // The same text in seconds that follow each other, too.
  const texts = [...TEXTS, 'OK', 'OK', 'OK'];
  const bench = new Bench(said('lift', texts));
  bench.script = once(() => answerOf(500, { code: 500, message: 'Something went wrong' }), 1, true);
  await bench.start();
  await bench.clock.advance(60_000);
  expect(bench.traffic.map(({ method }) => method)).toEqual(['PUT', 'GET']);
  expect(bench.values('lift')).toEqual(texts);
  await bench.stop();
});

it('of texts that were not stored only those are sent again', async () => {
  const bench = new Bench(said('lift', TEXTS));
  let isFirst = true;
  bench.script = async (request, _text, city, signal) => {
    if (!isFirst) return await city(request, signal);
    isFirst = false;
    const { sensors } = JSON.parse(new TextDecoder().decode(request.body));
    const part = { sensors: [{ ...sensors[0], observations: sensors[0].observations.slice(0, 4) }] };
    await city({ ...request, body: new TextEncoder().encode(JSON.stringify(part)) }, signal);
    return answerOf(500, { code: 500, message: 'Something went wrong' });
  };
  await bench.start();
  await bench.clock.advance(60_000);
  expect(bench.traffic.map(({ method, count }) => `${method} ${count}`)).toEqual(['PUT 11', 'GET 0', 'PUT 7']);
  expect(bench.values('lift')).toEqual(TEXTS);
  await bench.stop();
});

it('a text that is too long or cannot be shown is set aside, and the others of the batch are sent', async () => {
  const longest = 'é'.repeat(TEXT_BYTES_MAX / 2);
  const bench = new Bench(said('lift', ['OK', `${longest}x`, longest, 'a\u001b[2J', 'a\u0000b', 'a\u202eb', 'KO']));
  await bench.start();
  await bench.clock.advance(10_000);
  expect(bench.values('lift')).toEqual(['OK', longest, 'KO']);
  expect(bench.status().rejected).toEqual({ 'invalid-value': 4 });
  expect(bench.status().waitingCount).toBe(0);
  await bench.stop();
});
