// What a file may say, and hardly ever means.

import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
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
