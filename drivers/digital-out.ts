import { z } from 'zod';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { oneAtATime } from './one-at-a-time.ts';

const options = z.strictObject({
  /** The electrical level that switches on. */
  active: z.enum(['low', 'high']),
});

type DigitalOutOptions = z.infer<typeof options>;

/** One relay or valve on a digital output. It starts in its safe state without passing through the other one. */
export const digitalOut: Driver<'digital_out', DigitalOutOptions> = {
  id: 'digital-out',
  needs: 'digital_out',
  with: options,
  // It is looked at whether it is as it was set.
  plan: () => [{ writeBytes: 0, readBytes: 0, waitMs: 0, readings: [] }],
  async open(port, spec) {
    const [output, another] = spec.outputs;
    if (output === undefined || another !== undefined || spec.readings.length > 0) {
      const found = `${spec.outputs.length} outputs and ${spec.readings.length} readings`;
      throw new Error(`board ${spec.board}: expected exactly one output and no reading, found ${found}. Correct the board file.`);
    }
    const levelOf = (on: boolean) => on === (spec.with.active === 'high');
    let driven = levelOf(output.safe);
    const line = await port.open(driven);
    /** A pin that is shorted, or taken by another program, does not follow: only the level on it tells. */
    const check = async () => {
      const level = await line.read();
      if (level === driven) return;
      throw new DeviceError('implausible', `${output.id}: expected the level ${text(driven)}, found ${text(level)}`);
    };
    const alone = oneAtATime((work: () => Promise<void>) => work());
    let closed: Promise<void> | undefined;
    return {
      read: async (signal) => {
        signal.throwIfAborted();
        await alone(check);
        return [];
      },
      write: (id, on) =>
        alone(async () => {
          if (id !== output.id) throw new Error(`board ${spec.board} has the output ${output.id}, and none that is called ${id}`);
          const level = levelOf(on);
          // An order that failed is nothing to hold the output against, except where it leads to what is safe.
          if (on === output.safe) driven = level;
          await line.write(level);
          driven = level;
          await check();
        }),
      close: () => {
        closed ??= line.close();
        return closed;
      },
    };
  },
};

function text(level: boolean): string {
  return level ? 'high' : 'low';
}
