import type { ComponentFields, SensorFields } from './catalog-body.ts';
import {
  type AdditionalInfo,
  type CatalogComponent,
  type CatalogSensor,
  GENERIC,
  TECHNICAL_DETAILS,
  type TechnicalDetails,
} from './catalog-store.ts';
import { formatLocation, hasText, isGiven } from './java-text.ts';

// How what a request gives goes into what the catalogue holds (sentilo.md §1.6.1, §1.6.2): what is not given stays, so that
// no text can be blanked.

/** The name of the component that an entry of a POST belongs to: by default the sensor's own. */
export function componentNameOf(fields: SensorFields): string {
  return isGiven(fields.component) ? fields.component : String(fields.sensor);
}

/** A sensor that the catalogue has not had. */
export function newSensor(fields: SensorFields, nowMs: number): CatalogSensor {
  const empty: CatalogSensor = {
    sensor: String(fields.sensor),
    component: componentNameOf(fields),
    state: 'online',
    type: undefined,
    dataType: 'NUMBER',
    description: undefined,
    unit: undefined,
    timeZone: undefined,
    isPublic: false,
    additionalInfo: new Map(),
    technicalDetails: undefined,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  return mergedSensor(empty, fields, nowMs);
}

/** A sensor after a PUT. `component`, `state` and `ttl` are never taken over. */
export function mergedSensor(before: CatalogSensor, fields: SensorFields, nowMs: number): CatalogSensor {
  return {
    ...before,
    type: isGiven(fields.type) ? fields.type : before.type,
    dataType: isGiven(fields.dataType) ? fields.dataType.toUpperCase() : before.dataType,
    description: isGiven(fields.description) ? fields.description : before.description,
    unit: isGiven(fields.unit) ? fields.unit : before.unit,
    timeZone: isGiven(fields.timeZone) ? fields.timeZone : before.timeZone,
    isPublic: fields.publicAccess ?? before.isPublic,
    additionalInfo: mergedInfo(before.additionalInfo, fields.additionalInfo),
    technicalDetails: mergedDetails(before.technicalDetails, fields.technicalDetails),
    updatedAtMs: nowMs,
  };
}

/** A component that the catalogue has not had. Undefined where its location cannot be read, over which the catalogue fails. */
export function newComponent(component: string, fields: ComponentFields, nowMs: number): CatalogComponent | undefined {
  const empty: CatalogComponent = {
    component,
    type: GENERIC,
    description: undefined,
    location: undefined,
    isMobile: true,
    coordinateSystem: undefined,
    isPublic: false,
    additionalInfo: new Map(),
    technicalDetails: undefined,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  return mergedComponent(empty, fields, nowMs);
}

/**
 * A component after a PUT. Without a location it becomes mobile and keeps the one it had. Undefined where the location that
 * is given cannot be read.
 */
export function mergedComponent(before: CatalogComponent, fields: ComponentFields, nowMs: number): CatalogComponent | undefined {
  const place = placeOf(before.location, fields.location);
  if (place === undefined) return undefined;
  return {
    ...before,
    type: isGiven(fields.componentType) ? fields.componentType : before.type,
    description: isGiven(fields.componentDesc) ? fields.componentDesc : before.description,
    ...place,
    coordinateSystem: isGiven(fields.coordinateSystem) ? fields.coordinateSystem : before.coordinateSystem,
    isPublic: fields.componentPublicAccess ?? before.isPublic,
    additionalInfo: mergedInfo(before.additionalInfo, fields.componentAdditionalInfo),
    technicalDetails: mergedDetails(before.technicalDetails, fields.componentTechnicalDetails),
    updatedAtMs: nowMs,
  };
}

function placeOf(before: string | undefined, given: string | null): Pick<CatalogComponent, 'location' | 'isMobile'> | undefined {
  if (!hasText(given)) return { location: before, isMobile: true };
  // The word null is a location for the test whether there is one, and none for the parser (W/utils/LocationUtils.java).
  if (!isGiven(given)) return { location: undefined, isMobile: false };
  const location = formatLocation(given);
  return location === undefined ? undefined : { location, isMobile: false };
}

function mergedInfo(before: AdditionalInfo, given: AdditionalInfo | null): AdditionalInfo {
  return given === null ? before : new Map([...before, ...given]);
}

/** Here an empty text is a value: only what is null keeps what was there. */
function mergedDetails(before: TechnicalDetails | undefined, given: TechnicalDetails | null): TechnicalDetails | undefined {
  if (given === null || before === undefined) return given ?? before;
  const merged = TECHNICAL_DETAILS.map((name) => [name, given[name] ?? before[name]]);
  return Object.fromEntries(merged) as TechnicalDetails;
}
