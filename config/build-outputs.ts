import { ANSWERS_QUANTITY } from '../drivers/quantities.ts';
import { activeOutputs, answersSensorOf, cityTypeOf, componentOf, sensorOf } from './check-devices.ts';
import type { Expectation, OrderSource, OutputConfig } from './config.ts';
import { ORDERS_DEFAULT, type OutputEntry } from './schema-gateway.ts';
import type { Plugged, Site } from './site.ts';

/** An order of the city that took longer to come here is about a time that is over. */
const EXPIRY_DEFAULT_MS = 120_000;
/** What the city switched on stays so long when nothing is heard from it. */
const LOST_CITY_DEFAULT_MS = 900_000;

/** The outputs as their driver needs to know them. */
export function safeOutputs(device: Plugged): Pick<OutputConfig, 'id' | 'safe'>[] {
  const { outputs } = device.board;
  return activeOutputs(device).map(([id, own]) => ({ id, safe: own?.safe ?? outputs?.[id]?.safe ?? false }));
}

/** The outputs of a device as the gateway runs them. */
export function buildOutputs(site: Site, device: Plugged, exclusions: Exclusions): OutputConfig[] {
  return safeOutputs(device).map(({ id, safe }): OutputConfig => {
    const own = device.entry.outputs?.[id];
    const board = device.board.outputs?.[id];
    const maxOn = own?.max_on ?? board?.max_on;
    const place = device.entry.location ?? site.file.gateway.location;
    const quantity = board?.quantity ?? '';
    return {
      id,
      safe,
      name: own?.name ?? { '*': id },
      ...(typeof maxOn === 'number' && { maxOnMs: maxOn }),
      minOffMs: own?.min_off ?? board?.min_off ?? 0,
      neverWith: [...(exclusions.get(`${device.id}.${id}`) ?? [])],
      orders: ordersOf(own),
      ...(own?.expect && { expect: buildExpectation(own.expect) }),
      onLostCityMs: own?.on_lost_city ?? LOST_CITY_DEFAULT_MS,
      expiryMs: own?.expiry ?? EXPIRY_DEFAULT_MS,
      sensor: sensorOf(site, device, id),
      component: componentOf(site, device),
      quantity,
      cityType: cityTypeOf(site, quantity),
      ...(place && { location: `${place.lat} ${place.lon}` }),
      ...(ordersOf(own).includes('sentilo') && {
        answers: { sensor: answersSensorOf(site, device, id), cityType: cityTypeOf(site, ANSWERS_QUANTITY) },
      }),
    };
  });
}

function buildExpectation({ reading, above, below, within }: NonNullable<OutputEntry['expect']>): Expectation {
  return { reading, ...(above !== undefined && { above }), ...(below !== undefined && { below }), withinMs: within };
}

/** Whose orders an output takes. */
export function ordersOf(own: OutputEntry | undefined): OrderSource[] {
  return [...new Set((own?.orders ?? ORDERS_DEFAULT).map((source) => (source === 'web' ? 'local' : source)))];
}

/** By output (`device.output`): those that are never on together with it, whichever of the two says so. */
export type Exclusions = ReadonlyMap<string, ReadonlySet<string>>;

/** What each output excludes, of all devices. */
export function exclusionsOf(devices: ReadonlyMap<string, Plugged>): Exclusions {
  const all = new Map<string, Set<string>>();
  const add = (output: string, other: string) => all.set(output, (all.get(output) ?? new Set<string>()).add(other));
  for (const { id, entry } of devices.values()) {
    for (const [name, { never_with = [] }] of Object.entries(entry.outputs ?? {})) {
      for (const other of never_with) {
        add(`${id}.${name}`, other);
        add(other, `${id}.${name}`);
      }
    }
  }
  return all;
}
