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
  plan: () => [],
  async open(port, spec) {
    const [output, another] = spec.outputs;
    if (output === undefined || another !== undefined || spec.readings.length > 0) {
      const found = `${spec.outputs.length} outputs and ${spec.readings.length} readings`;
      throw new Error(`board ${spec.board}: expected exactly one output and no reading, found ${found}. Correct the board file.`);
    }
    const levelOf = (on: boolean) => on === (spec.with.active === 'high');
    const line = await port.open(levelOf(output.safe));
    let closed: Promise<void> | undefined;
    return {
      write: oneAtATime(async (id: string, on: boolean) => {
        if (id !== output.id) throw new Error(`board ${spec.board} has the output ${output.id}, and none that is called ${id}`);
        await line.write(levelOf(on));
        // A pin that is shorted, or taken by another program, does not follow: only the level on it tells.
        const level = await line.read();
        if (level === levelOf(on)) return;
        throw new DeviceError('implausible', `${id}: expected the level ${text(!level)} after writing it, found ${text(level)}`);
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
