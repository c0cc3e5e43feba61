import {
  type AdditionalInfo,
  type CatalogAlert,
  type CatalogComponent,
  type CatalogSensor,
  TECHNICAL_DETAILS,
  type TechnicalDetails,
} from './catalog-store.ts';
import { hasText } from './java-text.ts';

/** A key and the JSON text of its value; undefined leaves it out. */
type Member = readonly [key: string, json: string | undefined];

/** One entry of `sensors` in the answer to a GET: a sensor and its component in one object (sentilo.md §1.6.3). */
export function sensorJson(sensor: CatalogSensor, component: CatalogComponent): string {
  return objectJson([
    ['sensor', textJson(sensor.sensor)],
    ['description', givenJson(sensor.description)],
    ['dataType', textJson(sensor.dataType)],
    ['location', textJson(component.location)],
    ['type', textJson(sensor.type)],
    ['unit', textJson(sensor.unit)],
    ['timeZone', textJson(sensor.timeZone)],
    ['publicAccess', String(sensor.isPublic)],
    ['state', textJson(sensor.state)],
    ['component', textJson(component.component)],
    ['componentType', textJson(component.type)],
    ['componentDesc', givenJson(component.description)],
    ['componentPublicAccess', String(component.isPublic)],
    ['additionalInfo', infoJson(sensor.additionalInfo)],
    ['componentAdditionalInfo', infoJson(component.additionalInfo)],
    ['technicalDetails', detailsJson(sensor.technicalDetails)],
    ['componentTechnicalDetails', detailsJson(component.technicalDetails)],
    ['createdAt', timeJson(sensor.createdAtMs)],
    ['updatedAt', timeJson(sensor.updatedAtMs)],
    ['componentCreatedAt', timeJson(component.createdAtMs)],
    ['componentUpdatedAt', timeJson(component.updatedAtMs)],
    ['coordinateSystem', givenJson(component.coordinateSystem)],
  ]);
}

/** One entry of `providers`; `sensors` are JSON texts. */
export function providerJson(provider: string, permission: string, sensors: readonly string[]): string {
  return objectJson([
    ['provider', textJson(provider)],
    ['permission', textJson(permission)],
    ['sensors', `[${sensors.join(',')}]`],
  ]);
}

/** One entry of `alerts` in the answer to a GET (sentilo.md §1.6.5). */
export function alertJson(alert: CatalogAlert): string {
  return objectJson([
    ['id', textJson(alert.id)],
    ['name', textJson(alert.name)],
    ['description', textJson(alert.description)],
    ['entity', textJson(alert.entity)],
    ['type', textJson(alert.type)],
    ['trigger', textJson(alert.trigger)],
    ['expression', textJson(alert.expression)],
    ['component', textJson(alert.component)],
    ['sensor', textJson(alert.sensor)],
    ['active', textJson(String(alert.isActive))],
    ['createdAt', timeJson(alert.createdAtMs)],
    ['updatedAt', timeJson(alert.updatedAtMs)],
  ]);
}

/** `{"name": […]}` of JSON texts; an empty list leaves an empty object. */
export function listJson(name: string, items: readonly string[]): string {
  return objectJson([[name, items.length === 0 ? undefined : `[${items.join(',')}]`]]);
}

// Written member by member: an object of JavaScript would put keys that look like numbers first.
function objectJson(members: readonly Member[]): string {
  const given = members.filter(([, json]) => json !== undefined);
  return `{${given.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

function textJson(text: string | null | undefined): string | undefined {
  return text === undefined || text === null ? undefined : JSON.stringify(text);
}

function givenJson(text: string | undefined): string | undefined {
  return hasText(text) ? JSON.stringify(text) : undefined;
}

function timeJson(ms: number): string {
  return String(Math.floor(ms));
}

function infoJson(info: AdditionalInfo): string | undefined {
  return info.size === 0 ? undefined : objectJson([...info].map(([key, value]) => [key, JSON.stringify(value)]));
}

function detailsJson(details: TechnicalDetails | undefined): string | undefined {
  return details && objectJson(TECHNICAL_DETAILS.map((name) => [name, textJson(details[name])]));
}
