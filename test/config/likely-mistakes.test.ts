// What a file may say, and hardly ever means.

import { describe, expect, it } from 'vitest';
import { HEAD, loadText } from './site-files.ts';
import { told } from './told.ts';

const warnings = (text: string) => told(text, {}, 'warning');
const AIR = 'devices: { air: { board: sht31@1, via: i2c1 } }\n';
const at = (url: string) => warnings(`${HEAD.replace('https://sentilo.example.cat', url)}${AIR}`);

describe('the address of the city', () => {
  it.each([
    ['https://sentilo.example.cat/data/makers', '/data/makers', 'https://sentilo.example.cat'],
    ['https://sentilo.example.cat/order', '/order', 'https://sentilo.example.cat'],
    ['https://api.example.cat/sentilo/catalog/', '/catalog/', 'https://api.example.cat/sentilo'],
    ['https://sentilo.example.cat:8443/subscribe/order/makers', '/subscribe/order/makers', 'https://sentilo.example.cat:8443'],
  ])('has no path of a service: %s', async (url, service, base) => {
    expect(await at(url)).toEqual([
      `C210 \`${service}\` is the path of a service of the city, which the gateway adds itself: nothing would arrive: write \`url: ${base}\``,
    ]);
  });

  it.each([
    'https://sentilo.example.cat/',
    'https://api.example.cat/sentilo',
    'https://data.example.cat',
    'https://x.cat/database',
  ])('may have another path, or none: %s', async (url) => {
    expect(await at(url)).toEqual([]);
  });
});

describe('a place', () => {
  const standsAt = (place: string, zone = '', device = '') =>
    warnings(
      `${HEAD.replace('id: demo', `id: demo, location: ${place}${zone}`)}devices: { air: { board: sht31@1, via: i2c1${device} } }\n`,
    );
  const EXCHANGED =
    'C211 latitude 2.2, longitude 41.4 is far from Europe/Madrid: the two may be exchanged: write `lat: 41.4, lon: 2.2`; ' +
    'or another `timezone:` under `gateway:`, if it does stand there';

  it('whose latitude and longitude are exchanged is warned of, of a device too', async () => {
    expect(await standsAt('{ lat: 2.2, lon: 41.4 }')).toEqual([EXCHANGED]);
    expect(await standsAt('{ lat: 41.4, lon: 2.2 }', '', ', location: { lat: 2.2, lon: 41.4 }')).toEqual([EXCHANGED]);
  });

  it.each([
    ['Barcelona', '{ lat: 41.4, lon: 2.2 }', ''],
    ['Reykjavik, in a zone of its own', '{ lat: 64.1, lon: -21.9 }', ', timezone: Atlantic/Reykjavik'],
    ['Mogadishu', '{ lat: 2.0, lon: 45.3 }', ', timezone: Africa/Mogadishu'],
    ['Quito, which no exchange brings to Europe', '{ lat: -0.2, lon: -78.5 }', ''],
    ['where both are the same in Europe', '{ lat: 40, lon: 40 }', ', timezone: Europe/Moscow'],
  ])('may be %s', async (_name, place, zone) => {
    expect(await standsAt(place, zone)).toEqual([]);
  });
});

describe('words of other files and languages', () => {
  it.each([
    ['dispositivos', 'devices'],
    ['reglas', 'rules'],
    ['regles', 'rules'],
  ])('`%s` is no key, and `%s` may be meant', async (written, meant) => {
    expect(await told(`${HEAD}${AIR}${written}: {}\n`)).toEqual([
      expect.stringMatching(`^C021 unknown key \`${written}\`: did you mean \`${meant}\`\\?`),
    ]);
  });

  it.each([
    ['closed', 'a valve that is closed is `off`; a relay whose contact is closed is `on`'],
    ['oberta', 'a valve that is open is `on`; a relay whose contact is open is `off`'],
  ])('`safe: %s` says what it would be', async (written, hint) => {
    const [problem] = await told(
      `${HEAD}devices: { valve: { board: solenoid-valve@1, via: gpio.pin11, outputs: { open: { safe: ${written} } } } }\n`,
    );
    expect(problem).toBe(`C024 \`safe\` cannot be \`${written}\`: ${hint}; it can be: on, off`);
  });

  it('an alarm that is called `sec` is no secret', async () => {
    const text = `${HEAD.replace('token:', 'alerts: { sec: HORT_SEC }, token:')}${AIR}`;
    const { sources } = await loadText(text);
    expect([...sources.values()].join()).toContain('sec: HORT_SEC');
  });
});

describe('what an editor does to a file', () => {
  it('tabs are told once, with how many more lines have them', async () => {
    const lines = Array.from({ length: 5 }, (_, at) => `\td${at}: { board: sht31@1, via: i2c1 }`).join('\n');
    const problems = await told(`${HEAD}devices:\n${lines}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^C011 a tab stands at the start of this line: and of 4 more lines; YAML indents with spaces only/,
    );
  });

  it('a key without a space behind its colon is named, and what stands there is not', async () => {
    const device = (line: string) =>
      `${HEAD}devices:\n  meter:\n    board: eastron-sdm120@1\n    ${line}\n    with: { unit: 1 }\n`;
    expect((await told(device('via:meters')))[0]).toMatch(
      /^C006 two keys run into each other here: a space belongs behind the colon: `via: …`/,
    );
    expect((await told(device('token:abcdef123'))).join()).not.toContain('abcdef123');
  });
});
