import { WORLD } from '../support.ts';
import { asks, fact, given } from './catalog-world.ts';
import type { Fact } from './fact.ts';
import { del, get, post, put } from './requests.ts';

const MASTER = { token: 'master' };
const A1 =
  '{"id":"A1","name":"A1","entity":"rec","type":"EXTERNAL","active":"true","createdAt":1347888885123,"updatedAt":1347888885123}';
const I1 =
  '{"id":"I1","name":"I1","entity":"rec","type":"INTERNAL","active":"false","createdAt":1347888885123,"updatedAt":1347888885123}';
const B1 =
  '{"id":"B1","name":"B1","entity":"other","type":"EXTERNAL","active":"true","createdAt":1347888885123,"updatedAt":1347888885123}';
const NEW = '{"alerts":[{"id":"X","name":"leak","description":"water","type":"EXTERNAL"}]}';

/** An internal alert of the sensor temp, as the catalogue itself sends it. */
function watch(more: string): string {
  const what = '"id":"W","name":"W","type":"INTERNAL","component":"hall","sensor":"temp"';
  return post('/catalog/alert/rec', `{"alerts":[{${what}${more}}]}`, MASTER);
}

/** 400 with one line. */
function notSaved(done: 'inserted' | 'updated', line: string): string {
  return `{"code":400,"message":"Bad request data. Alerts have not been ${done}. Please review the following errors","errorDetails":["${line}"]}`;
}

const EXPRESSION =
  'Alert W has fields not filled in correctly. Please make sure following fields are filled in properly: [expression]';

/** The service /catalog/alert (sentilo.md §1.6.5). */
export const ALERTS: readonly Fact[] = [
  fact(
    '1.6.5',
    'a GET lists the alerts of everybody whom the caller may read',
    asks(get('/catalog/alert'), 200, `{"alerts":[${A1},${I1},${B1}]}`),
  ),
  fact('1.6.5', 'no alerts are an empty object', asks(get('/catalog/alert', { token: 'empty-token' }), 200, '{}')),
  fact('1.6.5', 'type filters', asks(get('/catalog/alert/rec?type=INTERNAL'), 200, `{"alerts":[${I1}]}`)),
  fact('1.6.5', 'trigger filters', asks(get('/catalog/alert/rec?trigger=GT'), 200, '{}')),
  fact(
    '1.6.5',
    'a GET for an entity wants ADMIN on it',
    asks(
      get('/catalog/alert/rec', { token: 'reader-token' }),
      403,
      '{"code":403,"message":"Entity reader has not permission to ADMIN  info about entity rec"}',
    ),
  ),
  fact(
    '1.6.5',
    'a POST wants ADMIN on the entity',
    asks(
      post('/catalog/alert/rec', NEW, { token: 'writer-token' }),
      403,
      '{"code":403,"message":"Entity writer has not permission to ADMIN  info about entity rec"}',
    ),
  ),
  fact(
    '1.6.5',
    "a new external alert is the caller's own and is listed with its fields",
    asks(post('/catalog/alert', NEW), 200, ''),
    asks(
      get('/catalog/alert/rec?type=EXTERNAL'),
      200,
      `{"alerts":[${A1},${B1},{"id":"X","name":"leak","description":"water","entity":"rec","type":"EXTERNAL","active":"true","createdAt":1347888885123,"updatedAt":1347888885123}]}`,
    ),
  ),
  ...['', '{}', '{"alerts":[]}'].flatMap((body) => [
    fact(
      '1.6.5',
      `a POST of ${body === '' ? 'nothing' : body} is 400`,
      asks(
        post('/catalog/alert', body),
        400,
        '{"code":400,"message":"To insert or update alerts is mandatory to inform the alerts list"}',
      ),
    ),
    fact(
      '1.6.5',
      `a PUT of ${body === '' ? 'nothing' : body} is 400`,
      asks(
        put('/catalog/alert', body),
        400,
        '{"code":400,"message":"To insert or update alerts is mandatory to inform the alerts list"}',
      ),
    ),
  ]),
  fact(
    '1.6.5',
    'an unknown field is unreadable',
    asks(post('/catalog/alert', '{"alerts":[{"id":"X","colour":"red"}]}'), 400, /"SIE03-1347888885123 {2}Bad request data/),
  ),
  fact(
    '1.6.5',
    'an alert that exists is 400',
    given(post('/catalog/alert', NEW)),
    asks(post('/catalog/alert', NEW), 400, notSaved('inserted', 'Alert X : alert with the same id already exists.')),
  ),
  fact(
    '1.6.5',
    'alert ids are global: the alert of another provider exists as well',
    asks(
      post('/catalog/alert', '{"alerts":[{"id":"A1","name":"A1","type":"EXTERNAL"}]}', { token: 'empty-token' }),
      400,
      notSaved('inserted', 'Alert A1 : alert with the same id already exists.'),
    ),
  ),
  fact(
    '1.6.5',
    "an internal alert is the catalogue's business: POST",
    asks(
      post('/catalog/alert', '{"alerts":[{"id":"W","type":"INTERNAL","trigger":"CHANGE","component":"hall","sensor":"temp"}]}'),
      403,
      '{"code":403,"message":"You are not authorized to insert/update internal alerts."}',
    ),
  ),
  fact(
    '1.6.5',
    "an internal alert is the catalogue's business: PUT",
    asks(
      put('/catalog/alert', '{"alerts":[{"id":"I1","type":"INTERNAL","name":"n"}]}'),
      403,
      '{"code":403,"message":"You are not authorized to insert/update internal alerts."}',
    ),
  ),
  fact(
    '1.6.5',
    'the catalogue makes an internal alert, and it is listed with what it watches',
    asks(watch(',"trigger":"GT","expression":"30"'), 200, ''),
    asks(
      get('/catalog/alert/rec?trigger=GT'),
      200,
      '{"alerts":[{"id":"W","name":"W","entity":"rec","type":"INTERNAL","trigger":"GT","expression":"30","component":"hall","sensor":"temp","active":"true","createdAt":1347888885123,"updatedAt":1347888885123}]}',
    ),
  ),
  ...['GT', 'GTE', 'LT', 'LTE', 'CHANGE_DELTA', 'FROZEN'].flatMap((trigger) => [
    fact('1.6.5', `the trigger ${trigger} takes a number`, asks(watch(`,"trigger":"${trigger}","expression":"-1.50"`), 200, '')),
    fact(
      '1.6.5',
      `the trigger ${trigger} takes no word`,
      asks(watch(`,"trigger":"${trigger}","expression":"1."`), 400, notSaved('inserted', EXPRESSION)),
    ),
  ]),
  fact('1.6.5', 'the trigger GT wants an expression', asks(watch(',"trigger":"GT"'), 400, notSaved('inserted', EXPRESSION))),
  fact('1.6.5', 'the trigger EQ takes any expression', asks(watch(',"trigger":"EQ","expression":"open"'), 200, '')),
  fact('1.6.5', 'the trigger CHANGE takes no expression', asks(watch(',"trigger":"CHANGE"'), 200, '')),
  fact('1.6.5', 'another trigger is 400', asks(watch(',"trigger":"NE"'), 400, /"Alert W: invalid trigger type value NE\./)),
  fact(
    '4.1',
    'an alert id is letters, digits, hyphen and underscore',
    asks(
      post('/catalog/alert', '{"alerts":[{"id":"a b","name":"n","type":"EXTERNAL"}]}'),
      400,
      notSaved(
        'inserted',
        'Alert a b has fields not filled in correctly. Please make sure following fields are filled in properly: [id]',
      ),
    ),
  ),
  fact(
    '1.6.5',
    "a PUT changes an alert of one's own",
    asks(put('/catalog/alert', '{"alerts":[{"id":"A1","type":"EXTERNAL","description":"new"}]}'), 200, '', 1_000),
    asks(
      get('/catalog/alert/rec?type=EXTERNAL'),
      200,
      /^\{"alerts":\[\{"id":"A1","name":"A1","description":"new","entity":"rec","type":"EXTERNAL","active":"true","createdAt":1347888885123,"updatedAt":1347888886123\}/,
    ),
  ),
  fact(
    '1.6.5',
    "a DELETE removes the external alerts of one's own and no others",
    asks(del('/catalog/alert'), 200, ''),
    asks(get('/catalog/alert'), 200, `{"alerts":[${I1},${B1}]}`),
  ),
  fact(
    '1.6.5',
    "a PUT that deletes removes those that it names, if they are external and one's own",
    given(post('/catalog/alert', NEW)),
    asks(put('/catalog/alert?method=delete', '{"alertsIds":["X","I1","B1","nothing"]}'), 200, ''),
    asks(get('/catalog/alert'), 200, `{"alerts":[${A1},${I1},${B1}]}`),
  ),
  fact(
    '1.6.5',
    'more behind the entity is no valid path',
    asks(get('/catalog/alert/rec/A1'), 400, '{"code":400,"message":"Invalid path was requested:/catalog/alert/rec/A1"}'),
  ),
  {
    ...fact(
      '1.6.5',
      'the alerts win over a provider called alert',
      asks(get('/catalog/alert', { token: 'alert-token' }), 200, '{}'),
    ),
    world: {
      entities: [{ id: 'alert', kind: 'provider', token: 'alert-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 }],
      permissions: [],
      sensors: [{ provider: 'alert', sensor: 's', state: 'online', type: 'noise' }],
      alerts: [],
      settings: WORLD.settings,
    },
  },
];
