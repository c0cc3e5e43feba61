import type { ModelContext, OneWireModel } from './model.ts';

/** Alarm limits, 12 bits, and the first reserved byte, as chips leave the factory. */
const REST = [0x4b, 0x46, 0x7f, 0xff];

/** A simulated DS18B20: the scratchpad after a measurement. */
export function model({ device, signal }: ModelContext): OneWireModel {
  const { rom } = device.spec.with as { rom: string };
  return {
    kind: 'onewire',
    rom,
    scratchpad: (atMs) => {
      const sixteenths = Math.round(Math.min(Math.max(signal('temperature', atMs), -55), 125) * 16);
      // What is left of a degree in the second reserved byte, as chips of the maker count it.
      const bytes = [sixteenths & 0xff, (sixteenths >> 8) & 0xff, ...REST, 0x10 - (sixteenths & 0x0f), 0x10];
      return Uint8Array.from([...bytes, checksum(bytes)]);
    },
  };
}

/** The remainder of the bits, in the order in which they are sent, divided by x^8 + x^5 + x^4 + 1; its own highest bit first. */
export function checksum(bytes: readonly number[]): number {
  const sent = bytes.flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> i) & 1));
  let remainder = 0;
  for (const bit of [...sent, 0, 0, 0, 0, 0, 0, 0, 0]) {
    remainder = (remainder << 1) | bit;
    if (remainder > 0xff) remainder ^= 0x131;
  }
  let mirrored = 0;
  for (let i = 0; i < 8; i++) if ((remainder & (1 << i)) !== 0) mirrored |= 0x80 >> i;
  return mirrored;
}
