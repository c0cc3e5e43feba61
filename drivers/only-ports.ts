import type { Driver } from './driver.ts';

/** What a driver says that measures and switches nothing itself, and provides ports. */
export const ONLY_PORTS: Pick<Driver, 'produces' | 'plan' | 'open'> = {
  produces: {},
  plan: () => [],
  open: async () => ({ close: async () => {} }),
};
