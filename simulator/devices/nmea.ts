import { calendarAt } from '../calendar.ts';
import type { ModelContext, SerialModel } from './model.ts';

const REPORT_EVERY_MS = 1000;
/** A cold start under a free sky takes 26 s (u-blox NEO-M8 data sheet, table 1). */
const FIRST_FIX_MS = 26_000;

/**
 * A simulated GPS receiver that speaks NMEA 0183, switched on at the start of time. Once a second it sends RMC, GGA and a
 * GSA, the positions empty until it has found enough satellites. It knows the time of day a second before that.
 */
export function model(context: ModelContext): SerialModel {
  const frame = (atMs: number): Uint8Array => {
    const [day, time] = atMs >= FIRST_FIX_MS - 1000 ? dateAndTime(context.wallMs(atMs)) : ['', ''];
    const quality = Math.round(context.signal('fix_quality', atMs));
    const hasFix = atMs >= FIRST_FIX_MS && quality > 0;
    const satellites = Math.min(Math.max(Math.round(context.signal('satellites', atMs)), 0), 99);
    const place = hasFix
      ? `${angle(context.signal('latitude', atMs), 2, 'NS')},${angle(context.signal('longitude', atMs), 3, 'EW')}`
      : ',,,';
    const gga = hasFix ? `${quality},${digits(satellites, 2)},1.1,12.0,M,49.5,M,,` : '0,00,99.99,,,,,,';
    const rmc = `${hasFix ? '0.02' : ''},,${day},,,${hasFix ? 'A' : 'N'}`;
    const lines = [
      `GNRMC,${time},${hasFix ? 'A' : 'V'},${place},${rmc}`,
      `GNGGA,${time},${place},${gga}`,
      `GNGSA,A,${hasFix ? 3 : 1},,,,,,,,,,,,,99.99,99.99,99.99`,
    ];
    return codes(lines.map(sentence).join(''));
  };
  return { kind: 'serial', receive: () => [], unasked: { everyMs: REPORT_EVERY_MS, frame } };
}

/** `$…*hh`: how often each bit is set in all characters, even or odd. */
function sentence(body: string): string {
  const characters = codes(body);
  let sum = 0;
  for (let weight = 1; weight < 256; weight *= 2) {
    let count = 0;
    for (const code of characters) count += Math.floor(code / weight) % 2;
    sum += (count % 2) * weight;
  }
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}

function codes(text: string): Uint8Array {
  const all = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) all[index] = text.charCodeAt(index);
  return all;
}

/** 41.4036 is `4124.21600,N`, in hundred thousandths of a minute. */
function angle(degrees: number, degreeDigits: number, signs: 'NS' | 'EW'): string {
  const all = Math.round(Math.abs(degrees) * 60 * 100_000);
  const [whole, minutes] = [Math.floor(all / 6_000_000), all % 6_000_000];
  const decimals = `${digits(Math.floor(minutes / 100_000), 2)}.${digits(minutes % 100_000, 5)}`;
  return `${digits(whole, degreeDigits)}${decimals},${degrees < 0 ? signs[1] : signs[0]}`;
}

function dateAndTime(wallMs: number): readonly [date: string, time: string] {
  const { day, month, year, hour, minute, second } = calendarAt(wallMs);
  return [`${day}${month}${year}`, `${hour}${minute}${second}.00`];
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
