import { isObject, type JsonObject, parseJson } from '../json.ts';

/** A sensor as the city's catalogue shows it (sentilo.md §1.6.3): its own fields and those of its component. */
export interface ListedSensor {
  readonly sensor: string;
  readonly component: string;
  readonly type?: string;
  readonly dataType?: string;
  readonly unit?: string;
  readonly description?: string;
  readonly componentType?: string;
  readonly location?: string;
  /** Of its component. */
  readonly isPublic: boolean;
  readonly energy?: string;
}

/**
 * The sensors that an answer to `GET /catalog/{provider}` shows of that provider, among those of others that it may see. None for
 * `{}`, undefined when it is no answer of a catalogue.
 */
export function listingOf(body: Uint8Array, provider: string): ListedSensor[] | undefined {
  const json = parseJson(body);
  if (!isObject(json)) return undefined;
  const { providers = [] } = json;
  if (!Array.isArray(providers)) return undefined;
  const own = providers.filter(isObject).filter((each) => each['provider'] === provider);
  const sensors = own.flatMap(({ sensors: all }) => (Array.isArray(all) ? all : []));
  return sensors.filter(isObject).flatMap((each) => {
    const { sensor, component } = each;
    return typeof sensor === 'string' && typeof component === 'string' ? [listedSensor(sensor, component, each)] : [];
  });
}

function listedSensor(sensor: string, component: string, fields: JsonObject): ListedSensor {
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === 'string' ? { [name]: value } : {};
  };
  const details = fields['componentTechnicalDetails'];
  const isPublic = fields['componentPublicAccess'];
  const energy = isObject(details) ? details['energy'] : undefined;
  return {
    sensor,
    component,
    ...text('type'),
    ...text('dataType'),
    ...text('unit'),
    ...text('description'),
    ...text('componentType'),
    ...text('location'),
    // Written as true or "true".
    isPublic: isPublic === true || isPublic === 'true',
    ...(typeof energy === 'string' && { energy }),
  };
}
