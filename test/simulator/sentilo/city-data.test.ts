import { describe, expect, it } from 'vitest';
import { cityOf, EXAMPLE_MS, NOW_MS, SIE03, SIE99, worldWith } from './support.ts';

const EXAMPLE = '17/09/2012T12:34:45';
const NO_OBSERVATIONS = 'To publish data is mandatory to fill in the observations field';
const NO_VALUE = 'To publish data is mandatory to fill in the value field';
const REJECTED = (ids: string) =>
  `Events associated with resources [${ids}] have been rejected. See the error details to know about what went wrong in each case`;

describe('publishing', () => {
  it.each([
    ['in the path', 'PUT', '/data/rec/s/21.5', '', { sensor: 's', value: '21.5', timestampMs: NOW_MS }],
    ['in the path, whatever the body', 'PUT', '/data/rec/s/21.5', '{', { sensor: 's', value: '21.5', timestampMs: NOW_MS }],
    [
      'to one sensor',
      'PUT',
      '/data/rec/s',
      { observations: [{ value: '1', timestamp: EXAMPLE }] },
      { sensor: 's', value: '1', timestampMs: EXAMPLE_MS },
    ],
    [
      'to a provider',
      'PUT',
      '/data/rec',
      { sensors: [{ sensor: 't', observations: [{ value: '2' }] }] },
      { sensor: 't', value: '2', timestampMs: NOW_MS },
    ],
    [
      'by POST',
      'POST',
      '/data/rec/s?method=put',
      { observations: [{ value: '3' }] },
      { sensor: 's', value: '3', timestampMs: NOW_MS },
    ],
  ])('stores what is sent %s and answers with nothing', (_, method, target, body, stored) => {
    const { city, ask } = cityOf();
    expect(ask(method, target, body)).toMatchObject({ status: 200, text: '' });
    expect(city.observations('rec')).toMatchObject([{ provider: 'rec', arrivalMs: NOW_MS, ...stored }]);
  });

  it.each([
    ['"12.30"', '12.30'],
    ['12.30', '12.30'],
    ['1e3', '1e3'],
    ['true', 'true'],
    ['""', ''],
    ['"a\\u00e0\\n"', 'aà\n'],
    ['1, "value": 2', '2'],
    ['1, "time": 5', '1'],
    ['1, "time": "5"', '1'],
    ['1, "time": null', '1'],
    ['1, "timestamp": null', '1'],
    ['1, "timestamp": " "', '1'],
  ])('stores "value": %s as text', (json, value) => {
    const { city, ask } = cityOf();
    expect(ask('PUT', '/data/rec/s', `{"observations":[{"value": ${json}}]} trailing text`).status).toBe(200);
    expect(city.observations('rec', 's')).toMatchObject([{ value, timestampMs: NOW_MS }]);
  });

  it.each([
    ['s', '{}', 400, NO_OBSERVATIONS],
    ['s', '', 400, NO_OBSERVATIONS],
    ['s', '{"observations":[]}', 400, NO_OBSERVATIONS],
    ['', '{}', 400, NO_OBSERVATIONS],
    ['', '{"sensors":[]}', 400, NO_OBSERVATIONS],
    ['', '{"sensors":[{"sensor":"s","observations":[]}]}', 400, NO_OBSERVATIONS],
    ['s', '{"observations":[{}]}', 400, NO_VALUE],
    ['s', '{"observations":[{"value":null}]}', 400, NO_VALUE],
    ['s', '{"observations":null}', 500, SIE99],
    ['s', 'null', 500, SIE99],
    ['s', '{"observations":[null]}', 500, SIE99],
    ['', 'null', 500, SIE99],
    ['', '{"sensors":null}', 500, SIE99],
    ['', '{"sensors":[null]}', 500, SIE99],
    ['', '{"sensors":[{"sensor":"s"}]}', 500, SIE99],
    ['s', '[]', 400, SIE03],
    ['s', '[null]', 400, SIE03],
    ['', '{"sensors":{}}', 400, SIE03],
    ['s', '{"observations":{"value":"1"}}', 400, SIE03],
    ['s', '{"observations":[{"value":{}}]}', 400, SIE03],
    ['s', '{"observations":[{"value":[1]}]}', 400, SIE03],
    ['s', '{"observations":[{"value":"1","time":"noon"}]}', 400, SIE03],
    ['s', '{"observations":[{"value":"1","unit":"C"}]}', 400, SIE03],
    ['s', '{"observations":[{"Value":"1"}]}', 400, SIE03],
    ['', '{"observations":[{"value":"1"}]}', 400, SIE03],
    ['', '{"sensors":[{"sensor":"s","observations":[{"value":"1"}],"type":"x"}]}', 400, SIE03],
    ['s', '\ufeff{"observations":[{"value":"1"}]}', 400, SIE03],
    ['s', '{"observations":[{"value":"1"}]', 400, SIE03],
    ['s', '\u001f\u008b\b', 400, SIE03],
  ])('refuses, for /%s, %s', (sensor, body, status, message) => {
    const { city, ask } = cityOf();
    const good = { observations: [{ value: 'good' }] };
    ask('PUT', '/data/rec/t', good);
    expect(ask('PUT', `/data/rec/${sensor}`, body)).toMatchObject({ status, json: { code: status, message } });
    expect(city.observations('rec')).toHaveLength(1);
  });

  it.each([
    [{ timestamp: `${EXAMPLE}Z` }, `Wrong timestamp value: ${EXAMPLE}Z`],
    [{ timestamp: 1347885285000 }, 'Wrong timestamp value: 1347885285000'],
    [{ location: '41.4,2.2' }, 'Wrong location value: 41.4,2.2'],
  ])('says what is wrong with %j and stores nothing of the batch', (field, detail) => {
    const { city, ask } = cityOf();
    const observations = [{ value: '1' }, { value: '2', ...field }, { value: '3' }];
    expect(ask('PUT', '/data/rec/s', { observations }).json).toEqual({ code: 400, message: SIE03, errorDetails: [detail] });
    expect(city.observations('rec')).toEqual([]);
  });

  // Reported case: people send the letter Z of the documentation's format.
  it.each([
    [`${EXAMPLE}Z`, 400],
    [`${EXAMPLE}+0000`, 200],
    [EXAMPLE, 200],
  ])('answers the timestamp %s with %i', (timestamp, status) => {
    expect(cityOf().ask('PUT', '/data/rec/s', { observations: [{ value: '1', timestamp }] }).status).toBe(status);
  });

  it('lets the enclosing location count where an observation has none, and keeps every text as it is', () => {
    const { city, ask } = cityOf();
    const observations = [
      { value: '1' },
      { value: '2', location: '1 2' },
      { value: '3', location: ' ' },
      { value: '4', location: 'null' },
    ];
    ask('PUT', '/data/rec/s', { observations, location: '41.4 2.2' });
    expect(city.observations('rec', 's').map((one) => one.location)).toEqual(['41.4 2.2', '1 2', '41.4 2.2', 'null']);
  });

  it('reads the body in the charset of its content type', () => {
    const { city, ask } = cityOf();
    // The two bytes of "à" in UTF-8 are two characters in ISO 8859-1.
    const headers = [['Content-Type', 'application/json; charset=ISO-8859-1']] as const;
    ask('PUT', '/data/rec/s', { observations: [{ value: 'à' }] }, { headers });
    expect(city.observations('rec', 's')[0]?.value).toBe('Ã\u00a0');
  });
});

describe('a batch (sentilo.md §1.5.5)', () => {
  const batch = {
    sensors: [
      { sensor: 's', observations: [{ value: '1' }, { value: '2' }] },
      { sensor: 'nobody', observations: [{ value: '3' }, { value: '4' }] },
      { sensor: 'off', observations: [{ value: '5' }] },
      { observations: [{ value: '6' }] },
      { sensor: 't', observations: [{ value: '7' }] },
      { sensor: 's', observations: [{ value: '8' }] },
    ],
  };

  it('stores what it can and names each distinct sensor that it refuses', () => {
    const { city, ask } = cityOf();
    const answer = ask('PUT', '/data/rec', batch);
    expect(answer.status).toBe(404);
    expect(answer.json.message).toMatch(/^Events associated with resources \[.*\] have been rejected\. See the error details to/);
    const ids = /\[(.*)\]/.exec(answer.json.message ?? '')?.[1]?.split(',');
    expect(ids?.toSorted()).toEqual(['nobody', 'null', 'off']);
    expect(answer.json.errorDetails).toEqual([
      'Sensor [nobody] not found on Sentilo (404.1).',
      'Sensor [off] is not online (404.2).',
      'Sensor [null] not found on Sentilo (404.1).',
    ]);
    expect(city.observations('rec').map((one) => one.value)).toEqual(['1', '2', '7', '8']);
  });

  it('refuses one unknown sensor in full words', () => {
    const answer = cityOf().ask('PUT', '/data/rec/x,y]/1');
    expect(answer.status).toBe(500);
    expect(cityOf().ask('PUT', '/data/rec/x,y%5D/1').json).toEqual({
      code: 404,
      message: REJECTED('x,y]'),
      errorDetails: ['Sensor [x,y]] not found on Sentilo (404.1).'],
    });
  });

  it('takes unknown sensors when the world says so, but no offline ones', () => {
    const { city, ask } = cityOf(worldWith({ rejectsUnknownSensors: false }));
    expect(ask('PUT', '/data/rec', batch).json.errorDetails).toEqual(['Sensor [off] is not online (404.2).']);
    expect(city.observations('rec', 'nobody').map((one) => one.value)).toEqual(['3', '4']);
  });

  it('stores the same observation as often as it is sent', () => {
    const { city, ask } = cityOf();
    const body = { observations: [{ value: '1', timestamp: EXAMPLE }] };
    ask('PUT', '/data/rec/s', body);
    ask('PUT', '/data/rec/s', body);
    expect(city.observations('rec', 's')).toHaveLength(2);
  });
});

describe('reading (sentilo.md §1.5.7)', () => {
  /** Sensor s at seconds 0 to 9 of 17/09/2012T12:00, and one hour in the future. */
  function filled() {
    const { city, ask } = cityOf();
    const at = (second: number) => `17/09/2012T12:00:0${second}`;
    const observations = Array.from({ length: 10 }, (_, second) => ({ value: String(second), timestamp: at(second) }));
    ask('PUT', '/data/rec/s', { observations });
    ask('PUT', '/data/rec/s', { observations: [{ value: 'future', timestamp: '17/09/2012T14:34:45', location: '41.4 2.2' }] });
    const values = (query: string, options = {}) =>
      ask('GET', `/data/rec/s?${query}`, '', options).json.observations?.map((one) => one.value);
    return { city, ask, values };
  }

  it.each([
    ['', ['9']],
    ['limit=3', ['9', '8', '7']],
    ['limit=0', []],
    ['limit=-1', []],
    ['limit=', ['9']],
    ['from=17/09/2012T12:00:03&to=17/09/2012T12:00:05&limit=200', ['5', '4', '3']],
    ['from=17/09/2012T12:00:03&to=17/09/2012T12:00:03&limit=200', ['3']],
    ['from=17/09/2012T12:00:05&to=17/09/2012T12:00:03&limit=9', []],
    ['to=17/09/2012T14:00:01%2B0200', ['1']],
    ['from=&to=&limit=2', ['9', '8']],
    ['FROM=17/09/2012T13:00:00&other=1', ['9']],
    ['to=17/09/2012T15:00:00', ['future']],
  ])('gives for ?%s the values %j', (query, expected) => {
    expect(filled().values(query)).toEqual(expected);
  });

  it.each([
    ['limit=five', 'Wrong integer value: five'],
    ['limit=1.5', 'Wrong integer value: 1.5'],
    ['from=2012-09-17', 'Wrong date value: 2012-09-17'],
    // In a form, + is a space.
    ['to=17/09/2012T12:00:00+0200', 'Wrong date value: 17/09/2012T12:00:00 0200'],
  ])('refuses ?%s', (query, detail) => {
    expect(filled().ask('GET', `/data/rec/s?${query}`).json).toEqual({ code: 400, message: SIE03, errorDetails: [detail] });
  });

  it('fails for a limit below -1 only when there is something to give', () => {
    expect(filled().ask('GET', '/data/rec/s?limit=-2').json.message).toBe(SIE99);
    expect(filled().ask('GET', '/data/rec/t?limit=-2').json).toEqual({ observations: [] });
  });

  it('shows value, timestamp, location where there is one, and time', () => {
    const { ask, city } = filled();
    expect(ask('GET', '/data/rec/s').json.observations).toEqual([
      { value: '9', timestamp: '17/09/2012T12:00:09', time: Date.UTC(2012, 8, 17, 12, 0, 9) },
    ]);
    expect(ask('GET', '/data/rec/s', '', { nowMs: NOW_MS + 7_200_000 }).text).toBe(
      `{"observations":[{"value":"future","timestamp":"17/09/2012T14:34:45","location":"41.4 2.2","time":${EXAMPLE_MS + 7_200_000}}]}`,
    );
    expect(city.requestCount).toBe(4);
  });

  it('gives a provider sensor by sensor, without those that have nothing', () => {
    const { ask } = filled();
    ask('PUT', '/data/rec/t/1');
    const { sensors } = ask('GET', '/data/rec?limit=2').json;
    expect(sensors?.map((one) => [one.sensor, one.observations.map((read) => read.value)])).toEqual([
      ['s', ['9', '8']],
      ['t', ['1']],
    ]);
    expect(ask('GET', '/data/rec?to=17/09/2011T00:00:00').json).toEqual({ sensors: [] });
    expect(ask('GET', '/data/rec/unknown').json).toEqual({ observations: [] });
  });

  it('clamps the limit to 200 of a sensor and 50 of each sensor of a provider', () => {
    const { ask } = cityOf();
    ask('PUT', '/data/rec/s', { observations: Array.from({ length: 250 }, (_, at) => ({ value: String(at) })) });
    expect(ask('GET', '/data/rec/s?limit=1000').json.observations).toHaveLength(200);
    expect(ask('GET', '/data/rec?limit=1000').json.sensors?.[0]?.observations).toHaveLength(50);
  });

  it('misses what was stamped at arrival when from and to are its second', () => {
    const { ask } = cityOf();
    ask('PUT', '/data/rec/s/1');
    const read = (from: string, to: string) =>
      ask('GET', `/data/rec/s?from=17/09/2012T13:34:${from}&to=17/09/2012T13:34:${to}`, '', { nowMs: NOW_MS + 5000 });
    expect(read('45', '45').json.observations).toEqual([]);
    expect(read('45', '46').json.observations).toHaveLength(1);
  });

  it('orders equal timestamps by their hidden number as text, so that the ninth stands above the tenth', () => {
    const { ask } = cityOf();
    ask('PUT', '/data/rec/s', {
      observations: Array.from({ length: 10 }, (_, at) => ({ value: String(at + 1), timestamp: EXAMPLE })),
    });
    expect(ask('GET', '/data/rec/s?limit=10').json.observations?.map((one) => one.value)).toEqual([
      '9',
      '8',
      '7',
      '6',
      '5',
      '4',
      '3',
      '2',
      '10',
      '1',
    ]);
  });

  it('takes observations in any order of time', () => {
    const { ask } = cityOf();
    for (const second of ['05', '01', '03'])
      ask('PUT', '/data/rec/s', { observations: [{ value: second, timestamp: `17/09/2012T12:00:${second}` }] });
    expect(ask('GET', '/data/rec/s?limit=9').json.observations?.map((one) => one.value)).toEqual(['05', '03', '01']);
  });
});

describe('deleting', () => {
  it('removes the newest observation of a sensor, or of every sensor, and never reads a body', () => {
    const { city, ask } = cityOf();
    const two = [
      { value: 'old', timestamp: EXAMPLE },
      { value: 'new', timestamp: '18/09/2012T00:00:00' },
    ];
    for (const sensor of ['s', 't']) ask('PUT', `/data/rec/${sensor}`, { observations: two });
    expect(ask('DELETE', '/data/rec/s', '{ not json')).toMatchObject({ status: 200, text: '' });
    expect(city.observations('rec').map((one) => one.sensor + one.value)).toEqual(['sold', 'told', 'tnew']);
    ask('DELETE', '/data/rec');
    expect(city.observations('rec').map((one) => one.sensor + one.value)).toEqual(['told']);
    expect(ask('DELETE', '/data/rec/unknown').status).toBe(200);
  });
});

describe('mishaps', () => {
  const batch = { observations: Array.from({ length: 4 }, (_, at) => ({ value: String(at) })) };

  it.each([
    [0, 0],
    [0.2, 1],
    [0.5, 2],
    [0.99, 4],
  ])('stores a prefix (%d) and answers 500', (storedFraction, count) => {
    const { city, ask } = cityOf();
    expect(ask('PUT', '/data/rec/s', batch, { mishap: { kind: 'partial', storedFraction } }).json.message).toBe(SIE99);
    expect(city.observations('rec').map((one) => one.value)).toEqual(['0', '1', '2', '3'].slice(0, count));
  });

  it('knows no sensor while its registry is lost, and forgets nothing that is stored', () => {
    const { city, ask } = cityOf();
    ask('PUT', '/data/rec/s', batch);
    const lost = ask('PUT', '/data/rec/s', batch, { mishap: { kind: 'forget-sensors' } });
    expect(lost.json.errorDetails).toEqual(['Sensor [s] not found on Sentilo (404.1).']);
    expect(city.observations('rec')).toHaveLength(4);
    expect(ask('PUT', '/data/rec/s', batch).status).toBe(200);
  });

  it.each([429, 500, 503, 418])('answers %i and stores nothing', (status) => {
    const { city, ask } = cityOf();
    expect(ask('PUT', '/data/rec/s', batch, { mishap: { kind: 'status', status } })).toMatchObject({
      status,
      json: { code: status },
    });
    expect(city.observations('rec')).toEqual([]);
  });
});
