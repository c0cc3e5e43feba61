import type { BoardView, OutputView, ParameterView, ReadingView } from '../board-view.ts';
import { text as list } from './boards.ts';
import { en } from './en.ts';

/** What `barri board show` says. Names of parameters, readings, outputs and ports stay as they are written in a file. */
export const text = {
  labels: {
    needs: 'Needs',
    wiring: 'Wiring',
    with: 'With',
    readings: 'Readings',
    outputs: 'Outputs',
    ports: 'Ports',
    notes: 'Notes',
  },
  head: ({ vendor, version, status, trial, driver }: BoardView) => {
    const runs = trial.kind === 'runs' ? list.runs : list.runsNot(trial.kind === 'skipped' ? trial.code : undefined, driver);
    return [...(vendor === undefined ? [] : [vendor]), `version ${version}`, status, runs].join(', ');
  },
  needs: ({ needs, pluggedInto, serial, factory, leastEvery }: BoardView): readonly string[] => [
    placeOf(needs, pluggedInto),
    ...(serial === undefined ? [] : [`it speaks ${serial.baud} ${serial.format}, which is set by itself`]),
    ...(factory === undefined ? [] : [factoryLine(factory)]),
    ...(leastEvery === undefined ? [] : [`can be read every ${leastEvery} or more rarely`]),
  ],
  /** What is written under `with:`. */
  parameter: ({ type, help, required, default: usual, example, ...range }: ParameterView): readonly string[] => {
    const values = valuesOf(type, range);
    const where = required ? 'must be written' : usual === undefined ? 'may be left out' : `${usual} where nothing is written`;
    const such = required && example !== undefined ? `, such as ${example}` : '';
    return [inEnglish(help) || (MEANINGS[type] ?? ''), `${values}; ${where}${such}`].filter((line) => line !== '');
  },
  reading: ({ quantity, symbol, unit, kind, precision, valid, resets, enabled, publish }: ReadingView) =>
    [
      `${inWords(quantity)}${unit === 'bool' ? ', yes or no' : symbol === '' || unit === '1' ? '' : `, ${symbol}`}`,
      ...(valid === undefined ? [] : [`valid from ${valid[0]} to ${valid[1]}`]),
      ...(precision === undefined ? [] : [`in steps of ${precision}`]),
      ...(KINDS[kind] === undefined ? [] : [`${KINDS[kind]}${resets === undefined ? '' : ' that begins again each day'}`]),
      ...(enabled ? [] : ['off unless `enabled: true`']),
      ...(publish ? [] : ['kept here and not sent']),
    ].join('; '),
  output: ({ quantity, safe, maxOn }: OutputView) =>
    [
      `${inWords(quantity)}, on or off`,
      safe === undefined ? 'the site must say what is safe: `safe: off`' : `safe: ${safe}`,
      maxOn === undefined ? 'the site must say how long it may be on: `max_on: 1h`' : `on for ${maxOn} at most`,
    ].join('; '),
  ports: (kind: string, names: readonly string[]) => `${names.join(', ')}: ${PORTS[kind] ?? kind}`,
  exampleHead: (board: string) =>
    `For a site file, below the \`buses:\` and \`devices:\` that it has; \`${board}\` is an id of your choice:\n`,
};

/** The English of a text in several languages. */
export function inEnglish(texts: Readonly<Record<string, string>> | undefined): string {
  return texts?.['en'] ?? texts?.['*'] ?? Object.values(texts ?? {})[0] ?? '';
}

function placeOf(needs: string, boards: readonly string[]): string {
  const place = en.words['places']?.[needs] ?? needs;
  if (needs === 'analog') return `${place}: a port of ${boards.join(' or ')}`;
  if (!needs.startsWith('digital_')) return place;
  return `${place}: a pin of the header${boards.length === 0 ? '' : `, or a port of ${boards.join(' or ')}`}`;
}

function factoryLine({ baud, format, unit }: NonNullable<BoardView['factory']>): string {
  const line = [...(baud === undefined ? [] : [`${baud} baud`]), ...(format === undefined ? [] : [format])];
  return `leaves the factory with ${[...line, ...(unit === undefined ? [] : [`unit ${unit}`])].join(', ')}`;
}

function valuesOf(
  type: string,
  { choices, least, most, above }: Pick<ParameterView, 'choices' | 'least' | 'most' | 'above'>,
): string {
  // Of a bus nobody knows here whether it is a line or TCP.
  if (type === 'modbus_unit') return 'a whole number, from 1 to 247; over Modbus TCP also 0 and 255';
  if (choices.length > 1) return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  if (choices.length === 1) return `always ${choices[0]}`;
  const bounds = [
    ...(least === undefined ? [] : [most === undefined ? `at least ${least}` : `from ${least} to ${most}`]),
    ...(most !== undefined && least === undefined ? [`at most ${most}`] : []),
    ...(above === undefined ? [] : [`more than ${above}`]),
  ];
  return [VALUES[type] ?? type, ...bounds].join(', ');
}

function inWords(quantity: string): string {
  return QUANTITIES[quantity] ?? quantity.replaceAll('_', ' ');
}

/** Quantities whose id is no word that people use. */
const QUANTITIES: Readonly<Record<string, string>> = {
  pm1: 'particles PM1',
  pm2_5: 'particles PM2.5',
  pm10: 'particles PM10',
  pm100: 'particles PM100',
  co2: 'carbon dioxide',
  sound_laeq: 'sound level LAeq',
  sound_lamin: 'lowest sound level LAmin',
  sound_lamax: 'highest sound level LAmax',
  ph: 'acidity',
};

/** What a parameter of a type is, where its board says nothing. */
const MEANINGS: Readonly<Record<string, string>> = {
  i2c_address: 'Address on the I2C bus',
  modbus_unit: 'Unit number, the address on the Modbus line, as it is set on the device',
  onewire_rom: 'Name of the probe on the 1-Wire bus',
};

/** What values of a type look like. */
const VALUES: Readonly<Record<string, string>> = {
  i2c_address: 'an address',
  duration: 'a length of time such as 30ms or 2s',
  length: 'a length in mm, cm, m or km',
  voltage: 'a voltage in mV or V',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  text: 'a text',
  choice: 'a word',
  onewire_rom: 'a name as in /sys/bus/w1/devices',
};

const KINDS: Readonly<Record<string, string>> = {
  total: 'a total',
  delta: 'what came since the last reading',
};

const PORTS: Readonly<Record<string, string>> = {
  analog: 'analogue inputs',
  digital: 'digital inputs or outputs',
  digital_in: 'digital inputs',
  digital_out: 'digital outputs',
};
