import { z } from 'zod';
import type { DeviceSpec, Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { nextFrame } from './next-frame.ts';
import { type Epoch, type Fix, NmeaScanner } from './nmea-sentence.ts';
import { wantedReadings } from './produced-readings.ts';
import type { MissingReading, Reading } from './reading.ts';

/** Receivers send once a second unless they were set otherwise, and a read may begin in the middle of what belongs together. */
export const LISTEN_MS_MAX = 2500;
/** A GGA and an RMC; what comes besides takes no time of its own. */
const PAIR_BYTES = 160;

const PRODUCES = { latitude: 'deg', longitude: 'deg', fix_quality: '1', satellites: '1' } as const;
type Id = keyof typeof PRODUCES;

/**
 * Position, quality of the fix and satellites in use of a receiver that speaks NMEA 0183, whatever satellites it uses
 * (sentences GGA and RMC of any talker, see nmea-sentence.ts). Without a fix there is no position, whatever the sentences
 * hold. Where the receiver says when it was there, the readings carry that time; a receiver that has forgotten the era of
 * GPS weeks says one 1024 weeks early, which is for whoever uses it to find out.
 */
export const nmea: Driver<'serial', Record<string, never>> = {
  id: 'nmea',
  needs: 'serial',
  produces: PRODUCES,
  with: z.strictObject({}),
  plan: (spec) => [{ writeBytes: 0, readBytes: PAIR_BYTES, waitMs: LISTEN_MS_MAX, readings: wantedReadings(PRODUCES, spec) }],
  async open(line, spec, clock) {
    wantedReadings(PRODUCES, spec);
    return {
      // It only listens: two may hear the same.
      async read(signal) {
        const scanner = new NmeaScanner(LISTEN_MS_MAX);
        let hasEnded = false;
        const failure = () => {
          hasEnded = true;
          return scanner.failure();
        };
        const awaited = { scanner: { push: (bytes: Uint8Array) => scanner.push(bytes), failure }, withinMs: LISTEN_MS_MAX };
        const epoch = await nextFrame(line, clock, signal, awaited).catch((error: unknown) => {
          // A receiver that sends only one of the two, or never both of one moment, has a position all the same.
          const heard = scanner.epoch;
          if (hasEnded && (heard.gga !== undefined || heard.rmc !== undefined)) return heard;
          throw error;
        });
        return results(epoch, spec, scanner);
      },
      close: async () => {},
    };
  },
};

function results(epoch: Epoch, spec: DeviceSpec, scanner: NmeaScanner): readonly (Reading | MissingReading)[] {
  const { gga, rmc } = epoch;
  const isOneMoment = gga !== undefined && rmc !== undefined && gga.timeOfDayMs === rmc.timeOfDayMs;
  // Of two moments only the RMC has its date.
  const source = isOneMoment ? gga : (rmc ?? gga);
  const place = positionOf(source, epoch);
  const wallMs = rmc?.isFix === true ? rmc.wallMs : undefined;
  const time = wallMs === undefined ? {} : { deviceWallMs: wallMs };
  return wantedReadings(PRODUCES, spec).map((id) => {
    if (id === 'latitude' || id === 'longitude') {
      return place instanceof DeviceError ? { id, error: place } : { id, value: place[id], ...time };
    }
    if (gga === undefined) return { id, error: scanner.failure() };
    const value = id === 'satellites' ? gga.satellites : gga.quality;
    if (value !== undefined) return { id, value, ...(isOneMoment ? time : {}) };
    return { id, error: new DeviceError('not-available', `expected a number in GGA, found no ${LABELS[id]}`) };
  });
}

const LABELS: Readonly<Record<Exclude<Id, 'latitude' | 'longitude'>, string>> = {
  fix_quality: 'quality of the fix',
  satellites: 'number of satellites',
};

/** The position of `source`, unless one of the two sentences is without a fix. */
function positionOf(source: Fix | undefined, { gga, rmc }: Epoch): NonNullable<Fix['position']> | DeviceError {
  const without = [
    ...(gga?.isFix === false ? [`quality ${gga.quality ?? 'missing'} with ${gga.satellites ?? 'no'} satellites in GGA`] : []),
    ...(rmc?.isFix === false ? ['none in RMC'] : []),
  ];
  if (without.length > 0) {
    const found = `expected one by satellites, found ${without.join(' and ')}`;
    return new DeviceError('not-available', `the receiver has no fix: ${found}. It needs a free sky.`);
  }
  return source?.position ?? new DeviceError('implausible', 'expected degrees and minutes beside a fix, found none');
}
