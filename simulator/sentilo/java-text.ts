import { utcMs } from './calendar.ts';

// The city reads timestamps, places and integers with Java's own parsers, whose surprises a client meets in the field.
// What stands here was measured on OpenJDK 17 (sentilo.md §1.5.3, §1.5.4).

/** Fields skip spaces and tabs before their digits, and take any number of digits; the signs between them are literal. */
const DATE_TIME = /^[ \t]*(\d+)\/[ \t]*(\d+)\/[ \t]*(\d+)T[ \t]*(\d+):[ \t]*(\d+):[ \t]*(\d+)/;
/** A zone as `+hhmm`: hours to 23, minutes to 59, no colon. */
const NUMERIC_ZONE = /^([+-])([01]\d|2[0-3])([0-5]\d)/;
/** A zone as `GMT+h:mm` or `GMT+hh:mm`. */
const GMT_ZONE = /^GMT([+-])([01]?\d|2[0-3]):([0-5]\d)/i;
const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;

/** Hours from UTC of zone names. Java knows hundreds; these are Europe's and North America's, which people here may send. */
const ZONE_HOURS: Readonly<Record<string, number>> = {
  UTC: 0,
  GMT: 0,
  WET: 0,
  WEST: 1,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/**
 * Milliseconds since 1970 of a timestamp as `SimpleDateFormat("dd/MM/yyyy'T'HH:mm:ssZ")`, not lenient, reads it, tried
 * first as it is and then with `+0000` appended. Undefined when both fail. Text behind a complete zone is ignored.
 */
export function parseTimestamp(text: string): number | undefined {
  return parseZoned(text) ?? parseZoned(`${text}+0000`);
}

function parseZoned(text: string): number | undefined {
  const match = DATE_TIME.exec(text);
  if (!match) return undefined;
  const [day, month, year, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  const offsetMs = zoneOffsetMs(text.slice(match[0].length));
  const localMs = utcMs(year, month, day, hour, minute, second);
  return offsetMs === undefined || localMs === undefined ? undefined : localMs - offsetMs;
}

function zoneOffsetMs(text: string): number | undefined {
  // Only a GMT that follows the seconds at once may carry hours: after a blank it is just a name, and the hours are ignored.
  const gmt = GMT_ZONE.exec(text);
  if (gmt) return signedOffsetMs(gmt);
  if (/^GMT[+-]/i.test(text)) return undefined;
  const zone = text.replace(/^[ \t]+/, '');
  const numeric = NUMERIC_ZONE.exec(zone);
  if (numeric) return signedOffsetMs(numeric);
  for (const [name, hours] of Object.entries(ZONE_HOURS)) {
    if (zone.slice(0, name.length).toUpperCase() === name) return hours * MS_PER_HOUR;
  }
  return undefined;
}

function signedOffsetMs(match: RegExpExecArray): number {
  const ms = Number(match[2]) * MS_PER_HOUR + Number(match[3]) * MS_PER_MINUTE;
  return match[1] === '-' ? -ms : ms;
}

/** True for text that Java's `StringUtils.hasText` accepts: it has a character that is not white space. */
export function hasText(text: string | null | undefined): text is string {
  return typeof text === 'string' && text.trim() !== '';
}

/** True for text that the server takes for given: it is not blank and not the word `null` in any case. */
export function isGiven(text: string | null | undefined): text is string {
  return hasText(text) && text.toLowerCase() !== 'null';
}

/** Decimal notation of `Double.valueOf`, with its type suffixes; NaN, infinities and hexadecimal are left out. */
const JAVA_DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?$/;

/**
 * True when the city takes `text` as a location: points `lat lng` in decimal degrees with exactly one space between, several
 * of them separated by commas, blanks around a point ignored. No text, blank text and the word `null` mean that there is no
 * location.
 */
export function isLocation(text: string | null): boolean {
  if (!isGiven(text)) return true;
  // Java's split drops what is empty at the end.
  const points = text.replace(/,+$/, '').split(',');
  return points.every((point) => {
    const parts = point.trim().split(' ');
    return parts.length === 2 && isDegrees(parts[0], 90) && isDegrees(parts[1], 180);
  });
}

function isDegrees(text: string | undefined, max: number): boolean {
  if (text === undefined || !JAVA_DOUBLE.test(text)) return false;
  return Math.abs(parseJavaDouble(text)) <= max;
}

/** The number of a text in Java's decimal notation. */
function parseJavaDouble(text: string): number {
  return Number(text.replace(/[fFdD]$/, ''));
}

/**
 * A location as the catalogue gives it back: its numbers as Java writes them. Undefined where its parser fails though the
 * check has passed: it takes all up to the first space for the latitude, so it trips over a space in front of a point.
 *
 * @param text passes `isLocation` and is given
 */
export function formatLocation(text: string): string | undefined {
  const points = text.replace(/,+$/, '').split(',');
  if (points.some((point) => point.startsWith(' '))) return undefined;
  return points.map((point) => point.trim().split(' ').map(parseJavaDouble).map(formatJavaDouble).join(' ')).join(',');
}

/** `Double.toString` of a finite number: at least one digit behind the point, an exponent below 0.001 and from ten million on. */
function formatJavaDouble(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}

/** `Integer.valueOf`: 32 bits, an optional sign and digits only. Undefined when it would throw. */
export function parseJavaInteger(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= -2_147_483_648 && value <= 2_147_483_647 ? value : undefined;
}

/** GMT with an offset, of which `TimeZone.getTimeZone` makes a zone of its own: hours to 23, minutes to 59. */
const CUSTOM_ZONE = /^GMT[+-](?:[01]?\d|2[0-3])(?::?[0-5]\d)?$/;

/** Names of three letters that Java knows beside the IANA data base's own. */
const OLD_ZONES: readonly string[] = ['EST', 'CST', 'MST', 'PST', 'ECT', 'ACT', 'AST', 'CTT', 'IST', 'JST'];

/** True for no text and for a name that `TimeZone.getTimeZone` knows: those of the IANA data base, in their own case, and `GMT+1`. */
export function isTimeZone(text: string | undefined): boolean {
  if (!hasText(text) || CUSTOM_ZONE.test(text) || OLD_ZONES.includes(text)) return true;
  if (!/^[A-Z][\w/+-]*$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/**
 * The ids in the order in which a Java HashSet gives them, which is the order of the list in a 404's message. A client that
 * reads that list by position must fail here as it does in the field.
 */
export function hashSetOrder(ids: readonly string[]): string[] {
  let buckets = 16;
  while (ids.length > buckets * 0.75) buckets *= 2;
  const bucketOf = (id: string) => {
    let hash = 0;
    for (let at = 0; at < id.length; at += 1) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) | 0;
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  return [...ids].sort((a, b) => bucketOf(a) - bucketOf(b));
}
