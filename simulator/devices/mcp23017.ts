import type { I2cModel, ModelContext } from './model.ts';

// Microchip DS20001952C: the registers of IOCON.BANK = 0 (table 3-3), with their values after a reset.

const REGISTER_COUNT = 0x16;
const [DIRECTION, POLARITY, PULL_UPS, LEVELS, LATCHES] = [0x00, 0x02, 0x0c, 0x12, 0x14];

/** A simulated MCP23017. Its address pointer goes on by itself, as with IOCON.SEQOP = 0. */
export function model({ device, pluggedInto }: ModelContext): I2cModel {
  const { address } = device;
  if (address === undefined) throw new Error(`device ${device.id} has no I2C address`);
  const registers = new Uint8Array(REGISTER_COUNT);
  registers.fill(0xff, DIRECTION, DIRECTION + 2);
  let pointer = 0;
  const wires = Array.from({ length: 16 }, (_, pin) => pluggedInto(`gp${pin < 8 ? 'a' : 'b'}${pin & 7}`));

  const bit = (register: number, pin: number) => (((registers[register + (pin >> 3)] ?? 0) >> (pin & 7)) & 1) === 1;

  const levels = (port: number, atMs: number) => {
    let byte = 0;
    for (let pin = 8 * port; pin < 8 * port + 8; pin += 1) {
      const isInput = bit(DIRECTION, pin);
      const pull = bit(PULL_UPS, pin) ? 'up' : 'none';
      const level = isInput ? (wires[pin]?.level(pull, atMs) ?? pull === 'up') : bit(LATCHES, pin);
      if (level !== (isInput && bit(POLARITY, pin))) byte |= 1 << (pin & 7);
    }
    return byte;
  };

  /** What pins drive after a register has changed. */
  const drive = (atMs: number, before: readonly (boolean | undefined)[]) => {
    for (const [pin, level] of driven().entries())
      if (level !== undefined && level !== before[pin]) wires[pin]?.drive(level, atMs);
  };
  const driven = () => wires.map((_, pin) => (bit(DIRECTION, pin) ? undefined : bit(LATCHES, pin)));

  return {
    kind: 'i2c',
    address,
    transfer: (write, readLength, atMs) => {
      if (write.length > 0) pointer = (write[0] ?? 0) % REGISTER_COUNT;
      for (const byte of write.subarray(1)) {
        const before = driven();
        // Writing the levels writes the latches.
        registers[pointer === LEVELS || pointer === LEVELS + 1 ? pointer + 2 : pointer] = byte;
        drive(atMs, before);
        pointer = (pointer + 1) % REGISTER_COUNT;
      }
      return Uint8Array.from({ length: readLength }, () => {
        const at = pointer;
        pointer = (pointer + 1) % REGISTER_COUNT;
        return at === LEVELS || at === LEVELS + 1 ? levels(at - LEVELS, atMs) : (registers[at] ?? 0xff);
      });
    },
  };
}
