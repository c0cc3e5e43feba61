// Analog Devices (Maxim) DS18B20, data sheet 19-7487 rev. 6, read through the Linux driver w1_therm
// (Documentation/w1/slaves/w1_therm.rst). Its file w1_slave is two lines, each with the nine bytes of the scratchpad:
//
//   91 01 4b 46 7f ff 0f 10 25 : crc=25 YES
//   91 01 4b 46 7f ff 0f 10 25 t=25062
//   |     |     |  |        '- CRC over the eight before it (§ "CRC generation")
//   |     |     |  '- reserved
//   |     |     '- configuration: how many bits (figure 10)
//   |     '- alarm limits
//   '- temperature, low byte first, in sixteenths of a degree (figure 4)

import { z } from 'zod';
import type { OneWireBus } from './bus/onewire.ts';
import type { Driver } from './driver.ts';
import { BusError, DeviceError } from './errors.ts';
import { hex } from './hex.ts';

const options = z.strictObject({ rom: z.string().regex(/^28-[0-9a-f]{12}$/) });

const SCRATCHPAD_BYTES = 9;
const BYTES = '((?:[0-9a-f]{2} ){9})';
const W1_SLAVE = new RegExp(`^${BYTES}: crc=([0-9a-f]{2}) (YES|NO)\\n${BYTES}t=(-?\\d+)\\n$`);
/** How the file ends, unless the kernel has cut it off. */
const W1_SLAVE_END = / t=-?\d+\n$/;
/** What the chip shows until its first measurement, in sixteenths of a degree: 85 °C (figure 4, note). */
const POWER_ON = 0x0550;
/** The range of the chip, sixteenths of a degree: -55 to 125 °C. */
const RANGE = { least: -55 * 16, most: 125 * 16 };
/** From here on it is no chance any more. */
const BAD_IN_A_ROW = 10;

/** DS18B20 on the machine's own 1-Wire bus. Reads the scratchpad itself: `t=` is there whatever the checksum says. */
export const w1Therm: Driver<'onewire', z.infer<typeof options>> = {
  id: 'w1_therm',
  needs: 'onewire',
  produces: { temperature: 'degC' },
  with: options,
  // Reset, ROM and command, twice; the scratchpad; and the conversion at 12 bits (table 1).
  plan: (spec) => [{ writeBytes: 20, readBytes: SCRATCHPAD_BYTES, waitMs: 750, readings: spec.readings.map(({ id }) => id) }],
  async open(bus, spec) {
    const { rom } = spec.with;
    let badCount = 0;
    return {
      read: async (signal) => {
        signal.throwIfAborted();
        try {
          const value = await temperatureOf(bus, rom);
          badCount = 0;
          signal.throwIfAborted();
          return spec.readings.map(({ id }) => ({ id, value }));
        } catch (error) {
          if (!(error instanceof BadChecksum)) throw error;
          badCount += 1;
          if (badCount < BAD_IN_A_ROW) throw error;
          const why = `${badCount} times in a row: the wire is bad, or the chip is a bad copy`;
          throw new BusError('bad-checksum', `${error.message}; ${why}`, { cause: error });
        }
      },
      close: async () => {},
    };
  },
};

/** The nine bytes do not belong together, which nothing but the wire or the chip can be the reason of. */
class BadChecksum extends BusError {}

async function temperatureOf(bus: OneWireBus, rom: string): Promise<number> {
  const text = new TextDecoder('latin1').decode(await bus.readThermometer(rom));
  // The kernel empties the file while it has nothing to say: nothing was measured yet.
  if (text === '') throw new BusError('timeout', `${rom}: the kernel has no measurement yet`);
  if (!W1_SLAVE_END.test(text)) throw new BusError('timeout', `${rom}: the kernel has cut off its file: ${excerpt(text)}`);
  const scratchpad = scratchpadOf(rom, text);
  const sixteenths = new DataView(Uint8Array.from(scratchpad).buffer).getInt16(0, true);
  if (sixteenths === POWER_ON) {
    const why = '85 °C is what the chip shows before it measured: its supply is weak, or was away';
    throw new DeviceError('not-available', `${rom}: ${why}`);
  }
  if (sixteenths < RANGE.least || sixteenths > RANGE.most) {
    throw new DeviceError('implausible', `${rom}: expected -55 to 125 °C, found ${sixteenths / 16} °C`);
  }
  // At fewer bits the lowest are not defined (§ "Operation, measuring temperature").
  const undefinedBits = 3 - (((scratchpad[4] ?? 0) >> 5) & 3);
  return ((sixteenths >> undefinedBits) << undefinedBits) / 16;
}

/** The nine bytes, checked: format, checksum, and that both lines say the same. */
function scratchpadOf(rom: string, text: string): readonly number[] {
  const [, first, printed, verdict, second, milli] = W1_SLAVE.exec(text) ?? [];
  if (first === undefined) {
    throw new BusError('bad-checksum', `${rom}: expected two lines of nine bytes, found ${excerpt(text)}`);
  }
  const bytes = first
    .trim()
    .split(' ')
    .map((byte) => Number.parseInt(byte, 16));
  // An open line reads as ones: the chip has no supply, or its wire is broken.
  if (bytes.every((byte) => byte === 0xff)) throw new BusError('no-answer', `${rom} does not answer: all bits are one`);
  const crc = crc8(bytes.slice(0, -1));
  const found = bytes[SCRATCHPAD_BYTES - 1] ?? 0;
  if (crc !== found) throw new BadChecksum('bad-checksum', `${rom}: expected the checksum ${hex([crc])}, found ${hex([found])}`);
  if (verdict !== 'YES' || printed !== hex([crc])) {
    const why = `the checksum ${hex([crc])} is right, but the kernel says crc=${printed} ${verdict}: it has read other bytes`;
    throw new BusError('bad-checksum', `${rom}: ${why}`);
  }
  // Zeros have the right checksum; the configuration and the reserved bytes of a chip are never zero.
  if (bytes.every((byte) => byte === 0)) throw new DeviceError('implausible', `${rom}: all bytes are zero: the line is shorted`);
  const sixteenths = new DataView(Uint8Array.from(bytes).buffer).getInt16(0, true);
  if (second !== first || Number(milli) !== Math.trunc((sixteenths * 1000) / 16)) {
    throw new BusError(
      'bad-checksum',
      `${rom}: expected t=${Math.trunc((sixteenths * 1000) / 16)} for these bytes, found ${milli}`,
    );
  }
  return bytes;
}

function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}

/** x^8 + x^5 + x^4 + 1, start 0, lowest bit first (§ "CRC generation", figure 11). */
function crc8(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >> 1 : (crc >> 1) ^ 0x8c;
  }
  return crc;
}
