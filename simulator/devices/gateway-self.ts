import type { MachineModel, ModelContext } from './model.ts';

/**
 * The machine of a simulated gateway: the values that the site's `simulate:` gives, a part of 100 for each %. What it does not
 * give, the gateway itself tells; what it does give hides that, so that an alarm can be tried out.
 */
export function model({ device, signal, text }: ModelContext): MachineModel {
  const isGiven = (reading: string) => device.simulate.has(reading);
  const number = (reading: string, atMs: number, factor = 1) => (isGiven(reading) ? signal(reading, atMs) * factor : undefined);
  return {
    kind: 'gateway',
    health: (atMs) => {
      const voltage = number('under_voltage', atMs);
      const health = {
        uptimeMs: number('uptime', atMs, 1000),
        waitingCount: number('waiting', atMs),
        processorShare: number('processor', atMs, 0.01),
        memoryShare: number('memory', atMs, 0.01),
        diskShare: number('disk', atMs, 0.01),
        temperatureC: number('temperature', atMs),
        isUnderVoltage: voltage === undefined ? undefined : voltage !== 0,
        clockQuality: isGiven('clock') ? text('clock') : undefined,
      };
      return Object.fromEntries(Object.entries(health).filter(([, value]) => value !== undefined));
    },
  };
}
