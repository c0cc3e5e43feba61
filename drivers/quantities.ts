/** A unit as it is written in files (ASCII), as it is shown to people, and its UCUM code (ucum.org) as it is stored. */
export interface Unit {
  readonly id: string;
  readonly symbol: string;
  readonly ucum: string;
}

/** What the answers to orders of the city are. */
export const ANSWERS_QUANTITY = 'text';

/** What is measured. Units stay as the board declares them; nothing is converted on the way to the city. */
export interface Quantity {
  readonly id: string;
  /** The units that make sense for it, the usual one first, each with the smallest step worth telling in that unit. */
  readonly units: Readonly<Record<string, number>>;
  /** Type of the sensor in Sentilo's reference catalogue. */
  readonly cityType: string;
}

const UNIT_LIST: readonly Unit[] = [
  { id: 'degC', symbol: '°C', ucum: 'Cel' },
  { id: '%', symbol: '%', ucum: '%' },
  { id: 'hPa', symbol: 'hPa', ucum: 'hPa' },
  { id: 'Pa', symbol: 'Pa', ucum: 'Pa' },
  { id: 'kPa', symbol: 'kPa', ucum: 'kPa' },
  { id: 'ug/m3', symbol: 'µg/m³', ucum: 'ug/m3' },
  { id: 'ppm', symbol: 'ppm', ucum: '[ppm]' },
  { id: 'lx', symbol: 'lx', ucum: 'lx' },
  { id: 'dBA', symbol: 'dB(A)', ucum: 'dB[A]' },
  { id: 'V', symbol: 'V', ucum: 'V' },
  { id: 'mV', symbol: 'mV', ucum: 'mV' },
  { id: 'A', symbol: 'A', ucum: 'A' },
  { id: 'mA', symbol: 'mA', ucum: 'mA' },
  { id: 'W', symbol: 'W', ucum: 'W' },
  { id: 'kW', symbol: 'kW', ucum: 'kW' },
  { id: 'VA', symbol: 'VA', ucum: 'V.A' },
  { id: 'kVA', symbol: 'kVA', ucum: 'kV.A' },
  { id: 'var', symbol: 'var', ucum: 'var' },
  { id: 'kvar', symbol: 'kvar', ucum: 'kvar' },
  { id: '1', symbol: '', ucum: '1' },
  { id: 'Hz', symbol: 'Hz', ucum: 'Hz' },
  { id: 'kWh', symbol: 'kWh', ucum: 'kW.h' },
  { id: 'Wh', symbol: 'Wh', ucum: 'W.h' },
  { id: 'kvarh', symbol: 'kvarh', ucum: 'kvar.h' },
  { id: 'bool', symbol: '', ucum: '{state}' },
  { id: 'text', symbol: '', ucum: '{text}' },
  { id: 'mm', symbol: 'mm', ucum: 'mm' },
  { id: 'mm/h', symbol: 'mm/h', ucum: 'mm/h' },
  { id: 'm/s', symbol: 'm/s', ucum: 'm/s' },
  { id: 'deg', symbol: '°', ucum: 'deg' },
  { id: 'L/min', symbol: 'L/min', ucum: 'L/min' },
  { id: 'L', symbol: 'L', ucum: 'L' },
  { id: 'm3', symbol: 'm³', ucum: 'm3' },
  { id: 'uS/cm', symbol: 'µS/cm', ucum: 'uS/cm' },
  { id: 's', symbol: 's', ucum: 's' },
  { id: 'pH', symbol: 'pH', ucum: '[pH]' },
];

const QUANTITY_LIST: readonly Quantity[] = [
  { id: 'air_temperature', units: { degC: 0.01 }, cityType: 'temperature' },
  { id: 'temperature', units: { degC: 0.01 }, cityType: 'temperature' },
  { id: 'relative_humidity', units: { '%': 0.1 }, cityType: 'humidity' },
  { id: 'air_pressure', units: { hPa: 0.1, Pa: 10, kPa: 0.01 }, cityType: 'atmospheric_pressure' },
  { id: 'pm1', units: { 'ug/m3': 0.1 }, cityType: 'air_pollutant' },
  { id: 'pm2_5', units: { 'ug/m3': 0.1 }, cityType: 'air_quality_pm25' },
  { id: 'pm10', units: { 'ug/m3': 0.1 }, cityType: 'air_quality_pm10' },
  { id: 'pm100', units: { 'ug/m3': 1 }, cityType: 'air_pollutant' },
  { id: 'co2', units: { ppm: 1 }, cityType: 'air_quality_co2' },
  { id: 'illuminance', units: { lx: 1 }, cityType: 'luminosity' },
  { id: 'sound_laeq', units: { dBA: 0.1 }, cityType: 'noise' },
  { id: 'sound_lamin', units: { dBA: 0.1 }, cityType: 'noise' },
  { id: 'sound_lamax', units: { dBA: 0.1 }, cityType: 'noise' },
  { id: 'voltage', units: { V: 0.1, mV: 100 }, cityType: 'voltage' },
  { id: 'current', units: { A: 0.01, mA: 10 }, cityType: 'current' },
  { id: 'active_power', units: { W: 1, kW: 0.001 }, cityType: 'active_power' },
  { id: 'apparent_power', units: { VA: 1, kVA: 0.001 }, cityType: 'active_power' },
  { id: 'reactive_power', units: { var: 1, kvar: 0.001 }, cityType: 'reactive_power' },
  { id: 'power_factor', units: { 1: 0.01 }, cityType: 'cosphi' },
  { id: 'frequency', units: { Hz: 0.01 }, cityType: 'frequency' },
  { id: 'energy_imported', units: { kWh: 0.01, Wh: 10 }, cityType: 'active_energy' },
  { id: 'energy_exported', units: { kWh: 0.01, Wh: 10 }, cityType: 'active_energy' },
  { id: 'reactive_energy', units: { kvarh: 0.01 }, cityType: 'reactive_energy' },
  { id: 'contact', units: { bool: 1 }, cityType: 'status' },
  { id: 'presence', units: { bool: 1 }, cityType: 'presence' },
  { id: 'switch_state', units: { bool: 1 }, cityType: 'status' },
  { id: 'alarm', units: { bool: 1 }, cityType: 'status' },
  { id: 'valve_state', units: { bool: 1 }, cityType: 'solenoid_valve' },
  { id: 'rain', units: { mm: 0.01 }, cityType: 'rain' },
  { id: 'rain_rate', units: { 'mm/h': 0.1 }, cityType: 'pluviometer' },
  { id: 'wind_speed', units: { 'm/s': 0.1 }, cityType: 'anemometer' },
  { id: 'wind_direction', units: { deg: 1 }, cityType: 'wind_direction_10_m' },
  { id: 'water_flow', units: { 'L/min': 0.1 }, cityType: 'flowmeter' },
  { id: 'water_volume', units: { L: 0.1, m3: 0.0001 }, cityType: 'water_meter' },
  { id: 'gas_volume', units: { m3: 0.001 }, cityType: 'gas_volume' },
  { id: 'soil_moisture', units: { '%': 1 }, cityType: 'soil_moisture_35' },
  { id: 'soil_temperature', units: { degC: 0.1 }, cityType: 'temperature' },
  { id: 'ph', units: { pH: 0.1 }, cityType: 'ph' },
  { id: 'conductivity', units: { 'uS/cm': 1 }, cityType: 'conductivity' },
  { id: 'position', units: { deg: 0.00001 }, cityType: 'status' },
  { id: 'duration', units: { s: 1 }, cityType: 'status' },
  { id: 'utilisation', units: { '%': 0.1 }, cityType: 'status' },
  { id: 'count', units: { 1: 1 }, cityType: 'status' },
  { id: 'text', units: { text: 1 }, cityType: 'status' },
];

export const UNITS: ReadonlyMap<string, Unit> = new Map(UNIT_LIST.map((unit) => [unit.id, unit]));
export const QUANTITIES: ReadonlyMap<string, Quantity> = new Map(QUANTITY_LIST.map((quantity) => [quantity.id, quantity]));

/** Two units have one spelling in small letters: `MV` is a million volts, and `pA` no pressure. */
const OTHER_PREFIX = /^(?:M[A-Za-z]|pA)/;

/** Every spelling of every unit in ASCII: its id, its symbol, its UCUM code, and those in small letters. */
const SPELLINGS: ReadonlyMap<string, string> = new Map(
  UNIT_LIST.flatMap(({ id, symbol, ucum }) =>
    [id, symbol, ucum]
      .map(folded)
      .filter((spelling) => spelling !== '')
      .flatMap((spelling) => [spelling, spelling.toLowerCase()])
      .map((spelling) => [spelling, id] as const),
  ),
);

/**
 * The ASCII id of a unit as a person may have written it: as it is shown (`°C`, `µg/m³` with either micro sign, U+00B5 and
 * U+03BC), as UCUM code, with signs that only look like the right ones, and in letters of another size where no other unit
 * can be meant. Returns undefined for a unit that is not in the list.
 */
export function normaliseUnit(text: string): string | undefined {
  const spelling = folded(text);
  return SPELLINGS.get(spelling) ?? (OTHER_PREFIX.test(spelling) ? undefined : SPELLINGS.get(spelling.toLowerCase()));
}

/** One spelling for what looks alike. */
function folded(text: string): string {
  return (
    text
      // NFKC would make a letter of the first, which Spanish keyboards have, and a space with a ring of the second.
      .replaceAll(/[º˚]/g, '°')
      // It folds ℃, ㏗, the micro sign U+00B5, superscripts and wide letters.
      .normalize('NFKC')
      .replaceAll('μ', 'u')
      .replaceAll('°', 'deg')
      .replaceAll(/[⁄∕]/g, '/')
      .replaceAll('−', '-')
      .replaceAll(/[\s^]/g, '')
      // `m·s⁻¹` and `µg m⁻³`.
      .replace(/[·⋅.]?(cm|min|[hms])-([123])$/, (_all, unit: string, power: string) => `/${unit}${power === '1' ? '' : power}`)
      // `kW·h`
      .replaceAll(/[·⋅]/g, '')
  );
}
