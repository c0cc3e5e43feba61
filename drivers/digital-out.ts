import { z } from 'zod';
import type { Haste } from './bus/modbus.ts';
import type { Driver } from './driver.ts';
import { BusError, DeviceError, isHardwareError } from './errors.ts';

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
    /** How often it was ordered, and how many of these orders are under way. */
    let orderCount = 0;
    let underWayCount = 0;
    /** The newest order to its safe state, until it is carried out or has failed. */
    let makingSafe: Promise<void> | undefined;
    let safeCount = 0;
    const line = await port.open(driven);
    /** A pin that is shorted, or taken by another program, does not follow: only the level on it tells. */
    const mismatch = (level: boolean) => `${output.id}: expected the level ${text(driven)}, found ${text(level)}`;
    const drive = async (on: boolean, haste: Haste) => {
      const level = levelOf(on);
      const checkWanted = () => {
        if (haste.isWanted?.() !== false) return;
        throw new BusError('superseded', `${output.id}: it was ordered to its safe state meanwhile`);
      };
      checkWanted();
      // An order that failed is nothing to hold the output against, except where it leads to what is safe.
      if (on === output.safe) driven = level;
      await line.write(level, haste);
      checkWanted();
      driven = level;
      const found = await line.read(haste);
      checkWanted();
      if (found !== driven) throw new DeviceError('implausible', mismatch(found));
    };
    const order = async (on: boolean, isInTime: () => boolean, leftMs?: () => number) => {
      if (on !== output.safe) {
        const before = safeCount;
        await makingSafe?.catch(() => {});
        return await drive(on, { isWanted: () => safeCount === before, isInTime, leftMs });
      }
      // What is safe waits for no other call, and overtakes what has not been sent.
      safeCount += 1;
      makingSafe = drive(on, { isUrgent: true });
      await makingSafe;
    };
    let closed: Promise<void> | undefined;
    return {
      read: async (signal) => {
        signal.throwIfAborted();
        const before = orderCount;
        const level = await line.read();
        // Whoever orders it meanwhile looks by himself.
        if (level === driven || before !== orderCount || underWayCount > 0) return [];
        // A board that has started anew may have switched it on.
        if (driven === levelOf(output.safe)) {
          makingSafe = line.write(driven, { isUrgent: true });
          // Whether or not it takes that, this is what is wrong; the next look tries again.
          await makingSafe.catch(rethrowBug);
        }
        throw new DeviceError('strayed', mismatch(level));
      },
      write: async (id, on, isInTime = () => true, leftMs) => {
        if (id !== output.id) throw new Error(`board ${spec.board} has the output ${output.id}, and none that is called ${id}`);
        orderCount += 1;
        underWayCount += 1;
        try {
          await order(on, isInTime, leftMs);
        } finally {
          underWayCount -= 1;
        }
      },
      close: () => {
        closed ??= line.close();
        return closed;
      },
    };
  },
};

function rethrowBug(error: unknown): void {
  if (!isHardwareError(error)) throw error;
}

function text(level: boolean): string {
  return level ? 'high' : 'low';
}
