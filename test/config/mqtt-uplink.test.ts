// What a technician writes under `mqtt:`, and what is said when it is wrong.

import { describe, expect, it } from 'vitest';
import type { MqttConfig } from '../../config/config.ts';
import { loadText } from './site-files.ts';
import { told } from './told.ts';

const HEAD = 'schema: gateway/v1\ngateway: { id: corner-01 }\n';
const URL = 'url: "mqtts://broker.example.cat:8883"';

async function built(mqtt: string, more = ''): Promise<MqttConfig | undefined> {
  const { config, problems } = await loadText(`${HEAD}${more}mqtt: { ${mqtt} }\n`);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return config?.mqtt;
}

describe('a broker', () => {
  it('needs an address and nothing else', async () => {
    expect(await built(URL)).toEqual({
      url: 'mqtts://broker.example.cat:8883',
      prefix: 'barri/corner-01',
      topic: 'barri/corner-01/{device}/{reading}',
      qos: 1,
      language: 'ca',
    });
  });

  it('is told who we are by names of secrets', async () => {
    expect(await built(`${URL}, token: { secret: broker_token }`)).toMatchObject({ tokenSecret: 'broker_token' });
    const login = await built(`${URL}, user: corner, password: { secret: broker_password }`);
    expect(login).toMatchObject({ user: 'corner', passwordSecret: 'broker_password' });
    expect(JSON.stringify(login)).not.toContain('tokenSecret');
  });

  it.each([
    ['city/{gateway}/air/{device}/{reading}', 'city/corner-01/air', 'city/corner-01/air/{device}/{reading}'],
    ['school/{reading}/{device}', 'school', 'school/{reading}/{device}'],
    ['a/gw-{gateway}/{device}/now/{reading}', 'a/gw-corner-01', 'a/gw-corner-01/{device}/now/{reading}'],
  ])('is given %s with everything of the gateway below %s', async (pattern, prefix, topic) => {
    expect(await built(`${URL}, topic: "${pattern}"`)).toMatchObject({ prefix, topic });
  });

  it('hears names in the language of its people: as the site says, else of the gateway’s name, else Catalan', async () => {
    expect((await built(URL, 'web: { languages: [es, ca] }\n'))?.language).toBe('es');
    const { config } = await loadText(`schema: gateway/v1\ngateway: { id: a, name: { ca: Pati, en: Yard } }\nmqtt: { ${URL} }\n`);
    expect(config?.mqtt?.language).toBe('ca');
    // Alarms go by the same: one rule for all that people here read.
    expect(config?.gateway.languages).toEqual(['ca', 'en']);
    const nameless = await loadText(`schema: gateway/v1\ngateway: { id: a, name: Yard }\nmqtt: { ${URL} }\n`);
    expect(nameless.config?.gateway.languages).toEqual(['ca', 'es', 'en']);
    expect(nameless.config?.mqtt?.language).toBe('ca');
  });

  it('is trusted by an authority beside the file that names it', async () => {
    const site = await loadText(`include: [/etc/parts/broker.yaml]\n${HEAD}`, {
      '/etc/parts/broker.yaml': `mqtt: { ${URL}, ca: own.pem }\n`,
    });
    expect(site.config?.mqtt?.caFile).toBe('/etc/parts/own.pem');
  });

  it('replaces the note that nothing is sent', async () => {
    expect(await told(`${HEAD}mqtt: { ${URL} }\n`, {}, 'note')).toEqual([]);
    expect((await told(HEAD, {}, 'note')).join()).toContain('C061');
  });
});

describe('the checker', () => {
  it.each([
    ['url: broker.example.cat', 'C185', 'mqtts://broker.example.cat:8883'],
    ['url: "http://broker.example.cat"', 'C185', 'mqtts://'],
    ['url: "mqtt:broker"', 'C185', 'mqtts://'],
    ['url: "mqtts://broker.example.cat/mqtt"', 'C185', 'mqtts://'],
    ['url: "mqtts://me:word@broker.example.cat"', 'C186', 'password: { secret: broker_password }'],
    [`${URL}, topic: "barri/{gatway}/{device}/{reading}"`, 'C187', '`{gateway}`'],
    [`${URL}, topic: "barri/{gateway}/{device}/+/{reading}"`, 'C187', 'no `+` and no `#`'],
    [`${URL}, topic: "barri/{gateway}/{device}/{reading}/#"`, 'C187', 'no `+` and no `#`'],
    [`${URL}, topic: "/barri/{gateway}/{device}/{reading}"`, 'C187', 'empty level'],
    [`${URL}, topic: "barri//{device}/{reading}"`, 'C187', 'empty level'],
    [`${URL}, topic: "$SYS/{device}/{reading}"`, 'C187', 'broker’s own'],
    [`${URL}, topic: "barri/{gateway}/{reading}"`, 'C187', 'lacks `{device}`'],
    [`${URL}, topic: "barri/{gateway}/{device}"`, 'C187', 'lacks `{reading}`'],
    [`${URL}, topic: "barri/{gateway}/{device}/{device}/{reading}"`, 'C187', '`{device}` stands twice'],
    [`${URL}, topic: "barri/{gateway}/{device}-{reading}"`, 'C187', '`{device}` is not a level'],
    [`${URL}, topic: "{device}/{reading}"`, 'C187', '`{device}` and `{reading}`'],
    [`${URL}, topic: "barri/{device}/{gateway}/{reading}"`, 'C187', '`{gateway}` stands behind'],
    [`${URL}, topic: "barri/{device}/{reading}/${'x'.repeat(240)}"`, 'C187', '256'],
    [`${URL}, token: { secret: a }, user: b`, 'C188', 'remove `token:`'],
    [`${URL}, password: { secret: a }`, 'C188', 'needs a user'],
    [`${URL}, qos: 0`, 'C190', 'qos: 1'],
  ])('refuses %s with %s', async (mqtt, code, words) => {
    const errors = await told(`${HEAD}mqtt: { ${mqtt} }\n`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(new RegExp(`^${code} `));
    expect(errors[0]).toContain(words);
  });

  it('warns of a password that goes through a network unencrypted', async () => {
    const login = 'user: a, password: { secret: b }';
    const warned = (url: string) => told(`${HEAD}mqtt: { url: "${url}", ${login} }\n`, {}, 'warning');
    expect((await warned('mqtt://192.0.2.7')).join()).toMatch(/^C189 .*192\.0\.2\.7/);
    expect(await warned('mqtts://192.0.2.7')).toEqual([]);
    expect(await warned('mqtt://127.0.0.1')).toEqual([]);
  });

  it('warns of topics that another gateway would have too', async () => {
    const warned = (topic: string, more = '') => told(`${HEAD}mqtt: { ${URL}, topic: "${topic}"${more} }\n`, {}, 'warning');
    expect(await warned('barri/{device}/{reading}')).toEqual([
      'C192 nothing in `topic:` tells this gateway from another one: ' +
        'two with this pattern would write over each other; write it like barri/{gateway}/{device}/{reading}',
    ]);
    expect(await warned('barri/{gateway}/{device}/{reading}')).toEqual([]);
    expect(await warned('barri/corner-01/{device}/{reading}')).toEqual([]);
    expect(await told(`${HEAD}mqtt: { ${URL}, topic: "barri/{device}" }\n`, {}, 'warning')).toEqual([]);
  });

  it('warns of an output that waits for orders of a broker that is not there', async () => {
    const devices = `devices:
  lamp:
    board: relay@1
    via: gpio.pin11
    outputs: { switch: { safe: off, max_on: 1h, orders: [mqtt] } }
`;
    expect((await told(`${HEAD}${devices}`, {}, 'warning')).join()).toMatch(/C191 lamp\.switch/);
    expect((await told(`${HEAD}mqtt: { ${URL} }\n${devices}`, {}, 'warning')).join()).not.toContain('C191');
  });
});
