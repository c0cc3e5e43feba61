import { unreadable } from './answers.ts';
import type { Fact } from './fact.ts';
import { get, put } from './requests.ts';

/** Everything that is stored, also what is dated before 1970 or in the future. */
const ALL = 'from=01/01/0001T00:00:00&to=31/12/9999T23:59:59&limit=9';

/** Timestamps that are accepted, and their milliseconds since 1970 where the reference gives them. */
const GOOD_TIMESTAMPS: readonly (readonly [text: string, ms?: string])[] = [
  ['17/09/2012T12:34:45', '1347885285000'],
  ['17/09/2012T12:34:45+0000', '1347885285000'],
  ['17/09/2012T12:34:45+0200', '1347878085000'],
  ['17/09/2012T12:34:45 +0200', '1347878085000'],
  ['17/09/2012T12:34:45UTC', '1347885285000'],
  ['17/09/2012T12:34:45GMT', '1347885285000'],
  ['17/09/2012T12:34:45utc', '1347885285000'],
  ['17/09/2012T12:34:45GMT+02:00', '1347878085000'],
  // Fixed at one hour even in summer: 11:34:45 UTC.
  ['17/09/2012T12:34:45CET', '1347881685000'],
  ['17/09/2012T12:34:45CEST'],
  ['17/09/2012T12:34:45EST'],
  ['17/09/2012T12:34:45PST'],
  ['1/1/2015T1:2:3', '1420074123000'],
  [' 17/09/2012T12:34:45', '1347885285000'],
  ['17/09/2012T12:34:45 ', '1347885285000'],
  ['17/09/2012T12:34:45+0000xyz', '1347885285000'],
  ['17/09/12T12:34:45', '-61766191515000'],
  ['31/12/1969T23:59:59', '-1000'],
  ['29/02/2012T00:00:00', '1330473600000'],
  ['01/01/2100T00:00:00', '4102444800000'],
];

const BAD_TIMESTAMPS: readonly string[] = [
  '17/09/2012T12:34:45+02:00',
  '17/09/2012T12:34:45Z',
  '17/09/2012T12:34:45GMT+2',
  '17/09/2012T12:34:45Europe/Madrid',
  '17/09/2012T12:34:45.123',
  '17/09/2012T12:34:45.123+0000',
  '2012-09-17T12:34:45Z',
  '17/09/2012 12:34:45',
  '1347885285000',
  '17/09/2012T12:34',
  '17/09/2012t12:34:45',
  '31/02/2012T12:34:45',
  '29/02/2011T12:34:45',
  '17/09/2012T24:00:00',
  '17/09/2012T12:34:60',
  '17/13/2012T12:34:45',
];

/** How a timestamp is read. */
const TIMESTAMPS: readonly Fact[] = [
  ...GOOD_TIMESTAMPS.map(([text, ms]) => ({
    section: '1.5.3',
    fact: `"${text}" is ${ms ?? 'accepted'}`,
    exchanges: [
      { send: put('/data/rec/s', `{"observations":[{"value":"1","timestamp":"${text}"}]}`), expect: { status: 200, body: '' } },
      {
        send: get(`/data/rec/s?${ALL}`),
        expect: {
          status: 200,
          body: new RegExp(
            `^\\{"observations":\\[\\{"value":"1","timestamp":"\\d{2}/\\d{2}/\\d{4}T\\d{2}:\\d{2}:\\d{2}","time":${ms ?? '-?\\d+'}\\}\\]\\}$`,
          ),
        },
      },
    ],
  })),
  ...BAD_TIMESTAMPS.map((text) => ({
    section: '1.5.3',
    fact: `"${text}" is no timestamp`,
    exchanges: [
      {
        send: put('/data/rec/s', `{"observations":[{"value":"1","timestamp":"${text}"}]}`),
        expect: unreadable(`Wrong timestamp value: ${text}`),
      },
    ],
  })),
  {
    section: '1.5.3',
    fact: 'milliseconds since 1970 are no timestamp as a number either',
    exchanges: [
      {
        send: put('/data/rec/s', '{"observations":[{"value":"1","timestamp":1347885285000}]}'),
        expect: unreadable('Wrong timestamp value: 1347885285000'),
      },
    ],
  },
  {
    section: '1.5.3',
    fact: 'a timestamp is given back in UTC, and time in milliseconds',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1","timestamp":"17/09/2012T12:34:45+0200"}]}') },
      {
        send: get('/data/rec/s'),
        expect: {
          status: 200,
          body: '{"observations":[{"value":"1","timestamp":"17/09/2012T10:34:45","time":1347878085000}]}',
        },
      },
    ],
  },
  {
    section: '1.5.3',
    fact: 'a future observation is stored, and invisible to default reads until its time has come',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1","timestamp":"17/09/2012T14:34:45"}]}') },
      { send: get('/data/rec/s'), expect: { status: 200, body: '{"observations":[]}' } },
      { send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } },
      {
        send: get('/data/rec/s?to=18/09/2012T00:00:00'),
        expect: { status: 200, body: /^\{"observations":\[\{"value":"1",/ },
      },
      { afterMs: 3_599_876, send: get('/data/rec/s'), expect: { status: 200, body: '{"observations":[]}' } },
      { afterMs: 1, send: get('/data/rec/s'), expect: { status: 200, body: /^\{"observations":\[\{"value":"1",/ } },
    ],
  },
  {
    section: '1.5.3',
    fact: 'what is dated before 1970 is stored, and invisible to reads without a from',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1","timestamp":"17/09/12T12:34:45"}]}') },
      { send: get('/data/rec/s'), expect: { status: 200, body: '{"observations":[]}' } },
      {
        send: get('/data/rec/s?from=01/01/0001T00:00:00'),
        expect: { status: 200, body: /^\{"observations":\[\{"value":"1",.*"time":-61766191515000\}\]\}$/ },
      },
    ],
  },
];

const GOOD_LOCATIONS: readonly string[] = [
  '41.39479 2.148768',
  '90 180',
  '-90 -180',
  '1e1 2',
  '41.39d 2f',
  '+41.4 +2.2',
  '41.4 2.2,41.5 2.3',
  'null',
];

const BAD_LOCATIONS: readonly string[] = [
  '41.4,2.2',
  '41.4  2.2',
  '41.4\\t2.2',
  '41.4 2.2 10',
  'NaN 2.2',
  '41.4',
  'here there',
  '90.1 0',
  '0 180.1',
  '-90.1 0',
  '41,4 2,2',
  '41.4 2.2,here',
];

/** How a location is read. */
const LOCATIONS: readonly Fact[] = [
  ...GOOD_LOCATIONS.map((text) => ({
    section: '1.5.4',
    fact: `"${text}" is a location, and kept as it is`,
    exchanges: [
      { send: put('/data/rec/s', `{"observations":[{"value":"1","location":"${text}"}]}`), expect: { status: 200, body: '' } },
      {
        send: get('/data/rec/s'),
        expect: {
          status: 200,
          body: `{"observations":[{"value":"1","timestamp":"17/09/2012T13:34:45","location":"${text}","time":1347888885123}]}`,
        },
      },
    ],
  })),
  {
    section: '1.5.4',
    fact: 'an empty location is none, and the answer has none then',
    exchanges: [
      {
        send: put('/data/rec/s', '{"observations":[{"value":"1","location":""}],"location":""}'),
        expect: { status: 200, body: '' },
      },
      {
        send: get('/data/rec/s'),
        expect: {
          status: 200,
          body: '{"observations":[{"value":"1","timestamp":"17/09/2012T13:34:45","time":1347888885123}]}',
        },
      },
    ],
  },
  {
    section: '1.5.4',
    fact: 'a blank location is no error',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1"}],"location":" "}'), expect: { status: 200, body: '' } },
    ],
  },
  ...BAD_LOCATIONS.map((text) => ({
    section: '1.5.4',
    fact: `"${text}" is refused as a location`,
    exchanges: [
      {
        send: put('/data/rec/s', `{"observations":[{"value":"1","location":"${text}"}]}`),
        expect: unreadable(`Wrong location value: ${text}`),
      },
      {
        send: put('/data/rec/s', `{"location":"${text}","observations":[{"value":"1"}]}`),
        expect: unreadable(`Wrong location value: ${text}`),
      },
    ],
  })),
  {
    section: '1.5.2',
    fact: 'a blank location falls back to the enclosing one',
    exchanges: [
      {
        send: put(
          '/data/rec',
          '{"sensors":[{"sensor":"s","location":"41.4 2.2","observations":[{"value":"1","location":" "}]},' +
            '{"sensor":"t","location":"41.4 2.2","observations":[{"value":"1","location":"1 2"}]}]}',
        ),
      },
      { send: get('/data/rec/s'), expect: { status: 200, body: /"location":"41\.4 2\.2"/ } },
      { send: get('/data/rec/t'), expect: { status: 200, body: /"location":"1 2"/ } },
    ],
  },
];

/** Timestamps and locations as Java reads them (sentilo.md §1.5.3, §1.5.4). */
export const DATA_TEXT: readonly Fact[] = [...TIMESTAMPS, ...LOCATIONS];
