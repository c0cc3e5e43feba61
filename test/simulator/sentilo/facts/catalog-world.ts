import type { World } from '../../../../simulator/sentilo/world.ts';
import { WORLD } from '../support.ts';
import type { Exchange, Fact } from './fact.ts';

/**
 * The world of the catalogue's facts: `rec` has an online sensor in each of two components and one that is not online, may
 * write to `other`, and has an alert of each kind. `reader` may read of `rec`, `writer` may write.
 */
const CATALOG_WORLD: World = {
  ...WORLD,
  entities: [
    ...WORLD.entities,
    { id: 'other', kind: 'provider', token: 'other-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'empty', kind: 'provider', token: 'empty-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
  ],
  permissions: [...WORLD.permissions, { source: 'rec', target: 'other', type: 'WRITE' }],
  sensors: [
    {
      provider: 'rec',
      sensor: 'temp',
      state: 'online',
      component: 'hall',
      componentType: 'meteo',
      type: 'temperature',
      dataType: 'NUMBER',
      unit: 'C',
      location: '41.3851 2.1734',
      isPublic: true,
    },
    { provider: 'rec', sensor: 'loud', state: 'online', component: 'street', componentType: 'noise', type: 'noise' },
    { provider: 'rec', sensor: 'off', state: 'offline', component: 'hall', componentType: 'meteo', type: 'temperature' },
    { provider: 'other', sensor: 'far', state: 'online', component: 'away', type: 'noise' },
  ],
  alerts: [
    { id: 'A1', entity: 'rec', type: 'EXTERNAL', isActive: true },
    { id: 'I1', entity: 'rec', type: 'INTERNAL', isActive: false },
    { id: 'B1', entity: 'other', type: 'EXTERNAL', isActive: true },
  ],
  sensorTypes: ['temperature', 'noise', 'humidity'],
  componentTypes: ['generic', 'meteo', 'noise'],
};

/** A fact in that world. */
export function fact(section: string, text: string, ...exchanges: Exchange[]): Fact {
  return { section, fact: text, world: CATALOG_WORLD, exchanges };
}

/** A request that only prepares what follows. */
export function given(send: string, afterMs?: number): Exchange {
  return afterMs === undefined ? { send } : { send, afterMs };
}

export function asks(send: string, status: number, body: string | RegExp, afterMs?: number): Exchange {
  return { send, expect: { status, body }, ...(afterMs === undefined ? {} : { afterMs }) };
}
