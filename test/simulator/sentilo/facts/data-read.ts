import { internalError, unreadable } from './answers.ts';
import type { Exchange, Expected, Fact } from './fact.ts';
import { del, get, put } from './requests.ts';

const EMPTY: Expected = { status: 200, body: '{"observations":[]}' };

/** Publishes values at seconds of 17/09/2012T12:00 to a sensor, in this order. */
const publish = (sensor: string, ...seconds: number[]): Exchange => ({
  send: put(
    `/data/rec/${sensor}`,
    `{"observations":[${seconds.map((second) => `{"value":"${second}","timestamp":"17/09/2012T12:00:0${second}"}`).join(',')}]}`,
  ),
});

/** 17/09/2012T12:00:00 UTC. */
const NOON_MS = 1_347_883_200_000;
const observation = (second: number) =>
  `{"value":"${second}","timestamp":"17/09/2012T12:00:0${second}","time":${NOON_MS + second * 1000}}`;
const list = (...seconds: number[]) => `"observations":[${seconds.map(observation).join(',')}]`;
const observations = (...seconds: number[]): Expected => ({ status: 200, body: `{${list(...seconds)}}` });

/** A sensor s with a value at each of ten seconds is asked. */
const asked = (section: string, query: string, expect: Expected): Fact => ({
  section,
  fact: `?${query} of ten gives ${typeof expect.body === 'string' ? (expect.body.match(/"value"/g)?.length ?? 0) : 'what it says'}`,
  exchanges: [publish('s', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), { send: get(`/data/rec/s?${query}`), expect }],
});

/** `limit`, `from` and `to`. */
const QUERIES: readonly Fact[] = [
  asked('1.5.7', 'other=1', observations(9)),
  asked('1.5.7', 'limit=3', observations(9, 8, 7)),
  asked('1.5.7', 'limit=0', EMPTY),
  asked('1.5.7', 'limit=-1', EMPTY),
  asked('1.5.7', 'limit=', observations(9)),
  asked('1.5.7', 'LIMIT=3', observations(9)),
  asked('1.5.7', 'from=&to=&limit=2', observations(9, 8)),
  asked('1.5.7', 'FROM=17/09/2012T13:00:00', observations(9)),
  asked('1.5.7', 'from=17/09/2012T12:00:03&to=17/09/2012T12:00:05&limit=200', observations(5, 4, 3)),
  asked('1.5.7', 'from=17/09/2012T12:00:08&limit=200', observations(9, 8)),
  asked('1.5.7', 'to=17/09/2012T12:00:01&limit=200', observations(1, 0)),
  asked('1.5.7', 'from=17/09/2012T12:00:05&to=17/09/2012T12:00:03&limit=200', EMPTY),
  asked('1.5.6', 'from=17/09/2012T12:00:04&to=17/09/2012T12:00:04&limit=200', observations(4)),
  asked('1.4', 'limit=five', unreadable('Wrong integer value: five')),
  asked('1.4', 'limit=1.5', unreadable('Wrong integer value: 1.5')),
  asked('1.4', 'from=2012-09-17', unreadable('Wrong date value: 2012-09-17')),
  asked('1.4', 'to=17/09/2012T12:00:00Z', unreadable('Wrong date value: 17/09/2012T12:00:00Z')),
  asked('1.5.7', 'limit=-2', internalError),
  {
    section: '1.5.7',
    fact: '?limit=-2 fails only when there is something to give',
    exchanges: [{ send: get('/data/rec/s?limit=-2'), expect: EMPTY }],
  },
  {
    section: '1.5.7',
    fact: 'limit and dates count for a provider too',
    exchanges: [
      publish('s', 0, 1, 2, 3),
      { send: get('/data/rec?limit=2'), expect: { status: 200, body: `{"sensors":[{"sensor":"s",${list(3, 2)}}]}` } },
      {
        send: get('/data/rec?from=17/09/2012T12:00:01&to=17/09/2012T12:00:01'),
        expect: { status: 200, body: `{"sensors":[{"sensor":"s",${list(1)}}]}` },
      },
      { send: get('/data/rec?limit=0'), expect: { status: 200, body: '{"sensors":[]}' } },
      { send: get('/data/rec?limit=x'), expect: unreadable('Wrong integer value: x') },
    ],
  },
  {
    section: '1.5.7',
    fact: 'a limit is clamped to 200 of a sensor, and to 50 of each sensor of a provider',
    exchanges: [
      { send: put('/data/rec/s', `{"observations":[${Array(250).fill('{"value":"1"}').join(',')}]}`) },
      { send: get('/data/rec/s?limit=201'), expect: { status: 200, body: /^\{"observations":\[(?:\{[^}]*\},?){200}\]\}$/ } },
      {
        send: get('/data/rec?limit=51'),
        expect: { status: 200, body: /^\{"sensors":\[\{"sensor":"s","observations":\[(?:\{[^}]*\},?){50}\]\}\]\}$/ },
      },
    ],
  },
];

/** What a read gives. */
const READING: readonly Fact[] = [
  {
    section: '1.5.7',
    fact: 'a sensor that nobody knows or wrote to has an empty list, and a provider without data no sensors',
    exchanges: [
      { send: get('/data/rec/nobody'), expect: EMPTY },
      { send: get('/data/rec/s'), expect: EMPTY },
      { send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  },
  {
    section: '1.5.7',
    fact: 'a provider is given sensor by sensor, without those that have nothing in range',
    exchanges: [
      publish('s', 1),
      publish('t', 5),
      {
        send: get('/data/rec'),
        expect: { status: 200, body: /^\{"sensors":\[\{"sensor":"[st]",[^\]]*\]\},\{"sensor":"[st]",[^\]]*\]\}\]\}$/ },
      },
      {
        send: get('/data/rec?from=17/09/2012T12:00:04'),
        expect: { status: 200, body: `{"sensors":[{"sensor":"t",${list(5)}}]}` },
      },
      { send: get('/data/rec?from=17/09/2012T12:00:06'), expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  },
  {
    section: '1.5.6',
    fact: 'out of order is fine: a read sorts by time',
    exchanges: [
      publish('s', 5),
      publish('s', 1),
      publish('s', 3),
      { send: get('/data/rec/s?limit=9'), expect: observations(5, 3, 1) },
    ],
  },
  {
    section: '1.5.6',
    fact: 'the same observation is stored as often as it is sent, in one request and in two',
    exchanges: [publish('s', 1, 1), publish('s', 1), { send: get('/data/rec/s?limit=9'), expect: observations(1, 1, 1) }],
  },
  {
    section: '1.5.6',
    fact: 'of equal times the one with the highest number as text comes first: usually the newest, but 9 before 10',
    exchanges: [
      {
        send: put(
          '/data/rec/s',
          `{"observations":[${[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((value) => `{"value":"${value}","timestamp":"17/09/2012T12:00:00"}`).join(',')}]}`,
        ),
      },
      {
        send: get('/data/rec/s?limit=10'),
        expect: {
          status: 200,
          body: `{"observations":[${[9, 8, 7, 6, 5, 4, 3, 2, 10, 1].map((value) => `{"value":"${value}","timestamp":"17/09/2012T12:00:00","time":1347883200000}`).join(',')}]}`,
        },
      },
    ],
  },
  {
    section: '1.5.6',
    fact: 'what was stamped at arrival is missed by from=to at its second, and found up to the next one',
    exchanges: [
      { send: put('/data/rec/s/1', '') },
      { afterMs: 5_000, send: get('/data/rec/s?from=17/09/2012T13:34:45&to=17/09/2012T13:34:45&limit=200'), expect: EMPTY },
      {
        send: get('/data/rec/s?from=17/09/2012T13:34:45&to=17/09/2012T13:34:46&limit=200'),
        expect: {
          status: 200,
          body: '{"observations":[{"value":"1","timestamp":"17/09/2012T13:34:45","time":1347888885123}]}',
        },
      },
    ],
  },
  {
    section: '1.5.6',
    fact: 'more than 200 observations of one sensor in one second cannot be read back completely',
    exchanges: [
      {
        send: put(
          '/data/rec/s',
          `{"observations":[${Array(201).fill('{"value":"1","timestamp":"17/09/2012T12:00:00"}').join(',')}]}`,
        ),
      },
      {
        send: get('/data/rec/s?from=17/09/2012T12:00:00&to=17/09/2012T12:00:00&limit=201'),
        expect: { status: 200, body: /^\{"observations":\[(?:\{[^}]*\},?){200}\]\}$/ },
      },
    ],
  },
];

/** Deleting. */
const DELETING: readonly Fact[] = [
  {
    section: '1.5.1',
    fact: 'DELETE /data/{provider}/{sensor} removes the newest observation of the sensor, each time',
    exchanges: [
      publish('s', 1, 3, 2),
      publish('t', 4),
      { send: del('/data/rec/s'), expect: { status: 200, headers: { 'content-length': '0' }, body: '' } },
      { send: get('/data/rec/s?limit=9'), expect: observations(2, 1) },
      { send: del('/data/rec/s'), expect: { status: 200, body: '' } },
      { send: get('/data/rec/s?limit=9'), expect: observations(1) },
      { send: get('/data/rec/t'), expect: observations(4) },
    ],
  },
  {
    section: '1.5.1',
    fact: 'DELETE /data/{provider} removes the newest observation of every sensor',
    exchanges: [
      publish('s', 1, 3),
      publish('t', 4),
      { send: del('/data/rec'), expect: { status: 200, headers: { 'content-length': '0' }, body: '' } },
      { send: get('/data/rec?limit=9'), expect: { status: 200, body: `{"sensors":[{"sensor":"s",${list(1)}}]}` } },
    ],
  },
];

/** Reading and deleting observations (sentilo.md §1.5.1, §1.5.6, §1.5.7). */
export const DATA_READ: readonly Fact[] = [...QUERIES, ...READING, ...DELETING];
