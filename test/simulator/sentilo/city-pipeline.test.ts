import { describe, expect, it } from 'vitest';
import { createCity } from '../../../simulator/sentilo/city.ts';
import { cityOf, NOW_MS, SIE03, SIE99, WORLD, worldWith } from './support.ts';

const ONE = { observations: [{ value: '1' }] };

describe('the request pipeline (sentilo.md §1.3, §1.4)', () => {
  it.each([
    ['an unsupported method comes before the token', 'HEAD', '/data/rec', { token: null }, 500, SIE99],
    ['OPTIONS', 'OPTIONS', '/data/rec', {}, 500, SIE99],
    ['PATCH', 'PATCH', '/data/rec', {}, 500, SIE99],
    ['a method in lower case', 'get', '/data/rec', {}, 500, SIE99],
    ['an illegal sign in the target', 'GET', '/data/rec|x', { token: null }, 500, SIE99],
    ['a brace in the target', 'GET', '/data/{rec}', { token: null }, 500, SIE99],
    ['a broken escape', 'GET', '/data/%zz', { token: null }, 500, SIE99],
    [
      'an unknown charset',
      'GET',
      '/data/rec',
      { headers: [['Content-Type', 'text/plain; charset=klingon']] as const },
      500,
      SIE99,
    ],
    ['no token', 'GET', '/data/rec', { token: null }, 401, 'Invalid credential null'],
    ['an unknown token, which is echoed', 'GET', '/data/rec', { token: 'xyz' }, 401, 'Invalid credential xyz'],
    ['the token of an inactive provider', 'GET', '/data/gone', { token: 'gone-token' }, 401, 'Invalid credential gone-token'],
    ['an unknown service without token', 'GET', '/nothing', { token: null }, 401, 'Invalid credential null'],
    ['an unknown service', 'GET', '/nothing/here?a=b', {}, 404, 'handler not found to process request /nothing/here?a=b'],
    ['an empty first segment', 'GET', '//data/rec', {}, 404, 'handler not found to process request //data/rec'],
    ['services in other letters', 'GET', '/DATA/rec', {}, 404, 'handler not found to process request /DATA/rec'],
    ['no provider', 'GET', '/data', {}, 400, 'Invalid path was requested:/data'],
    ['no provider, trailing slash', 'GET', '/data/?x=1', {}, 400, 'Invalid path was requested:/data/?x=1'],
    ['too many parts to read', 'GET', '/data/rec/s/1', {}, 400, 'Invalid path was requested:/data/rec/s/1'],
    ['an escaped slash makes a part', 'PUT', '/data/rec/s/1%2F2', {}, 400, 'Invalid path was requested:/data/rec/s/1%2F2'],
    ['a provider with no name', 'GET', '/data//rec', {}, 403, 'Entity rec has not permission to READ  info about entity '],
    ['an unknown provider', 'GET', '/data/nobody', {}, 403, 'Entity rec has not permission to READ  info about entity nobody'],
    [
      'no permission to read',
      'GET',
      '/data/rec',
      { token: 'stranger-token' },
      403,
      'Entity stranger has not permission to READ  info about entity rec',
    ],
    [
      'no permission to write',
      'PUT',
      '/data/rec/s/1',
      { token: 'reader-token' },
      403,
      'Entity reader has not permission to WRITE  info about entity rec',
    ],
    [
      'no permission to delete',
      'DELETE',
      '/data/rec/s',
      { token: 'reader-token' },
      403,
      'Entity reader has not permission to WRITE  info about entity rec',
    ],
    ['POST', 'POST', '/data/rec/s', {}, 405, 'HTTP POST method not allowed for the requested resource'],
    [
      'POST with the override in capitals',
      'POST',
      '/data/rec/s?method=PUT',
      {},
      405,
      'HTTP POST method not allowed for the requested resource',
    ],
    [
      'plain access to an entity that needs https',
      'GET',
      '/data/secure',
      { token: 'secure-token' },
      403,
      'SSL access is required',
    ],
    [
      'the forwarded protocol in capitals',
      'GET',
      '/data/secure',
      { token: 'secure-token', headers: [['X-Forwarded-Proto', 'HTTPS']] as const },
      403,
      'SSL access is required',
    ],
  ])('answers %s', (_, method, target, options, status, message) => {
    const answer = cityOf().ask(method, target, ONE, options);
    expect(answer).toMatchObject({ status, json: { code: status, message } });
    expect(answer.headers).toEqual({ 'Content-Type': 'application/json; charset=UTF-8' });
  });

  it('refuses a bad body before it looks at the permission', () => {
    expect(cityOf().ask('PUT', '/data/rec/s', '{', { token: 'reader-token' }).json.message).toBe(SIE03);
  });

  it.each([
    ['the owner', 'rec-token', 200, 200],
    ['READ', 'reader-token', 200, 403],
    ['WRITE', 'writer-token', 200, 200],
    ['ADMIN', 'master', 200, 200],
    ['nothing', 'stranger-token', 403, 403],
  ])('lets %s read and write as the table of §1.5.1 says', (_, token, readStatus, writeStatus) => {
    const { ask } = cityOf();
    expect(ask('PUT', '/data/rec/s', ONE, { token }).status).toBe(writeStatus);
    expect(ask('GET', '/data/rec/s', '', { token }).status).toBe(readStatus);
  });

  it('takes the token from the first of two headers, whatever the letters of its name', () => {
    const { ask } = cityOf();
    const headers = [
      ['identity_key', 'rec-token'],
      ['IDENTITY_KEY', 'xyz'],
    ] as const;
    expect(ask('GET', '/data/rec', '', { token: null, headers }).status).toBe(200);
  });

  it('serves an absolute target and a trailing slash', () => {
    const { ask } = cityOf();
    expect(ask('GET', 'http://city.example:8081/data/rec/s/').json).toEqual({ observations: [] });
  });

  it('admits an entity that needs https behind a proxy that says so', () => {
    const options = { token: 'secure-token', headers: [['X-Forwarded-Proto', 'https']] as const };
    expect(cityOf().ask('GET', '/data/secure', '', options).status).toBe(200);
  });

  it('echoes the content type of the request and names its release on a success only', () => {
    const { ask } = cityOf();
    const headers = [['Content-Type', 'text/weird']] as const;
    expect(ask('PUT', '/data/rec/s', ONE, { headers }).headers).toEqual({
      'Content-Type': 'text/weird',
      'X-Sentilo-Version': '2.0.0',
    });
    expect(ask('GET', '/data/rec/s').headers['Content-Type']).toBe('application/json; charset=UTF-8');
    expect(ask('GET', '/data', '', { headers }).headers).toEqual({ 'Content-Type': 'application/json; charset=UTF-8' });
  });

  it('answers 503 while it starts, before it asks for a token', () => {
    const city = createCity(worldWith({ startingMs: 1000 }), { startedMs: NOW_MS });
    const request = { method: 'GET', target: '/data/rec', headers: [], body: new Uint8Array() };
    const answer = city.handle(request, NOW_MS + 999);
    expect(answer.status).toBe(503);
    expect(JSON.parse(Buffer.from(answer.body).toString())).toEqual({
      code: 503,
      message: 'API Server is temporarily unavailable because it is starting...',
    });
    expect(city.handle(request, NOW_MS + 1000).status).toBe(401);
  });

  it('refuses a body that is too long, unless it is chunked or the catalogue sends it', () => {
    const { ask } = cityOf(worldWith({ bodyBytesMax: 10 }));
    const length = JSON.stringify(ONE).length;
    expect(ask('PUT', '/data/rec/s', ONE).json).toEqual({
      code: 400,
      message: `Unable to read message. Request payload size (${length} bytes) exceeds the limit (10 bytes)`,
    });
    expect(ask('PUT', '/data/rec/s', ONE, { headers: [['Transfer-Encoding', 'chunked']] }).status).toBe(200);
    expect(ask('PUT', '/data/rec/s', ONE, { token: 'master' }).status).toBe(200);
  });

  it.each(['java.net.SocketTimeoutException: Read timed out', 'org.apache.http.ConnectionClosedException: Premature end'])(
    'answers 400 for a body that did not come whole (%s) and stores nothing',
    (bodyFailure) => {
      const { city, ask } = cityOf();
      expect(ask('PUT', '/data/rec/s', ONE, { bodyFailure }).json).toEqual({
        code: 400,
        message: SIE03,
        errorDetails: [bodyFailure],
      });
      expect(city.observations('rec')).toEqual([]);
    },
  );

  it.each(['/admin/stats', '/admin'])('marks the service %s as not simulated', (target) => {
    const request = { method: 'GET', target, headers: [['IDENTITY_KEY', 'rec-token']] as const, body: new Uint8Array() };
    const answer = createCity(WORLD).handle(request, NOW_MS);
    expect(answer).toMatchObject({ status: 404, notSimulated: target.split('/')[1] });
  });
});

describe('quotas (sentilo.md §1.10)', () => {
  const MINUTE_MS = 60_000;
  const limited = {
    ...worldWith({ quotaPerHour: 3 }),
    entities: WORLD.entities.map((one) => (one.id === 'rec' ? { ...one, quotaPerHour: 2 } : one)),
  };

  it('counts down, refuses, and says in minutes when it ends', () => {
    const { ask } = cityOf(limited);
    const at = (minutes: number) => ask('GET', '/data/rec', '', { nowMs: NOW_MS + minutes * MINUTE_MS });
    expect(at(0).headers).toMatchObject({
      'X-RateLimit-Inbound-Limit': '2',
      'X-RateLimit-Inbound-Remaining': '1',
      'X-RateLimit-Inbound-Reset': '0',
      'X-RateLimit-Global-Inbound-Limit': '3',
      'X-RateLimit-Global-Inbound-Remaining': '2',
      'X-RateLimit-Global-Inbound-Reset': '0',
    });
    expect(at(10).headers['X-RateLimit-Inbound-Remaining']).toBe('0');
    const refused = at(20);
    expect(refused).toMatchObject({ status: 429, json: { code: 429 } });
    expect(refused.json.message).toBe(
      'Sent quota exceeded. You are only allowed to send 2 requests per hour on this site. Try again later.',
    );
    expect(refused.headers).toMatchObject({ 'X-RateLimit-Inbound-Remaining': '0', 'X-RateLimit-Inbound-Reset': '40' });
    // The bucket of minute 0 lives 59 minutes, and what was refused did not count.
    expect(at(58.9).status).toBe(429);
    expect(at(59).status).toBe(200);
  });

  it('counts requests that fail later, but not those without a token', () => {
    const { ask } = cityOf(limited);
    ask('GET', '/data/rec', '', { token: 'xyz' });
    expect(ask('GET', '/data', '').headers['X-RateLimit-Inbound-Remaining']).toBe('1');
    expect(ask('GET', '/nothing', '').headers['X-RateLimit-Inbound-Remaining']).toBe('0');
    expect(ask('GET', '/nothing', '').status).toBe(429);
  });

  it('refuses everybody but the catalogue when the global quota is used up', () => {
    const { ask } = cityOf(limited);
    for (let count = 0; count < 3; count += 1) expect(ask('GET', '/data/rec', '', { token: 'reader-token' }).status).toBe(200);
    const refused = ask('GET', '/data/rec', '', { token: 'writer-token' });
    expect(refused.json.message).toBe(
      'Global inbound requests quota exceeded. Service only accepts 3 requests per hour. Try again later.',
    );
    expect(ask('GET', '/data/rec', '', { token: 'master' }).status).toBe(200);
  });
});
