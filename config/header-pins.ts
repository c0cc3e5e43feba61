/** What a pin of the header carries when it is no line of the chip; `id` is reserved for naming add-on boards. */
export type Fixed = '3V3' | '5V' | 'ground' | 'id';

/**
 * The 40-pin header of a Raspberry Pi in the order of its pins, two a row as on the board. A number is the line of the
 * GPIO chip (BCM numbering). Source: Raspberry Pi documentation, "GPIO and the 40-pin header".
 */
// biome-ignore format: one row of the header a line
const HEADER: readonly (number | Fixed)[] = [
  '3V3', '5V',
  2, '5V',
  3, 'ground',
  4, 14,
  'ground', 15,
  17, 18,
  27, 'ground',
  22, 23,
  '3V3', 24,
  10, 'ground',
  9, 25,
  11, 8,
  'ground', 7,
  'id', 'id',
  5, 'ground',
  6, 12,
  13, 'ground',
  19, 16,
  26, 20,
  'ground', 21,
];

/** Lines that the first I2C bus and the serial port of the header take for themselves. */
export const I2C1_LINES: readonly number[] = [2, 3];
export const HEADER_SERIAL_LINES: readonly number[] = [14, 15];

/**
 * Whether a line is pulled up, by a resistor of about 50 kΩ, from power-on until a program sets it; all others on the header are
 * pulled down (BCM2835 ARM Peripherals, table 6-31; the chips after it have the same).
 */
export function isPulledUp(line: number): boolean {
  return line <= 8;
}

/** What is meant by the part after `gpio.`: a line, or why there is none. */
export type HeaderPin =
  | { readonly line: number }
  | { readonly pin: number; readonly carries: Fixed }
  | { readonly unknown: string };

/** `pin11` (header pin) or `17` (number of the chip). */
export function parsePin(text: string): HeaderPin {
  const byPin = /^pin([0-9]{1,2})$/.exec(text);
  if (byPin) {
    const pin = Number(byPin[1]);
    const what = HEADER[pin - 1];
    if (what === undefined) return { unknown: text };
    return typeof what === 'number' ? { line: what } : { pin, carries: what };
  }
  if (/^(?:0|[1-9][0-9]?)$/.test(text) && pinOfLine(Number(text)) !== undefined) return { line: Number(text) };
  return { unknown: text };
}

/** Pins as other tools and diagrams name them: `GPIO17`, `BCM17`, `pin11`, `gpio.GPIO17`; a number alone can be both. */
export function meantPins(text: string): string[] {
  const [, prefix, word = '', number = ''] = /^(gpio[._-])?(gpio|bcm|pin|)[ ._-]?([0-9]{1,2})$/i.exec(text) ?? [];
  const chip = String(Number(number));
  const names = /pin/i.test(word) ? [`pin${chip}`] : word === '' && prefix === undefined ? [chip, `pin${chip}`] : [chip];
  return number === '' ? [] : names.filter((name) => 'line' in parsePin(name)).map((name) => `gpio.${name}`);
}

/** The line of the chip on a pin of the header; undefined where the pin carries something else. */
export function lineOfPin(pin: number): number | undefined {
  const what = HEADER[pin - 1];
  return typeof what === 'number' ? what : undefined;
}

/** The header pin of a line of the chip, or undefined when the line is not on the header. */
export function pinOfLine(line: number): number | undefined {
  const index = HEADER.indexOf(line);
  return index === -1 ? undefined : index + 1;
}
