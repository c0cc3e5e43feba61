import type { ChannelConfig, Config, OutputConfig, Texts } from '../../config/config.ts';
import { ANSWERS_QUANTITY, UNITS } from '../../drivers/quantities.ts';

/** A sensor as the city's catalogue is to show it. Absent fields are left to the city. */
export interface WantedSensor {
  readonly sensor: string;
  readonly component: string;
  readonly type: string;
  readonly dataType: 'NUMBER' | 'BOOLEAN' | 'TEXT' | 'JSON';
  readonly description: string;
  readonly unit?: string;
}

/** A component: what the sensors of one place belong to. */
export interface WantedComponent {
  readonly component: string;
  readonly componentType?: string;
  /** `latitude longitude` in decimal degrees. */
  readonly location?: string;
  readonly isPublic?: boolean;
  readonly energy?: string;
}

/** What a site's gateway has to say to the catalogue. */
export interface Wanted {
  readonly sensors: readonly WantedSensor[];
  readonly components: ReadonlyMap<string, WantedComponent>;
}

/** The languages in which the city reads, the first that a text has. */
const LANGUAGES = ['ca', 'es', 'en', '*'];
const DATA_TYPES: Readonly<Record<string, WantedSensor['dataType']>> = { bool: 'BOOLEAN', text: 'TEXT' };

/** Every reading that is published, the state of every output and its answers, and the components that they make up. */
export function wantedOf(config: Config): Wanted {
  const sensors: WantedSensor[] = [];
  const components = new Map<string, WantedComponent>();
  const { type, isPublic, energy } = config.sentilo?.component ?? {};
  for (const { name, channels, outputs } of config.devices.values()) {
    const published = channels.filter(({ publish }) => publish);
    sensors.push(
      ...published.map((channel) => sensorOfChannel(name, channel)),
      ...outputs.flatMap((output) => sensorsOfOutput(name, output)),
    );
    for (const { component, location } of [...published, ...outputs]) {
      if (components.get(component)?.location !== undefined) continue;
      components.set(component, {
        component,
        ...(type !== undefined && { componentType: type }),
        ...(location !== undefined && { location }),
        ...(isPublic !== undefined && { isPublic }),
        ...(energy !== undefined && { energy }),
      });
    }
  }
  return { sensors, components };
}

/** By each type that the city is to know of: the quantities that have it, which are the keys of `sentilo.types`. */
export function quantitiesByType(config: Config): ReadonlyMap<string, readonly string[]> {
  const all = [...config.devices.values()].flatMap(({ channels, outputs }) => [
    ...channels.filter(({ publish }) => publish),
    ...outputs,
    ...outputs.flatMap(({ answers }) => (answers === undefined ? [] : { ...answers, quantity: ANSWERS_QUANTITY })),
  ]);
  const byType = new Map<string, string[]>();
  for (const { cityType, quantity } of all) byType.set(cityType, [...new Set([...(byType.get(cityType) ?? []), quantity])]);
  return byType;
}

function sensorOfChannel(device: Texts, { sensor, component, cityType, unit, kind, name }: ChannelConfig): WantedSensor {
  const symbol = UNITS.get(unit)?.symbol ?? '';
  return {
    sensor,
    component,
    type: cityType,
    dataType: kind === 'position' ? 'TEXT' : (DATA_TYPES[unit] ?? 'NUMBER'),
    description: `${textOf(device)}: ${textOf(name)}`,
    ...(symbol !== '' && { unit: symbol }),
  };
}

function sensorsOfOutput(device: Texts, { sensor, component, cityType, name, answers }: OutputConfig): WantedSensor[] {
  const description = `${textOf(device)}: ${textOf(name)}`;
  const state: WantedSensor = { sensor, component, type: cityType, dataType: 'BOOLEAN', description };
  if (answers === undefined) return [state];
  const answered: WantedSensor = {
    sensor: answers.sensor,
    component,
    type: answers.cityType,
    dataType: 'JSON',
    description: `${description} (answers to orders)`,
  };
  return [state, answered];
}

function textOf(texts: Texts): string {
  const language = LANGUAGES.find((each) => texts[each] !== undefined);
  return (language === undefined ? Object.values(texts)[0] : texts[language]) ?? '';
}
