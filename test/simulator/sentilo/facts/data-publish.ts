import { WORLD, worldWith } from '../support.ts';
import { internalError, refused, rejected, unreadable, unreadableJson } from './answers.ts';
import type { Exchange, Expected, Fact } from './fact.ts';
import { get, post, put } from './requests.ts';

const ONE = '{"observations":[{"value":"1"}]}';
const STORED: Expected = { status: 200, headers: { 'content-length': '0' }, body: '' };
const NO_OBSERVATIONS = refused(400, 'To publish data is mandatory to fill in the observations field');
const NO_VALUE = refused(400, 'To publish data is mandatory to fill in the value field');
const NOTHING_STORED: Exchange = { send: get('/data/rec?limit=9'), expect: { status: 200, body: '{"sensors":[]}' } };
const AT_ARRIVAL = '"timestamp":"17/09/2012T13:34:45","time":1347888885123';

/** What the city gives of a sensor: these values, newest first, all stamped at arrival. */
const reads = (sensor: string, ...values: string[]): Exchange => ({
  send: get(`/data/rec/${sensor}?limit=200`),
  expect: {
    status: 200,
    body: `{"observations":[${values.map((value) => `{"value":${value},${AT_ARRIVAL}}`).join(',')}]}`,
  },
});

/** The forms of a URL that publish. */
const FORMS: readonly Fact[] = [
  {
    section: '1.5.1',
    fact: 'a value in the path is stored at arrival and without a location, and a body is ignored',
    exchanges: [
      { send: put('/data/rec/s/21.5', ''), expect: STORED },
      reads('s', '"21.5"'),
      { send: put('/data/rec/t/1', '{ not JSON'), expect: STORED },
      reads('t', '"1"'),
    ],
  },
  {
    section: '1.5.1',
    fact: 'a value in the path is percent-decoded',
    exchanges: [{ send: put('/data/rec/s/a%20b%C3%A0', ''), expect: STORED }, reads('s', '"a bà"')],
  },
  {
    section: '1.5.1',
    fact: 'PUT /data/{provider}/{sensor} takes observations and a location for those without one',
    exchanges: [
      {
        send: put(
          '/data/rec/s',
          '{"observations":[{"value":"1","timestamp":"17/09/2012T12:34:45"},{"value":"2","timestamp":"17/09/2012T12:34:46","location":"1 2"}],"location":"41.4 2.2"}',
        ),
        expect: STORED,
      },
      {
        send: get('/data/rec/s?limit=2'),
        expect: {
          status: 200,
          body:
            '{"observations":[{"value":"2","timestamp":"17/09/2012T12:34:46","location":"1 2","time":1347885286000},' +
            '{"value":"1","timestamp":"17/09/2012T12:34:45","location":"41.4 2.2","time":1347885285000}]}',
        },
      },
    ],
  },
  {
    section: '1.5.1',
    fact: 'PUT /data/{provider} takes sensors, each with its observations and its location',
    exchanges: [
      {
        send: put(
          '/data/rec',
          '{"sensors":[{"sensor":"s","location":"41.4 2.2","observations":[{"value":"1","timestamp":"17/09/2012T12:34:45"}]},' +
            '{"sensor":"t","observations":[{"value":"2"}]}]}',
        ),
        expect: STORED,
      },
      {
        send: get('/data/rec/s'),
        expect: {
          status: 200,
          body: '{"observations":[{"value":"1","timestamp":"17/09/2012T12:34:45","location":"41.4 2.2","time":1347885285000}]}',
        },
      },
      reads('t', '"2"'),
    ],
  },
  ...(
    [
      ['/data/rec/s/1?method=put', ''],
      ['/data/rec/s?method=put', ONE],
      ['/data/rec?method=put', '{"sensors":[{"sensor":"s","observations":[{"value":"1"}]}]}'],
    ] as const
  ).map(([target, body]) => ({
    section: '1.5.1',
    fact: `POST ${target} is a PUT`,
    exchanges: [{ send: post(target, body), expect: STORED }, reads('s', '"1"')],
  })),
  {
    section: '1.5.1',
    fact: 'with a sensor in the path a sensor in the body is ignored',
    exchanges: [
      { send: put('/data/rec/s', '{"sensor":"t","observations":[{"value":"1"}]}'), expect: STORED },
      reads('s', '"1"'),
      reads('t'),
    ],
  },
];

/** Bodies that are taken, and what is stored of them. */
const VALUES: readonly Fact[] = [
  ...(
    [
      ['a string', '"21.5"', '"21.5"'],
      ['the empty string', '""', '""'],
      ['a number by its literal text', '12.30', '"12.30"'],
      ['a number with an exponent by its literal text', '1e3', '"1e3"'],
      ['true', 'true', '"true"'],
      ['false', 'false', '"false"'],
      ['JSON in a string', '"{\\"a\\":1}"', '"{\\"a\\":1}"'],
      ['letters beyond ASCII', '"à€"', '"à€"'],
      ['an escape', '"\\u00e0"', '"à"'],
      ['10 kB, as there is no longest value', `"${'x'.repeat(10_000)}"`, `"${'x'.repeat(10_000)}"`],
      ['the last of two values', '"1","value":"2"', '"2"'],
      ['a value beside a time that is ignored', '"1","time":5', '"1"'],
      ['a value beside a timestamp of null', '"1","timestamp":null', '"1"'],
      ['a value beside an empty timestamp', '"1","timestamp":""', '"1"'],
      ['a value beside a blank timestamp', '"1","timestamp":" "', '"1"'],
      ['a value beside a blank location', '"1","location":" "', '"1"'],
    ] as const
  ).map(([what, json, stored]) => ({
    section: '1.5.2',
    fact: `stores ${what}`,
    exchanges: [{ send: put('/data/rec/s', `{"observations":[{"value":${json}}]}`), expect: STORED }, reads('s', stored)],
  })),
  {
    section: '1.5.2',
    fact: 'all observations of a request without a timestamp share its arrival',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1"},{"value":"2"},{"value":"3"}]}') },
      reads('s', '"3"', '"2"', '"1"'),
    ],
  },
  {
    section: '1.5.2',
    fact: 'text after the closing brace is ignored, and of a repeated key the last counts',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1"}],"observations":[{"value":"2"}]} and so on'), expect: STORED },
      reads('s', '"2"'),
    ],
  },
  {
    section: '1.5.2',
    fact: 'there is no check against the data type of the sensor',
    world: {
      ...WORLD,
      sensors: [
        { provider: 'rec', sensor: 's', state: 'online', dataType: 'NUMBER' },
        { provider: 'rec', sensor: 't', state: 'online', dataType: 'BOOLEAN' },
      ],
    },
    exchanges: [
      { send: put('/data/rec/s/warm', ''), expect: STORED },
      { send: put('/data/rec/t/21.5', ''), expect: STORED },
    ],
  },
];

/** Bodies that are refused: the target, the body, what is answered. */
const BAD_BODIES: readonly (readonly [target: string, body: string, expected: Expected])[] = [
  ['s', '', NO_OBSERVATIONS],
  ['s', '{}', NO_OBSERVATIONS],
  ['s', '{"observations":[]}', NO_OBSERVATIONS],
  ['', '', NO_OBSERVATIONS],
  ['', '{}', NO_OBSERVATIONS],
  ['s', '{"observations":[{}]}', NO_VALUE],
  ['s', '{"observations":[{"value":null}]}', NO_VALUE],
  ['s', '{"observations":[{"value":"1"},{"timestamp":"17/09/2012T12:34:45"}]}', NO_VALUE],
  ['s', 'null', internalError],
  ['s', '{"observations":null}', internalError],
  ['s', '{"observations":[null]}', internalError],
  ['', 'null', internalError],
  ['', '{"sensors":null}', internalError],
  ['', '{"sensors":[null]}', internalError],
  ['', '{"sensors":[{"sensor":"s"}]}', internalError],
  ['s', '[]', unreadableJson],
  ['s', '{"observations":{"value":"1"}}', unreadableJson],
  ['', '[]', unreadableJson],
  ['', '{"sensors":{"sensor":"s","observations":[{"value":"1"}]}}', unreadableJson],
  ['s', '{"observations":[{"value":{}}]}', unreadableJson],
  ['s', '{"observations":[{"value":["1"]}]}', unreadableJson],
  ['s', '{"observations":[{"value":"1","time":"noon"}]}', unreadableJson],
  ['s', '{"observations":[{"value":"1","unit":"C"}]}', unreadableJson],
  ['s', '{"observations":[{"Value":"1"}]}', unreadableJson],
  ['s', '{"observations":[{"value":"1"}],"provider":"rec"}', unreadableJson],
  ['', '{"sensors":[{"sensor":"s","type":"x","observations":[{"value":"1"}]}]}', unreadableJson],
  ['s', '{"sensors":[{"sensor":"s","observations":[{"value":"1"}]}]}', unreadableJson],
  ['', '{"observations":[{"value":"1"}]}', unreadableJson],
  ['s', '{"observations":[{"value":"1"}]', unreadableJson],
  ['s', "{'observations':[{'value':'1'}]}", unreadableJson],
  ['s', '{"observations":[{"value":"1"},]}', unreadableJson],
  ['s', 'value=1', unreadableJson],
];

/** What is refused at once, with nothing stored. */
const REFUSED: readonly Fact[] = [
  ...BAD_BODIES.map(([sensor, body, expected]) => ({
    section: '1.5.2',
    fact: `refuses, for /data/rec/${sensor}, with ${expected.status}: ${body === '' ? 'no body' : body}`,
    exchanges: [{ send: put(`/data/rec/${sensor}`, body), expect: expected }, NOTHING_STORED],
  })),
  ...(
    [
      ['a bad timestamp', '"timestamp":"noon"', unreadable('Wrong timestamp value: noon')],
      ['a bad location', '"location":"here"', unreadable('Wrong location value: here')],
      ['an unknown field', '"unit":"C"', unreadableJson],
      ['a value of null', '"value":null', NO_VALUE],
    ] as const
  ).map(([what, field, expected]) => ({
    section: '1.5.5',
    fact: `one observation with ${what} voids the whole batch, whatever comes before it and after it`,
    exchanges: [
      {
        send: put(
          '/data/rec',
          `{"sensors":[{"sensor":"t","observations":[{"value":"1"}]},{"sensor":"s","observations":[{"value":"2",${field}},{"value":"3"}]}]}`,
        ),
        expect: expected,
      },
      NOTHING_STORED,
    ],
  })),
];

const PARTIAL =
  '{"sensors":[{"sensor":"s","observations":[{"value":"1"},{"value":"2"}]},' +
  '{"sensor":"nobody","observations":[{"value":"3"},{"value":"4"}]},' +
  '{"sensor":"off","observations":[{"value":"5"}]},{"observations":[{"value":"6"}]},' +
  '{"sensor":"t","observations":[{"value":"7"}]},{"sensor":"s","observations":[{"value":"8"}]}]}';

/** Batches of which something is stored. */
const PARTIALLY: readonly Fact[] = [
  {
    section: '1.5.5',
    fact: '404 for a batch names each rejected sensor once, in the order of first rejection, and the others are stored',
    exchanges: [
      {
        send: put('/data/rec', PARTIAL),
        expect: {
          status: 404,
          // The ids in the message stand in the order of a HashSet.
          body: /^\{"code":404,"message":"Events associated with resources \[(?:nobody|off|null)(?:,(?:nobody|off|null)){2}\] have been rejected\. See the error details to know about what went wrong in each case","errorDetails":\["Sensor \[nobody\] not found on Sentilo \(404\.1\)\.","Sensor \[off\] is not online \(404\.2\)\.","Sensor \[null\] not found on Sentilo \(404\.1\)\."\]\}$/,
        },
      },
      reads('s', '"8"', '"2"', '"1"'),
      reads('t', '"7"'),
      reads('nobody'),
      reads('off'),
    ],
  },
  {
    section: '1.5.5',
    fact: 'sent again after its 404 the good part is stored twice',
    exchanges: [
      { send: put('/data/rec', PARTIAL), expect: { status: 404 } },
      { send: put('/data/rec', PARTIAL), expect: { status: 404 } },
      reads('t', '"7"', '"7"'),
    ],
  },
  {
    section: '1.4',
    fact: 'an unknown sensor is 404.1 and one that is offline 404.2, in every form of the URL',
    exchanges: [
      { send: put('/data/rec/nobody/1', ''), expect: rejected('nobody', 'Sensor [nobody] not found on Sentilo (404.1).') },
      { send: put('/data/rec/nobody', ONE), expect: rejected('nobody', 'Sensor [nobody] not found on Sentilo (404.1).') },
      { send: put('/data/rec/off/1', ''), expect: rejected('off', 'Sensor [off] is not online (404.2).') },
      { send: put('/data/rec/off', ONE), expect: rejected('off', 'Sensor [off] is not online (404.2).') },
    ],
  },
  {
    section: '1.5.5',
    fact: 'ids are not escaped in the list, while a detail names one up to its last bracket',
    exchanges: [
      { send: put('/data/rec/x%5Dy,z/1', ''), expect: rejected('x]y,z', 'Sensor [x]y,z] not found on Sentilo (404.1).') },
      {
        send: put('/data/rec', '{"sensors":[{"sensor":"x]y,z","observations":[{"value":"1"}]}]}'),
        expect: rejected('x]y,z', 'Sensor [x]y,z] not found on Sentilo (404.1).'),
      },
    ],
  },
  {
    section: '1.5.9',
    fact: 'with reject-unknown-sensors off an unknown sensor is taken, and one that is offline is not',
    world: worldWith({ rejectsUnknownSensors: false }),
    exchanges: [
      { send: put('/data/rec/nobody', ONE), expect: STORED },
      reads('nobody', '"1"'),
      { send: put('/data/rec/off', ONE), expect: rejected('off', 'Sensor [off] is not online (404.2).') },
    ],
  },
  ...(
    [
      [0, []],
      [0.5, ['"2"', '"1"']],
      [0.99, ['"4"', '"3"', '"2"', '"1"']],
    ] as const
  ).map(([chance, values]) => ({
    section: '1.5.5',
    fact: `500 in the middle of a batch leaves a prefix of it: ${values.length} of 4`,
    exchanges: [
      {
        fault: { kind: 'partial', chance } as const,
        send: put('/data/rec/s', '{"observations":[{"value":"1"},{"value":"2"},{"value":"3"},{"value":"4"}]}'),
        expect: internalError,
      },
      reads('s', ...values),
    ],
  })),
  {
    section: '1.5.5',
    fact: 'that 500 can replace the 404 of a partial batch',
    exchanges: [
      { fault: { kind: 'partial', chance: 0.99 }, send: put('/data/rec', PARTIAL), expect: internalError },
      reads('s', '"8"', '"2"', '"1"'),
    ],
  },
  {
    section: '1.5.10',
    fact: 'a registry that was emptied answers 404.1 for every sensor',
    exchanges: [
      {
        fault: { kind: 'forget-sensors' },
        send: put('/data/rec/s', ONE),
        expect: rejected('s', 'Sensor [s] not found on Sentilo (404.1).'),
      },
      {
        fault: { kind: 'forget-sensors' },
        send: put('/data/rec/off', ONE),
        expect: rejected('off', 'Sensor [off] not found on Sentilo (404.1).'),
      },
      NOTHING_STORED,
      { send: put('/data/rec/s', ONE), expect: STORED },
    ],
  },
];

/** Publishing observations (sentilo.md §1.5.1, §1.5.2, §1.5.5, §1.5.9, §1.5.10). */
export const DATA_PUBLISH: readonly Fact[] = [...FORMS, ...VALUES, ...REFUSED, ...PARTIALLY];
