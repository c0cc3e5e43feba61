import type { World } from '../../../../simulator/sentilo/world.ts';
import { WORLD, worldWith } from '../support.ts';
import { internalError, refused, rejected, unreadableJson } from './answers.ts';
import type { Fact } from './fact.ts';
import { del, get, post, put, putChunked, request } from './requests.ts';

const ONE = '{"observations":[{"value":"1"}]}';
const STARTING = refused(503, 'API Server is temporarily unavailable because it is starting...');

/** Which of several errors a client sees, step by step. */
const ORDER: readonly Fact[] = [
  {
    section: '1.3',
    fact: 'while tokens and permissions are not loaded everything is 503, then it is as ever',
    world: worldWith({ startingMs: 10_000 }),
    exchanges: [
      { send: get('/data/rec'), expect: { ...STARTING, headers: { connection: 'Close', 'retry-after': null } } },
      { afterMs: 9_999, send: put('/data/rec/s', ONE), expect: STARTING },
      { afterMs: 1, send: put('/data/rec/s', ONE), expect: { status: 200, body: '' } },
    ],
  },
  {
    section: '1.3',
    fact: 'a request that cannot be parsed is 500 even while the server starts (1 before 2)',
    world: worldWith({ startingMs: 10_000 }),
    exchanges: [
      { send: request('OPTIONS', '/data/rec'), expect: internalError },
      { send: get('/data/rec|s'), expect: internalError },
      { send: get('/data/rec', { headers: ['Content-Type: text/plain; charset=klingon'] }), expect: internalError },
    ],
  },
  {
    section: '1.3',
    fact: 'a wrong token is 503 while the server starts (2 before 3)',
    world: worldWith({ startingMs: 10_000 }),
    exchanges: [
      { send: get('/data/rec', { token: 'xyz' }), expect: STARTING },
      { send: get('/nothing', { token: null }), expect: STARTING },
    ],
  },
  {
    section: '1.3',
    fact: 'an unknown path without a token is 401, not 404 (3 before 7)',
    exchanges: [
      { send: get('/nothing', { token: null }), expect: refused(401, 'Invalid credential null') },
      { send: get('/nothing'), expect: refused(404, 'handler not found to process request /nothing') },
    ],
  },
  {
    section: '1.3',
    fact: 'plain access is 403 before the path is looked at (4 before 7)',
    exchanges: [{ send: get('/nothing', { token: 'secure-token' }), expect: refused(403, 'SSL access is required') }],
  },
  {
    section: '1.3',
    fact: 'a body that is too long is 400 before the path is looked at (6 before 7)',
    world: worldWith({ bodyBytesMax: 31 }),
    exchanges: [
      {
        send: put('/nothing', ONE),
        expect: refused(400, 'Unable to read message. Request payload size (32 bytes) exceeds the limit (31 bytes)'),
      },
    ],
  },
  {
    section: '1.3',
    fact: 'a wrong number of path parts is 400 before the body is read',
    exchanges: [{ send: put('/data', '{'), expect: refused(400, 'Invalid path was requested:/data') }],
  },
  {
    section: '1.3',
    fact: 'a forbidden request with a bad body gets 400, not 403',
    exchanges: [
      { send: put('/data/rec/s', '{', { token: 'reader-token' }), expect: unreadableJson },
      {
        send: put('/data/rec/s', '{"observations":[{"value":null}]}', { token: 'reader-token' }),
        expect: refused(400, 'To publish data is mandatory to fill in the value field'),
      },
      {
        send: put('/data/rec/s', '{}', { token: 'reader-token' }),
        expect: refused(400, 'To publish data is mandatory to fill in the observations field'),
      },
    ],
  },
  {
    section: '1.4',
    fact: 'a body that is no JSON, or not that of the class, is answered with the whole stack trace of Java',
    exchanges: [
      { send: put('/data/rec/s', 'x'), expect: unreadableJson },
      { send: put('/data/rec/s', '{"observations":[{"valve":"1"}]}'), expect: unreadableJson },
      { send: put('/data/rec/s', '{"observations":[{"value":[]}]}'), expect: unreadableJson },
    ],
  },
  {
    section: '1.3',
    fact: 'permission comes before execution: a forbidden sensor that does not exist is 403, not 404',
    exchanges: [
      {
        send: put('/data/rec/nobody', ONE, { token: 'reader-token' }),
        expect: refused(403, 'Entity reader has not permission to WRITE  info about entity rec'),
      },
    ],
  },
];

/** Who is let in. */
const TOKENS: readonly Fact[] = [
  ...(
    [
      ['no token', null, 'null'],
      ['an unknown token, which is echoed', 'xyz', 'xyz'],
      ['a token in other letters', 'REC-TOKEN', 'REC-TOKEN'],
      ['the token of a deactivated provider', 'gone-token', 'gone-token'],
      ['an id in the place of a token', 'rec', 'rec'],
    ] as const
  ).map(([what, token, echo]) => ({
    section: '1.3',
    fact: `${what} is 401`,
    exchanges: [
      {
        send: put('/data/rec/s', ONE, { token }),
        expect: {
          ...refused(401, `Invalid credential ${echo}`),
          headers: { 'content-type': 'application/json; charset=UTF-8', 'www-authenticate': null, 'x-sentilo-version': null },
        },
      },
      { send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  })),
  ...(
    [
      ['the provider itself', 'rec-token', 'rec', 200, 200],
      ['READ', 'reader-token', 'reader', 200, 403],
      ['WRITE', 'writer-token', 'writer', 200, 200],
      ['ADMIN', 'master', 'sentilo-catalog', 200, 200],
      ['no permission', 'stranger-token', 'stranger', 403, 403],
    ] as const
  ).map(([what, token, id, readStatus, writeStatus]) => {
    const answer = (status: number, access: string) =>
      status === 200 ? { status } : refused(403, `Entity ${id} has not permission to ${access}  info about entity rec`);
    return {
      section: '1.5.1',
      fact: `${what} reads with ${readStatus} and writes with ${writeStatus}`,
      exchanges: [
        { send: get('/data/rec', { token }), expect: answer(readStatus, 'READ') },
        { send: get('/data/rec/s', { token }), expect: answer(readStatus, 'READ') },
        { send: put('/data/rec/s/1', '', { token }), expect: answer(writeStatus, 'WRITE') },
        { send: put('/data/rec/s', ONE, { token }), expect: answer(writeStatus, 'WRITE') },
        { send: post('/data/rec/s?method=put', ONE, { token }), expect: answer(writeStatus, 'WRITE') },
        { send: del('/data/rec/s', { token }), expect: answer(writeStatus, 'WRITE') },
        { send: del('/data/rec', { token }), expect: answer(writeStatus, 'WRITE') },
      ],
    };
  }),
];

/** What cannot be served. */
const PATHS: readonly Fact[] = [
  ...(['/nothing', '/nothing/here?a=b', '/DATA/rec', '/data2', '//data/rec', '/'] as const).map((target) => ({
    section: '1.4',
    fact: `${target} has no handler: 404 with the target as it was sent`,
    exchanges: [{ send: get(target), expect: refused(404, `handler not found to process request ${target}`) }],
  })),
  ...(
    [
      ['GET', '/data'],
      ['GET', '/data/?limit=1'],
      ['GET', '/data/rec/s/1'],
      ['PUT', '/data'],
      ['PUT', '/data/rec/s/1/2'],
      ['DELETE', '/data'],
      ['DELETE', '/data/rec/s/1'],
    ] as const
  ).map(([method, target]) => ({
    section: '1.4',
    fact: `${method} ${target} has a wrong number of parts: 400 with the target and its query`,
    exchanges: [
      {
        send: request(method, target, method === 'PUT' ? { body: ONE } : {}),
        expect: refused(400, `Invalid path was requested:${target}`),
      },
    ],
  })),
  ...['/data/rec/s', '/data/rec', '/data/rec/s?method=PUT', '/data/rec/s?method=Put', '/data/rec/s?method='].map((target) => ({
    section: '1.5.1',
    fact: `POST ${target} is 405`,
    exchanges: [
      { send: post(target, ONE), expect: refused(405, 'HTTP POST method not allowed for the requested resource') },
      { send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  })),
];

/** The longest body that is taken, `sentilo.server.api.payload.max_length`. */
const LENGTH: readonly Fact[] = [
  {
    section: '1.5.5',
    fact: 'a body is as long as the limit, and no byte longer',
    world: worldWith({ bodyBytesMax: 32 }),
    exchanges: [
      { send: put('/data/rec/s', ONE), expect: { status: 200, body: '' } },
      {
        send: put('/data/rec/s', `${ONE} `),
        expect: refused(400, 'Unable to read message. Request payload size (33 bytes) exceeds the limit (32 bytes)'),
      },
    ],
  },
  {
    section: '1.5.5',
    fact: 'a body in chunks bypasses the limit',
    world: worldWith({ bodyBytesMax: 10 }),
    exchanges: [{ send: putChunked('/data/rec/s', [ONE]), expect: { status: 200, body: '' } }],
  },
  {
    section: '1.5.5',
    fact: "requests with the catalogue's own token are exempt from the limit",
    world: worldWith({ bodyBytesMax: 10 }),
    exchanges: [{ send: put('/data/rec/s', ONE, { token: 'master' }), expect: { status: 200, body: '' } }],
  },
];

const TENANTS: World = {
  ...WORLD,
  entities: [
    ...WORLD.entities,
    { id: 'bcn@rec', kind: 'provider', token: 'bcn-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
  ],
  permissions: [...WORLD.permissions, { source: 'rec', target: 'bcn@rec', type: 'READ' }],
  sensors: [...WORLD.sensors, { provider: 'bcn@rec', sensor: 's', state: 'online' }],
};

/** Entities of a tenant. */
const TENANCY: readonly Fact[] = [
  {
    section: '1.11',
    fact: 'the id of an entity of a tenant stands in a path with @ or with %40',
    world: TENANTS,
    exchanges: [
      { send: put('/data/bcn@rec/s', ONE, { token: 'bcn-token' }), expect: { status: 200, body: '' } },
      { send: put('/data/bcn%40rec/s', ONE, { token: 'bcn-token' }), expect: { status: 200, body: '' } },
      {
        send: get('/data/bcn%40rec/s?limit=9', { token: 'bcn-token' }),
        expect: { status: 200, body: /^\{"observations":\[\{"value":"1",[^}]*\},\{"value":"1",[^}]*\}\]\}$/ },
      },
    ],
  },
  {
    section: '1.11',
    fact: 'access across tenants is by permission',
    world: TENANTS,
    exchanges: [
      { send: get('/data/bcn@rec'), expect: { status: 200, body: '{"sensors":[]}' } },
      {
        send: put('/data/bcn@rec/s', ONE),
        expect: refused(403, 'Entity rec has not permission to WRITE  info about entity bcn@rec'),
      },
      {
        send: get('/data/rec', { token: 'bcn-token' }),
        expect: refused(403, 'Entity bcn@rec has not permission to READ  info about entity rec'),
      },
    ],
  },
  {
    section: '1.5.9',
    fact: "a deactivated provider's data can still be read and written by others with permission",
    world: {
      ...WORLD,
      permissions: [...WORLD.permissions, { source: 'writer', target: 'gone', type: 'WRITE' }],
      sensors: [...WORLD.sensors, { provider: 'gone', sensor: 's', state: 'online' }],
    },
    exchanges: [
      { send: put('/data/gone/s', ONE, { token: 'gone-token' }), expect: refused(401, 'Invalid credential gone-token') },
      { send: put('/data/gone/s', ONE, { token: 'writer-token' }), expect: { status: 200, body: '' } },
      {
        send: get('/data/gone/s', { token: 'writer-token' }),
        expect: { status: 200, body: /^\{"observations":\[\{"value":"1",/ },
      },
    ],
  },
  {
    section: '1.5.9',
    fact: 'an unknown provider is 403, not 404',
    exchanges: [
      {
        send: put('/data/nobody/s', ONE),
        expect: refused(403, 'Entity rec has not permission to WRITE  info about entity nobody'),
      },
      { send: get('/data/nobody'), expect: refused(403, 'Entity rec has not permission to READ  info about entity nobody') },
    ],
  },
  {
    section: '1.5.1',
    fact: 'ids are case-sensitive, and //rec asks for the provider with the empty name',
    exchanges: [
      { send: get('/data/REC'), expect: refused(403, 'Entity rec has not permission to READ  info about entity REC') },
      { send: get('/data//rec'), expect: refused(403, 'Entity rec has not permission to READ  info about entity ') },
      { send: put('/data/rec/S', ONE), expect: rejected('S', 'Sensor [S] not found on Sentilo (404.1).') },
    ],
  },
];

/** The order of the pipeline, tokens, permissions, paths and the longest body (sentilo.md §1.3, §1.4, §1.5.1, §1.11). */
export const PIPELINE: readonly Fact[] = [...ORDER, ...TOKENS, ...PATHS, ...LENGTH, ...TENANCY];
