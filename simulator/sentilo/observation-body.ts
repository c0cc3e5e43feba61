import { internalError, unreadable } from './answer.ts';
import { bindArray, bindFields, bindString, checkLong, type JavaClass, type JavaString, readBody } from './java-binding.ts';
import { hasText, isLocation, parseTimestamp } from './java-text.ts';
import type { Json } from './json.ts';

/** One observation of a request that has been read and found right. */
export interface Submitted {
  readonly sensor: string;
  /** Null when the client sent none, which the validation refuses. */
  readonly value: string | null;
  /** Undefined: the time of arrival counts. */
  readonly timestampMs?: number;
  readonly location?: string;
}

/** Field names that a class of the server knows. */
const FIELDS = {
  SensorsMessage: ['sensors'],
  SensorMessage: ['sensor', 'location', 'observations'],
  ObservationsMessage: ['sensor', 'location', 'observations'],
  ObservationMessage: ['value', 'timestamp', 'time', 'location'],
} as const;

interface ObservationsFields {
  readonly sensor: JavaString;
  readonly location: JavaString;
  /** Null when the client wrote null, or where the class has no default. */
  readonly observations: readonly (ObservationFields | null)[] | null;
}

interface ObservationFields {
  readonly value: JavaString;
  readonly timestamp: JavaString;
  readonly location: JavaString;
}

/**
 * Reads the body of a PUT as the city does: `{"sensors": […]}` for a provider, `{"observations": […]}` for one sensor. All
 * of it is read before anything is stored. Throws 400 for what cannot be read and 500 where the real server runs into a
 * null reference (sentilo.md §1.5.2).
 *
 * @param sensor the sensor in the path, if there is one
 */
export function readObservations(text: string, sensor: string | undefined, nowMs: number): Submitted[] {
  const root: Json = hasText(text) ? readBody(text, nowMs) : { type: 'object', entries: [] };
  if (sensor !== undefined) {
    const fields = bindObservations('ObservationsMessage', root, nowMs);
    return toSubmitted(sensor, fields.location, fields.observations, nowMs);
  }
  // The whole document is bound before any null is stumbled over.
  const sensors = bindSensors(root, nowMs);
  if (sensors === null) throw internalError(nowMs);
  return sensors.flatMap((fields) => {
    if (fields === null) throw internalError(nowMs);
    return toSubmitted(String(fields.sensor), fields.location, fields.observations, nowMs);
  });
}

function classOf(name: keyof typeof FIELDS): JavaClass {
  return { name, fields: FIELDS[name] };
}

function bindSensors(root: Json, nowMs: number): readonly (ObservationsFields | null)[] | null {
  if (root.type === 'null') throw internalError(nowMs);
  let sensors: readonly (ObservationsFields | null)[] | null = [];
  bindFields(classOf('SensorsMessage'), root, nowMs, (_, value) => {
    const items = bindArray(value, nowMs);
    sensors = items?.map((item) => (item.type === 'null' ? null : bindObservations('SensorMessage', item, nowMs))) ?? null;
  });
  return sensors;
}

function bindObservations(name: 'SensorMessage' | 'ObservationsMessage', json: Json, nowMs: number): ObservationsFields {
  if (json.type === 'null') throw internalError(nowMs);
  // Only the class of the single-sensor form starts with an empty list, so only there a missing key is no null reference.
  let observations: ObservationsFields['observations'] = name === 'ObservationsMessage' ? [] : null;
  const texts: { sensor: JavaString; location: JavaString } = { sensor: null, location: null };
  bindFields(classOf(name), json, nowMs, (key, value) => {
    if (key === 'observations') {
      const items = bindArray(value, nowMs);
      observations = items?.map((item) => (item.type === 'null' ? null : bindObservation(item, nowMs))) ?? null;
    } else texts[key as 'sensor' | 'location'] = bindString(value, nowMs);
  });
  return { ...texts, observations };
}

function bindObservation(json: Json, nowMs: number): ObservationFields {
  const fields: Record<keyof ObservationFields, JavaString> = { value: null, timestamp: null, location: null };
  bindFields(classOf('ObservationMessage'), json, nowMs, (key, value) => {
    // `time` exists for reading only; what is sent is checked and forgotten.
    if (key === 'time') checkLong(value, nowMs);
    else fields[key as keyof ObservationFields] = bindString(value, nowMs);
  });
  return fields;
}

function toSubmitted(
  sensor: string,
  location: JavaString,
  observations: ObservationsFields['observations'],
  nowMs: number,
): Submitted[] {
  if (observations === null) throw internalError(nowMs);
  return observations.map((fields) => {
    if (fields === null) throw internalError(nowMs);
    const { value, timestamp } = fields;
    const timestampMs = hasText(timestamp) ? parseTimestamp(timestamp) : undefined;
    if (hasText(timestamp) && timestampMs === undefined) throw unreadable(nowMs, `Wrong timestamp value: ${timestamp}`);
    const place = hasText(fields.location) ? fields.location : location;
    if (!isLocation(place)) throw unreadable(nowMs, `Wrong location value: ${place}`);
    return {
      sensor,
      value,
      ...(timestampMs === undefined ? {} : { timestampMs }),
      ...(place ? { location: place } : {}),
    };
  });
}
