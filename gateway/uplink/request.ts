import type { Entry } from './entry.ts';
import { timestamp } from './timestamp.ts';

/** The most readings that one question about a sensor is answered with (Sentilo reference §1.5.7). */
export const READ_BACK_MAX = 200;

/** Address of a provider's data, or of one sensor's. */
export function dataUrl(base: string, provider: string, sensor?: string): string {
  return serviceUrl(base, ['data', provider, ...(sensor === undefined ? [] : [sensor])]);
}

/** Address of a provider's orders, or of those for one sensor. */
export function orderUrl(base: string, provider: string, sensor?: string): string {
  return serviceUrl(base, ['order', provider, ...(sensor === undefined ? [] : [sensor])]);
}

/** Address of the subscriptions to orders that whoever asks has. */
export function subscriptionsUrl(base: string): string {
  return serviceUrl(base, ['subscribe', 'order']);
}

/** Address of the subscription to the orders for a sensor. Without the sensor a DELETE would end all of them (§1.9). */
export function subscriptionUrl(base: string, provider: string, sensor: string): string {
  return serviceUrl(base, ['subscribe', 'order', provider, sensor]);
}

/** Address of the catalogue of a provider. */
export function catalogUrl(base: string, provider: string): string {
  return serviceUrl(base, ['catalog', provider]);
}

/** Address of the alerts of a provider in the catalogue. */
export function alertsUrl(base: string, provider: string): string {
  return serviceUrl(base, ['catalog', 'alert', provider]);
}

/** The path is decoded before it is cut at slashes, so ids are encoded whole. */
function serviceUrl(base: string, parts: readonly string[]): string {
  return [base.replace(/\/+$/, ''), ...parts.map(encodeURIComponent)].join('/');
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
    const known = sensors.get(entry.sensor);
    if (known === undefined) sensors.set(entry.sensor, [observationOf(entry)]);
    else known.push(observationOf(entry));
  }
  const body = { sensors: [...sensors].map(([sensor, observations]) => ({ sensor, observations })) };
  return new TextEncoder().encode(JSON.stringify(body));
}

/** Counts how long such a body becomes; the first entry always has room. */
export function bodyRoom(bytesMax: number): { takes(entry: Entry): boolean } {
  const sensors = new Set<string>();
  let bytes = jsonBytes({ sensors: [] });
  return {
    takes(entry) {
      if (bytesMax === Number.POSITIVE_INFINITY) return true;
      const around = sensors.has(entry.sensor) ? 0 : jsonBytes({ sensor: entry.sensor, observations: [] }) + 1;
      const more = around + jsonBytes(observationOf(entry)) + 1;
      if (sensors.size > 0 && bytes + more > bytesMax) return false;
      bytes += more;
      sensors.add(entry.sensor);
      return true;
    },
  };
}

function jsonBytes(value: object): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function observationOf({ value, second, location }: Entry): object {
  return { value, timestamp: timestamp(second), ...(location === undefined ? {} : { location }) };
}
