import { type Clock, sleep } from '../../drivers/clock.ts';
import type { Disk } from '../../gateway/host.ts';

/** The same disk, of which the calls that are slow, by name and first argument, take so much longer. */
export function slowDisk(disk: Disk, clock: Clock, tookMs: number, isSlow: (call: string, path: unknown) => boolean): Disk {
  return new Proxy(disk, {
    get: (of, key) => {
      const value: unknown = Reflect.get(of, key);
      if (typeof value !== 'function') return value;
      return async (...how: unknown[]) => {
        if (isSlow(String(key), how[0])) await sleep(clock, tookMs, new AbortController().signal);
        return await value.apply(of, how);
      };
    },
  });
}
