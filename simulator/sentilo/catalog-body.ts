import { unreadable } from './answer.ts';
import type { AdditionalInfo, TechnicalDetails } from './catalog-store.ts';
import { bindArray, bindFields, bindString, checkLong, type JavaString, mismatch, readBody } from './java-binding.ts';
import { hasText } from './java-text.ts';
import type { Json } from './json.ts';

/** Where the classes of the catalogue's messages are. */
const PACKAGE = 'org.sentilo.common.domain';

/** How the value of a field is read. */
type Kind = 'string' | 'boolean' | 'strings' | 'details' | 'long' | 'state';

const BINDERS = {
  string: bindString,
  boolean: bindBoolean,
  strings: bindStrings,
  details: bindDetails,
  /** Tolerated, checked and forgotten. */
  long: (json: Json, nowMs: number): null => {
    checkLong(json, nowMs);
    return null;
  },
  /** Checked and forgotten: only the catalogue's console changes a state. */
  state: (json: Json, nowMs: number): null => {
    if (json.type === 'null' || (json.type === 'string' && STATES.includes(json.text))) return null;
    throw mismatch(nowMs, `one of ${STATES.join(', ')}`, json);
  },
} as const satisfies Record<Kind, (json: Json, nowMs: number) => unknown>;

const STATES: readonly string[] = ['online', 'offline', 'ghost'];

/** What comes of the fields of a class; null for one that is missing or null. */
type Bound<Kinds extends Readonly<Record<string, Kind>>> = {
  readonly [Name in keyof Kinds]: ReturnType<(typeof BINDERS)[Kinds[Name]]> | null;
};

const COMPONENT = {
  component: 'string',
  provider: 'string',
  location: 'string',
  componentType: 'string',
  componentDesc: 'string',
  componentPublicAccess: 'boolean',
  componentAdditionalInfo: 'strings',
  componentTechnicalDetails: 'details',
  componentCreatedAt: 'long',
  componentUpdatedAt: 'long',
  coordinateSystem: 'string',
} as const;

const SENSOR = {
  ...COMPONENT,
  sensor: 'string',
  description: 'string',
  dataType: 'string',
  type: 'string',
  unit: 'string',
  timeZone: 'string',
  publicAccess: 'boolean',
  state: 'state',
  ttl: 'long',
  additionalInfo: 'strings',
  technicalDetails: 'details',
  createdAt: 'long',
  updatedAt: 'long',
} as const;

const ALERT = {
  id: 'string',
  name: 'string',
  description: 'string',
  entity: 'string',
  type: 'string',
  trigger: 'string',
  expression: 'string',
  component: 'string',
  sensor: 'string',
  active: 'string',
  createdAt: 'long',
  updatedAt: 'long',
} as const;

const DETAILS = {
  producer: 'string',
  model: 'string',
  serialNumber: 'string',
  macAddress: 'string',
  energy: 'string',
  connectivity: 'string',
} as const;

export type ComponentFields = Bound<typeof COMPONENT>;
export type SensorFields = Bound<typeof SENSOR>;
export type AlertFields = Bound<typeof ALERT>;

/** Fields that every message of the catalogue tolerates and forgets. */
const TOLERATED = ['providerId', 'entityId', 'body', 'parameters', 'locations'] as const;

/**
 * Reads the body of a POST or PUT: `{"sensors": […], "components": […]}`. Blank text is an empty object. An entry that is
 * null stays null: the API server passes it on, and the catalogue fails over it. Throws 400 SIE03 (sentilo.md §1.6.1, §1.6.2).
 */
export function readResources(
  text: string,
  nowMs: number,
): { readonly sensors: readonly (SensorFields | null)[]; readonly components: readonly (ComponentFields | null)[] } {
  const found = { sensors: [] as (SensorFields | null)[], components: [] as (ComponentFields | null)[] };
  bindMessage('CatalogInputMessage', ['sensors', 'components'], text, nowMs, (key, value) => {
    if (key === 'sensors') found.sensors = bindEach('CatalogSensor', SENSOR, value, nowMs);
    else found.components = bindEach('CatalogComponent', COMPONENT, value, nowMs);
  });
  return found;
}

/** Reads what is to be deleted: `{"sensors": ["id", …], "components": ["id", …]}`. Throws 400 SIE03 (sentilo.md §1.6.4). */
export function readDeletions(
  text: string,
  nowMs: number,
): { readonly sensors: JavaString[]; readonly components: JavaString[] } {
  const found: { sensors: JavaString[]; components: JavaString[] } = { sensors: [], components: [] };
  bindMessage('CatalogDeleteInputMessage', ['sensors', 'components'], text, nowMs, (key, value) => {
    found[key as keyof typeof found] = (bindArray(value, nowMs) ?? []).map((item) => bindString(item, nowMs));
  });
  return found;
}

/** Reads `{"alerts": […], "alertsIds": ["id", …]}`. Throws 400 SIE03 (sentilo.md §1.6.5). */
export function readAlerts(
  text: string,
  nowMs: number,
): { readonly alerts: readonly (AlertFields | null)[]; readonly ids: readonly JavaString[] } {
  const found = { alerts: [] as (AlertFields | null)[], ids: [] as JavaString[] };
  const names = ['alerts', 'alertsIds', 'sensors', 'components'];
  bindMessage('CatalogAlertInputMessage', names, text, nowMs, (key, value) => {
    if (key === 'alerts') found.alerts = bindEach('CatalogAlert', ALERT, value, nowMs);
    else if (key === 'alertsIds') found.ids = (bindArray(value, nowMs) ?? []).map((item) => bindString(item, nowMs));
  });
  return found;
}

function bindMessage(
  name: string,
  fields: readonly string[],
  text: string,
  nowMs: number,
  set: (key: string, value: Json) => void,
): void {
  if (!hasText(text)) return;
  const root = readBody(text, nowMs);
  // Here the server's own failure over a null becomes the error of an unreadable body.
  if (root.type === 'null') throw unreadable(nowMs, 'java.lang.NullPointerException');
  bindFields({ name, fields: [...fields, ...TOLERATED], package: PACKAGE }, root, nowMs, (key, value) => {
    if (fields.includes(key)) set(key, value);
  });
}

function bindEach<Kinds extends Readonly<Record<string, Kind>>>(
  name: string,
  kinds: Kinds,
  json: Json,
  nowMs: number,
): (Bound<Kinds> | null)[] {
  const items = bindArray(json, nowMs) ?? [];
  return items.map((item) => (item.type === 'null' ? null : bindClass(name, kinds, item, nowMs)));
}

function bindClass<Kinds extends Readonly<Record<string, Kind>>>(
  name: string,
  kinds: Kinds,
  json: Json,
  nowMs: number,
): Bound<Kinds> {
  const fields = Object.keys(kinds);
  const bound: Record<string, unknown> = Object.fromEntries(fields.map((key) => [key, null]));
  bindFields({ name, fields, package: PACKAGE }, json, nowMs, (key, value) => {
    const kind = kinds[key];
    if (kind !== undefined) bound[key] = BINDERS[kind](value, nowMs);
  });
  return bound as Bound<Kinds>;
}

/** A Java Boolean: also the words as text, as Jackson reads them. */
function bindBoolean(json: Json, nowMs: number): boolean | null {
  if (json.type === 'boolean') return json.text === 'true';
  if (json.type === 'number' && /^-?\d+$/.test(json.text)) return Number(json.text) !== 0;
  if (json.type !== 'string') {
    if (json.type === 'null') return null;
    throw mismatch(nowMs, 'a boolean', json);
  }
  const word = json.text.trim();
  if (['true', 'True', 'TRUE'].includes(word)) return true;
  if (['false', 'False', 'FALSE'].includes(word)) return false;
  if (word === '') return null;
  throw mismatch(nowMs, '"true" or "false"', json);
}

function bindStrings(json: Json, nowMs: number): AdditionalInfo | null {
  if (json.type === 'null') return null;
  if (json.type !== 'object') throw mismatch(nowMs, 'an object of strings', json);
  return new Map(json.entries.map(([key, value]) => [key, bindString(value, nowMs)]));
}

function bindDetails(json: Json, nowMs: number): TechnicalDetails | null {
  return json.type === 'null' ? null : bindClass('TechnicalDetails', DETAILS, json, nowMs);
}
