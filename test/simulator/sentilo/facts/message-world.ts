import type { World } from '../../../../simulator/sentilo/world.ts';
import { WORLD } from '../support.ts';

/** The world of support.ts with a ghost sensor, a second provider without sensors, and alerts: A1, the inactive A0, and B1 of another owner. */
export const MESSAGE_WORLD: World = {
  ...WORLD,
  entities: [
    ...WORLD.entities,
    { id: 'bare', kind: 'provider', token: 'bare-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
  ],
  sensors: [...WORLD.sensors, { provider: 'rec', sensor: 'ghost', state: 'ghost' }],
  alerts: [
    { id: 'A1', entity: 'rec', type: 'EXTERNAL', isActive: true },
    { id: 'A0', entity: 'rec', type: 'EXTERNAL', isActive: false },
    { id: 'B1', entity: 'secure', type: 'EXTERNAL', isActive: true },
  ],
};
