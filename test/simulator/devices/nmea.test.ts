import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/nmea.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const DAY_MS = 86_400_000;

function sentencesAt(atMs: number, values: Readonly<Record<string, number>> = {}): string[] {
  const simulated = model(
    context({ driver: 'nmea' }, { latitude: 41.4036, longitude: 2.2038, fix_quality: 1, satellites: 8, ...values }),
  );
  const bytes = simulated.unasked?.frame(atMs) ?? new Uint8Array(0);
  return Buffer.from(bytes).toString('latin1').split('\r\n').slice(0, -1);
}

test('sends no position before its first fix, and then one with a time', () => {
  expect(sentencesAt(24_000).slice(0, 2)).toEqual(['$GNRMC,,V,,,,,,,,,,N*4D', '$GNGGA,,,,,,0,00,99.99,,,,,,*56']);
  const [rmc, gga] = sentencesAt(26_000);
  expect(rmc).toMatch(/^\$GNRMC,000026\.00,A,4124\.21600,N,00212\.22800,E,0\.02,,010326,,,A\*/);
  expect(gga).toMatch(/^\$GNGGA,000026\.00,4124\.21600,N,00212\.22800,E,1,08,/);
});

test('writes places as others read them', () => {
  const known = vectors('nmea_gps').filter(({ input }) => /^\$GNGGA,\d+\.00,/.test(input));
  expect(known.length).toBeGreaterThan(2);
  for (const { input, expected } of known) {
    const [, gga = ''] = sentencesAt(30_000, { latitude: Number(expected['lat']), longitude: Number(expected['lon']) });
    expect(gga.split(',').slice(2, 6)).toEqual(input.split(',').slice(2, 6));
  }
  const [, south = ''] = sentencesAt(30_000, { latitude: -0.5, longitude: -179.999999 });
  expect(south.split(',').slice(2, 6)).toEqual(['0030.00000', 'S', '17959.99994', 'W']);
});

test('ends each sentence with the checksum of the standard', () => {
  for (const text of sentencesAt(30_000)) {
    const [body = '', sum = ''] = text.slice(1).split('*');
    expect(Number.parseInt(sum, 16)).toBe(Array.from(Buffer.from(body)).reduce((all, byte) => all ^ byte, 0));
  }
});

test('goes through months and years', () => {
  const dateAt = (day: number) => sentencesAt(day * DAY_MS + 43_200_000)[0]?.split(',')[9];
  expect([0, 30, 31, 305, 306, 731].map(dateAt)).toEqual(['010326', '310326', '010426', '311226', '010127', '010328']);
});

test('has no position while the site says that it has no fix', () => {
  expect(sentencesAt(30_000, { fix_quality: 0 })[1]).toMatch(/^\$GNGGA,000030\.00,,,,,0,00,/);
});
