import { z } from 'zod';
import type { ByteStream } from './bus/byte-stream.ts';
import { type Clock, sleep } from './clock.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { FixedFrameScanner, sumOf } from './fixed-frame.ts';
import { nextFrame } from './next-frame.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';
import type { Reading } from './reading.ts';

// Winsen MH-Z19B (and MH-Z19, MH-Z19C). User's manual V1.0, serial port (UART): 9600 8N1, a question of nine bytes and an
// answer of nine.
//
//   question | FF | 01 | command | five bytes of data                          | check |
//   answer   | FF | 86 | CO2 high | low | temperature + 40, and three others    | check |   in ppm
//
// The check byte is what makes the sum of the bytes after FF a multiple of 256.

const FRAME_LENGTH = 9;
const CHECK_AT = 8;
const READ_CO2 = 0x86;
const SELF_CALIBRATION = 0x79;
const DETECTION_RANGE = 0x99;

/** The sensor answers within some ten milliseconds. */
export const ANSWER_MS_MAX = 1000;
/** So long a setting takes; the sensor's answer to it is not the same on all versions, and is passed over. */
const SETTING_MS = 100;
/** "Preheat time: 3 min" (manual, technical parameters). What it shows before is 400, 410, 0 or anything else. */
export const PREHEAT_MS = 180_000;

const PRODUCES = { co2: 'ppm' } as const;

const withSchema = z.strictObject({
  self_calibration: z.boolean(),
  range: z.union([z.literal(2000), z.literal(5000), z.literal(10_000)]),
});
type With = z.output<typeof withSchema>;

/**
 * Carbon dioxide of an MH-Z19. Nothing is a value until three minutes after the sensor may have been switched on: when the
 * device is opened, when its port was lost, when it did not answer, and when it shows 0 ppm, as only one that has just
 * started does. Self-calibration and range are set each time, because some versions forget them without power.
 */
export const mhz19: Driver<'serial', With> = {
  id: 'mhz19',
  needs: 'serial',
  produces: PRODUCES,
  with: withSchema,
  plan: (spec) => [
    {
      writeBytes: 3 * FRAME_LENGTH,
      readBytes: 3 * FRAME_LENGTH,
      waitMs: 2 * SETTING_MS + ANSWER_MS_MAX,
      readings: wantedReadings(PRODUCES, spec),
    },
  ],
  async open(line, spec, clock) {
    wantedReadings(PRODUCES, spec);
    const sensor = new Sensor(line, spec.with, clock);
    return { read: oneAtATime((signal: AbortSignal) => sensor.read(signal)), close: async () => sensor.close() };
  },
};

class Sensor {
  readonly #line: ByteStream;
  readonly #settings: readonly Uint8Array[];
  readonly #clock: Clock;
  readonly #stopListening: () => void;
  #onSinceMs: number;
  #settingsSentCount = 0;

  constructor(line: ByteStream, { self_calibration, range }: With, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
    // The data of the range stand in bytes 6 and 7: the manual's bytes 3 and 4 are not obeyed (letscontrolit/ESPEasy, P049).
    this.#settings = [
      command(SELF_CALIBRATION, self_calibration ? 0xa0 : 0x00),
      command(DETECTION_RANGE, 0, 0, 0, range >> 8, range & 0xff),
    ];
    this.#onSinceMs = clock.monotonicMs();
    // Port and sensor mostly have one supply.
    this.#stopListening = line.onClose(() => this.#mayHaveStarted());
  }

  async read(signal: AbortSignal): Promise<readonly Reading[]> {
    for (let count = this.#settingsSentCount; count < this.#settings.length; count = this.#settingsSentCount) {
      await this.#line.write(this.#settings[count] as Uint8Array);
      // Counted as it is sent: a port that is lost during the pause begins anew.
      this.#settingsSentCount = count + 1;
      await sleep(this.#clock, SETTING_MS, signal);
    }
    const scanner = mhz19Frames();
    const failure = () => {
      if (scanner.isSilent) this.#mayHaveStarted();
      return scanner.failure();
    };
    const frame = await nextFrame(this.#line, this.#clock, signal, {
      scanner: { push: (bytes) => scanner.push(bytes), failure },
      withinMs: ANSWER_MS_MAX,
      question: QUESTION,
    });
    return [{ id: 'co2', value: this.#believed(256 * (frame[2] ?? 0) + (frame[3] ?? 0)) }];
  }

  close(): void {
    this.#stopListening();
  }

  #mayHaveStarted(): void {
    this.#onSinceMs = this.#clock.monotonicMs();
    this.#settingsSentCount = 0;
  }

  #believed(ppm: number): number {
    const onMs = this.#clock.monotonicMs() - this.#onSinceMs;
    if (onMs < PREHEAT_MS) {
      const seconds = `expected to be on for ${PREHEAT_MS / 1000} s, found ${Math.floor(onMs / 1000)} s`;
      throw new DeviceError('not-available', `the sensor preheats: ${seconds}; its ${ppm} ppm are no measurement yet`);
    }
    if (ppm > 0) return ppm;
    this.#mayHaveStarted();
    throw new DeviceError(
      'not-available',
      'expected more than 0 ppm, found 0, which the sensor shows after it was switched on. Check its supply of 5 V.',
    );
  }
}

const QUESTION = command(READ_CO2);

/** Finds answers to the question for CO2 whose check byte is right. */
export function mhz19Frames(): FixedFrameScanner {
  return new FixedFrameScanner({
    head: [0xff, READ_CO2],
    length: FRAME_LENGTH,
    checksum: { at: CHECK_AT, of: (frame) => [checkOf(frame.subarray(1, CHECK_AT))] },
    withinMs: ANSWER_MS_MAX,
    whenSilent: 'Check the cable, that RX and TX are crossed, and the supply of 5 V.',
  });
}

function command(about: number, ...data: readonly number[]): Uint8Array {
  const body = [0x01, about, ...data, 0, 0, 0, 0, 0].slice(0, CHECK_AT - 1);
  return Uint8Array.from([0xff, ...body, checkOf(body)]);
}

function checkOf(bytes: Iterable<number>): number {
  return -sumOf(bytes) & 0xff;
}
