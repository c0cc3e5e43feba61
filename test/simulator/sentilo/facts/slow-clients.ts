import type { Exchange, Fact, Step } from './fact.ts';
import { get, put, putChunked, putPart } from './requests.ts';

const ONE = '{"observations":[{"value":"1"}]}';
const NOTHING_STORED: Exchange = { send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } };
const ONE_STORED: Exchange = {
  send: get('/data/rec/s?limit=9'),
  expect: {
    status: 200,
    body: '{"observations":[{"value":"1","timestamp":"17/09/2012T13:34:45","time":1347888885123}]}',
  },
};
/** Some 67 bytes: at one in 300 ms they take 20 s. */
const LONG = '{"observations":[{"value":"one byte in each 300 ms for 20 seconds"}]}';

const trickle = (text: string, everyMs: number): Step[] =>
  [...text].flatMap((sign): Step[] => [{ silentMs: everyMs }, { send: sign }]);

/** 400 SIE03 for a body that did not come whole: the detail starts with this exception. */
const notWhole = (ms: number, exception: string) => ({
  status: 400,
  headers: { connection: 'Close' },
  body: new RegExp(
    `^\\{"code":400,"message":"SIE03-${ms} {2}Bad request data: could not read JSON payload\\. Please review the following error ` +
      `and try again","errorDetails":\\["${exception.replaceAll('.', '\\.')}`,
  ),
});

/** Clients that stall. */
const STALLED: readonly Fact[] = [
  {
    section: '1.1',
    fact: 'a connection that says nothing is dropped after 5 s without an answer',
    exchanges: [{ send: '', steps: [{ silentMs: 5_000 }], expect: 'dropped' }],
  },
  {
    section: '1.1',
    fact: 'an unfinished head is dropped after 5 s without an answer',
    exchanges: [
      { send: 'PUT /data/rec/s/1 HTTP/1.1\r\nIDENTITY_KEY: rec-token\r\n', steps: [{ silentMs: 5_000 }], expect: 'dropped' },
      NOTHING_STORED,
    ],
  },
  {
    section: '1.1',
    fact: 'the limit of 5 s is per read: a head that comes slowly is served',
    exchanges: [
      {
        send: 'GET /data/rec HTTP/1.1\r\n',
        steps: [
          { silentMs: 4_000 },
          { send: 'IDENTITY_KEY: rec-' },
          { silentMs: 4_000 },
          { send: 'token\r\n' },
          { silentMs: 4_000 },
          { send: '\r\n' },
        ],
        expect: { status: 200, body: '{"sensors":[]}' },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'an unfinished body is answered at about 10 s, and nothing is stored',
    exchanges: [
      {
        send: putPart('/data/rec/s', 32, ONE.slice(0, 31)),
        steps: [{ silentMs: 10_000 }],
        // The city's wall clock has moved on by those 10 s.
        expect: notWhole(1_347_888_895_123, 'java.net.SocketTimeoutException'),
      },
      NOTHING_STORED,
    ],
  },
  {
    section: '1.1',
    fact: 'an unfinished body in chunks is answered at about 10 s, and nothing is stored',
    exchanges: [
      {
        send: `${putChunked('/data/rec/s', []).replace('0\r\n\r\n', '')}20\r\n${ONE.slice(0, 31)}`,
        steps: [{ silentMs: 10_000 }],
        expect: notWhole(1_347_888_895_123, 'java.net.SocketTimeoutException'),
      },
      NOTHING_STORED,
    ],
  },
  {
    section: '1.1',
    fact: 'a body that trickles in at one byte in 300 ms is served, after 20 s',
    exchanges: [
      { send: putPart('/data/rec/s', LONG.length, ''), steps: trickle(LONG, 300), expect: { status: 200, body: '' } },
      {
        send: get('/data/rec/s'),
        expect: { status: 200, body: /^\{"observations":\[\{"value":"one byte in each 300 ms for 20 seconds",/ },
      },
    ],
  },
];

/** Clients that go away. */
const GONE: readonly Fact[] = [
  {
    section: '1.1',
    fact: "a body cut short by the client's FIN is 400, and nothing is stored",
    exchanges: [
      {
        send: putPart('/data/rec/s', 32, ONE.slice(0, 29)),
        steps: ['fin'],
        expect: notWhole(1_347_888_885_123, 'org.apache.http.ConnectionClosedException'),
      },
      NOTHING_STORED,
    ],
  },
  {
    section: '1.5.6',
    fact: 'a body three bytes short of whole, whose sender closes, is not stored',
    exchanges: [{ send: putPart('/data/rec/s', 32, ONE.slice(0, 29)), steps: ['close'], expect: 'unseen' }, NOTHING_STORED],
  },
  ...(['fin', 'close', 'reset'] as const).map((end) => ({
    section: '1.5.6',
    fact: `a complete request is stored although its sender is gone before the answer (${end})`,
    exchanges: [{ send: put('/data/rec/s', ONE), steps: [end], expect: 'unseen' } as const, ONE_STORED],
  })),
];

/** Connections that hold a worker. */
const WORKERS: readonly Fact[] = [
  ...(
    [
      [9, 0],
      [10, 5_000],
      [20, 10_000],
    ] as const
  ).map(([idleCount, silentMs]) => ({
    section: '1.1',
    fact: `${idleCount} idle connections make the next request of anybody wait ${silentMs / 1000} s`,
    exchanges: [
      {
        idleCount,
        send: get('/data/rec'),
        steps: silentMs === 0 ? [] : [{ silentMs }],
        expect: { status: 200, body: '{"sensors":[]}' },
      },
    ],
  })),
  {
    section: '1.1',
    fact: 'when ten are served and a hundred wait, one more is never answered and is reset 3 to 4 s later; it stores nothing',
    exchanges: [
      { idleCount: 110, send: put('/data/rec/s', ONE), steps: [{ silentMs: 3_000 }], expect: 'broken off' },
      // Eleven times ten workers are held for five seconds each.
      { ...NOTHING_STORED, afterMs: 60_000 },
    ],
  },
];

/** What becomes of clients that are slow, too many, or gone (sentilo.md §1.1, §1.5.6). */
export const SLOW_CLIENTS: readonly Fact[] = [...STALLED, ...GONE, ...WORKERS];
