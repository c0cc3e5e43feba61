import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LISTEN_MS_MAX, nmea } from '../../drivers/nmea.ts';
import { NmeaScanner } from '../../drivers/nmea-sentence.ts';
import type { MissingReading, Reading } from '../../drivers/reading.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { expectEndsAtOnce } from '../support/line-ends.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated } from '../support/mutated.ts';
import { cut, SpeakingStream } from '../support/speaking-stream.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const ALL = ['latitude', 'longitude', 'fix_quality', 'satellites'];
// One moment of the MTK 3301 of gpsd's recordings.
const GGA = '$GPGGA,081437.000,5212.981473,N,00653.102458,E,1,3,2.88,102.907,M,47.093,M,,*5E\r\n';
const RMC = '$GPRMC,081437.000,A,5212.981473,N,00653.102458,E,0.039,0.00,230808,,,A*52\r\n';
const GOOD = GGA + RMC;
const GOOD_MS = Date.UTC(2008, 7, 23, 8, 14, 37);
const NO_FIX = '$GPGGA,,,,,,0,00,99.99,,,,,,*48\r\n$GPRMC,,V,,,,,,,,,,N*53\r\n';

function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** A sentence with its checksum, for those that nobody has recorded. */
function sentence(body: string): string {
  const sum = Array.from(ascii(body)).reduce((all, byte) => all ^ byte, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}

/** A receiver that sends this, cut into chunks of `chunkLength`. */
async function sending(stream: string, { wanted = ALL, chunkLength = 4000 } = {}) {
  const clock = new TestClock();
  const line = new SpeakingStream(clock, cut(ascii(stream), chunkLength));
  const device = await nmea.open(line, deviceSpec('gps-nmea', {}, wanted), clock);
  const read = (signal = NO_ABORT) => clock.run(device.read?.(signal) ?? Promise.reject(new Error('no read')));
  return { line, clock, read };
}

function valuesOf(results: readonly (Reading | MissingReading)[]) {
  return Object.fromEntries(results.map((result) => [result.id, 'value' in result ? result.value : result.error.message]));
}

describe('positions', () => {
  const known = vectors('nmea_gps').filter(({ input, kind }) => kind !== 'fault' && /^\$..(GGA|RMC)/.test(input));
  const withFix = known.filter(({ input }) => /GGA(,[^,]*){5},[1-5],|RMC,[^,]*,A/.test(input));

  test.each(withFix)('gives what others made of $input', async ({ input, expected, tolerance }) => {
    const { read } = await sending(input, { wanted: ['latitude', 'longitude'] });
    const found = valuesOf(await read());
    expect(Math.abs(Number(found['latitude']) - Number(expected['lat']))).toBeLessThanOrEqual(tolerance['lat'] ?? 0);
    expect(Math.abs(Number(found['longitude']) - Number(expected['lon']))).toBeLessThanOrEqual(tolerance['lon'] ?? 0);
  });

  test.each(known.filter((vector) => !withFix.includes(vector)))('gives no position for $input', async ({ input }) => {
    const { read } = await sending(input);
    expect(valuesOf(await read())).toMatchObject({
      latitude: expect.stringMatching(/no fix.*quality 0/),
      longitude: expect.stringMatching(/no fix/),
      fix_quality: 0,
    });
  });

  test.each(['mtk-3301', 'rx210', 'humminbird-M37', 'nmea-rtk'])('gives what gpsd made of the recording %s', async (name) => {
    const lines = readFileSync(new URL(`../data/nmea/${name}.log.chk`, import.meta.url), 'latin1').split('\n');
    let count = 0;
    for (const [index, line] of lines.entries()) {
      const next = lines[index + 1] ?? '';
      if (!/^\$..(GGA|RMC)/.test(line) || !next.startsWith('{"class":"TPV"')) continue;
      const { lat, lon, time } = JSON.parse(next);
      const { read } = await sending(`${line}\n`, { wanted: ['latitude', 'longitude'] });
      const [latitude, longitude] = await read();
      if (latitude === undefined || !('value' in latitude) || longitude === undefined || !('value' in longitude)) continue;
      count += 1;
      expect([latitude.value, longitude.value], line).toEqual([expect.closeTo(lat, 7), expect.closeTo(lon, 7)]);
      if (line.includes('RMC') && time !== undefined) expect(latitude.deviceWallMs, line).toBe(Date.parse(time));
    }
    expect(count).toBeGreaterThan(4);
  });

  test('begins to give positions where the MTK 3301 got its fix, and gives none before', async () => {
    const lines = readFileSync(new URL('../data/nmea/mtk-3301.log.chk', import.meta.url), 'latin1').split('\n');
    const sentences = lines.filter((line) => line.startsWith('$')).map((line) => `${line}\r\n`);
    const given: [string, boolean][] = [];
    for (const [index, line] of sentences.entries()) {
      const pair = line + (sentences.slice(index + 1).find((later) => later.includes('RMC')) ?? '');
      if (!line.includes('GGA')) continue;
      const { read } = await sending(pair, { wanted: ['latitude'] });
      given.push([line.slice(7, 13), (await read()).every((result) => 'value' in result)]);
    }
    // The receiver says quality 0 and status V until 08:14:34, and sends positions all the while.
    expect(given.filter(([, isGiven]) => !isGiven).at(-1)?.[0]).toBe('081434');
    expect(given.filter(([, isGiven]) => isGiven).length).toBeGreaterThan(3);
    expect(given.findIndex(([, isGiven]) => isGiven)).toBe(given.findIndex(([time]) => time === '081436'));
  });

  test('reads the recording of a wire that begins in the middle of a sentence', async () => {
    const text = readFileSync(new URL('../data/nmea/mtk3339_uart.txt', import.meta.url), 'latin1');
    const { read } = await sending(text, { chunkLength: 7 });
    const found = await read();
    expect(valuesOf(found)).toMatchObject({ fix_quality: 2, satellites: 12 });
    expect(found[0]).toMatchObject({ deviceWallMs: Date.UTC(2013, 7, 26, 6, 15, 8) });
  });
});

describe('time', () => {
  test('is that of the RMC of the same moment', async () => {
    const { read } = await sending(GOOD);
    const results = await read();
    for (const result of results) expect(result).toMatchObject({ deviceWallMs: GOOD_MS });
  });

  test('is not given to what another moment says', async () => {
    const later = '$GPRMC,081438.000,A,5212.982641,N,00653.105897,E,0.042,0.00,230808,,,A*59\r\n';
    const { read } = await sending(GGA + later);
    const [latitude, , quality] = await read();
    expect(latitude).toEqual({ id: 'latitude', value: expect.closeTo(52.21637735, 7), deviceWallMs: GOOD_MS + 1000 });
    expect(quality).toEqual({ id: 'fix_quality', value: 1 });
  });

  test.each(['310208', '001108', '', 'abcdef'])('is missing when the date is %s', async (date) => {
    const { read } = await sending(sentence(`GPRMC,081437.000,A,5212.981473,N,00653.102458,E,0.0,0.0,${date},,,A`));
    expect((await read())[0]).toEqual({ id: 'latitude', value: expect.any(Number) });
  });
});

describe('no fix is no position', () => {
  test.each([
    ['a receiver that has just started', NO_FIX, /no fix.*quality 0 with 0 satellites in GGA and none in RMC/],
    ['a GGA that says 0 and an RMC that says A', sentence('GPGGA,081437.000,5212.98,N,00653.10,E,0,3,,,,,,,') + RMC, /quality 0/],
    ['an RMC that warns', GGA + sentence('GPRMC,081437.000,V,5212.981473,N,00653.102458,E,0,0,230808,,,A'), /none in RMC/],
    ['an estimated position', sentence('GPGGA,081437.000,5212.98,N,00653.10,E,6,3,,,,,,,') + RMC, /quality 6/],
    ['a simulator', GGA + sentence('GPRMC,081437.000,A,5212.981473,N,00653.102458,E,0,0,230808,,,S'), /none in RMC/],
    ['minutes that are none', sentence('GPGGA,081437.000,8960.0,N,00000.0,E,1,3,,,,,,,') + RMC, /expected degrees and minutes/],
    [
      'a place beyond the pole',
      sentence('GPGGA,081437.000,9112.98,N,00653.10,E,1,3,,,,,,,') + RMC,
      /expected degrees and minutes/,
    ],
    [
      'a missing half of the world',
      sentence('GPGGA,081437.000,5212.98,N,00653.10,,1,3,,,,,,,') + RMC,
      /expected degrees and minutes/,
    ],
  ])('in %s', async (_, stream, message) => {
    const { read } = await sending(stream);
    const [latitude, longitude] = await read();
    expect(latitude).toMatchObject({ error: { name: 'DeviceError', message: expect.stringMatching(message) } });
    expect(longitude).toMatchObject({ error: { name: 'DeviceError' } });
  });
});

describe('finding the sentences', () => {
  const satellites = vectors('nmea_gps').find(({ id }) => id.endsWith('minmea-gsa'))?.input ?? '';

  test('takes any talker that is none of a maker', async () => {
    for (const talker of ['GP', 'GN', 'GL', 'GA', 'GB', 'BD', 'IN']) {
      const { read } = await sending(sentence(`${talker}GGA,081437.000,5212.98,N,00653.10,E,1,3,2.88,,,,,,`), {
        wanted: ['satellites'],
      });
      expect(await read()).toEqual([{ id: 'satellites', value: 3 }]);
    }
    const { read } = await sending(sentence('PGGGA,081437.000,5212.98,N,00653.10,E,1,3,2.88,,,,,,'));
    await expect(read()).rejects.toMatchObject({ kind: 'timeout' });
  });

  test('finds them behind any noise, however the bytes are cut', async () => {
    const noise = fc
      .uint8Array({ maxLength: 300 })
      .map((data) => Buffer.from(data).toString('latin1'))
      .filter((text) => !text.endsWith('$'));
    await fc.assert(
      fc.asyncProperty(noise, fc.integer({ min: 1, max: 60 }), async (before, chunkLength) => {
        const { read } = await sending(before + satellites + GOOD, { chunkLength });
        expect(valuesOf(await read())).toMatchObject({ fix_quality: 1, satellites: 3 });
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['a sentence cut by a reset', GGA.slice(0, 40) + GOOD],
    ['a sentence that has lost its end, and one glued to it', GGA.slice(0, -2) + GOOD],
    ['a sentence that begins with two $, or three', `$${GGA}$$${GGA}${GOOD}`],
    ['a damaged sentence', GGA.replace('5212', '5213') + GOOD],
    ['a line without end', `$GPGGA,${'1'.repeat(5000)}${GOOD}`],
    ['a sentence without a checksum', `${GGA.slice(0, GGA.indexOf('*'))}\r\n${GOOD}`],
    ['text of its start', `ublox AG - www.u-blox.com\r\n${GOOD}`],
  ])('goes on behind %s', async (_, stream) => {
    const { read, clock } = await sending(stream);
    expect(valuesOf(await read())['latitude']).toBeCloseTo(52.216357883, 7);
    expect(clock.monotonicMs()).toBeLessThan(LISTEN_MS_MAX);
  });

  test.each(['$', '$$'])('takes a sentence behind %s for a damaged one, as its source does', async (before) => {
    const doubled = vectors('nmea_gps').find(({ id }) => id.endsWith('fault-double-dollar'))?.input ?? '';
    for (const stream of [doubled, before + GGA]) {
      const { read } = await sending(stream);
      await expect(read()).rejects.toMatchObject({ name: 'BusError' });
    }
  });

  test('gives what there is when one of the two does not come, and says which', async () => {
    const { read, clock } = await sending(RMC);
    expect(valuesOf(await read())).toMatchObject({
      latitude: expect.closeTo(52.216357883, 7),
      satellites: expect.stringMatching(/found only RMC/),
    });
    expect(clock.monotonicMs()).toBe(LISTEN_MS_MAX);
    const { read: readDamaged } = await sending(RMC + GGA.replace('5E', '5F'));
    const satellitesMissing = (await readDamaged()).find(({ id }) => id === 'satellites');
    expect(satellitesMissing).toMatchObject({ error: { name: 'BusError', kind: 'bad-checksum' } });
  });
});

describe('failures', () => {
  const fault = (name: string) => vectors('nmea_gps').find(({ id }) => id.endsWith(`fault-${name}`))?.input ?? '';
  test.each([
    ['silence', '', 'timeout', /found silence/],
    ['a bad checksum', fault('badck-txt'), 'bad-checksum', /whose checksum should be 25/],
    ['a checksum that is no number', fault('nonhex-ck'), 'timeout', /found 24 bytes with 0 other sentences/],
    [
      'other sentences',
      vectors('nmea_gps').find(({ id }) => id.endsWith('pynmea2-mwv'))?.input ?? '',
      'timeout',
      /with 1 other sentences/,
    ],
    ['a damaged GGA', GGA.replace('5E', '5F'), 'bad-checksum', /whose checksum should be 5E/],
    ['the wrong speed', '\u00fe\u0080\u00f8'.repeat(40), 'timeout', /found 120 bytes.*baud rate/],
  ])('says what came instead: %s', async (_, stream, kind, message) => {
    const { read, line, clock } = await sending(stream);
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind, message: expect.stringMatching(message) });
    expect([clock.monotonicMs(), line.listenerCount]).toEqual([LISTEN_MS_MAX, 0]);
  });

  test('ends at once when the port is unplugged, and leaves nothing behind when it is aborted', async () => {
    await expectEndsAtOnce(await sending(''));
  });
});

test(
  'takes nothing of mutated sentences in which none is right',
  () => {
    const frames = vectors('nmea_gps').map(({ input }) => ascii(input));
    fc.assert(
      fc.property(mutated([...frames, ascii(GOOD), ascii(NO_FIX)]), (stream) => {
        const scanner = new NmeaScanner(LISTEN_MS_MAX);
        scanner.push(stream);
        scanner.push(ascii('\r\n'));
        const { gga, rmc } = scanner.epoch;
        const right = rightSentences(stream);
        if (gga !== undefined) expect(right.some((text) => text.slice(2, 5) === 'GGA')).toBe(true);
        if (rmc !== undefined) expect(right.some((text) => text.slice(2, 5) === 'RMC')).toBe(true);
      }),
      { numRuns: MUTATED_COUNT },
    );
  },
  MUTATED_MS_MAX,
);

/** What stands between the last $ and the last * of each line, where its digits are right: bit by bit, not by exclusive or. */
function rightSentences(stream: Uint8Array): string[] {
  const lines = Buffer.from(stream).toString('latin1').split('\n');
  return lines.flatMap((line) => {
    const part = line.slice(line.lastIndexOf('$') + 1);
    const star = part.lastIndexOf('*');
    const counts = [0, 0, 0, 0, 0, 0, 0, 0];
    for (const character of part.slice(0, star)) {
      for (let bit = 0; bit < 8; bit++) counts[bit] = (counts[bit] ?? 0) + ((character.charCodeAt(0) >> bit) & 1);
    }
    const sum = counts.reduce((all, count, bit) => all + (count % 2) * 2 ** bit, 0);
    return sum === Number.parseInt(part.slice(star + 1, star + 3), 16) ? [part.slice(0, star)] : [];
  });
}
