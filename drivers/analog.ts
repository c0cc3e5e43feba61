import { z } from 'zod';
import type { Driver } from './driver.ts';
import { onlyReading } from './produced-readings.ts';

const options = z.strictObject({});

/** One probe on an analogue input, which gives volts. What they stand for is the board's `convert:`. */
export const analog: Driver<'analog', z.infer<typeof options>> = {
  id: 'analog',
  needs: 'analog',
  with: options,
  plan: (spec) => [{ writeBytes: 0, readBytes: 0, waitMs: 0, readings: spec.readings.map(({ id }) => id) }],
  async open(input, spec) {
    const id = onlyReading(spec);
    return {
      read: async (signal) => [{ id, value: await input.readVolts(signal) }],
      async close() {},
    };
  },
};
