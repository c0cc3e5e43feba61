import { expect, test } from 'vitest';
import { fewConnections } from '../../gateway/uplink/few-connections.ts';
import { TestClock } from '../support/test-clock.ts';
import { answerOf } from './support.ts';

const REQUEST = { method: 'GET', url: 'http://city.test/', headers: {}, timeoutMs: 1000, responseBytesMax: 1000 } as const;

// The city serves ten connections at a time, of everybody: a gateway has two at most (sentilo.md §1.1).
test('of twenty requests two are made at a time, and all are, the others aborted or not', async () => {
  const clock = new TestClock();
  let [open, most, done] = [0, 0, 0];
  const http = fewConnections(async () => {
    open += 1;
    most = Math.max(most, open);
    await new Promise<void>((resolve) => clock.timer(5, resolve));
    open -= 1;
    done += 1;
    return answerOf(200);
  });
  const stop = new AbortController();
  const asked = Array.from({ length: 20 }, (_, at) => http(REQUEST, at % 4 === 3 ? stop.signal : new AbortController().signal));
  stop.abort(new Error('stop'));
  const outcomes = Promise.allSettled(asked);
  await clock.advance(1000);
  const refused = (await outcomes).filter(({ status }) => status === 'rejected');
  expect({ most, done, refused: refused.length }).toEqual({ most: 2, done: 15, refused: 5 });
});
