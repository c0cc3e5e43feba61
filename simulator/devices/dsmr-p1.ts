import { calendarAt } from '../calendar.ts';
import type { ModelContext, SerialModel } from './model.ts';

/** From DSMR 5 on, and before DSMR 4 (P1 companion standard 5.0.2 §6.1, 2.2 §5.1). */
const EVERY_MS = { new: 1000, old: 10_000 } as const;
const HOUR_MS = 3_600_000;
/** A gas meter is read every five minutes by meters of DSMR 5. */
const GAS_EVERY_MS = 300_000;

/**
 * A simulated smart meter with three phases and a gas meter, whose P1 port is always asked for data. With a checksum it is
 * one of DSMR 5, without one of DSMR 2.2.
 */
export function model(context: ModelContext): SerialModel {
  const { checksum } = context.device.spec.with as { readonly checksum: boolean };
  const value = (id: string, atMs: number, whole: number, decimals: number) => number(context.signal(id, atMs), whole, decimals);
  // The meter's clock is never set to summer time.
  const time = (atMs: number) => dateAndTime(context.wallMs(atMs) + HOUR_MS);
  const frame = (atMs: number) => latin1(checksum ? newTelegram(value, time, atMs) : oldTelegram(value, time, atMs));
  return { kind: 'serial', receive: () => [], unasked: { everyMs: checksum ? EVERY_MS.new : EVERY_MS.old, frame } };
}

type ValueAt = (id: string, atMs: number, whole: number, decimals: number) => string;

function newTelegram(value: ValueAt, time: (atMs: number) => string, atMs: number): string {
  const phases = [
    ['l1', '32', '31', '21', '22'],
    ['l2', '52', '51', '41', '42'],
    ['l3', '72', '71', '61', '62'],
  ] as const;
  const gasMs = Math.floor(atMs / GAS_EVERY_MS) * GAS_EVERY_MS;
  const lines = [
    '/BRI5\\2SIMULATED',
    '',
    '1-3:0.2.8(50)',
    `0-0:1.0.0(${time(atMs)}W)`,
    '0-0:96.1.1(4B384547303034303436333935353037)',
    `1-0:1.8.1(${value('energy_imported_t1', atMs, 6, 3)}*kWh)`,
    `1-0:1.8.2(${value('energy_imported_t2', atMs, 6, 3)}*kWh)`,
    `1-0:2.8.1(${value('energy_exported_t1', atMs, 6, 3)}*kWh)`,
    `1-0:2.8.2(${value('energy_exported_t2', atMs, 6, 3)}*kWh)`,
    '0-0:96.14.0(0001)',
    `1-0:1.7.0(${value('power_imported', atMs, 2, 3)}*kW)`,
    `1-0:2.7.0(${value('power_exported', atMs, 2, 3)}*kW)`,
    '0-0:96.7.21(00004)',
    '1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)(101208151004W)(0000000301*s)',
    '0-0:96.13.0()',
    ...phases.map(([phase, voltage]) => `1-0:${voltage}.7.0(${value(`voltage_${phase}`, atMs, 3, 1)}*V)`),
    ...phases.map(([phase, , current]) => `1-0:${current}.7.0(${value(`current_${phase}`, atMs, 3, 0)}*A)`),
    ...phases.map(([phase, , , power]) => `1-0:${power}.7.0(${value(`power_imported_${phase}`, atMs, 2, 3)}*kW)`),
    ...phases.map(([phase, , , , power]) => `1-0:${power}.7.0(${value(`power_exported_${phase}`, atMs, 2, 3)}*kW)`),
    '0-1:24.1.0(003)',
    '0-1:96.1.0(3232323241424344313233343536373839)',
    `0-1:24.2.1(${time(gasMs)}W)(${value('gas', gasMs, 5, 3)}*m3)`,
    '!',
  ];
  const covered = lines.join('\r\n');
  return `${covered}${remainder(covered)}\r\n`;
}

function oldTelegram(value: ValueAt, time: (atMs: number) => string, atMs: number): string {
  const gasMs = Math.floor(atMs / HOUR_MS) * HOUR_MS;
  const lines = [
    '/BRI4\\SIMULATED',
    '',
    '0-0:96.1.1(00000000000000)',
    `1-0:1.8.1(${value('energy_imported_t1', atMs, 5, 3)}*kWh)`,
    `1-0:1.8.2(${value('energy_imported_t2', atMs, 5, 3)}*kWh)`,
    `1-0:2.8.1(${value('energy_exported_t1', atMs, 5, 3)}*kWh)`,
    `1-0:2.8.2(${value('energy_exported_t2', atMs, 5, 3)}*kWh)`,
    '0-0:96.14.0(0001)',
    `1-0:1.7.0(${value('power_imported', atMs, 4, 2)}*kW)`,
    `1-0:2.7.0(${value('power_exported', atMs, 4, 2)}*kW)`,
    '0-0:17.0.0(0999.00*kW)',
    '0-0:96.3.10(1)',
    '0-0:96.13.0()',
    '0-1:24.1.0(3)',
    '0-1:96.1.0(000000000000)',
    `0-1:24.3.0(${time(gasMs)})(00)(60)(1)(0-1:24.2.1)(m3)`,
    `(${value('gas', gasMs, 5, 3)})`,
    '0-1:24.4.0(1)',
    '!',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function dateAndTime(wallMs: number): string {
  const { year, month, day, hour, minute, second } = calendarAt(wallMs);
  return `${year}${month}${day}${hour}${minute}${second}`;
}

/** `000004.426`: as many digits as the standard gives the object. */
function number(value: number, whole: number, decimals: number): string {
  const width = whole + (decimals === 0 ? 0 : decimals + 1);
  return Math.max(value, 0).toFixed(decimals).padStart(width, '0').slice(-width);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(Array.from(text, (character) => character.charCodeAt(0)));
}

/**
 * The CRC-16 as four digits: what is left of all bits, each byte's lowest first, after division by x¹⁶ + x¹⁵ + x² + 1, with
 * the bits of the remainder turned round.
 */
function remainder(text: string): string {
  let rest = 0;
  for (let index = 0; index < text.length; index++) {
    const byte = text.charCodeAt(index);
    for (let weight = 1; weight <= 128; weight *= 2) {
      const isOut = rest >= 0x8000 !== Math.floor(byte / weight) % 2 > 0;
      rest = isOut ? ((2 * rest) & 0xffff) ^ 0x8005 : (2 * rest) & 0xffff;
    }
  }
  const bits = rest.toString(2).padStart(16, '0');
  return Number.parseInt(Array.from(bits).reverse().join(''), 2).toString(16).toUpperCase().padStart(4, '0');
}
