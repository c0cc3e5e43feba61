/**
 * How Home Assistant classifies what we measure: its device class, and the units that it takes for that class, in its own
 * spelling, by our ids. What is in none of its classes is shown without one. Names and units are those of its documentation
 * (developers.home-assistant.io, "Sensor entity" and "Binary sensor entity").
 */
interface SensorClass {
  readonly deviceClass: string;
  /** Our units of which Home Assistant takes the values under this class. */
  readonly units: readonly string[];
  /** What it takes under this class besides nothing. */
  readonly stateClasses: readonly StateClass[];
}

export type StateClass = 'measurement' | 'total' | 'total_increasing';

const MEASURED: readonly StateClass[] = ['measurement'];
const COUNTED: readonly StateClass[] = ['total', 'total_increasing'];

function measured(deviceClass: string, ...units: readonly string[]): SensorClass {
  return { deviceClass, units, stateClasses: MEASURED };
}

function counted(deviceClass: string, ...units: readonly string[]): SensorClass {
  return { deviceClass, units, stateClasses: COUNTED };
}

/** By quantity: what is a number. */
export const SENSOR_CLASSES: Readonly<Record<string, SensorClass>> = {
  air_temperature: measured('temperature', 'degC'),
  temperature: measured('temperature', 'degC'),
  soil_temperature: measured('temperature', 'degC'),
  relative_humidity: measured('humidity', '%'),
  air_pressure: measured('atmospheric_pressure', 'hPa', 'Pa', 'kPa'),
  pm1: measured('pm1', 'ug/m3'),
  pm2_5: measured('pm25', 'ug/m3'),
  pm10: measured('pm10', 'ug/m3'),
  co2: measured('carbon_dioxide', 'ppm'),
  illuminance: measured('illuminance', 'lx'),
  sound_laeq: measured('sound_pressure', 'dBA'),
  sound_lamin: measured('sound_pressure', 'dBA'),
  sound_lamax: measured('sound_pressure', 'dBA'),
  voltage: measured('voltage', 'V', 'mV'),
  current: measured('current', 'A', 'mA'),
  active_power: measured('power', 'W', 'kW'),
  apparent_power: measured('apparent_power', 'VA'),
  reactive_power: measured('reactive_power', 'var'),
  power_factor: measured('power_factor', '1'),
  frequency: measured('frequency', 'Hz'),
  energy_imported: counted('energy', 'kWh', 'Wh'),
  energy_exported: counted('energy', 'kWh', 'Wh'),
  rain: { deviceClass: 'precipitation', units: ['mm'], stateClasses: [...MEASURED, ...COUNTED] },
  rain_rate: measured('precipitation_intensity', 'mm/h'),
  wind_speed: measured('wind_speed', 'm/s'),
  // Since 2025 it has a state class of its own, which earlier ones refuse.
  wind_direction: { deviceClass: 'wind_direction', units: ['deg'], stateClasses: [] },
  water_flow: measured('volume_flow_rate', 'L/min'),
  water_volume: counted('water', 'L', 'm3'),
  gas_volume: counted('gas', 'm3'),
  soil_moisture: measured('moisture', '%'),
  ph: measured('ph', 'pH'),
  conductivity: measured('conductivity', 'uS/cm'),
};

/** By quantity: what is true or false. A contact says that it is closed, and Home Assistant's classes that something is open. */
export const BINARY_CLASSES: Readonly<Record<string, string>> = {
  presence: 'occupancy',
  alarm: 'problem',
  valve_state: 'opening',
};

/** Our units where it writes them in another way; the others are written as they are shown, and these two with nothing. */
export const UNIT_TEXTS: Readonly<Record<string, string>> = { dBA: 'dBA', pH: '', '1': '' };
