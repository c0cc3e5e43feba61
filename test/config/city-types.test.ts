// The types that the city has for what is measured: their keys are quantities.

import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

const site = (types: string, device = 'air: { board: sht31@1, via: i2c1 }') =>
  `${HEAD.replace('token:', `types: { ${types} }, token:`)}devices:\n  ${device}\n`;

describe('a type of the city is written for a quantity', () => {
  it.each([
    ['air_temperature: temp, relative_humidity: hum', []],
    [
      'air_temprature: x',
      [
        expect.stringMatching(
          /^C021 unknown key `air_temprature`: did you mean `air_temperature`\?; allowed here: air_temperature, relative_humidity, /,
        ),
      ],
    ],
    [
      'air_temperature: x, blabla: x',
      [expect.stringMatching(/^C021 unknown key `blabla`: allowed here: air_temperature, relative_humidity, /)],
    ],
  ])('%s', async (types, expected) => {
    expect(await told(site(types))).toEqual(expected);
  });

  it('of an output and of its answers too', async () => {
    const valve = 'valve: { board: solenoid-valve@1, via: gpio.pin11, outputs: { open: { safe: off, max_on: 5min } } }';
    expect(await told(site('text: answers', valve), {}, 'note')).toEqual([]);
    expect(await told(site('valve_state: valve', valve), {}, 'note')).toEqual([]);
  });

  it('does nothing where nothing measures that, which is noted', async () => {
    expect(await told(site('temperature: temprature'), {}, 'note')).toEqual([
      'C206 the type for `temperature` does nothing: nothing of this site measures that: ' +
        'did you mean `air_temperature`?; this site has: air_temperature, relative_humidity; or remove `temperature:`',
    ]);
  });

  it.each([
    ['nothing is plugged in yet', `${HEAD.replace('token:', 'types: { temperature: x }, token:')}devices: {}\n`],
    ['a device is written wrong', site('temperature: x', 'air: { board: sht91@1, via: i2c1 }')],
  ])('is not noted where %s', async (_what, text) => {
    expect((await told(text, {}, 'note')).join()).not.toContain('C206');
  });
});

describe('the energy of a component', () => {
  const fed = (energy: string) => `${HEAD.replace('token:', `component: { energy: ${energy} }, token:`)}devices: {}\n`;
  it('is one of those that the catalogue of Sentilo lists', async () => {
    // As its catalogue has them in i18n/messages.properties.
    for (const energy of ['220VAC', '12_24_VDC', '185_230_V', 'AUT_BAT', 'SOLAR_BAT'])
      expect(await told(fed(energy), {}, 'warning')).toEqual([]);
    expect(await told(fed('SOLARR_BAT'), {}, 'warning')).toEqual([
      expect.stringMatching(
        /^C212 Sentilo has no energy `SOLARR_BAT` in its list, .*did you mean `SOLAR_BAT`\?; it has: 220VAC, /,
      ),
    ]);
  });
});
