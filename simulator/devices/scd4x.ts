import { wordCheck, wordsAsSent } from '../word-check.ts';
import type { I2cModel, ModelContext } from './model.ts';

// Sensirion SCD41, data sheet SCD4x 1.3, chapter 3.

/** Signal update interval of the periodic measurement. */
const INTERVAL_MS = 5_000;
/** What a command takes before the chip answers, and before it is idle after a stop. */
const ANSWERS_AFTER_MS = 1;
const IDLE_AFTER_MS = 500;

const COMMAND = {
  start: 0x21b1,
  stop: 0x3f86,
  isReady: 0xe4b8,
  read: 0xec05,
  setAltitude: 0x2427,
  altitude: 0x2322,
  setSelfCalibration: 0x2416,
  selfCalibration: 0x2313,
  serial: 0x3682,
};
/** What the master may send while the chip measures. To anything else it is then deaf. */
const ALWAYS: ReadonlySet<number> = new Set([COMMAND.read, COMMAND.stop, COMMAND.isReady]);

/**
 * A simulated SCD41. It does not acknowledge what it does not know or may not be asked now, a word with a wrong checksum, a
 * read before the answer is there, and a read of a measurement that it does not have: each one is given once. After its
 * supply was gone (a new model) it is idle, at altitude 0 with self-calibration.
 */
export function model(context: ModelContext): I2cModel {
  const serial = Array.from({ length: 3 }, () => Math.floor(context.random() * 0x10000));
  const sensor = sensing(context);
  let [altitudeM, isSelfCalibrating] = [0, 1];
  let deafUntilMs = 0;
  let answer: { readonly words: readonly number[]; readonly fromMs: number } | undefined;

  /** What the chip says to a command, if anything. */
  const says = (command: number, atMs: number): readonly number[] | undefined => {
    // As captured from a real one: bit 15 is always set.
    if (command === COMMAND.isReady) return [sensor.hasNew(atMs) ? 0x8006 : 0x8000];
    if (command === COMMAND.read) return sensor.take(atMs);
    if (command === COMMAND.altitude) return [altitudeM];
    if (command === COMMAND.selfCalibration) return [isSelfCalibrating];
    return command === COMMAND.serial ? serial : undefined;
  };

  /** False when the chip does not acknowledge. */
  const obey = (write: Uint8Array, atMs: number): boolean => {
    const [command, word] = [(write[0] ?? 0) * 256 + (write[1] ?? 0), checked(write.subarray(2))];
    if (sensor.isOn() && !ALWAYS.has(command)) return false;
    const words = says(command, atMs);
    answer = words && { words, fromMs: atMs + ANSWERS_AFTER_MS };
    if (command === COMMAND.start) sensor.start(atMs);
    else if (command === COMMAND.stop) deafUntilMs = sensor.stop(atMs);
    else if (command === COMMAND.setAltitude && word !== undefined) altitudeM = word;
    else if (command === COMMAND.setSelfCalibration && word !== undefined) isSelfCalibrating = word;
    else return words !== undefined || command === COMMAND.read;
    return true;
  };

  return {
    kind: 'i2c',
    address: context.device.address ?? 0x62,
    transfer: (write, readLength, atMs) => {
      if (atMs < deafUntilMs) return undefined;
      if (write.length > 0 && !obey(write, atMs)) return undefined;
      if (readLength === 0) return new Uint8Array(0);
      if (answer === undefined || atMs < answer.fromMs) return undefined;
      const bytes = wordsAsSent(answer.words, readLength);
      answer = undefined;
      return bytes;
    },
  };
}

/** The measuring part: from its start on a measurement every interval, of which it holds the newest one until it is taken. */
function sensing({ signal }: ModelContext) {
  let startedMs: number | undefined;
  let takenCount = 0;
  const madeCount = (atMs: number) => (startedMs === undefined ? 0 : Math.floor((atMs - startedMs) / INTERVAL_MS));
  const words = (atMs: number) => [
    limited(signal('co2', atMs)),
    limited(((signal('temperature', atMs) + 45) / 175) * 65_535),
    limited((signal('humidity', atMs) / 100) * 65_535),
  ];
  return {
    isOn: () => startedMs !== undefined,
    hasNew: (atMs: number) => madeCount(atMs) > takenCount,
    start: (atMs: number) => {
      [startedMs, takenCount] = [atMs, 0];
    },
    /** Returns when it is idle. */
    stop: (atMs: number) => {
      [startedMs, takenCount] = [undefined, 0];
      return atMs + IDLE_AFTER_MS;
    },
    take: (atMs: number) => {
      const count = madeCount(atMs);
      if (startedMs === undefined || count === takenCount) return undefined;
      takenCount = count;
      return words(startedMs + count * INTERVAL_MS);
    },
  };
}

function limited(value: number): number {
  return Math.min(Math.max(Math.round(value), 0), 65_535);
}

/** The word that follows a command; undefined unless it is one with its right checksum. */
function checked(bytes: Uint8Array): number | undefined {
  const [high = 0, low = 0, check] = bytes;
  return bytes.length === 3 && check === wordCheck(high * 256 + low) ? high * 256 + low : undefined;
}
