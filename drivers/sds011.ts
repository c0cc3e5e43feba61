import { z } from 'zod';
import type { DeviceSpec, Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { FixedFrameScanner, sumOf } from './fixed-frame.ts';
import { hex } from './hex.ts';
import { nextFrame } from './next-frame.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';
import type { Reading } from './reading.ts';

// Nova Fitness SDS011, SDS018, SDS021 (PM2.5 and PM10) and SDS198 (PM100). Laser Dust Sensor Control Protocol V1.3, 9600 8N1.
//
//   SDS011   | AA | C0 | PM2.5 low | high | PM10 low  | high | id | id | sum | AB |   in 0.1 µg/m³
//   SDS198   | AA | CF |         ?        | PM100 low | high | id | id | sum | AB |   in 1 µg/m³
//
// The sum is the low byte of the sum of the six bytes before it. A command has 19 bytes and ends the same way; the id
// FF FF speaks to any sensor.

const HEAD = 0xaa;
const TAIL = 0xab;
const FRAME_LENGTH = 10;

/** The two layouts: the second byte of the frame, and where each reading stands in units of how many µg/m³. */
const LAYOUTS: readonly Layout[] = [
  { type: 0xc0, fields: { pm2_5: { offset: 2, perUnit: 10 }, pm10: { offset: 4, perUnit: 10 } } },
  { type: 0xcf, fields: { pm100: { offset: 4, perUnit: 1 } } },
];

interface Layout {
  readonly type: number;
  readonly fields: Readonly<Record<string, { readonly offset: number; readonly perUnit: number }>>;
}

const QUERY = command(0x04, 0x00, 0x00);
const SLEEP = command(0x06, 0x01, 0x00);
const WORK = command(0x06, 0x01, 0x01);

/** A sensor that ignores the query still sends a frame every second by itself, so the next one comes within this time. */
export const ANSWER_MS_MAX = 1500;

const PRODUCES = { pm2_5: 'ug/m3', pm10: 'ug/m3', pm100: 'ug/m3' } as const;

/**
 * Particle concentrations of an SDS011 or SDS198. Asks for a frame and takes the next one; that the sensor also sends by
 * itself does no harm, and its reporting mode is left as it is, because it stays set in the sensor for good.
 */
export const sds011: Driver<'serial', Record<string, never>> = {
  id: 'sds011',
  needs: 'serial',
  produces: PRODUCES,
  with: z.strictObject({}),
  plan: (spec) => [
    { writeBytes: QUERY.length, readBytes: FRAME_LENGTH, waitMs: ANSWER_MS_MAX, readings: wantedReadings(PRODUCES, spec) },
  ],
  async open(line, spec, clock) {
    const layout = layoutFor(spec);
    return {
      read: oneAtATime(async (signal: AbortSignal) => {
        const scanner = sds011Frames(layout.type);
        return decode(await nextFrame(line, clock, signal, { scanner, withinMs: ANSWER_MS_MAX, question: QUERY }), layout, spec);
      }),
      // The sensor's confirmation is not awaited: the first command to a sleeping sensor wakes it and often gets none.
      wake: () => line.write(WORK),
      sleep: () => line.write(SLEEP),
      close: async () => {},
    };
  },
};

function layoutFor(spec: DeviceSpec): Layout {
  const wanted = wantedReadings(PRODUCES, spec);
  const layout = LAYOUTS.find(({ fields }) => wanted.every((id) => Object.hasOwn(fields, id)));
  if (layout !== undefined) return layout;
  throw new Error(`board ${spec.board}: no sensor sends ${wanted.join(', ')} in one frame. Correct the board file.`);
}

/** Finds data frames whose second byte is `type` and whose sum is right. */
export function sds011Frames(type: number): FixedFrameScanner {
  return new FixedFrameScanner({
    head: [HEAD, type],
    tail: [TAIL],
    length: FRAME_LENGTH,
    checksum: { at: 8, of: (frame) => [sumOf(frame.subarray(2, 8)) & 0xff] },
    withinMs: ANSWER_MS_MAX,
    whenSilent: 'Check the cable and the supply of 5 V.',
  });
}

function decode(frame: Uint8Array, { fields }: Layout, spec: DeviceSpec): readonly Reading[] {
  // A sensor that has just been switched on, or whose fan does not turn, sends good frames without a measurement in them.
  if (frame.subarray(2, 6).every((byte) => byte === 0)) {
    throw new DeviceError('not-available', `the sensor is warming up: expected a measurement, found all zero in ${hex(frame)}`);
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  return Object.entries(fields)
    .filter(([id]) => spec.readings.some((reading) => reading.id === id))
    .map(([id, { offset, perUnit }]) => ({ id, value: view.getUint16(offset, true) / perUnit }));
}

/** A command to any sensor: what it is about, 1 to set and 0 to ask, and the setting. */
function command(about: number, set: number, setting: number): Uint8Array {
  const body = [about, set, setting, ...new Array<number>(10).fill(0), 0xff, 0xff];
  return Uint8Array.from([HEAD, 0xb4, ...body, sumOf(body) & 0xff, TAIL]);
}
