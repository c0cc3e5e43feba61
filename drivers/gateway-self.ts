import { z } from 'zod';
import type { SelfHealth } from './bus/self.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import type { Value } from './reading.ts';

const options = z.strictObject({});

/** What each reading is made of, and why there may be none. */
const READINGS: Readonly<
  Record<string, { readonly valueOf: (health: SelfHealth) => Value | undefined; readonly missing: string }>
> = {
  uptime: {
    valueOf: ({ uptimeMs }) => (uptimeMs === undefined ? undefined : uptimeMs / 1000),
    missing: 'the gateway does not run',
  },
  waiting: {
    valueOf: ({ waitingCount }) => waitingCount,
    missing:
      'nothing waits where nothing is sent: the gateway does not run, or has no `sentilo:`; switch it off with `enabled: false`',
  },
  processor: {
    valueOf: ({ processorShare }) => percent(processorShare),
    missing: 'it is counted from one look to the next, and this is the first',
  },
  memory: { valueOf: ({ memoryShare }) => percent(memoryShare), missing: 'this machine does not tell it (/proc/meminfo)' },
  disk: { valueOf: ({ diskShare }) => percent(diskShare), missing: 'the disk with the state folder does not tell it' },
  temperature: {
    valueOf: ({ temperatureC }) => temperatureC,
    missing: 'this machine has no such sensor (/sys/class/thermal); switch the reading off with `enabled: false`',
  },
  under_voltage: {
    valueOf: ({ isUnderVoltage }) => isUnderVoltage,
    missing: 'only a Raspberry Pi tells it (/sys/class/hwmon); switch the reading off with `enabled: false`',
  },
  clock: { valueOf: ({ clockQuality }) => clockQuality, missing: 'the gateway does not run' },
};

/** The gateway's own health, and that of the machine it runs on. */
export const gatewaySelf: Driver<'gateway', z.infer<typeof options>> = {
  id: 'gateway-self',
  needs: 'gateway',
  produces: {
    uptime: 's',
    waiting: '1',
    processor: '%',
    memory: '%',
    disk: '%',
    temperature: 'degC',
    under_voltage: 'bool',
    clock: 'text',
  },
  with: options,
  plan: (spec) => [{ writeBytes: 0, readBytes: 0, waitMs: 0, readings: spec.readings.map(({ id }) => id) }],
  async open(gateway, spec) {
    return {
      read: async (signal) => {
        signal.throwIfAborted();
        const health = await gateway.read();
        signal.throwIfAborted();
        return spec.readings.map(({ id }) => {
          const reading = READINGS[id];
          if (reading === undefined) throw new Error(`board ${spec.board}: there is no reading ${id}`);
          const value = reading.valueOf(health);
          return value === undefined
            ? { id, error: new DeviceError('not-available', `${id}: ${reading.missing}`) }
            : { id, value };
        });
      },
      close: async () => {},
    };
  },
};

function percent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : 100 * share;
}
