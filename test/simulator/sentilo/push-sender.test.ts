import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { PushDelivery } from '../../../simulator/sentilo/push-delivery.ts';
import { sendPushes } from '../../../simulator/wire/push-sender.ts';
import { TestClock } from '../../support/test-clock.ts';
import { MESSAGE_WORLD } from './facts/message-world.ts';
import { opened, until } from './raw-client.ts';
import { cityOf } from './support.ts';

/** 17/09/2012T13:34:45.123 UTC. */
const START_MS = 1_347_888_885_123;
const FIRST =
  '{"message":"1","timestamp":"17/09/2012T13:34:45","topic":"/order/rec/s","type":"ORDER","sensor":"s","provider":"rec",' +
  '"time":1347888885123,"publisher":"rec","publishedAt":1347888885123,"publisherTenant":"","tenant":"","sender":"rec"}';

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

interface Received {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A small server that keeps what it receives and answers as it is told. */
async function receiver(answer: (response: ServerResponse) => void): Promise<{ received: Received[]; port: number }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    received.push({ line: `${request.method} ${request.url}`, headers: request.headers, body: Buffer.concat(parts).toString() });
    answer(response);
  });
  opened.push(() => server.closeAllConnections());
  return { received, port: await portOf(server) };
}

/** A city that sends the orders of sensor s to `endpoint` and those of t to `other`, and a way to give some. */
function sending(endpoint: string, other = endpoint): { delivery: PushDelivery; clock: TestClock; order: typeof order } {
  const { city, ask } = cityOf(MESSAGE_WORLD);
  const clock = new TestClock({ ms: START_MS, quality: 'synced' });
  const subscribe = (path: string, to: string) =>
    ask('PUT', path, { endpoint: to, secretCallbackKey: 'hush' }, { nowMs: clock.wall().ms });
  subscribe('/subscribe/order/rec/s', endpoint);
  subscribe('/subscribe/order/rec/t', other);
  const delivery = sendPushes(city, clock);
  opened.push(() => delivery.close());
  const order = (text: string, sensor = 's') => ask('PUT', `/order/rec/${sensor}`, { order: text }, { nowMs: clock.wall().ms });
  return { delivery, clock, order };
}

const messages = (received: readonly Received[]) => received.map(({ body }) => JSON.parse(body).message);

it('posts to the endpoint as it was subscribed, with these headers and this body', async () => {
  const { received, port } = await receiver((response) => response.writeHead(204).end());
  const endpoint = `http://127.0.0.1:${port}/orders/?channel=1`;
  const { order } = sending(endpoint);
  order('1');
  await until(() => received.length === 1);
  const [push] = received;
  expect(push?.line).toBe('POST /orders/?channel=1');
  expect(push?.body).toBe(FIRST);
  const digest = createHash('md5').update(FIRST).digest('base64');
  const signed = `POST\n${digest}\napplication/json\n17/09/2012T13:34:45\n${endpoint}`;
  expect(push?.headers).toEqual({
    host: `127.0.0.1:${port}`,
    connection: 'close',
    'content-type': 'application/json; charset=UTF-8',
    'content-length': '232',
    'user-agent': 'Apache-HttpClient/4.5.13 (Java/17.0.15)',
    'x-sentilo-date': '17/09/2012T13:34:45',
    'x-sentilo-content-hmac': createHmac('sha512', 'hush').update(signed).digest('base64'),
  });
});

it('sends a hundred pushes in their order', async () => {
  const { received, port } = await receiver((response) => response.end('thank you'));
  const { order } = sending(`http://127.0.0.1:${port}`);
  const texts = Array.from({ length: 100 }, (_, at) => String(at));
  for (const text of texts) order(text);
  await until(() => received.length === 100);
  expect(messages(received)).toEqual(texts);
});

it.each([
  ['500', (response: ServerResponse) => response.writeHead(500).end()],
  ['404', (response: ServerResponse) => response.writeHead(404).end()],
  ['a redirect, which is not followed', (response: ServerResponse) => response.writeHead(307, { Location: '/elsewhere' }).end()],
  ['a reset', (response: ServerResponse) => response.socket?.resetAndDestroy()],
  ['something that is not HTTP', (response: ServerResponse) => response.socket?.end('hello\r\n\r\n')],
])('takes %s for a failure and tries again after five minutes', async (_, answer) => {
  let isFirst = true;
  const { received, port } = await receiver((response) => {
    if (isFirst) answer(response);
    else response.end();
    isFirst = false;
  });
  const { order, clock } = sending(`http://127.0.0.1:${port}/`);
  order('1');
  await until(() => clock.timerCount === 1 && received.length === 1);
  await clock.advance(299_999);
  expect(received).toHaveLength(1);
  await clock.advance(1);
  await until(() => received.length === 2);
  expect(received[1]).toMatchObject({ line: 'POST /', headers: { 'x-sentilo-date': '17/09/2012T13:39:45' } });
  expect(received[1]?.body).toBe(FIRST.replace(',"publisher":', ',"retryAttempt":1,"publisher":'));
});

it('lets a slow endpoint delay everybody, for 15 seconds when it hangs', async () => {
  const slow = await receiver(() => {});
  const quick = await receiver((response) => response.end());
  const { order, clock } = sending(`http://127.0.0.1:${slow.port}`, `http://127.0.0.1:${quick.port}`);
  order('1');
  order('2', 't');
  await until(() => slow.received.length === 1);
  await clock.advance(14_999);
  expect(quick.received).toEqual([]);
  await clock.advance(1);
  await until(() => quick.received.length === 1);
  expect(messages(quick.received)).toEqual(['2']);
});

it('waits 15 seconds for each piece of an answer', async () => {
  const { received, port } = await receiver((response) => response.write('part'));
  const { order, clock } = sending(`http://127.0.0.1:${port}`);
  order('1');
  await until(() => received.length === 1);
  order('2');
  await clock.advance(15_000);
  await until(() => received.length === 2);
});

it('tries at once again, for ever, where the peer closes without an answer, and sends nothing else meanwhile', async () => {
  let connections = 0;
  const closing = createTcpServer((socket) => {
    connections += 1;
    socket.on('data', () => socket.end());
    socket.on('error', () => {});
  });
  const quick = await receiver((response) => response.end());
  const { order, clock, delivery } = sending(`http://127.0.0.1:${await portOf(closing)}`, `http://127.0.0.1:${quick.port}`);
  order('1');
  order('2', 't');
  for (let count = 1; count <= 50; count += 1) {
    await until(() => delivery.closedCount === count && clock.timerCount === 1);
    expect(connections).toBe(count);
    // A thousand times a second at most.
    await clock.advance(1);
  }
  expect(quick.received).toEqual([]);
});

it.each(['ring twice', 'ftp://127.0.0.1/', 'http://127.0.0.1:1/'])('goes on after the endpoint %s', async (endpoint) => {
  const { received, port } = await receiver((response) => response.end());
  const { order } = sending(endpoint, `http://127.0.0.1:${port}`);
  order('1');
  order('2', 't');
  await until(() => received.length === 1);
  expect(messages(received)).toEqual(['2']);
});

it('stops in the middle of an attempt', async () => {
  const { received, port } = await receiver(() => {});
  const { order, delivery, clock } = sending(`http://127.0.0.1:${port}`);
  order('1');
  await until(() => received.length === 1);
  await delivery.close();
  expect(clock.timerCount).toBe(0);
});
