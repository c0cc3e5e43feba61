import type { Entry } from './entry.ts';
import { timestamp } from './timestamp.ts';

/** The most readings that one question about a sensor is answered with (Sentilo reference §1.5.7). */
export const READ_BACK_MAX = 200;

/** Address of a provider's data, or of one sensor's. The path is decoded before it is cut at slashes, so ids are encoded whole. */
export function dataUrl(base: string, provider: string, sensor?: string): string {
  const root = `${base.replace(/\/+$/, '')}/data/${encodeURIComponent(provider)}`;
  return sensor === undefined ? root : `${root}/${encodeURIComponent(sensor)}`;
}

/** Address of the catalogue of a provider. */
export function catalogUrl(base: string, provider: string): string {
  return `${base.replace(/\/+$/, '')}/catalog/${encodeURIComponent(provider)}`;
}

/** Address of the alarms of an alert, whose ids are those of the whole city. */
export function alarmUrl(base: string, alert: string): string {
  return `${base.replace(/\/+$/, '')}/alarm/${encodeURIComponent(alert)}`;
}

/** Asks for what a sensor has in the seconds from `fromSecond` to `toSecond`, both included. */
export function readBackQuery(fromSecond: number, toSecond: number): string {
  const from = encodeURIComponent(timestamp(fromSecond));
  const to = encodeURIComponent(timestamp(toSecond));
  return `?from=${from}&to=${to}&limit=${READ_BACK_MAX}`;
}

/** The body of `PUT /data/{provider}`: grouped by sensor, each in order. An unknown field would void the whole request. */
export function publishBody(entries: readonly Entry[]): Uint8Array {
  const sensors = new Map<string, object[]>();
  for (const entry of entries) {
    const place = entry.location === undefined ? {} : { location: entry.location };
    const observation = { value: entry.value, timestamp: timestamp(entry.second), ...place };
    const known = sensors.get(entry.sensor);
    if (known === undefined) sensors.set(entry.sensor, [observation]);
    else known.push(observation);
  }
  const body = { sensors: [...sensors].map(([sensor, observations]) => ({ sensor, observations })) };
  return new TextEncoder().encode(JSON.stringify(body));
}
