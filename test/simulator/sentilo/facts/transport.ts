import type { Fact } from './fact.ts';
import { get } from './requests.ts';

/** What the server does on the socket and with the head of a request (sentilo.md §1.1, §1.2). */
export const TRANSPORT: readonly Fact[] = [
  {
    section: '1.1',
    fact: 'a client that asks for keep-alive is told keep-alive, and the connection ends all the same',
    exchanges: [
      {
        send: get('/data/rec', { headers: ['Connection: keep-alive'] }),
        expect: { status: 200, headers: { connection: 'keep-alive' }, body: '{"sensors":[]}' },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'there is a Date and a Content-Length, and no Server',
    exchanges: [
      {
        send: get('/data/rec'),
        expect: {
          status: 200,
          headers: { date: 'Mon, 17 Sep 2012 13:34:45 GMT', 'content-length': '14', server: null, connection: null },
        },
      },
    ],
  },
];
