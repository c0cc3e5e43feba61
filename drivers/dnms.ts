import { checkedWords } from './checked-words.ts';
import type { Clock } from './clock.ts';
import { sleep, sleepUntil } from './clock.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import type { AddressOnly, Transfer } from './i2c-device.ts';
import { addressOnly, addressText, plannedTransfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';

// DNMS of sensor.community (Helmut Bitter), a Teensy with a microphone. There is no data sheet: the protocol is that of its
// firmware, versions 1.0 to 6.0 (hbitter/DNMS, Firmware/Teensy), and of the airrohr firmware that reads it
// (opendata-stuttgart/sensors-software, airrohr-firmware/dnms_i2c.cpp). Words have a CRC as Sensirion's chips send it.
//
//   levels   | LAeq high word, CRC | low word, CRC | LAmin …, CRC | …, CRC | LAmax …, CRC | …, CRC |   32-bit floats, dB(A)

const COMMAND = {
  reset: [0x00, 0x01],
  version: [0x00, 0x02],
  calculate: [0x00, 0x03],
  isReady: [0x00, 0x04],
  levels: [0x00, 0x05],
} as const;

/** How every version begins: "DNMS Version 2.0.4". The rest is not read, for its length varies. */
const NAME = 'DNMS';

/** The board averages from one calculation to the next, over 1 to 3600 s (hbitter/DNMS, README). Some more does no harm. */
const WINDOW_MS_MIN = 1_000;
const WINDOW_MS_MAX = 3_960_000;

/** A calculation is ready at the end of a block of sound, which is 35 or 93 ms long. */
const LOOK_MS = 20;
const LOOKS_MAX = 25;

/** Louder than any microphone in use can tell: the IM72D128 ends at 128 dB. Boards sent 800 dB (hbitter/DNMS issue 24). */
const LEVEL_MAX = 140;
/** What single precision may be off. */
const ROUNDING = 0.01;

const PRODUCES = { laeq: 'dBA', la_min: 'dBA', la_max: 'dBA' } as const;
type Levels = Readonly<Record<keyof typeof PRODUCES, number>>;

/**
 * Equivalent, lowest and highest sound level of a DNMS on I2C over the time since the read before. The first read throws
 * away what was averaged since nobody knows when, and is over one second.
 */
export const dnms: Driver<'i2c', AddressOnly> = {
  id: 'dnms',
  needs: 'i2c',
  produces: PRODUCES,
  with: addressOnly,
  // With the first second, which the longest round contains.
  plan: (spec) => [
    plannedTransfer(2, 0),
    plannedTransfer(0, 6),
    plannedTransfer(2, 0, WINDOW_MS_MIN),
    plannedTransfer(2, 0, LOOK_MS * LOOKS_MAX),
    plannedTransfer(2, 0),
    plannedTransfer(0, 3),
    plannedTransfer(2, 0),
    plannedTransfer(0, 18, 0, wantedReadings(PRODUCES, spec)),
  ],
  async open(bus, spec, clock) {
    const wanted = wantedReadings(PRODUCES, spec);
    const { address } = spec.with;
    const next = listening(transferTo(bus, address), address, clock);
    const read = oneAtATime(async (signal: AbortSignal) => {
      signal.throwIfAborted();
      const levels = await next(signal);
      return wanted.map((id) => ({ id, value: levels[id] }));
    });
    return { read, close: async () => {} };
  },
};

/** Gives what ends a window, begins the next one and resolves to the levels of the one that ended. */
function listening(transfer: Transfer, address: number, clock: Clock) {
  let isIdentified = false;
  /** When the window began that goes on now; undefined while that is not known. */
  let sinceMs: number | undefined;

  const ask = async (command: readonly number[], wordCount: number) => {
    // In two transactions, as every program does that reads the board: a repeated start is not known to be tried.
    await transfer(command, 0);
    return checkedWords(await transfer([], 3 * wordCount), address);
  };
  const calculate = async () => {
    await transfer(COMMAND.calculate, 0);
    sinceMs = clock.monotonicMs();
    return sinceMs;
  };

  /** Begins a window unless one goes on, and resolves to its beginning. */
  const begun = async () => {
    if (!isIdentified) refuseOther(await ask(COMMAND.version, 2), address);
    isIdentified = true;
    if (sinceMs !== undefined && clock.monotonicMs() - sinceMs <= WINDOW_MS_MAX) return sinceMs;
    return calculate();
  };

  const awaitReady = async (signal: AbortSignal) => {
    for (let looks = 1; looks <= LOOKS_MAX; looks++) {
      await sleep(clock, LOOK_MS, signal);
      const [ready = 0] = await ask(COMMAND.isReady, 1);
      if (ready !== 0) return;
    }
    // As the airrohr firmware does, in the hope that a board whose sound has stopped comes back.
    [sinceMs, isIdentified] = [undefined, false];
    await transfer(COMMAND.reset, 0);
    throw new DeviceError(
      'not-available',
      `${addressText(address)}: expected levels within ${LOOK_MS * LOOKS_MAX} ms, found none; the board was reset`,
    );
  };

  return async (signal: AbortSignal): Promise<Levels> => {
    await sleepUntil(clock, (await begun()) + WINDOW_MS_MIN, signal);
    await calculate();
    await awaitReady(signal);
    return decode(await ask(COMMAND.levels, 6), address);
  };
}

function refuseOther(words: readonly number[], address: number): void {
  const found = String.fromCharCode(...words.flatMap((word) => [word >> 8, word & 0xff]));
  if (found === NAME) return;
  const text = `expected a version that begins with ${NAME}, found ${JSON.stringify(found)}`;
  throw new DeviceError('implausible', `${addressText(address)}: ${text}. Another device has this address.`);
}

function decode(words: readonly number[], address: number): Levels {
  const view = new DataView(new ArrayBuffer(2 * words.length));
  for (const [index, word] of words.entries()) view.setUint16(2 * index, word);
  const levels = { laeq: view.getFloat32(0), la_min: view.getFloat32(4), la_max: view.getFloat32(8) };
  const found = `LAeq ${levels.laeq}, LAmin ${levels.la_min}, LAmax ${levels.la_max} dB(A)`;
  const refuse = (kind: 'implausible' | 'not-available', expected: string) =>
    new DeviceError(kind, `${addressText(address)}: expected ${expected}, found ${found}`);
  // What the board holds before its first block of sound, and after its levels were taken.
  if (levels.laeq === 0) throw refuse('not-available', 'a level');
  // The comparison fails for what is not a number, too.
  if (!Object.values(levels).every((level) => level > 0 && level <= LEVEL_MAX))
    throw refuse('implausible', `0 to ${LEVEL_MAX} dB(A)`);
  // All three are made from the same blocks.
  if (levels.la_min > levels.laeq + ROUNDING || levels.laeq > levels.la_max + ROUNDING)
    throw refuse('implausible', 'LAmin ≤ LAeq ≤ LAmax');
  // Sound is never twice the same. The firmware takes the silence of a broken microphone for 5 dB.
  if (levels.la_min === levels.la_max) throw refuse('implausible', 'levels that vary. Check the microphone');
  return levels;
}
