import { BusError } from './errors.ts';
import type { FrameScanner } from './next-frame.ts';
import { utcMs } from './utc.ts';

// Sentences of NMEA 0183 (version 3.01, §5.3 and §6), each a line of ASCII with the exclusive or of what stands between
// $ and *, in two hexadecimal digits:
//
//   $GNGGA,184102.00,5000.14318,N,00838.63715,E,1,05,3.62,159.6,M,47.6,M,,*4F
//     talker, formatter, and fields by their place
//
// A checksum is demanded, although the standard lets some sentences go without.

/** A sentence has 82 characters by the standard; receivers with more decimal places make longer ones. */
const SENTENCE_MAX = 128;
const [DOLLAR, LINE_FEED] = [0x24, 0x0a];
const SENTENCE = /^\$([\x20-\x7e]*)\*([0-9A-Fa-f]{2})\r?$/;
/** What begins with P is a maker's own: PGRMC of Garmin is no RMC of a talker PG. */
const ADDRESS = /^[A-OQ-Z][A-Z]([A-Z]{3})$/;

/** What one sentence says of where and when the receiver is. */
export interface Fix {
  /** Milliseconds of the day, UTC; missing while the receiver does not know. */
  readonly timeOfDayMs: number | undefined;
  /** Degrees, north and east positive; missing when there are none or they are none. */
  readonly position: { readonly latitude: number; readonly longitude: number } | undefined;
  /** Whether the sentence itself calls the position a fix by satellites. */
  readonly isFix: boolean;
}

/** Global positioning system fix data. */
export interface GgaFix extends Fix {
  /** 0 no fix, 1 GPS, 2 differential, 3 PPS, 4 RTK, 5 float RTK, 6 estimated, 7 entered by hand, 8 simulated. */
  readonly quality: number | undefined;
  readonly satellites: number | undefined;
}

/** Recommended minimum data. */
export interface RmcFix extends Fix {
  /** When the position was, milliseconds since 1970 UTC, as the receiver says. */
  readonly wallMs: number | undefined;
}

/** The newest sentence of each kind. */
export interface Epoch {
  readonly gga?: GgaFix;
  readonly rmc?: RmcFix;
}

/**
 * Finds sentences in bytes that arrive cut anywhere and gives a GGA and an RMC of the same moment. Every $ begins a new
 * sentence, except behind another: two in a row are damage. What has no end after 128 characters is dropped.
 */
export class NmeaScanner implements FrameScanner<Epoch> {
  readonly #withinMs: number;
  /** The sentence that has begun, with its $; empty while none has. */
  #line = '';
  #byteCount = 0;
  #sentenceCount = 0;
  #damaged: string | undefined;
  #gga: GgaFix | undefined;
  #rmc: RmcFix | undefined;

  constructor(withinMs: number) {
    this.#withinMs = withinMs;
  }

  /** What has come until now. */
  get epoch(): Epoch {
    return { ...(this.#gga && { gga: this.#gga }), ...(this.#rmc && { rmc: this.#rmc }) };
  }

  push(bytes: Uint8Array): Epoch | undefined {
    this.#byteCount += bytes.length;
    for (const byte of bytes) {
      if (byte === LINE_FEED) {
        const line = this.#line;
        this.#line = '';
        if (line !== '' && this.#take(line)) return this.epoch;
      } else if (byte === DOLLAR && !this.#line.endsWith('$')) this.#line = '$';
      else if (this.#line !== '') this.#line = this.#line.length < SENTENCE_MAX ? this.#line + String.fromCharCode(byte) : '';
    }
    return undefined;
  }

  failure(): BusError {
    const wanted = `expected sentences GGA and RMC within ${this.#withinMs} ms`;
    const found = [this.#gga && 'GGA', this.#rmc && 'RMC'].filter((name) => name !== undefined);
    if (this.#damaged !== undefined) return new BusError('bad-checksum', `${wanted}, ${this.#damaged}. Check the cable.`);
    if (found.length > 0) return new BusError('timeout', `${wanted}, found only ${found.join(' and ')}`);
    if (this.#byteCount === 0) return new BusError('timeout', `${wanted}, found silence. Check the cable and the supply.`);
    const advice = 'Check port, baud rate and what the receiver is set to send.';
    return new BusError(
      'timeout',
      `${wanted}, found ${this.#byteCount} bytes with ${this.#sentenceCount} other sentences. ${advice}`,
    );
  }

  /** Takes a line that has ended, and returns whether there is a pair of one moment now. */
  #take(line: string): boolean {
    const [, content, sum] = SENTENCE.exec(line) ?? [];
    if (content === undefined || sum === undefined) return false;
    const expected = exclusiveOr(content);
    if (expected !== Number.parseInt(sum, 16)) {
      const shown = expected.toString(16).toUpperCase().padStart(2, '0');
      this.#damaged = `found ${line.trimEnd()}, whose checksum should be ${shown}`;
      return false;
    }
    this.#sentenceCount += 1;
    const fields = content.split(',');
    const formatter = ADDRESS.exec(fields[0] ?? '')?.[1];
    if (formatter === 'GGA') this.#gga = gga(fields);
    else if (formatter === 'RMC') this.#rmc = rmc(fields);
    else return false;
    return this.#gga !== undefined && this.#rmc !== undefined && this.#gga.timeOfDayMs === this.#rmc.timeOfDayMs;
  }
}

function gga([
  ,
  time = '',
  latitude = '',
  north = '',
  longitude = '',
  east = '',
  quality = '',
  satellites = '',
]: string[]): GgaFix {
  return {
    timeOfDayMs: timeOfDay(time),
    position: position(latitude, north, longitude, east),
    isFix: /^[1-5]$/.test(quality),
    quality: /^[0-8]$/.test(quality) ? Number(quality) : undefined,
    satellites: /^\d{1,2}$/.test(satellites) ? Number(satellites) : undefined,
  };
}

function rmc(fields: string[]): RmcFix {
  const [, time = '', status, latitude = '', north = '', longitude = '', east = '', , , date = ''] = fields;
  // The mode came with NMEA 2.3: autonomous, differential, precise, RTK, float RTK; not estimated, by hand, simulated, none.
  const mode = fields[12] ?? '';
  const timeOfDayMs = timeOfDay(time);
  return {
    timeOfDayMs,
    position: position(latitude, north, longitude, east),
    isFix: status === 'A' && /^[ADPRF]?$/.test(mode),
    wallMs: wall(date, timeOfDayMs),
  };
}

function position(latitude: string, north: string, longitude: string, east: string): Fix['position'] {
  const [lat, lon] = [degrees(latitude, 2, 90), degrees(longitude, 3, 180)];
  if (lat === undefined || lon === undefined || !/^[NS]$/.test(north) || !/^[EW]$/.test(east)) return undefined;
  return { latitude: north === 'S' ? 0 - lat : lat, longitude: east === 'W' ? 0 - lon : lon };
}

/** `4807.038` is 48° 7.038'. A receiver without a fix may send 8960.000. */
function degrees(text: string, digitCount: number, max: number): number | undefined {
  if (!/^\d+(\.\d*)?$/.test(text) || text.split('.')[0]?.length !== digitCount + 2) return undefined;
  const minutes = Number(text.slice(digitCount));
  const value = Number(text.slice(0, digitCount)) + minutes / 60;
  return minutes < 60 && value <= max ? value : undefined;
}

/** `184102.07`, to the millisecond. */
function timeOfDay(text: string): number | undefined {
  const match = /^([01]\d|2[0-3])([0-5]\d)([0-5]\d(?:\.\d*)?)$/.exec(text);
  return match === null
    ? undefined
    : Number(match[1]) * 3_600_000 + Number(match[2]) * 60_000 + Math.round(Number(match[3]) * 1000);
}

/** `180320` is 18 March 2020. GPS began in 1980, so that no receiver means a year before it. */
function wall(date: string, timeOfDayMs: number | undefined): number | undefined {
  if (!/^\d{6}$/.test(date) || timeOfDayMs === undefined) return undefined;
  const [day, month, year] = [0, 2, 4].map((at) => Number(date.slice(at, at + 2))) as [number, number, number];
  const midnight = { hour: 0, minute: 0, second: 0, millisecond: 0 };
  const dayMs = utcMs({ year: year < 80 ? 2000 + year : 1900 + year, month, day, ...midnight });
  return dayMs === undefined ? undefined : dayMs + timeOfDayMs;
}

function exclusiveOr(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index++) sum ^= text.charCodeAt(index);
  return sum;
}
