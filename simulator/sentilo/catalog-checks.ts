import { Refusal } from './answer.ts';
import type { ComponentFields, SensorFields } from './catalog-body.ts';
import type { CatalogComponent, CatalogSensor, TechnicalDetails } from './catalog-store.ts';
import { hashSetOrder, hasText, isLocation, isTimeZone } from './java-text.ts';
import type { World } from './world.ts';

// What the catalogue finds wrong with a request: one line for each error, in the order in which it looks (sentilo.md §1.6.1).

const DATA_TYPES: readonly string[] = [
  'NUMBER',
  'BOOLEAN',
  'TEXT',
  'JSON',
  'LINK',
  'AUDIO_LINK',
  'VIDEO_LINK',
  'IMAGE_LINK',
  'FILE_LINK',
];
const ENERGIES: readonly string[] = ['220VAC', '12_24_VDC', '185_230_V', 'AUT_BAT', 'SOLAR_BAT'];
const CONNECTIVITIES: readonly string[] = ['ET_RJ45', 'ET_POE', '3G', 'WIFI'];
/** Of providers, sensors, components and alerts (sentilo.md §4.1). */
const NAME = /^[0-9a-zA-Z\-_]+$/;

/** True for what may be the id of a sensor, component or alert. */
export function isName(text: string | null): boolean {
  return text !== null && NAME.test(text);
}

/** The error line of a resource whose fields are missing or of the wrong shape. */
export function notFilledIn(kind: 'Sensor' | 'Component' | 'Alert', name: string | null, fields: readonly string[]): string {
  const what = 'has fields not filled in correctly. Please make sure following fields are filled in properly';
  return `${kind} ${name} ${what}: [${fields.join(',')}]`;
}

/** The first look, at the texts of a request as they came: data types of its sensors, then locations. */
export function formatProblems(sensors: readonly SensorFields[], places: readonly (SensorFields | ComponentFields)[]): string[] {
  const dataTypes = sensors
    .filter(({ dataType }) => hasText(dataType) && !DATA_TYPES.includes(dataType.toUpperCase()))
    .map(({ sensor, dataType }) => invalid('Sensor', sensor, 'dataType', dataType));
  const locations = places
    .filter(({ location }) => !isLocation(location))
    .map((fields) =>
      'sensor' in fields
        ? invalid('Sensor', fields.sensor, 'location', fields.location)
        : invalid('Component', fields.component, 'location', fields.location),
    );
  return [...dataTypes, ...locations];
}

/** The second look, at a sensor as it would be kept. */
export function sensorProblems(sensor: CatalogSensor, world: World, isNew: boolean): string[] {
  const { sensor: id, type } = sensor;
  const fields = [
    ...(isName(id) ? [] : ['sensor']),
    ...(type === undefined && isNew ? ['type'] : []),
    ...(isTimeZone(sensor.timeZone) ? [] : ['timeZone']),
  ];
  // A sensor of a world without types has none: the real catalogue would have refused to create it.
  const isKnownType = type === undefined ? !isNew : (world.sensorTypes?.includes(type) ?? true);
  return [
    ...(fields.length > 0 ? [notFilledIn('Sensor', id, fields)] : []),
    ...(isKnownType ? [] : [invalid('Sensor', id, 'type', type ?? null)]),
    ...detailProblems('Sensor', id, sensor.technicalDetails),
  ];
}

/** The same at a component. */
export function componentProblems(component: CatalogComponent, world: World): string[] {
  const { component: name, type } = component;
  return [
    ...(isName(name) ? [] : [notFilledIn('Component', name, ['name'])]),
    ...((world.componentTypes?.includes(type) ?? true) ? [] : [invalid('Component', name, 'componentType', type)]),
    ...detailProblems('Component', name, component.technicalDetails),
  ];
}

/** Keys that one request gives more than once. */
export function duplicateProblems(keys: readonly string[]): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const key of keys) (seen.has(key) ? repeated : seen).add(key);
  // They come out of a hash table with all keys in it, so its size depends on those, too.
  return hashSetOrder([...seen])
    .filter((key) => repeated.has(key))
    .map((key) => `There are more than one resource with key ${key} .`);
}

/**
 * Throws 400 with a line for each problem, unless there is none.
 *
 * @param what has not been done, a sentence without its full stop
 */
export function refuseFor(what: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new Refusal(400, `Bad request data. ${what}. Please review the following errors`, problems);
}

function detailProblems(kind: 'Sensor' | 'Component', name: string, details: TechnicalDetails | undefined): string[] {
  const { energy = null, connectivity = null } = details ?? {};
  return [
    ...(hasText(energy) && !ENERGIES.includes(energy) ? [invalid(kind, name, 'energy', energy)] : []),
    ...(hasText(connectivity) && !CONNECTIVITIES.includes(connectivity)
      ? [invalid(kind, name, 'connectivity', connectivity)]
      : []),
  ];
}

function invalid(kind: 'Sensor' | 'Component', name: string | null, field: string, value: string | null): string {
  return `${kind} ${name}: invalid value for field ${field} (${value}).`;
}
