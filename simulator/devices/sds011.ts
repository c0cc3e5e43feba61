import { obeying } from '../commands.ts';
import type { ModelContext, SerialModel } from './model.ts';

/** A data frame a second while it measures and reports by itself (Nova, Laser Dust Sensor Control Protocol V1.3). */
const REPORT_EVERY_MS = 1000;
/** The fan and the laser need a moment: until then the device sends zeros in good frames. */
const WAKE_MS = 2000;
const ANSWER_AFTER_MS = 15;
const COMMAND_LENGTH = 19;
const DEVICE_ID = [0x58, 0xd9] as const;
const ALL_DEVICES = 0xff;
const FIRMWARE_DATE = [15, 7, 10] as const;

const COMMAND = { reportMode: 2, query: 4, sleepWork: 6, firmware: 7, period: 8 } as const;
const HEAD = 0xaa;
const TAIL = 0xab;
const TO_DEVICE = 0xb4;
const DATA = 0xc0;
const DATA_SDS198 = 0xcf;
const ANSWER = 0xc5;

/**
 * A simulated Nova SDS011 or, on a board named sds198, an SDS198. It has been on since before the start of time,
 * measuring and reporting by itself. Asleep it hears nothing but the command to work. Working periods are remembered and answered, but the fan runs on.
 *
 *     command  AA B4 command set value … (15 bytes of data) id id checksum AB
 *     answer   AA C5 command set value 0 id id checksum AB
 *     data     AA C0 pm2.5 pm2.5 pm10 pm10 id id checksum AB     low byte first, 0.1 µg/m³
 */
export function model(context: ModelContext): SerialModel {
  let isAwake = true;
  let isReporting = true;
  let period = 0;
  let wokeAtMs = Number.NEGATIVE_INFINITY;

  const data = (atMs: number): Uint8Array => {
    const isReady = atMs >= wokeAtMs + WAKE_MS;
    if (context.device.board === 'sds198') {
      return frame(DATA_SDS198, isReady ? sds198Data(context.signal('pm100', atMs)) : [0, 0, 0, 0]);
    }
    const tenths = ['pm2_5', 'pm10'].map((reading) => (isReady ? wholeNumber(10 * context.signal(reading, atMs), 9999) : 0));
    return frame(DATA, tenths.flatMap(lowFirst));
  };

  const obey = (bytes: readonly number[], atMs: number): Uint8Array | undefined => {
    const [, , command = 0, set, value = 0] = bytes;
    const isSetting = set === 1;
    if (!isForMe(bytes)) return undefined;
    if (!isAwake && !(command === COMMAND.sleepWork && isSetting && value === 1)) return undefined;
    const answer = (now: number) => frame(ANSWER, [command, Number(isSetting), now, 0]);
    switch (command) {
      case COMMAND.query:
        return data(atMs);
      case COMMAND.firmware:
        return frame(ANSWER, [command, ...FIRMWARE_DATE]);
      case COMMAND.reportMode:
        if (isSetting) isReporting = value === 0;
        return answer(isReporting ? 0 : 1);
      case COMMAND.sleepWork:
        if (isSetting && value === 1 && !isAwake) wokeAtMs = atMs;
        if (isSetting) isAwake = value === 1;
        return answer(isAwake ? 1 : 0);
      case COMMAND.period:
        if (isSetting) period = value;
        return answer(period);
      default:
        return undefined;
    }
  };

  return {
    kind: 'serial',
    receive: obeying({ length: COMMAND_LENGTH, isCommand, obey, answerAfterMs: ANSWER_AFTER_MS }),
    unasked: { everyMs: REPORT_EVERY_MS, frame: (atMs) => (isAwake && isReporting ? data(atMs) : undefined) },
  };
}

function isCommand(bytes: readonly number[]): boolean {
  return bytes[0] === HEAD && bytes[1] === TO_DEVICE && bytes[18] === TAIL && bytes[17] === sum(bytes.slice(2, 17));
}

function isForMe(command: readonly number[]): boolean {
  const [first, second] = [command[15], command[16]];
  return (first === ALL_DEVICES && second === ALL_DEVICES) || (first === DEVICE_ID[0] && second === DEVICE_ID[1]);
}

function frame(kind: number, payload: readonly number[]): Uint8Array {
  const body = [...payload, ...DEVICE_ID];
  return Uint8Array.from([HEAD, kind, ...body, sum(body), TAIL]);
}

/** The SDS198 sends whole µg/m³ in the second pair; nobody has described the first, which is not zero in recordings. */
function sds198Data(microgramsPerM3: number): number[] {
  return [...lowFirst(14), ...lowFirst(wholeNumber(microgramsPerM3, 0xffff))];
}

function wholeNumber(value: number, max: number): number {
  return Math.min(Math.max(Math.round(value), 0), max);
}

function lowFirst(word: number): number[] {
  return [word & 0xff, word >> 8];
}

function sum(bytes: readonly number[]): number {
  return bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
}
