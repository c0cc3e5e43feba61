import type { I2cModel, ModelContext } from './model.ts';

// ROHM BH1750FVI, Technical Note 2009.04 Rev. B: instruction set p. 5, measurement time register p. 11.

/** Longest measurement with a measurement time register of 69 (p. 2); it is proportional to the register. */
const SLOWEST_MS = 180;

/** What the chip does in these modes of resolution 1 lx. */
const OPCODE = { off: 0x00, on: 0x01, clear: 0x07, always: 0x10, once: 0x20 };

/** A measurement under way: when it began, and whether another one follows. */
interface Run {
  readonly startMs: number;
  readonly lengthMs: number;
  readonly isEndless: boolean;
}

/**
 * A simulated BH1750. Its data register shows the newest finished measurement, 0 before the first one, at any time: unlike
 * other chips it acknowledges a read while it measures. Instructions beside those of 1 lx are not acknowledged.
 */
export function model(context: ModelContext): I2cModel {
  const { device } = context;
  if (device.address === undefined) throw new Error(`device ${device.id} has no I2C address`);
  let timeRegister = 69;
  let isOn = false;
  let register = 0;
  let run: Run | undefined;

  /** Brings the data register to where it is at `atMs`. */
  const settle = (atMs: number) => {
    if (run === undefined) return;
    const finished = Math.floor((atMs - run.startMs) / run.lengthMs + 1e-9);
    if (finished < 1) return;
    const endMs = run.startMs + finished * run.lengthMs;
    register = counted(context.signal('light', endMs), timeRegister);
    // After a single measurement the chip goes to power down by itself.
    if (run.isEndless) run = { ...run, startMs: endMs };
    else [run, isOn] = [undefined, false];
  };

  const begin = (atMs: number, isEndless: boolean) => {
    isOn = true;
    run = { startMs: atMs, lengthMs: (SLOWEST_MS * timeRegister) / 69, isEndless };
  };

  /** False for an instruction that the chip does not know. */
  const obey = (opcode: number, atMs: number): boolean => {
    if (opcode >= 0x40 && opcode < 0x48) timeRegister = (opcode - 0x40) * 32 + (timeRegister % 32);
    else if (opcode >= 0x60 && opcode < 0x80) timeRegister = timeRegister - (timeRegister % 32) + (opcode - 0x60);
    else if (opcode === OPCODE.off) [run, isOn] = [undefined, false];
    else if (opcode === OPCODE.on) isOn = true;
    // Without effect in power down.
    else if (opcode === OPCODE.clear) register = isOn ? 0 : register;
    else if (opcode === OPCODE.always) begin(atMs, true);
    else if (opcode === OPCODE.once) begin(atMs, false);
    else return false;
    return true;
  };

  return {
    kind: 'i2c',
    address: device.address,
    transfer: (write, readLength, atMs) => {
      settle(atMs);
      if (write.length > 1) return undefined;
      for (const opcode of write) if (!obey(opcode, atMs)) return undefined;
      const shown = [Math.floor(register / 256), register % 256];
      return Uint8Array.from({ length: readLength }, (_, at) => shown[at] ?? 0xff);
    },
  };
}

/** 6 counts for 5 lx with a register of 69; the counter stops at its end. */
function counted(lux: number, timeRegister: number): number {
  const count = Math.round((lux * 6 * timeRegister) / (5 * 69));
  return Math.min(Math.max(count, 0), 65_535);
}
