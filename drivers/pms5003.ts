import { z } from 'zod';
import type { DeviceSpec, Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { FixedFrameScanner, sumOf } from './fixed-frame.ts';
import { hex } from './hex.ts';
import { nextFrame } from './next-frame.ts';
import { wantedReadings } from './produced-readings.ts';
import type { Reading } from './reading.ts';

// Plantower PMS5003, and PMS1003, PMS7003 and PMSA003, which send the same frame. Data manual PMS5003 V2.3, appendix I
// (transport protocol, active mode, 9600 8N1) and appendix II (commands). All words high byte first.
//
//   | 42 4D | 00 1C | PM1 PM2.5 PM10 (CF=1) | PM1 PM2.5 PM10 (atmospheric) | six counts | reserved | sum |
//   0       2       4                      10                             16           28         30
//
// The sum is that of all 30 bytes before it. A command has seven bytes: 42 4D, what, two bytes of data, sum.

const HEAD = [0x42, 0x4d] as const;
/** Bytes that follow the length itself; frames of the PMS3003 (20) and confirmations of commands (4) have another. */
const DATA_LENGTH = [0x00, 0x1c] as const;
const FRAME_LENGTH = 32;
const SUM_AT = 30;
/** Everything measured: concentrations and counts. */
const MEASURED = { from: 4, to: 28 } as const;

const SLEEP = command(0xe4, 0);
const WAKE = command(0xe4, 1);

/** While little changes the sensor sends only every 2.3 s (appendix I); one frame may be damaged. */
export const FRAME_MS_MAX = 5000;

const PRODUCES = { pm1: 'ug/m3', pm2_5: 'ug/m3', pm10: 'ug/m3' } as const;

/** "Under atmospheric environment"; the first three words are for factories (appendix I). */
const OFFSETS: Readonly<Record<keyof typeof PRODUCES, number>> = { pm1: 10, pm2_5: 12, pm10: 14 };

/**
 * Particle concentrations of a PMS5003, in whole µg/m³ as under atmospheric conditions. Takes the next frame that the
 * sensor sends by itself; its mode is left as it is at power-on, which is the active one.
 */
export const pms5003: Driver<'serial', Record<string, never>> = {
  id: 'pms5003',
  needs: 'serial',
  produces: PRODUCES,
  with: z.strictObject({}),
  plan: (spec) => [{ writeBytes: 0, readBytes: FRAME_LENGTH, waitMs: FRAME_MS_MAX, readings: wantedReadings(PRODUCES, spec) }],
  async open(line, spec, clock) {
    wantedReadings(PRODUCES, spec);
    return {
      // It only listens: two may hear the same.
      async read(signal) {
        return decode(await nextFrame(line, clock, signal, { scanner: pms5003Frames(), withinMs: FRAME_MS_MAX }), spec);
      },
      // The sensor confirms sleep and not waking, and its fan needs half a minute in any case: neither is awaited.
      wake: () => line.write(WAKE),
      sleep: () => line.write(SLEEP),
      close: async () => {},
    };
  },
};

/** Finds data frames of 32 bytes whose sum is right. */
export function pms5003Frames(): FixedFrameScanner {
  return new FixedFrameScanner({
    head: [...HEAD, ...DATA_LENGTH],
    length: FRAME_LENGTH,
    checksum: { at: SUM_AT, of: (frame) => word(sumOf(frame.subarray(0, SUM_AT))) },
    withinMs: FRAME_MS_MAX,
    whenSilent: 'Check the cable and the supply of 5 V, and that the pin SET is not low.',
  });
}

function decode(frame: Uint8Array, spec: DeviceSpec): readonly Reading[] {
  // Right after power-on or waking there are good frames without a measurement. In the cleanest room particles of 0.3 µm are counted.
  if (frame.subarray(MEASURED.from, MEASURED.to).every((byte) => byte === 0)) {
    throw new DeviceError('not-available', `the sensor is warming up: expected a measurement, found all zero in ${hex(frame)}`);
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  return wantedReadings(PRODUCES, spec).map((id) => ({ id, value: view.getUint16(OFFSETS[id]) }));
}

function command(about: number, data: number): Uint8Array {
  const body = [...HEAD, about, 0, data];
  return Uint8Array.from([...body, ...word(sumOf(body))]);
}

function word(value: number): readonly number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}
