import * as http from 'node:http';
import type { Clock } from '../../drivers/clock.ts';
import type { City } from '../sentilo/city.ts';
import { deliverPushes, PUSH_TIMEOUT_MS, type PushDelivery, type PushOutcome } from '../sentilo/push-delivery.ts';
import type { Push } from '../sentilo/push-queue.ts';

/** What is read of an answer's body, which nobody looks at. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/**
 * Sends the pushes of a city over HTTP and HTTPS (sentilo.md §2.1): no redirect is followed, and the certificate of the
 * subscriber must be one that Node trusts.
 *
 * @param clock every timeout goes through it; its wall clock is the city's
 */
export function sendPushes(city: City, clock: Clock): PushDelivery {
  return deliverPushes(city.pushes, clock, (push, signal) => post(push, clock, signal));
}

async function post(push: Push, clock: Clock, signal: AbortSignal): Promise<PushOutcome> {
  // The city takes any text as an endpoint, and finds out only here.
  const protocol = URL.canParse(push.url) ? new URL(push.url).protocol : '';
  if (protocol !== 'http:' && protocol !== 'https:') return 'failed';
  const client = protocol === 'https:' ? await import('node:https') : http;
  if (signal.aborted) return 'failed';
  return await new Promise((resolve) => {
    const request = client.request(push.url, {
      method: push.method,
      agent: false,
      headers: { ...push.headers, 'Content-Length': push.body.length, Connection: 'close' },
    });
    let cancel = () => {};
    const finish = (outcome: PushOutcome) => {
      cancel();
      signal.removeEventListener('abort', onAbort);
      request.destroy();
      resolve(outcome);
    };
    const onAbort = () => finish('failed');
    /** Each step may take as long: the connection, the head of the answer, each piece of its body. */
    const wait = () => {
      cancel();
      cancel = clock.timer(PUSH_TIMEOUT_MS, () => finish('failed'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    request.on('socket', (socket) => {
      socket.on('connect', wait);
      // Ahead of Node's own listener, which makes an error of it: a reset is told apart from an end without an answer.
      socket.prependOnceListener('end', () => {
        if (socket.bytesRead === 0) finish('closed');
      });
    });
    request.on('error', () => finish('failed'));
    request.on('response', (response) => takeAnswer(response, wait, finish));
    wait();
    request.end(push.body);
  });
}

/** An answer counts once its body is there, too. */
function takeAnswer(response: http.IncomingMessage, wait: () => void, finish: (outcome: PushOutcome) => void): void {
  let sizeBytes = 0;
  const status = response.statusCode ?? 0;
  wait();
  response.on('data', (bytes: Buffer) => {
    sizeBytes += bytes.length;
    if (sizeBytes > ANSWER_BYTES_MAX) finish(status);
    else wait();
  });
  response.on('end', () => finish(status));
  response.on('error', () => finish('failed'));
}
