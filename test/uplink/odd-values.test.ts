// What the city answers may be anything: what is no value is garbage, and ends nothing.

import { expect, it } from 'vitest';
import { openAlarmService } from '../../gateway/uplink/alarm-service.ts';
import { maskOf } from '../../gateway/uplink/answer.ts';
import { answerOf, Bench, history } from './support.ts';

/** To make a text of it throws. */
const NO_TEXT = { toString: 1, valueOf: 1 };
const VERSION = { 'x-sentilo-version': '2.0.0' };

it.each([NO_TEXT, null, [], {}])('a read-back with the value %j is no answer, and is asked for again', async (value) => {
  const bench = new Bench(history('a', 3));
  let isLost = false;
  let oddCount = 2;
  bench.script = (request, _text, city, signal) => {
    if (request.method === 'PUT' && !isLost) {
      isLost = true;
      return answerOf(500, { code: 500, message: 'Something went wrong' });
    }
    if (request.method === 'PUT' || oddCount === 0) return city(request, signal);
    oddCount -= 1;
    return answerOf(200, { observations: [{ value, timestamp: 'x', time: 1_795_608_000_000 }] }, VERSION);
  };
  await bench.start();
  await bench.clock.advance(120_000);
  expect(bench.failures).toEqual([]);
  expect(oddCount).toBe(0);
  expect(bench.values()).toEqual(['1', '2', '3']);
  await bench.stop();
});

it('an alarm whose message is no text is none of ours', async () => {
  const service = openAlarmService(
    { http: async () => answerOf(200, { alarms: [{ message: NO_TEXT }] }, VERSION) },
    { config: { url: 'http://city.test', provider: 'p' }, token: 't', mask: maskOf('t'), userAgent: 'barri' },
  );
  await expect(service.look('a', 'm', new AbortController().signal)).resolves.toEqual({ isThere: false });
});
