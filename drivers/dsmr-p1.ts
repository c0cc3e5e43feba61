import { z } from 'zod';
import type { DeviceSpec, Driver } from './driver.ts';
import { type Telegram, TelegramScanner } from './dsmr-telegram.ts';
import { DeviceError } from './errors.ts';
import { nextFrame } from './next-frame.ts';
import { wantedReadings } from './produced-readings.ts';
import type { MissingReading, Reading } from './reading.ts';
import { utcMs } from './utc.ts';

// Smart meters of the Netherlands (DSMR 2.2 to 5), Belgium (Fluvius and ORES, e-MUCS 1.7), and those of other countries
// that took over the P1 port. P1 companion standard 5.0.2 §6.12; the codes of gas before DSMR 4 are in version 3.0 §5.

/** From DSMR 5 on a telegram comes every second, before that every 10 s; at 9600 Bd it takes one more. */
export const TELEGRAM_MS_MAX = 12_500;
/** Of a meter with three phases and gas. */
const TELEGRAM_BYTES = 1000;

/** Which object holds each reading of the electricity meter. */
const CODES = {
  energy_imported: '1-0:1.8.0',
  energy_imported_t1: '1-0:1.8.1',
  energy_imported_t2: '1-0:1.8.2',
  energy_exported: '1-0:2.8.0',
  energy_exported_t1: '1-0:2.8.1',
  energy_exported_t2: '1-0:2.8.2',
  power_imported: '1-0:1.7.0',
  power_exported: '1-0:2.7.0',
  voltage_l1: '1-0:32.7.0',
  voltage_l2: '1-0:52.7.0',
  voltage_l3: '1-0:72.7.0',
  current_l1: '1-0:31.7.0',
  current_l2: '1-0:51.7.0',
  current_l3: '1-0:71.7.0',
  power_imported_l1: '1-0:21.7.0',
  power_imported_l2: '1-0:41.7.0',
  power_imported_l3: '1-0:61.7.0',
  power_exported_l1: '1-0:22.7.0',
  power_exported_l2: '1-0:42.7.0',
  power_exported_l3: '1-0:62.7.0',
} as const;
type ElectricityId = keyof typeof CODES;

/** Meters behind the electricity meter, by their type on the M-Bus (EN 13757-3 table 3). */
const METERS = { gas: 3, water: 7 } as const;
type MeterId = keyof typeof METERS;
/** There are places for four of them. */
const METERS_MAX = 4;

const UNITS = { energy: 'kWh', power: 'kW', voltage: 'V', current: 'A' } as const;
type Measure = keyof typeof UNITS;

const PRODUCES = {
  ...(Object.fromEntries(Object.keys(CODES).map((id) => [id, UNITS[id.split('_')[0] as Measure]])) as Record<
    ElectricityId,
    string
  >),
  gas: 'm3',
  water: 'm3',
};

/** Units that meters write, and how many of them are one of ours. */
const WRITTEN_UNITS: Readonly<Record<string, { readonly unit: string; readonly per: number }>> = {
  kWh: { unit: 'kWh', per: 1 },
  Wh: { unit: 'kWh', per: 1000 },
  kW: { unit: 'kW', per: 1 },
  W: { unit: 'kW', per: 1000 },
  V: { unit: 'V', per: 1 },
  A: { unit: 'A', per: 1 },
  m3: { unit: 'm3', per: 1 },
};

const withSchema = z.strictObject({ checksum: z.boolean() });
type With = z.output<typeof withSchema>;

/**
 * What a smart meter sends at its P1 port: the next whole telegram, whose objects are taken by their OBIS code. A reading
 * that the meter does not send has no value. Gas and water are found by the type of the meter that is coupled, and carry
 * the time at which that meter was read; the other readings carry that of the telegram. Tariff 1 is the low one in the
 * Netherlands and the high one in Belgium.
 */
export const dsmrP1: Driver<'serial', With> = {
  id: 'dsmr-p1',
  needs: 'serial',
  produces: PRODUCES,
  with: withSchema,
  plan: (spec) => [
    { writeBytes: 0, readBytes: TELEGRAM_BYTES, waitMs: TELEGRAM_MS_MAX, readings: wantedReadings(PRODUCES, spec) },
  ],
  async open(line, spec, clock) {
    wantedReadings(PRODUCES, spec);
    const options = { isChecked: spec.with.checksum, withinMs: TELEGRAM_MS_MAX };
    return {
      // It only listens: two may hear the same.
      async read(signal) {
        const scanner = new TelegramScanner(options);
        return results(await nextFrame(line, clock, signal, { scanner, withinMs: TELEGRAM_MS_MAX }), spec);
      },
      close: async () => {},
    };
  },
};

function results(telegram: Telegram, spec: DeviceSpec): readonly (Reading | MissingReading)[] {
  const sentMs = timeOf(telegram.get('0-0:1.0.0')?.[0]);
  return wantedReadings(PRODUCES, spec).map((id) => {
    try {
      if (id in METERS) return meter(telegram, id as MeterId);
      const code = CODES[id as ElectricityId];
      return reading(id, quantityOf(code, telegram.get(code), PRODUCES[id]), sentMs);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return { id, error };
    }
  });
}

/** The first coupled meter of the kind that has a value: a place may be left over from a meter that was exchanged. */
function meter(telegram: Telegram, id: MeterId): Reading {
  let why = new DeviceError(
    'not-available',
    `expected a ${id} meter (type ${METERS[id]} on the M-Bus), found none in the telegram`,
  );
  for (let place = 1; place <= METERS_MAX; place++) {
    if (Number(telegram.get(`0-${place}:24.1.0`)?.[0] ?? '0') !== METERS[id]) continue;
    try {
      return meterAt(telegram, id, place);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      why = error;
    }
  }
  throw why;
}

function meterAt(telegram: Telegram, id: MeterId, place: number): Reading {
  // 24.2.3 is gas that is not converted to a temperature (e-MUCS).
  const code = [`0-${place}:24.2.1`, `0-${place}:24.2.3`].find((each) => telegram.has(each));
  if (code !== undefined) {
    const [written, ...value] = telegram.get(code) ?? [];
    const readMs = timeOf(written);
    if (readMs === undefined) {
      // 632525252525S or nothing stands there while the meter has never been heard.
      throw new DeviceError(
        'not-available',
        `${code}: expected the time at which the meter was read, found ${written ?? 'nothing'}`,
      );
    }
    return reading(id, quantityOf(code, value, 'm3'), readMs);
  }
  // DSMR 2.2 and 3: time, status, period, count, code, unit, and the value in the next line.
  const old = `0-${place}:24.3.0`;
  const groups = telegram.get(old);
  return reading(id, quantityOf(old, groups && [`${groups[6] ?? ''}*${groups[5] ?? ''}`], 'm3'), undefined);
}

function reading(id: string, value: number, deviceWallMs: number | undefined): Reading {
  return { id, value, ...(deviceWallMs === undefined ? {} : { deviceWallMs }) };
}

/** A number in the unit that is wanted, from the single group `000004.426*kWh`. */
function quantityOf(code: string, groups: readonly string[] | undefined, unit: string): number {
  if (groups === undefined)
    throw new DeviceError('not-available', `expected ${code} in the telegram, found none: this meter does not send it`);
  const [, number, written = ''] = /^(\d+(?:\.\d+)?)\*(\w+)$/.exec(groups.length === 1 ? (groups[0] ?? '') : '') ?? [];
  const known = Object.hasOwn(WRITTEN_UNITS, written) ? WRITTEN_UNITS[written] : undefined;
  if (number === undefined || known?.unit !== unit) {
    const found = groups.map((group) => `(${group})`).join('');
    throw new DeviceError(
      'implausible',
      `${code}: expected a number with a unit that makes ${unit}, found ${found === '' ? 'nothing' : found}`,
    );
  }
  return Number(number) / known.per;
}

/**
 * `170102192002W`: year, month, day, hour, minute, second in Central European time, winter or summer. Undefined for anything
 * else, and for the times before DSMR 4, which do not say which of the two they are.
 */
function timeOf(text: string | undefined): number | undefined {
  const match = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([WS])$/.exec(text ?? '');
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const localMs = utcMs({ year: 2000 + year, month, day, hour, minute, second, millisecond: 0 });
  return localMs === undefined ? undefined : localMs - (match[7] === 'S' ? 2 : 1) * 3_600_000;
}
