import type { ModelContext, SerialModel } from './model.ts';

const REPORT_EVERY_MS = 1000;
/** A cold start under a free sky takes 26 s (u-blox NEO-M8 data sheet, table 1). */
const FIRST_FIX_MS = 26_000;
const DAY_MS = 86_400_000;
/** The receiver's calendar at the start of time: 1 March 2026. */
const [FIRST_DAY, FIRST_MONTH, FIRST_YEAR] = [1, 3, 26];
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * A simulated GPS receiver that speaks NMEA 0183, switched on at the start of time. Once a second it sends RMC, GGA and a
 * GSA, the positions empty until it has found enough satellites. It knows the time of day a second before that.
 */
export function model(context: ModelContext): SerialModel {
  const frame = (atMs: number): Uint8Array => {
    const time = atMs >= FIRST_FIX_MS - 1000 ? clockTime(atMs) : '';
    const quality = Math.round(context.signal('fix_quality', atMs));
    const hasFix = atMs >= FIRST_FIX_MS && quality > 0;
    const satellites = Math.min(Math.max(Math.round(context.signal('satellites', atMs)), 0), 99);
    const place = hasFix
      ? `${angle(context.signal('latitude', atMs), 2, 'NS')},${angle(context.signal('longitude', atMs), 3, 'EW')}`
      : ',,,';
    const gga = hasFix ? `${quality},${digits(satellites, 2)},1.1,12.0,M,49.5,M,,` : '0,00,99.99,,,,,,';
    const rmc = hasFix ? `0.02,,${time === '' ? '' : date(atMs)},,,A` : `,,${time === '' ? '' : date(atMs)},,,N`;
    const lines = [
      `GNRMC,${time},${hasFix ? 'A' : 'V'},${place},${rmc}`,
      `GNGGA,${time},${place},${gga}`,
      `GNGSA,A,${hasFix ? 3 : 1},,,,,,,,,,,,,99.99,99.99,99.99`,
    ];
    return Uint8Array.from(Array.from(lines.map(sentence).join(''), (character) => character.charCodeAt(0)));
  };
  return { kind: 'serial', receive: () => [], unasked: { everyMs: REPORT_EVERY_MS, frame } };
}

/** `$…*hh`: the parity of each bit over all characters, most significant first. */
function sentence(body: string): string {
  const parity = [128, 64, 32, 16, 8, 4, 2, 1].map((bit) => {
    const count = Array.from(body).filter((character) => Math.floor(character.charCodeAt(0) / bit) % 2 === 1).length;
    return count % 2;
  });
  const value = Number.parseInt(parity.join(''), 2);
  return `$${body}*${value.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}

/** 41.4036 is `4124.21600,N`, in hundred thousandths of a minute. */
function angle(degrees: number, degreeDigits: number, signs: 'NS' | 'EW'): string {
  const all = Math.round(Math.abs(degrees) * 60 * 100_000);
  const [whole, minutes] = [Math.floor(all / 6_000_000), all % 6_000_000];
  const decimals = `${digits(Math.floor(minutes / 100_000), 2)}.${digits(minutes % 100_000, 5)}`;
  return `${digits(whole, degreeDigits)}${decimals},${degrees < 0 ? signs[1] : signs[0]}`;
}

function clockTime(atMs: number): string {
  const seconds = Math.floor((atMs % DAY_MS) / 1000);
  return `${digits(Math.floor(seconds / 3600), 2)}${digits(Math.floor(seconds / 60) % 60, 2)}${digits(seconds % 60, 2)}.00`;
}

function date(atMs: number): string {
  let [day, month, year] = [FIRST_DAY + Math.floor(atMs / DAY_MS), FIRST_MONTH, FIRST_YEAR];
  for (let length = daysOf(month, year); day > length; length = daysOf(month, year)) {
    day -= length;
    month += 1;
    if (month > 12) [month, year] = [1, year + 1];
  }
  return `${digits(day, 2)}${digits(month, 2)}${digits(year, 2)}`;
}

function daysOf(month: number, year: number): number {
  return month === 2 && year % 4 === 0 ? 29 : (MONTH_DAYS[month - 1] ?? 31);
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
