import type { Fact } from './fact.ts';
import { MESSAGE_WORLD } from './message-world.ts';
import { del, get, post, put } from './requests.ts';

const NO_MESSAGE = '{"code":400,"message":"To publish an alarm is mandatory to fill in the message field"}';
const UNKNOWN = '{"code":404,"message":"Alert [none] not found on Sentilo (404.1)."}';
const UNREADABLE = /^\{"code":400,"message":"SIE03-1347888885123 {2}Bad request data: could not read JSON payload\./;
const LEAK = '{"message":"leak","timestamp":"17/09/2012T13:34:45","sender":"rec","time":1347888885123}';
const DRY = '{"message":"dry","timestamp":"17/09/2012T13:34:46","sender":"rec","time":1347888886123}';

const BODIES: readonly [fact: string, body: string, status: number, answer: string | RegExp][] = [
  ['an empty body', '', 400, NO_MESSAGE],
  ['a body without message', '{"alertType":"x"}', 400, NO_MESSAGE],
  ['a blank message', '{"message":"  "}', 400, NO_MESSAGE],
  ['an object as message', '{"message":{}}', 400, UNREADABLE],
  ['a field that nobody knows', '{"message":"leak","alarm":"x"}', 400, UNREADABLE],
  ['no JSON', 'leak', 400, UNREADABLE],
];

const READS: readonly [fact: string, query: string, alarms: string][] = [
  ['one alarm is read by default, the newest', '', DRY],
  ['a limit gives so many, newest first', '?limit=5', `${DRY},${LEAK}`],
  ['a limit of 0 gives none', '?limit=0', ''],
  ['a negative limit gives all', '?limit=-1', `${DRY},${LEAK}`],
  ['from and to are compared with milliseconds', '?limit=5&to=17/09/2012T13:34:46', LEAK],
];

const ROWS: readonly Omit<Fact, 'section'>[] = [
  ...BODIES.map(([what, body, status, answer]) => ({
    fact: `${what} is answered ${status}, and nothing is stored`,
    exchanges: [
      { send: put('/alarm/A1', body), expect: { status, body: answer } },
      { send: get('/alarm/A1'), expect: { status: 200, body: '{"alarms":[]}' } },
    ],
  })),
  ...READS.map(([fact, query, alarms]) => ({
    fact,
    exchanges: [
      { send: put('/alarm/A1', '{"message":"leak"}'), expect: { status: 200, headers: { 'content-length': '0' }, body: '' } },
      { afterMs: 1000, send: put('/alarm/A1', '{"message":"dry"}') },
      { send: get(`/alarm/A1${query}`), expect: { status: 200, body: `{"alarms":[${alarms}]}` } },
    ],
  })),
  {
    fact: 'alertType, providerId, sensorId and componentId are taken',
    exchanges: [
      {
        send: put('/alarm/A1', '{"message":"leak","alertType":"x","providerId":"p","sensorId":"s","componentId":"c"}'),
        expect: { status: 200, body: '' },
      },
      { send: get('/alarm/A1'), expect: { status: 200, body: `{"alarms":[${LEAK}]}` } },
    ],
  },
  {
    fact: 'a POST with method=put is a PUT',
    exchanges: [
      { send: post('/alarm/A1?method=put', '{"message":"leak"}'), expect: { status: 200, body: '' } },
      { send: get('/alarm/A1'), expect: { status: 200, body: `{"alarms":[${LEAK}]}` } },
    ],
  },
  {
    fact: 'a DELETE is not allowed',
    exchanges: [
      {
        send: del('/alarm/A1'),
        expect: { status: 405, body: '{"code":405,"message":"HTTP DELETE method not allowed for the requested resource"}' },
      },
    ],
  },
  {
    fact: 'an unknown alert is 404 before any permission, written to or read',
    exchanges: [
      { send: put('/alarm/none', '{"message":"leak"}', { token: 'stranger-token' }), expect: { status: 404, body: UNKNOWN } },
      { send: get('/alarm/none', { token: 'stranger-token' }), expect: { status: 404, body: UNKNOWN } },
    ],
  },
  {
    fact: 'JSON that cannot be read comes before an unknown alert',
    exchanges: [{ send: put('/alarm/none', '{'), expect: { status: 400, body: UNREADABLE } }],
  },
  {
    fact: 'a missing message comes before a missing permission',
    exchanges: [{ send: put('/alarm/A1', '{}', { token: 'stranger-token' }), expect: { status: 400, body: NO_MESSAGE } }],
  },
  {
    fact: 'writing needs WRITE on the owner of the alert, reading READ',
    exchanges: [
      {
        send: put('/alarm/A1', '{"message":"leak"}', { token: 'reader-token' }),
        expect: {
          status: 403,
          body: '{"code":403,"message":"Entity reader has not permission to WRITE  info about entity rec"}',
        },
      },
      { send: get('/alarm/A1', { token: 'reader-token' }), expect: { status: 200, body: '{"alarms":[]}' } },
      {
        send: get('/alarm/B1'),
        expect: { status: 403, body: '{"code":403,"message":"Entity rec has not permission to READ  info about entity secure"}' },
      },
    ],
  },
  {
    fact: 'an inactive alert is rejected with a list that reads [null], and reads as any other',
    exchanges: [
      {
        send: put('/alarm/A0', '{"message":"leak"}'),
        expect: {
          status: 404,
          body: /^\{"code":404,"message":"Events associated with resources \[null\] have been rejected\. See the error details to know about what went wrong in each case","errorDetails":\["[^"]*"\]\}$/,
        },
      },
      { send: get('/alarm/A0'), expect: { status: 200, body: '{"alarms":[]}' } },
    ],
  },
  {
    fact: 'an inactive alert is forbidden to those who may not write to it',
    exchanges: [{ send: put('/alarm/A0', '{"message":"leak"}', { token: 'reader-token' }), expect: { status: 403 } }],
  },
  {
    fact: 'a read gives 50 alarms at most, and all with a negative limit',
    exchanges: [
      ...Array.from({ length: 51 }, () => ({ send: put('/alarm/A1', '{"message":"leak"}') })),
      { send: get('/alarm/A1?limit=60'), expect: { status: 200, body: `{"alarms":[${Array(50).fill(LEAK).join(',')}]}` } },
      { send: get('/alarm/A1?limit=-60'), expect: { status: 200, body: `{"alarms":[${Array(51).fill(LEAK).join(',')}]}` } },
    ],
  },
  {
    fact: 'an alert has one part in its path',
    exchanges: [
      { send: get('/alarm'), expect: { status: 400, body: '{"code":400,"message":"Invalid path was requested:/alarm"}' } },
      {
        send: get('/alarm/rec/A1'),
        expect: { status: 400, body: '{"code":400,"message":"Invalid path was requested:/alarm/rec/A1"}' },
      },
    ],
  },
];

/** The service /alarm (sentilo.md §1.8). */
export const ALARMS: readonly Fact[] = ROWS.map((row) => ({ section: '1.8', world: MESSAGE_WORLD, ...row }));
