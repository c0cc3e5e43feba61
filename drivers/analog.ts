import { z } from 'zod';
import type { Driver } from './driver.ts';

const options = z.strictObject({});

/** One probe on an analogue input, which gives volts. What they stand for is the board's `convert:`. */
export const analog: Driver<'analog', z.infer<typeof options>> = {
  id: 'analog',
  needs: 'analog',
  with: options,
  plan: (spec) => [{ writeBytes: 0, readBytes: 0, waitMs: 0, readings: spec.readings.map(({ id }) => id) }],
  async open(input, spec) {
    const [reading, another] = spec.readings;
    if (reading === undefined || another !== undefined) {
      throw new Error(
        `board ${spec.board}: expected exactly one reading, found ${spec.readings.length}. Correct the board file.`,
      );
    }
    return {
      read: async (signal) => [{ id: reading.id, value: await input.readVolts(signal) }],
      async close() {},
    };
  },
};
