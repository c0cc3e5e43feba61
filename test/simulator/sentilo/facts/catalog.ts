import { asks, fact, given } from './catalog-world.ts';
import type { Fact } from './fact.ts';
import { del, get, post, put } from './requests.ts';

const SIE01 =
  '{"code":500,"message":"Something went wrong. Please try again. If the problem persists, contact your support site and ' +
  'provide the following error code: SIE01-1347888885123"}';
const SIE03 =
  /^\{"code":400,"message":"SIE03-1347888885123 {2}Bad request data: could not read JSON payload\. Please review the following error and try again","errorDetails":\["com\.fasterxml\.jackson\./;
const TEMP =
  '{"sensor":"temp","dataType":"NUMBER","location":"41.3851 2.1734","type":"temperature","unit":"C","publicAccess":true,' +
  '"state":"online","component":"hall","componentType":"meteo","componentPublicAccess":false,"createdAt":1347888885123,' +
  '"updatedAt":1347888885123,"componentCreatedAt":1347888885123,"componentUpdatedAt":1347888885123}';
const LOUD =
  '{"sensor":"loud","dataType":"NUMBER","type":"noise","publicAccess":false,"state":"online","component":"street",' +
  '"componentType":"noise","componentPublicAccess":false,"createdAt":1347888885123,"updatedAt":1347888885123,' +
  '"componentCreatedAt":1347888885123,"componentUpdatedAt":1347888885123}';
const FAR =
  '{"sensor":"far","dataType":"NUMBER","type":"noise","publicAccess":false,"state":"online","component":"away",' +
  '"componentType":"generic","componentPublicAccess":false,"createdAt":1347888885123,"updatedAt":1347888885123,' +
  '"componentCreatedAt":1347888885123,"componentUpdatedAt":1347888885123}';

/** 400 of a POST with the lines that follow as errorDetails. */
function notInserted(...lines: string[]): string {
  const details = lines.map((line) => `"${line}"`).join(',');
  return `{"code":400,"message":"Bad request data. Sensors have not been inserted. Please review the following errors","errorDetails":[${details}]}`;
}

/** A POST of one sensor whose fields beside sensor and type are given as JSON. */
function register(sensor: string, more = '', type = 'humidity'): string {
  return post('/catalog/rec', `{"sensors":[{"sensor":"${sensor}","type":"${type}"${more}}]}`);
}

/** Who may ask, for what path (sentilo.md §1.6). */
const ACCESS: readonly Fact[] = [
  fact(
    '1.6',
    'READ is not enough to list a provider: every verb wants ADMIN',
    asks(
      get('/catalog/rec', { token: 'reader-token' }),
      403,
      '{"code":403,"message":"Entity reader has not permission to ADMIN  info about entity rec"}',
    ),
  ),
  fact(
    '6.1',
    'WRITE is not enough to register, whatever the documentation says',
    asks(
      post('/catalog/rec', '{"sensors":[{"sensor":"n","type":"noise"}]}', { token: 'writer-token' }),
      403,
      '{"code":403,"message":"Entity writer has not permission to ADMIN  info about entity rec"}',
    ),
  ),
  fact(
    '1.6',
    'WRITE is not enough for a PUT',
    asks(
      put('/catalog/rec', '{}', { token: 'writer-token' }),
      403,
      '{"code":403,"message":"Entity writer has not permission to ADMIN  info about entity rec"}',
    ),
  ),
  fact(
    '1.6',
    'WRITE is not enough for a DELETE',
    asks(
      del('/catalog/rec', { token: 'writer-token' }),
      403,
      '{"code":403,"message":"Entity writer has not permission to ADMIN  info about entity rec"}',
    ),
  ),
  fact(
    '1.3',
    'a forbidden POST with a bad body is 400, not 403',
    asks(
      post('/catalog/rec', '{}', { token: 'writer-token' }),
      400,
      '{"code":400,"message":"To insert sensors is mandatory to inform the sensors"}',
    ),
  ),
  fact(
    '1.5.9',
    'an unknown provider is 403, not 404',
    asks(
      get('/catalog/nobody'),
      403,
      '{"code":403,"message":"Entity rec has not permission to ADMIN  info about entity nobody"}',
    ),
  ),
  fact(
    '1.4',
    'an application cannot register sensors for itself',
    asks(
      post('/catalog/reader', '{"sensors":[{"sensor":"n","type":"noise"}]}', { token: 'reader-token' }),
      403,
      '{"code":403,"message":"The service you have requested is restricted to providers only"}',
    ),
  ),
  fact(
    '1.6',
    'a POST without a provider is no valid path',
    asks(post('/catalog', '{"sensors":[]}'), 400, '{"code":400,"message":"Invalid path was requested:/catalog"}'),
  ),
  fact(
    '1.6',
    'a DELETE without a provider is no valid path',
    asks(del('/catalog'), 400, '{"code":400,"message":"Invalid path was requested:/catalog"}'),
  ),
  fact(
    '1.6',
    'a sensor behind the provider is no valid path',
    asks(get('/catalog/rec/temp'), 400, '{"code":400,"message":"Invalid path was requested:/catalog/rec/temp"}'),
  ),
];

/** What a GET shows (sentilo.md §1.6.3). */
const LISTS: readonly Fact[] = [
  fact(
    '1.6.3',
    'a GET lists the online sensors of every provider that the caller has a permission on, with that permission',
    asks(
      get('/catalog'),
      200,
      `{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[${TEMP},${LOUD}]},{"provider":"other","permission":"WRITE","sensors":[${FAR}]}]}`,
    ),
  ),
  fact(
    '1.6',
    'an application that may only read lists without naming the provider',
    asks(
      get('/catalog', { token: 'reader-token' }),
      200,
      `{"providers":[{"provider":"rec","permission":"READ","sensors":[${TEMP},${LOUD}]}]}`,
    ),
  ),
  fact(
    '1.6.3',
    'a GET for a provider lists what that provider may see, not what the caller may',
    asks(
      get('/catalog/rec', { token: 'master' }),
      200,
      `{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[${TEMP},${LOUD}]},{"provider":"other","permission":"WRITE","sensors":[${FAR}]}]}`,
    ),
  ),
  fact('1.6.3', 'nothing at all is an empty object', asks(get('/catalog', { token: 'empty-token' }), 200, '{}')),
  fact('1.6.3', 'a list echoes the content type of the request and names the release', {
    send: get('/catalog/empty', { token: 'empty-token', headers: ['Content-Type: text/x'] }),
    expect: { status: 200, headers: { 'content-type': 'text/x', 'x-sentilo-version': '2.0.0' }, body: '{}' },
  }),
  fact(
    '1.6',
    'type filters sensors, and a provider without a match is omitted',
    asks(
      get('/catalog/rec?type=temperature'),
      200,
      `{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[${TEMP}]}]}`,
    ),
  ),
  fact(
    '1.6',
    'component filters by the name of the component',
    asks(
      get('/catalog/rec?component=street'),
      200,
      `{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[${LOUD}]}]}`,
    ),
  ),
  fact(
    '1.6',
    'componentType filters by the type of the component',
    asks(
      get('/catalog?componentType=generic'),
      200,
      `{"providers":[{"provider":"other","permission":"WRITE","sensors":[${FAR}]}]}`,
    ),
  ),
  fact('1.6', 'filters are joined', asks(get('/catalog/rec?type=temperature&component=street'), 200, '{}')),
  fact(
    '1.6.3',
    'an offline sensor is not listed, yet registering it says that it exists',
    asks(register('off'), 400, notInserted('Sensor off : sensor with the same id already exists.')),
  ),
  fact(
    '1.6.3',
    'every field of a registration comes back, in the order of the server and not of the request',
    given(
      register(
        'full',
        ',"technicalDetails":{"connectivity":"3G","model":"m","macAddress":"aa","energy":"220VAC","serialNumber":"1","producer":"p"},' +
          '"componentTechnicalDetails":{"model":"box"},"additionalInfo":{"k":"v"},"componentAdditionalInfo":{"floor":2},' +
          '"coordinateSystem":"WGS84","location":"41.4 2.2","componentType":"meteo","componentDesc":"a box","component":"box",' +
          '"componentPublicAccess":true,"publicAccess":"true","timeZone":"Europe/Madrid","unit":"%","dataType":"text",' +
          '"description":"a probe"',
      ),
    ),
    asks(
      get('/catalog/rec?component=box'),
      200,
      '{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[{"sensor":"full","description":"a probe",' +
        '"dataType":"TEXT","location":"41.4 2.2","type":"humidity","unit":"%","timeZone":"Europe/Madrid","publicAccess":true,' +
        '"state":"online","component":"box","componentType":"meteo","componentDesc":"a box","componentPublicAccess":true,' +
        '"additionalInfo":{"k":"v"},"componentAdditionalInfo":{"floor":"2"},"technicalDetails":{"producer":"p","model":"m",' +
        '"serialNumber":"1","macAddress":"aa","energy":"220VAC","connectivity":"3G"},"componentTechnicalDetails":{"model":"box"},' +
        '"createdAt":1347888885123,"updatedAt":1347888885123,"componentCreatedAt":1347888885123,' +
        '"componentUpdatedAt":1347888885123,"coordinateSystem":"WGS84"}]}]}',
    ),
  ),
  fact(
    '6.1',
    'a component without a location has none in the list, not an empty one',
    given(register('m')),
    asks(get('/catalog/rec?component=m'), 200, /"dataType":"NUMBER","type":"humidity"/),
  ),
  fact(
    '1.6.3',
    'a location is written as Java writes doubles',
    given(register('d', ',"location":"2.1320120 41,0.0005 -1e1,41.39d +2f"')),
    asks(get('/catalog/rec?component=d'), 200, /"location":"2\.132012 41\.0,5\.0E-4 -10\.0,41\.39 2\.0"/),
  ),
];

/** What a POST does (sentilo.md §1.6.1). */
const REGISTERS: readonly Fact[] = [
  fact(
    '1.6.1',
    'a sensor with nothing but its type: number, online, not public, in a mobile generic component of its own name',
    asks(register('n'), 200, ''),
    asks(
      get('/catalog/rec?component=n'),
      200,
      '{"providers":[{"provider":"rec","permission":"ADMIN","sensors":[{"sensor":"n","dataType":"NUMBER","type":"humidity",' +
        '"publicAccess":false,"state":"online","component":"n","componentType":"generic","componentPublicAccess":false,' +
        '"createdAt":1347888885123,"updatedAt":1347888885123,"componentCreatedAt":1347888885123,' +
        '"componentUpdatedAt":1347888885123}]}]}',
    ),
  ),
  fact(
    '1.6.1',
    'no sensors are 400',
    asks(
      post('/catalog/rec', '{"sensors":[]}'),
      400,
      '{"code":400,"message":"To insert sensors is mandatory to inform the sensors"}',
    ),
    asks(post('/catalog/rec', ''), 400, '{"code":400,"message":"To insert sensors is mandatory to inform the sensors"}'),
  ),
  fact('1.6.1', 'an unknown field of a sensor is unreadable', asks(register('n', ',"colour":"red"'), 400, SIE03)),
  fact(
    '1.6.1',
    'an unknown field beside the sensors is unreadable',
    asks(post('/catalog/rec', '{"sensors":[{"sensor":"n","type":"noise"}],"x":1}'), 400, SIE03),
  ),
  fact(
    '1.6.1',
    'an unknown field of the technical details is unreadable',
    asks(register('n', ',"technicalDetails":{"colour":"red"}'), 400, SIE03),
  ),
  fact(
    '1.6.1',
    'additional information with an object in it is unreadable',
    asks(register('n', ',"additionalInfo":{"a":{}}'), 400, SIE03),
  ),
  fact('1.6.1', 'a publicAccess that is no boolean is unreadable', asks(register('n', ',"publicAccess":"yes"'), 400, SIE03)),
  fact('1.6.1', 'a state that does not exist is unreadable', asks(register('n', ',"state":"asleep"'), 400, SIE03)),
  fact('1.6.1', 'a ttl that is no number is unreadable', asks(register('n', ',"ttl":"long"'), 400, SIE03)),
  fact(
    '6.1',
    'state and ttl are taken and never applied',
    given(register('n', ',"state":"offline","ttl":5')),
    asks(get('/catalog/rec?component=n'), 200, /"publicAccess":false,"state":"online","component":"n"/),
  ),
  fact(
    '1.6.1',
    'a provider and times in an entry are taken and ignored',
    given(register('n', ',"provider":"other","createdAt":1,"updatedAt":2,"componentCreatedAt":3,"componentUpdatedAt":4')),
    asks(
      get('/catalog/rec?component=n'),
      200,
      /"createdAt":1347888885123,"updatedAt":1347888885123,"componentCreatedAt":1347888885123,"componentUpdatedAt":1347888885123\}/,
    ),
  ),
  fact(
    '1.6.1',
    'a type that the instance does not have is 400',
    asks(register('n', '', 'smell'), 400, notInserted('Sensor n: invalid value for field type (smell).')),
  ),
  fact(
    '1.6.1',
    'a component type that the instance does not have is 400',
    asks(
      register('n', ',"component":"c","componentType":"house"'),
      400,
      notInserted('Component c: invalid value for field componentType (house).'),
    ),
  ),
  fact(
    '1.6.1',
    'a data type that does not exist is 400',
    asks(register('n', ',"dataType":"colour"'), 400, notInserted('Sensor n: invalid value for field dataType (colour).')),
  ),
  ...['NUMBER', 'boolean', 'TEXT', 'json', 'LINK', 'audio_link', 'VIDEO_LINK', 'Image_Link', 'FILE_LINK'].map((dataType) =>
    fact(
      '6.1',
      `the data type ${dataType} is one of nine, in any case`,
      asks(register('n', `,"dataType":"${dataType}"`), 200, ''),
    ),
  ),
  fact(
    '1.6.1',
    'a source of energy that does not exist is 400',
    asks(
      register('n', ',"technicalDetails":{"energy":"WIND"}'),
      400,
      notInserted('Sensor n: invalid value for field energy (WIND).'),
    ),
  ),
  fact(
    '1.6.1',
    'a connectivity that does not exist is 400',
    asks(
      register('n', ',"technicalDetails":{"connectivity":"LORA"}'),
      400,
      notInserted('Sensor n: invalid value for field connectivity (LORA).'),
    ),
  ),
  fact(
    '1.5.4',
    'a location with two spaces is 400',
    asks(register('n', ',"location":"41.4  2.2"'), 400, notInserted('Sensor n: invalid value for field location (41.4  2.2).')),
  ),
  fact(
    '1.5.4',
    'a space after the comma between two points passes the check and fails the parser',
    asks(register('n', ',"location":"41.4 2.2, 41.5 2.3"'), 500, SIE01),
    asks(get('/catalog/rec?component=n'), 200, '{}'),
  ),
  fact(
    '1.5.4',
    'two points without that space are taken',
    asks(register('n', ',"location":"41.4 2.2,41.5 2.3"'), 200, ''),
    asks(get('/catalog/rec?component=n'), 200, /"location":"41\.4 2\.2,41\.5 2\.3"/),
  ),
  fact(
    '1.6.1',
    'a time zone that Java does not know is 400',
    asks(
      register('n', ',"timeZone":"Europe/Barcelona"'),
      400,
      notInserted(
        'Sensor n has fields not filled in correctly. Please make sure following fields are filled in properly: [timeZone]',
      ),
    ),
  ),
  fact(
    '1.6.1',
    'the name of a component has the same rule as that of a sensor',
    asks(register('n', ',"component":"a b"'), 400, /"errorDetails":\["Component a b has fields not filled in correctly\./),
  ),
  fact(
    '1.6.1',
    'a component has energy and connectivity of the same lists',
    asks(
      register('n', ',"component":"c","componentTechnicalDetails":{"energy":"SOLAR_BAT","connectivity":"LORA"}'),
      400,
      notInserted('Component c: invalid value for field connectivity (LORA).'),
    ),
  ),
  fact('1.6.1', 'CET is a time zone', asks(register('n', ',"timeZone":"CET"'), 200, '')),
  ...['a.b', 'a b', 'a:b', 'café'].map((sensor) =>
    fact(
      '4.1',
      `the id ${sensor} is 400`,
      asks(
        register(sensor, ',"component":"c"'),
        400,
        notInserted(
          `Sensor ${sensor} has fields not filled in correctly. Please make sure following fields are filled in properly: [sensor]`,
        ),
      ),
    ),
  ),
  fact(
    '4.1',
    'an id has no maximum length',
    asks(register('0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdefghijklmnopqrstuvwxyz_0123456789_0123456789_0123456789'), 200, ''),
  ),
  fact(
    '1.6.1',
    'an entry without a sensor is 500 SIE01, not 400',
    asks(post('/catalog/rec', '{"sensors":[{"type":"noise"}]}'), 500, SIE01),
  ),
];

export const CATALOG: readonly Fact[] = [...ACCESS, ...LISTS, ...REGISTERS];
