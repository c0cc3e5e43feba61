import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../../simulator/faults.ts';
import { type City, createCity } from '../../../simulator/sentilo/city.ts';
import { type CityServer, type ServedRequest, type ServeOptions, serveCity } from '../../../simulator/wire/sentilo-server.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Client, opened, until } from './raw-client.ts';
import { NOW_MS, SIE03, WORLD } from './support.ts';

const TOKEN = 'IDENTITY_KEY: rec-token\r\n';
const GET = `GET /data/rec/s HTTP/1.1\r\nHost: city\r\n${TOKEN}\r\n`;
const BODY = '{"observations":[{"value":"1"}]}';
const PUT_HEAD = `PUT /data/rec/s HTTP/1.1\r\n${TOKEN}Content-Length: ${BODY.length}\r\n`;

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Served {
  readonly city: City;
  readonly clock: TestClock;
  readonly server: CityServer;
  readonly log: ServedRequest[];
}

async function serve(options: Partial<ServeOptions> = {}): Promise<Served> {
  const city = createCity(WORLD);
  const clock = new TestClock({ ms: NOW_MS, quality: 'synced' });
  const log: ServedRequest[] = [];
  const server = await serveCity(city, { host: '127.0.0.1', port: 0, clock, log: (one) => log.push(one), ...options });
  opened.push(() => server.close());
  return { city, clock, server, log };
}

async function ask(port: number, request: string | Uint8Array): Promise<Client> {
  const client = new Client(port);
  client.socket.write(request);
  await until(() => client.end !== 'open');
  return client;
}

describe('one request for each connection (sentilo.md §1.1)', () => {
  it('answers and closes, with date and length and no word about the connection', async () => {
    const { server, log } = await serve();
    const client = await ask(server.port, GET);
    expect(client.end).toBe('ended');
    expect(client.text).toBe(
      'HTTP/1.1 200 OK\r\n' +
        'Date: Mon, 17 Sep 2012 13:34:45 GMT\r\n' +
        'Content-Type: application/json; charset=UTF-8\r\n' +
        'X-Sentilo-Version: 2.0.0\r\n' +
        'Content-Length: 19\r\n\r\n{"observations":[]}',
    );
    expect(log).toEqual([
      { wallMs: NOW_MS, tookMs: 0, method: 'GET', target: '/data/rec/s', bodyBytes: 0, entity: 'rec', status: 200 },
    ]);
  });

  it.each([
    ['echoing what the client says', `GET /data/rec HTTP/1.1\r\n${TOKEN}Connection: keep-alive\r\n\r\n`, 200, 'keep-alive'],
    ['saying nothing with a 401', 'GET /data/rec HTTP/1.1\r\n\r\n', 401, undefined],
    ['saying nothing with a 404', `GET /nothing HTTP/1.1\r\n${TOKEN}\r\n`, 404, undefined],
    ['saying nothing with a 500', 'PATCH /data HTTP/1.1\r\n\r\n', 500, undefined],
    ['saying Close with a 400', `GET /data HTTP/1.1\r\n${TOKEN}\r\n`, 400, 'Close'],
    ['saying Close with a 400 that wants none', `GET /data HTTP/1.1\r\n${TOKEN}Connection: keep-alive\r\n\r\n`, 400, 'Close'],
  ])('answers, %s, about the connection', async (_, request, status, connection) => {
    const { server } = await serve();
    const client = await ask(server.port, request);
    expect(client.status).toBe(status);
    expect(/^Connection: (.*)\r$/m.exec(client.text)?.[1]).toBe(connection);
  });

  it('throws a second, pipelined request away', async () => {
    const { server, city } = await serve();
    const client = await ask(server.port, GET + GET);
    expect(client.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(city.requestCount).toBe(1);
  });

  it.each([
    ['HTTP/1.0 without Host', `GET /data/rec/s HTTP/1.0\r\n${TOKEN}\r\n`],
    ['bare line feeds', `GET /data/rec/s HTTP/1.1\n${TOKEN.replace('\r', '')}\n`],
    ['an absolute target', `GET http://city/data/rec/s HTTP/1.1\r\n${TOKEN}\r\n`],
    ['a header of 20 kB', `GET /data/rec/s HTTP/1.1\r\n${TOKEN}X: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['a target of 20 kB', `GET /data/rec/s?x=${'x'.repeat(20_000)} HTTP/1.1\r\n${TOKEN}\r\n`],
    ['a second token, which does not count', `GET /data/rec/s HTTP/1.1\r\n${TOKEN}IDENTITY_KEY: other\r\n\r\n`],
  ])('serves %s', async (_, request) => {
    const { server } = await serve();
    expect((await ask(server.port, request)).status).toBe(200);
  });

  it.each([
    ['a made-up verb', 'BREW /data HTTP/1.1\r\n\r\n', 501, 'BREW method not supported'],
    ['no request line', 'hello\r\n\r\n', 400, 'Invalid request line: hello'],
    ['a header without colon', 'GET / HTTP/1.1\r\nhello\r\n\r\n', 400, 'Invalid header: hello'],
  ])('answers %s in plain text', async (_, request, status, body) => {
    const { server, city } = await serve();
    const client = await ask(server.port, request);
    expect(client).toMatchObject({ status, body });
    expect(client.text).toContain('Content-Type: text/plain');
    expect(client.text).toContain('Connection: Close');
    expect(city.requestCount).toBe(0);
  });

  it('answers a HEAD with a head', async () => {
    const { server } = await serve();
    expect(await ask(server.port, 'HEAD /data/rec HTTP/1.1\r\n\r\n')).toMatchObject({ status: 500, body: '' });
  });
});

describe('the body of a request', () => {
  const chunked = `PUT /data/rec/s HTTP/1.1\r\n${TOKEN}Transfer-Encoding: chunked\r\n\r\n`;

  it.each([
    ['of a known length', `${PUT_HEAD}\r\n${BODY}`],
    [
      'in chunks',
      `${chunked}5;x=y\r\n${BODY.slice(0, 5)}\r\n${(BODY.length - 5).toString(16)}\r\n${BODY.slice(5)}\r\n0\r\nTrailer: x\r\n\r\n`,
    ],
  ])('is taken %s', async (_, request) => {
    const { server, city } = await serve();
    expect((await ask(server.port, request)).status).toBe(200);
    expect(city.observations('rec')).toMatchObject([{ sensor: 's', value: '1' }]);
  });

  it('is asked for when the client waits to be asked', async () => {
    const { server } = await serve();
    const client = new Client(server.port);
    client.socket.write(`${PUT_HEAD}Expect: 100-continue\r\n\r\n`);
    await until(() => client.text !== '');
    expect(client.text).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write(BODY);
    await until(() => client.end === 'ended');
    expect(client.text).toContain('HTTP/1.1 200 OK');
  });

  it('of five megabytes is taken in before a refusal, so that it arrives', async () => {
    const { server } = await serve();
    const head = 'PUT /data/rec HTTP/1.1\r\nIDENTITY_KEY: xyz\r\nContent-Length: 5000000\r\n\r\n';
    const client = await ask(server.port, head + 'x'.repeat(5_000_000));
    expect(client).toMatchObject({ status: 401, end: 'ended' });
  });

  it('of a DELETE is not waited for', async () => {
    const { server } = await serve();
    expect((await ask(server.port, `DELETE /data/rec/s HTTP/1.1\r\n${TOKEN}Content-Length: 10\r\n\r\n`)).status).toBe(200);
  });

  it('with a broken chunk is refused', async () => {
    const { server } = await serve();
    expect((await ask(server.port, `${chunked}zz\r\n`)).status).toBe(400);
  });

  it('cut short by the client is answered 400 and not stored', async () => {
    const { server, city } = await serve();
    const client = new Client(server.port);
    client.socket.end(`${PUT_HEAD}\r\n${BODY.slice(0, -3)}`);
    await until(() => client.end !== 'open');
    const { message, errorDetails } = JSON.parse(client.body);
    expect(message).toBe(SIE03);
    expect(errorDetails[0]).toMatch(/^org\.apache\.http\.ConnectionClosedException/);
    expect(city.observations('rec')).toEqual([]);
  });

  it('that came whole is stored although the client is gone before the answer', async () => {
    const { server, city } = await serve();
    const client = new Client(server.port);
    client.socket.write(`${PUT_HEAD}\r\n${BODY}`, () => client.socket.resetAndDestroy());
    await until(() => city.requestCount === 1);
    expect(city.observations('rec')).toHaveLength(1);
  });
});

describe('slow clients', () => {
  it('are dropped without an answer when the head stalls for five seconds', async () => {
    const { server, clock } = await serve();
    const client = new Client(server.port);
    client.socket.write('GET /data/rec HTTP/1.1\r\n');
    await until(() => clock.timerCount === 1);
    await until(() => client.socket.bytesWritten > 0);
    await clock.advance(4_999);
    expect(client.end).toBe('open');
    // The bytes may have arrived in the meantime and started a new wait.
    while (client.end === 'open') {
      await clock.advance(5_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.text).toBe('');
  });

  it('are answered 400 about ten seconds after the body stalls', async () => {
    const { server, clock, city } = await serve();
    const client = new Client(server.port);
    client.socket.write(`${PUT_HEAD}\r\n${BODY.slice(0, 5)}`);
    const startMs = clock.monotonicMs();
    while (client.end === 'open') {
      if (clock.timerCount > 0) await clock.advance(500);
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.status).toBe(400);
    expect(JSON.parse(client.body).errorDetails[0]).toMatch(/^java\.net\.SocketTimeoutException/);
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(10_000);
    expect(city.observations('rec')).toEqual([]);
  });

  it('are served as long as a byte comes in each five seconds', async () => {
    const { server, clock, city } = await serve();
    const client = new Client(server.port);
    client.socket.setNoDelay(true);
    client.socket.write(`${PUT_HEAD}\r\n`);
    for (const sign of BODY) {
      client.socket.write(sign);
      // The server has taken the byte when it waits anew.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(1_000);
    }
    await until(() => client.end === 'ended');
    expect(client.status).toBe(200);
    expect(city.observations('rec')).toHaveLength(1);
  });
});

describe('ten workers', () => {
  it('are held by idle connections, until those are dropped', async () => {
    const { server, clock } = await serve();
    const idle = Array.from({ length: 10 }, () => new Client(server.port));
    await until(() => clock.timerCount === 10);
    const client = new Client(server.port);
    client.socket.write(GET);
    await clock.advance(4_999);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(client.text).toBe('');
    await clock.advance(1);
    await until(() => client.end === 'ended');
    expect(client.status).toBe(200);
    await until(() => idle.every((one) => one.end === 'ended'));
  });

  it('and a queue of a hundred: a connection beyond both is reset without an answer', async () => {
    const { server, clock } = await serve();
    // One by one: the backlog of the listening socket holds fifty.
    for (let count = 0; count < 110; count += 1) {
      const held = new Client(server.port);
      await until(() => !held.socket.connecting);
    }
    await until(() => clock.timerCount === 10);
    const client = new Client(server.port);
    client.socket.write(GET);
    await until(() => clock.timerCount === 11);
    await clock.advance(3_000);
    await until(() => client.end !== 'open');
    expect(client).toMatchObject({ end: 'reset', text: '' });
  });
});

describe('faults on the wire', () => {
  const trouble = (kind: Extract<Fault, { at: 'city' }>['kind'], random = 0) => {
    const fault: Fault = { at: 'city', kind, rate: 1, fromMs: 0, toMs: 1e9 };
    return { trouble: { faults: [fault], random: () => random } };
  };
  const request = `${PUT_HEAD}\r\n${BODY}`;

  it.each([
    ['refuse', 0],
    ['cut-request', 0],
    ['drop-answer', 1],
  ] as const)('%s resets the connection', async (kind, storedCount) => {
    const { server, city, log } = await serve(trouble(kind));
    expect(await ask(server.port, request)).toMatchObject({ end: 'reset', text: '' });
    expect(city.observations('rec')).toHaveLength(storedCount);
    expect(log).toMatchObject([{ fault: kind }]);
  });

  it('timeout keeps the client waiting until it gives up', async () => {
    const { server, city, log } = await serve(trouble('timeout'));
    const client = new Client(server.port);
    client.socket.write(request);
    await until(() => log.length === 1);
    expect(client).toMatchObject({ end: 'open', text: '' });
    client.socket.end();
    await until(() => client.end !== 'open');
    expect(city.requestCount).toBe(0);
  });

  it.each([
    [0, /^<!doctype html>/],
    [0.9, /^HTTP\/1\.1 200 OK[\s\S]*text\/html[\s\S]*<!doctype html>/],
  ])('garbage is no HTTP or no JSON (%d)', async (random, pattern) => {
    expect((await ask((await serve(trouble('garbage', random))).server.port, request)).text).toMatch(pattern);
  });

  it('cut-answer does what it is asked and sends half of the answer', async () => {
    const { server, city } = await serve(trouble('cut-answer'));
    const client = await ask(server.port, request);
    const { text } = await ask((await serve()).server.port, request);
    expect(client).toMatchObject({ text: text.slice(0, text.length / 2), end: 'ended' });
    expect(city.observations('rec')).toHaveLength(1);
  });

  it('long-answer is ten megabytes with the right answer in front', async () => {
    const { server } = await serve(trouble('long-answer'));
    const client = await ask(server.port, GET);
    expect(client.body).toHaveLength(10 * 1024 * 1024 + '{"observations":[]}'.length);
    expect(client.body.trimEnd()).toBe('{"observations":[]}');
  });

  it('a slow city publishes what came although the client has gone meanwhile', async () => {
    const { server, city, clock, log } = await serve(trouble('slow'));
    const client = new Client(server.port);
    client.socket.write(request);
    await until(() => clock.timerCount === 1);
    client.socket.destroy();
    await clock.advance(999);
    expect(city.requestCount).toBe(0);
    await clock.advance(1);
    await until(() => city.requestCount === 1);
    await clock.advance(1_000);
    await until(() => log.length === 1);
    expect(log).toMatchObject([{ fault: 'slow', status: 200, tookMs: 2_000 }]);
  });

  it('status and partial are answers of the city', async () => {
    expect((await ask((await serve(trouble('status'))).server.port, request)).status).toBe(500);
  });
});

describe('the server', () => {
  it('says when its port is taken', async () => {
    const { server } = await serve();
    const options = { host: '127.0.0.1', port: server.port, clock: new TestClock() };
    await expect(serveCity(createCity(WORLD), options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes at once although connections are open, and leaves no timer', async () => {
    const { server, clock } = await serve();
    const client = new Client(server.port);
    await until(() => clock.timerCount === 1);
    await server.close();
    await until(() => client.end !== 'open' && clock.timerCount === 0);
  });

  it('survives any bytes and still answers the next client', async () => {
    const { server } = await serve();
    const words = fc.constantFrom(
      'GET',
      'PUT ',
      '/data/rec',
      ' HTTP/1.1\r\n',
      TOKEN,
      '\r\n',
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      BODY,
      '%',
      '{',
      '\0',
    );
    const anything = fc.oneof(
      words.map((word) => Buffer.from(word)),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 12 }), async (parts) => {
        const client = new Client(server.port);
        client.socket.end(Buffer.concat(parts));
        await until(() => client.end !== 'open');
      }),
      { numRuns: 200 },
    );
    expect((await ask(server.port, GET)).status).toBe(200);
  });

  it('answers any well-formed request with a status of its own', () => {
    const city = createCity(WORLD);
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const method = fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD');
    const target = fc.oneof(
      text,
      text.map((part) => `/data/rec/s?${part}`),
      text.map((part) => `/data/rec/${encodeURIComponent(part)}`),
    );
    const body = fc.oneof(
      text,
      fc.json(),
      fc.json().map((json) => `{"observations":[${json}]}`),
      fc.json().map((json) => `{"sensors":[{"sensor":"s","observations":[{"value":${json}}]}]}`),
    );
    fc.assert(
      fc.property(method, target, body, text, (verb, uri, content, type) => {
        const headers = [
          ['IDENTITY_KEY', 'rec-token'],
          ['Content-Type', type],
        ] as const;
        const answer = city.handle({ method: verb, target: uri, headers, body: Buffer.from(content) }, NOW_MS);
        expect([200, 400, 403, 404, 405, 500]).toContain(answer.status);
      }),
      { numRuns: 500 },
    );
  });
});
