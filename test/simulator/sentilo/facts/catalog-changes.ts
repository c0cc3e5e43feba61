import { asks, fact, given } from './catalog-world.ts';
import type { Fact } from './fact.ts';
import { del, get, post, put } from './requests.ts';

const DATA = '{"observations":[{"value":"1"}]}';
const UNKNOWN =
  '{"code":404,"message":"Events associated with resources [n] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Sensor [n] not found on Sentilo (404.1)."]}';
const SIE00 =
  '{"code":500,"message":"Something went wrong. Please try again. If the problem persists, contact your support site and ' +
  'provide the following error code: SIE00-1347888885123"}';
const SIE01 =
  '{"code":500,"message":"Something went wrong. Please try again. If the problem persists, contact your support site and ' +
  'provide the following error code: SIE01-1347888885123"}';
const N = post('/catalog/rec', '{"sensors":[{"sensor":"n","type":"humidity"}]}');

function update(body: string): string {
  return put('/catalog/rec', body);
}

/** A batch is inserted as a whole or not at all; what it names twice (sentilo.md §1.6.1). */
const BATCHES: readonly Fact[] = [
  fact(
    '1.6.1',
    'all or nothing: every error has its line, and the good sensor is not inserted either',
    asks(
      post(
        '/catalog/rec',
        '{"sensors":[{"sensor":"good","type":"noise"},{"sensor":"b","type":"smell"},' +
          '{"sensor":"c","type":"sound","technicalDetails":{"energy":"x","connectivity":"y"}}]}',
      ),
      400,
      '{"code":400,"message":"Bad request data. Sensors have not been inserted. Please review the following errors","errorDetails":[' +
        '"Sensor b: invalid value for field type (smell).","Sensor c: invalid value for field type (sound).",' +
        '"Sensor c: invalid value for field energy (x).","Sensor c: invalid value for field connectivity (y)."]}',
    ),
    asks(get('/catalog/rec?component=good'), 200, '{}'),
  ),
  fact(
    '1.6.1',
    'a sensor that exists blocks the whole batch: a POST is not idempotent',
    given(N),
    asks(
      post('/catalog/rec', '{"sensors":[{"sensor":"n","type":"humidity"},{"sensor":"m","type":"humidity"}]}'),
      400,
      '{"code":400,"message":"Bad request data. Sensors have not been inserted. Please review the following errors","errorDetails":["Sensor n : sensor with the same id already exists."]}',
    ),
    asks(get('/catalog/rec?component=m'), 200, '{}'),
  ),
  fact(
    '1.6.1',
    'a sensor id is unique in its provider, also across components',
    asks(
      post('/catalog/rec', '{"sensors":[{"sensor":"temp","type":"temperature","component":"elsewhere"}]}'),
      400,
      /"errorDetails":\["Sensor temp : sensor with the same id already exists\."\]\}$/,
    ),
  ),
  fact(
    '1.6.1',
    'another provider may have a sensor of that id',
    asks(post('/catalog/other', '{"sensors":[{"sensor":"temp","type":"temperature"}]}', { token: 'other-token' }), 200, ''),
  ),
  fact(
    '1.6.1',
    'a sensor that is named twice is 400',
    asks(
      post('/catalog/rec', '{"sensors":[{"sensor":"n","type":"noise"},{"sensor":"n","type":"humidity"}]}'),
      400,
      '{"code":400,"message":"Bad request data. Sensors have not been inserted. Please review the following errors","errorDetails":["There are more than one resource with key n ."]}',
    ),
  ),
  fact(
    '1.6.1',
    'a component that exists is left untouched by a POST',
    given(
      post(
        '/catalog/rec',
        '{"sensors":[{"sensor":"n","type":"humidity","component":"hall","componentType":"generic","componentDesc":"new","location":"1 2"}]}',
      ),
    ),
    asks(
      get('/catalog/rec?type=humidity'),
      200,
      /"location":"41\.3851 2\.1734","type":"humidity","publicAccess":false,"state":"online","component":"hall","componentType":"meteo","componentPublicAccess":false,/,
    ),
  ),
  fact(
    '1.6.1',
    'of several sensors that name the same new component the first one says what it is',
    given(
      post(
        '/catalog/rec',
        '{"sensors":[{"sensor":"n","type":"humidity","component":"c","componentType":"meteo"},{"sensor":"m","type":"noise","component":"c","componentType":"noise"}]}',
      ),
    ),
    asks(get('/catalog/rec?component=c&componentType=meteo'), 200, /"sensor":"n".*"sensor":"m"/),
  ),
];

/** When the rest of the city follows the catalogue (sentilo.md §0.1, §1.6.1). */
const SYNCHRONISES: readonly Fact[] = [
  fact(
    '0.1',
    'a new sensor takes no data until the catalogue is synchronised',
    given(N),
    asks(put('/data/rec/n', DATA), 404, UNKNOWN),
    asks(put('/data/rec/n', DATA), 404, UNKNOWN, 29_999),
    asks(put('/data/rec/n', DATA), 200, '', 1),
  ),
  fact(
    '1.6.3',
    'updatedAt moves when the synchronisation marks the sensor',
    given(N),
    asks(get('/catalog/rec?component=n'), 200, /"createdAt":1347888885123,"updatedAt":1347888885123,/, 29_000),
    asks(
      get('/catalog/rec?component=n'),
      200,
      /"createdAt":1347888885123,"updatedAt":1347888915123,"componentCreatedAt":1347888885123,"componentUpdatedAt":1347888885123\}/,
      2_000,
    ),
  ),
  fact(
    '1.6.1',
    'a sensor that was deleted goes on taking and showing data until the synchronisation',
    given(put('/data/rec/temp', DATA)),
    given(update('{}')),
    given(put('/catalog/rec?method=delete', '{"sensors":["temp"]}')),
    asks(put('/data/rec/temp', DATA), 200, '', 29_999),
    asks(get('/data/rec/temp?limit=9'), 200, /^\{"observations":\[\{[^{]*\},\{[^{]*\}\]\}$/),
    asks(
      put('/data/rec/temp', DATA),
      404,
      '{"code":404,"message":"Events associated with resources [temp] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Sensor [temp] not found on Sentilo (404.1)."]}',
      1,
    ),
    asks(get('/data/rec/temp?limit=9'), 200, '{"observations":[]}'),
  ),
  fact(
    '1.6.1',
    'a sensor that was deleted and registered again starts empty',
    given(put('/data/rec/temp', DATA)),
    given(put('/catalog/rec?method=delete', '{"sensors":["temp"]}')),
    given(post('/catalog/rec', '{"sensors":[{"sensor":"temp","type":"noise"}]}'), 30_000),
    asks(get('/data/rec/temp'), 200, '{"observations":[]}', 30_000),
    asks(put('/data/rec/temp', DATA), 200, ''),
  ),
];

/** What a PUT does (sentilo.md §1.6.2). */
const UPDATES: readonly Fact[] = [
  fact(
    '1.6.2',
    'a PUT changes what it names and keeps the rest',
    asks(update('{"sensors":[{"sensor":"temp","description":"new","dataType":"text","publicAccess":false}]}'), 200, '', 1_000),
    asks(
      get('/catalog/rec?type=temperature'),
      200,
      '{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[{"sensor":"temp","description":"new","dataType":"TEXT",' +
        '"location":"41.3851 2.1734","type":"temperature","unit":"C","publicAccess":false,"state":"online","component":"hall",' +
        '"componentType":"meteo","componentPublicAccess":false,"createdAt":1347888885123,"updatedAt":1347888886123,' +
        '"componentCreatedAt":1347888885123,"componentUpdatedAt":1347888885123}]}]}',
    ),
  ),
  ...['""', '"null"', 'null', '"  "'].map((unit) =>
    fact(
      '1.6.2',
      `a unit of ${unit} keeps the old one: nothing can be blanked`,
      given(update(`{"sensors":[{"sensor":"temp","unit":${unit}}]}`)),
      asks(get('/catalog/rec?type=temperature'), 200, /"unit":"C"/),
    ),
  ),
  fact(
    '1.6.2',
    'the component of a sensor cannot be changed',
    given(update('{"sensors":[{"sensor":"temp","component":"street"}]}')),
    asks(get('/catalog/rec?type=temperature'), 200, /"component":"hall"/),
  ),
  fact(
    '6.1',
    'a state in a PUT is never applied',
    given(update('{"sensors":[{"sensor":"temp","state":"offline","ttl":1}]}')),
    asks(get('/catalog/rec?type=temperature'), 200, /"state":"online"/),
  ),
  fact(
    '1.6.2',
    'additional information and technical details are merged',
    given(
      update(
        '{"sensors":[{"sensor":"temp","additionalInfo":{"a":"1","b":"2"},"technicalDetails":{"producer":"p","model":"m"}}]}',
      ),
    ),
    given(update('{"sensors":[{"sensor":"temp","additionalInfo":{"b":"3"},"technicalDetails":{"model":"n"}}]}')),
    asks(
      get('/catalog/rec?type=temperature'),
      200,
      /"additionalInfo":\{"a":"1","b":"3"\},"technicalDetails":\{"producer":"p","model":"n"\}/,
    ),
  ),
  fact(
    '1.6.2',
    'a PUT of a component changes it for all its sensors',
    given(
      update(
        '{"components":[{"component":"street","componentType":"generic","componentDesc":"d","location":"1 2","componentPublicAccess":true,' +
          '"componentAdditionalInfo":{"a":"1"},"componentTechnicalDetails":{"model":"m"},"coordinateSystem":"ETRS89"}]}',
      ),
      1_000,
    ),
    asks(
      get('/catalog/rec?component=street'),
      200,
      '{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[{"sensor":"loud","dataType":"NUMBER","location":"1.0 2.0",' +
        '"type":"noise","publicAccess":false,"state":"online","component":"street","componentType":"generic","componentDesc":"d",' +
        '"componentPublicAccess":true,"componentAdditionalInfo":{"a":"1"},"componentTechnicalDetails":{"model":"m"},' +
        '"createdAt":1347888885123,"updatedAt":1347888885123,"componentCreatedAt":1347888885123,' +
        '"componentUpdatedAt":1347888886123,"coordinateSystem":"ETRS89"}]}]}',
    ),
  ),
  fact(
    '1.6.2',
    'a component that is given no location still shows the one it had',
    given(update('{"components":[{"component":"hall","componentDesc":"d"}]}')),
    asks(get('/catalog/rec?component=hall'), 200, /"location":"41\.3851 2\.1734".*"componentDesc":"d"/),
  ),
  fact(
    '1.6.2',
    'an unknown component is passed over',
    asks(update('{"components":[{"component":"nowhere","location":"1 2"}]}'), 200, ''),
    asks(get('/catalog/rec?component=nowhere'), 200, '{}'),
  ),
  fact(
    '1.6.2',
    'an unknown sensor with a valid type is 500 SIE01, and nothing of the request is applied or created',
    asks(
      update(
        '{"sensors":[{"sensor":"temp","unit":"K"},{"sensor":"n","type":"humidity"}],"components":[{"component":"hall","location":"1 2"}]}',
      ),
      500,
      SIE01,
    ),
    asks(get('/catalog/rec?type=temperature'), 200, /"location":"41\.3851 2\.1734","type":"temperature","unit":"C"/),
    asks(N, 200, ''),
  ),
  fact(
    '1.6.2',
    'an unknown sensor without a type is 400 with two lines',
    asks(
      update('{"sensors":[{"sensor":"n","unit":"K"}]}'),
      400,
      '{"code":400,"message":"Bad request data. Resources have not been updated. Please review the following errors","errorDetails":[' +
        '"Sensor n has fields not filled in correctly. Please make sure following fields are filled in properly: [type]",' +
        '"Sensor n: invalid value for field type (null)."]}',
    ),
  ),
  fact(
    '1.6.2',
    'an invalid type is 400, and nothing of the request is applied',
    asks(
      update('{"sensors":[{"sensor":"loud","unit":"dB"},{"sensor":"temp","type":"smell"}]}'),
      400,
      '{"code":400,"message":"Bad request data. Resources have not been updated. Please review the following errors","errorDetails":["Sensor temp: invalid value for field type (smell)."]}',
    ),
    asks(get('/catalog/rec?component=street'), 200, /"type":"noise","publicAccess"/),
  ),
  fact(
    '1.6.2',
    'an unknown field is unreadable',
    asks(update('{"components":[{"component":"hall","sensor":"temp"}]}'), 400, /SIE03-1347888885123 {2}/),
  ),
  fact('1.6.2', 'an empty body is 500 SIE00', asks(update(''), 500, SIE00)),
  fact('1.6.2', 'an empty object changes nothing', asks(update('{}'), 200, '')),
  fact(
    '1.5.4',
    'a PUT with a space after the comma of a location is 500 SIE01',
    asks(update('{"components":[{"component":"hall","location":"1 2, 3 4"}]}'), 500, SIE01),
  ),
  fact(
    '1.5.10',
    'a PUT of the bare id changes nothing that is seen, and the sensor is synchronised anew',
    asks(update('{"sensors":[{"sensor":"temp"}]}'), 200, '', 1_000),
    asks(
      get('/catalog/rec?type=temperature'),
      200,
      '{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[{"sensor":"temp","dataType":"NUMBER","location":"41.3851 2.1734",' +
        '"type":"temperature","unit":"C","publicAccess":true,"state":"online","component":"hall","componentType":"meteo",' +
        '"componentPublicAccess":false,"createdAt":1347888885123,"updatedAt":1347888916123,"componentCreatedAt":1347888885123,' +
        '"componentUpdatedAt":1347888885123}]}]}',
      30_000,
    ),
  ),
];

/** What a DELETE does (sentilo.md §1.6.4). */
const DELETES: readonly Fact[] = [
  fact(
    '1.6.4',
    'a DELETE ignores its body and deletes everything: sensors, components, alerts',
    asks(del('/catalog/rec', { body: '{"sensors":["loud"]}' }), 200, ''),
    asks(get('/catalog/rec'), 200, /^\{"providers":\[\{"provider":"other"/),
    asks(get('/catalog/alert/rec'), 200, /^\{"alerts":\[\{"id":"B1",[^{]*\}\]\}$/),
    asks(post('/catalog/rec', '{"sensors":[{"sensor":"off","type":"noise"}]}'), 200, ''),
  ),
  ...['', '{}', '{"sensors":[],"components":[]}'].map((body) =>
    fact(
      '1.6.4',
      `a PUT that deletes ${body === '' ? 'with an empty body' : body} deletes everything`,
      asks(put('/catalog/rec?method=delete', body), 200, ''),
      asks(get('/catalog/rec'), 200, /^\{"providers":\[\{"provider":"other"/),
    ),
  ),
  fact(
    '1.6.4',
    'a PUT that deletes a sensor leaves the others',
    asks(put('/catalog/rec?method=delete', '{"sensors":["temp"]}'), 200, ''),
    asks(
      get('/catalog/rec'),
      200,
      /^\{"providers":\[\{"provider":"rec","permission":"ADMIN","sensors":\[\{"sensor":"loud",[^{]*\}\]/,
    ),
  ),
  fact(
    '1.6.4',
    'a PUT that deletes a component deletes its sensors',
    asks(put('/catalog/rec?method=delete', '{"components":["hall"]}'), 200, ''),
    asks(
      get('/catalog/rec'),
      200,
      /^\{"providers":\[\{"provider":"rec","permission":"ADMIN","sensors":\[\{"sensor":"loud",[^{]*\}\]/,
    ),
    asks(post('/catalog/rec', '{"sensors":[{"sensor":"off","type":"noise"}]}'), 200, ''),
  ),
  fact(
    '1.6.4',
    'of sensors and components only the sensors are deleted',
    asks(put('/catalog/rec?method=delete', '{"sensors":["temp"],"components":["street"]}'), 200, ''),
    asks(get('/catalog/rec?component=street'), 200, /"sensor":"loud"/),
  ),
  fact(
    '1.6.4',
    'an unknown id is passed over',
    asks(put('/catalog/rec?method=delete', '{"sensors":["nothing"]}'), 200, ''),
    asks(get('/catalog/rec?component=hall'), 200, /"sensor":"temp"/),
  ),
  fact(
    '1.6.4',
    'deleting a sensor deletes the alerts that watch it',
    given(
      post(
        '/catalog/alert/rec',
        '{"alerts":[{"id":"W","name":"W","type":"INTERNAL","trigger":"CHANGE","component":"hall","sensor":"temp"}]}',
        { token: 'master' },
      ),
    ),
    asks(get('/catalog/alert?trigger=CHANGE'), 200, /"id":"W"/),
    given(put('/catalog/rec?method=delete', '{"sensors":["temp"]}')),
    asks(get('/catalog/alert?trigger=CHANGE'), 200, '{}'),
    asks(get('/catalog/alert'), 200, /"id":"A1".*"id":"I1"/),
  ),
];

export const CATALOG_CHANGES: readonly Fact[] = [...BATCHES, ...SYNCHRONISES, ...UPDATES, ...DELETES];
