import { formatTimestamp } from './calendar.ts';
import type { CityEvent } from './events.ts';
import type { World } from './world.ts';

/** What the catalogue adds to an event of a sensor. */
export interface SensorDescription {
  readonly component?: string;
  readonly sensorType?: string;
  readonly componentType?: string;
}

export type DescribeSensor = (provider: string, sensor: string) => SensorDescription;

/** Descriptions as the world file gives them. */
export function describedBy({ sensors }: World): DescribeSensor {
  const byKey = new Map(sensors.map((one) => [`${one.provider}/${one.sensor}`, one]));
  return (provider, sensor) => {
    const { component, type, componentType } = byKey.get(`${provider}/${sensor}`) ?? {};
    return {
      ...(component !== undefined && { component }),
      ...(type !== undefined && { sensorType: type }),
      ...(componentType !== undefined && { componentType }),
    };
  };
}

/** The JSON of a push: the keys in their order, those without a value left out (sentilo.md §2.1). */
export function pushBody(event: CityEvent, description: SensorDescription, retryAttempt: number): string {
  const { message, topic, type, sensor, provider, location, alert, alertType, timeMs, publisher, publishedAtMs } = event;
  const { component, sensorType, componentType } = description;
  return JSON.stringify({
    message,
    timestamp: formatTimestamp(timeMs),
    ...{ topic, type, component, sensor, provider, location, alert, alertType },
    time: timeMs,
    ...{ sensorType, componentType },
    retryAttempt: retryAttempt > 0 ? retryAttempt : undefined,
    publisher,
    publishedAt: publishedAtMs,
    // A city without tenants.
    ...{ publisherTenant: '', tenant: '' },
    sender: publisher,
  });
}
