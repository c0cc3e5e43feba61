import { afterEach, describe, expect, it } from 'vitest';
import { createCity } from '../../../simulator/sentilo/city.ts';
import { FaultSwitch } from '../../../simulator/sentilo/fault-switch.ts';
import { serveControl } from '../../../simulator/wire/city-control.ts';
import { serveCity } from '../../../simulator/wire/sentilo-server.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Client, opened, until } from './raw-client.ts';
import { NOW_MS, WORLD } from './support.ts';

const GET = 'GET /data/rec/s HTTP/1.1\r\nIDENTITY_KEY: rec-token\r\n\r\n';

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function serve() {
  const city = createCity(WORLD);
  const clock = new TestClock({ ms: NOW_MS, quality: 'synced' });
  const faults = new FaultSwitch();
  const trouble = { faults: faults.faults, random: () => 0 };
  const server = await serveCity(city, { host: '127.0.0.1', port: 0, clock, trouble });
  opened.push(() => server.close());
  const control = await serveControl({ port: 0, city, faults, clock, changed: server.followFaults });
  opened.push(() => control.close());
  const call = async (method: string, path: string, body?: string) => {
    const answer = await fetch(`http://127.0.0.1:${control.port}${path}`, { method, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  /** How one request ends. */
  const ask = async () => {
    const client = new Client(server.port);
    client.socket.write(GET);
    await until(() => client.end !== 'open');
    return client.end === 'ended' ? client.status : client.end;
  };
  return { city, clock, call, ask, port: server.port, controlPort: control.port };
}

describe('the control of a city', () => {
  it('refuses connections for a while, and takes them again at the same port', async () => {
    const { call, ask, clock, city } = await serve();
    expect(await ask()).toBe(200);
    await call('POST', '/faults', '{"fault":"refuse","for":"30s"}');
    expect(await ask()).toBe('reset');
    await clock.advance(29_999);
    expect(await ask()).toBe('reset');
    await clock.advance(1);
    expect(await ask()).toBe(200);
    expect(city.requestCount).toBe(2);
  });

  it('follows whoever switches faster than a port is opened', async () => {
    const { call, ask } = await serve();
    for (let nth = 0; nth < 5; nth += 1) {
      await Promise.all([call('POST', '/faults', '{"fault":"refuse"}'), call('DELETE', '/faults/refuse')]);
    }
    await call('DELETE', '/faults');
    expect(await ask()).toBe(200);
  });

  it('revokes a token, gives it back and changes it, each once the cache of tokens has run out', async () => {
    const { call, ask, clock } = await serve();
    expect(await call('POST', '/entities', '{"entity":"rec","active":false}')).toEqual({
      status: 200,
      entity: 'rec',
      inMs: 60_000,
    });
    await clock.advance(59_999);
    expect(await ask()).toBe(200);
    await clock.advance(1);
    expect(await ask()).toBe(401);
    await call('POST', '/entities', '{"entity":"rec","active":true}');
    await clock.advance(30_000);
    // The cache is loaded with whatever has changed by then.
    expect(await call('POST', '/entities', '{"entity":"rec","token":"new-token"}')).toMatchObject({ inMs: 30_000 });
    expect(await ask()).toBe(401);
    await clock.advance(30_000);
    expect(await ask()).toBe(401);
    await call('POST', '/entities', '{"entity":"rec","token":"rec-token"}');
    await clock.advance(60_000);
    expect(await ask()).toBe(200);
  });

  it('answers while all workers of the city are kept waiting', async () => {
    const { call, clock, port } = await serve();
    await call('POST', '/faults', '{"fault":"timeout"}');
    const kept = Array.from({ length: 20 }, () => new Client(port));
    for (const client of kept) client.socket.write(GET);
    await until(() => clock.timerCount === 10);
    expect(await call('DELETE', '/faults')).toEqual({ status: 200, faults: [] });
  });

  it.each([
    ['GET', '/', 404, undefined, 'there is /entities, /faults'],
    ['GET', '/faults/nothing', 404, undefined, 'with one of refuse, timeout'],
    ['PUT', '/faults', 405, '{"fault":"slow"}', 'PUT /faults is not possible'],
    ['POST', '/faults/slow', 405, '{}', 'POST /faults/slow is not possible'],
    ['POST', '/faults', 400, '{"fault":"lost"}', '"fault" is one of refuse'],
    ['GET', '/entities', 405, undefined, 'GET /entities is not possible'],
    ['DELETE', '/entities', 405, undefined, 'DELETE /entities is not possible'],
    ['POST', '/entities', 400, 'rec', 'expected {"entity"'],
    ['POST', '/entities', 400, '{"entity":"rec","active":"no"}', '"active" is true or false, and "no" stands there'],
    ['POST', '/entities', 400, '{"entity":7,"active":true}', '"entity" is a text, and 7 stands there'],
    ['POST', '/entities', 400, '{"entity":"rec","token":""}', '"token" is one or more printable characters of ASCII'],
    ['POST', '/entities', 400, '{"entity":"rec","token":"é x"}', '"token" is one or more printable characters of ASCII'],
    ['POST', '/faults', 400, '{"fault":"slow","for":"0s"}', '"for" is longer than 0s'],
    ['POST', '/entities', 400, '{"entity":"rec","activ":false}', 'there is no "activ": expected {"entity"'],
    ['POST', '/entities', 400, '{"active":false}', '"entity" is missing: expected {"entity"'],
    ['POST', '/entities', 400, '{"entity":"rec"}', 'nothing to change: expected {"entity"'],
    [
      'POST',
      '/entities',
      400,
      '{"entity":"nobody","active":false}',
      'there is no entity nobody; there is sentilo-catalog, rec, ',
    ],
    ['POST', '/entities', 400, '{"entity":"rec","token":"reader-token"}', 'another entity has this token'],
    ['POST', '/faults', 413, ' '.repeat(65_537), 'at most 65536 bytes'],
  ])('answers %s %s with %i and says why', async (method, path, status, body, words) => {
    const { call } = await serve();
    expect(await call(method, path, body)).toEqual({ status, error: expect.stringContaining(words) });
    expect(await call('GET', '/faults')).toEqual({ status: 200, faults: [] });
  });

  it.each([
    ['Host: rebound.example:8082', 403],
    ['Host: 127.0.0.1.example', 403],
    ['Host: 127.0.0.1\r\nOrigin: https://page.example', 403],
    ['Host: 127.0.0.1\r\nOrigin: null', 403],
    ['Host: 127.0.0.1:8082', 200],
    ['Host: LOCALHOST', 200],
    ['Host: [::1]:8082', 200],
    ['Host: localhost\r\nOrigin: http://localhost:3000', 200],
  ])('answers a request with %j with %i', async (head, status) => {
    const { controlPort, call } = await serve();
    const client = new Client(controlPort);
    const body = '{"fault":"slow"}';
    client.socket.write(`POST /faults HTTP/1.1\r\n${head}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await until(() => client.end !== 'open');
    expect(client.status).toBe(status);
    const { faults } = (await call('GET', '/faults')) as { readonly faults?: readonly unknown[] };
    expect(faults).toHaveLength(status === 200 ? 1 : 0);
  });
});
