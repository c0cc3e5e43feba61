import type { ListedSensor } from './catalog-listing.ts';
import type { Wanted, WantedComponent, WantedSensor } from './catalog-wanted.ts';

/** Degrees that are printed otherwise on the way through the city are the same to this: about a decimetre. */
const DEGREES_EQUAL = 1e-6;

/** One field that the city shows otherwise than it should. */
export interface Difference {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

export interface SensorChange {
  readonly sensor: WantedSensor;
  readonly differences: readonly Difference[];
}

export interface ComponentChange {
  readonly component: WantedComponent;
  readonly differences: readonly Difference[];
}

/** What has to be done so that the catalogue shows what the site says. */
export interface CatalogPlan {
  readonly create: readonly WantedSensor[];
  readonly changeSensors: readonly SensorChange[];
  readonly changeComponents: readonly ComponentChange[];
  /** They belong to another component there, which no request can change. */
  readonly misplaced: readonly { readonly sensor: string; readonly from: string; readonly to: string }[];
  /** The city has them under a component of this site, and the site's file has them no longer. */
  readonly gone: readonly string[];
  readonly sameCount: number;
}

/** Compares what is wanted with what the catalogue lists of this provider. Only online sensors are listed (sentilo.md §1.6.3). */
export function planCatalog(wanted: Wanted, listed: readonly ListedSensor[]): CatalogPlan {
  const there = new Map(listed.map((each) => [each.sensor, each]));
  const known = wanted.sensors.flatMap((sensor) => {
    const found = there.get(sensor.sensor);
    return found === undefined ? [] : [{ sensor, found, differences: sensorDifferences(sensor, found) }];
  });
  const isMisplaced = ({ sensor, found }: (typeof known)[number]) => sensor.component !== found.component;
  const ids = new Set(wanted.sensors.map(({ sensor }) => sensor));
  return {
    create: wanted.sensors.filter(({ sensor }) => !there.has(sensor)),
    changeSensors: known.flatMap(({ sensor, differences }) => (differences.length === 0 ? [] : [{ sensor, differences }])),
    changeComponents: componentChanges(wanted, listed),
    misplaced: known
      .filter(isMisplaced)
      .map(({ sensor, found }) => ({ sensor: sensor.sensor, from: found.component, to: sensor.component })),
    gone: listed.filter((each) => wanted.components.has(each.component) && !ids.has(each.sensor)).map(({ sensor }) => sensor),
    sameCount: known.filter((each) => each.differences.length === 0 && !isMisplaced(each)).length,
  };
}

function sensorDifferences(wanted: WantedSensor, found: ListedSensor): readonly Difference[] {
  // A field that the site leaves out cannot be blanked.
  return (['type', 'dataType', 'unit', 'description'] as const).flatMap((field) => {
    const to = wanted[field];
    const from = found[field] ?? '';
    return to === undefined || to === from ? [] : [{ field, from, to }];
  });
}

/** Of components that are there: one that is not is made with its first sensor. */
function componentChanges({ components }: Wanted, listed: readonly ListedSensor[]): readonly ComponentChange[] {
  const there = new Map(listed.map((each) => [each.component, each]));
  return [...components.values()].flatMap((component) => {
    const found = there.get(component.component);
    const differences = found === undefined ? [] : componentDifferences(component, found);
    return differences.length === 0 ? [] : [{ component, differences }];
  });
}

function componentDifferences(wanted: WantedComponent, found: ListedSensor): readonly Difference[] {
  const differences: Difference[] = [];
  const compare = (field: string, from: string | undefined, to: string | undefined, isSame = from === to) => {
    if (to !== undefined && !isSame) differences.push({ field, from: from ?? '', to });
  };
  compare('componentType', found.componentType, wanted.componentType);
  compare('location', found.location, wanted.location, isSamePlace(found.location, wanted.location));
  compare('componentPublicAccess', String(found.isPublic), wanted.isPublic === undefined ? undefined : String(wanted.isPublic));
  compare('energy', found.energy, wanted.energy);
  return differences;
}

function isSamePlace(from: string | undefined, to: string | undefined): boolean {
  if (from === undefined || to === undefined) return from === to;
  const [a, b] = [from, to].map((place) => place.split(' ').map(Number));
  return (
    a !== undefined &&
    b !== undefined &&
    a.length === b.length &&
    a.every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) < DEGREES_EQUAL)
  );
}
