import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHardwareError } from '../../drivers/errors.ts';
import { w1Therm } from '../../drivers/w1_therm.ts';
import { CRC_MAXIM, crcOf } from '../support/crc.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { bytes, hex } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated, untraced } from '../support/mutated.ts';
import { TestClock } from '../support/test-clock.ts';
import { type Vector, vectors } from '../support/vectors.ts';

const ROM = '28-0316a2799dff';
const NO_ABORT = new AbortController().signal;
const ALL = vectors('ds18b20');

/** A driver whose probe says these texts, one after the other, and the last one for ever. */
async function saying(...texts: readonly string[]) {
  const left = [...texts];
  const bus = {
    readThermometer: async () => new TextEncoder().encode(left.length > 1 ? left.shift() : left[0]),
  };
  const device = await w1Therm.open(bus, deviceSpec('ds18b20', { rom: ROM }, ['temperature']), new TestClock());
  return () => device.read?.(NO_ABORT) ?? Promise.reject(new Error('it cannot be read'));
}

/** A captured scratchpad as the kernel prints it: w1_therm.c, "t=" is the raw value × 1000 / 16 without its fraction. */
function printed(scratchpad: string, milli: number): string {
  const bytes = scratchpad.match(/../g)?.join(' ');
  return `${bytes} : crc=${scratchpad.slice(-2)} YES\n${bytes} t=${milli}\n`;
}

const withNewline = ({ input }: Vector) => `${input.trimEnd()}\n`;

describe('a temperature', () => {
  const files = ALL.filter(({ id }) => /w1_slave\/-?\d/.test(id) && !id.endsWith('/-10.125'));
  test.each(files)('of the file $id', async (vector) => {
    const read = await saying(withNewline(vector));
    const [reading] = await read();
    // Those who quote the files print what the kernel prints: thousandths without the rest.
    expect(reading).toMatchObject({ id: 'temperature', value: expect.closeTo(Number(vector.expected['temperature']), 2) });
  });

  const captures = ALL.filter(({ kind, expected }) => kind === 'capture' && 'temperature' in expected);
  test.each(captures)('of the capture $id', async ({ input, expected }) => {
    const value = Number(expected['temperature']);
    const read = await saying(printed(input, Math.trunc(value * 1000)));
    expect(await read()).toEqual([{ id: 'temperature', value }]);
  });

  // The data sheet gives only the two bytes of the temperature; the others are those of a chip, and the checksum another program's.
  test.each([
    ['datasheet-125', 'd0074b467fff0010b9', 125_000],
    ['datasheet-25.0625', '91014b467fff0f1025', 25_062],
    ['datasheet-0.5', '08004b467fff0810d9', 500],
    ['datasheet--0.5', 'f8ff4b467fff0810f8', -500],
    ['datasheet--25.0625', '6ffe4b467fff011061', -25_062],
  ])('of the table of the data sheet: %s', async (id, scratchpad, milli) => {
    const vector = ALL.find((each) => each.id === `ds18b20/${id}`);
    expect(scratchpad.startsWith(vector?.input ?? '-')).toBe(true);
    const read = await saying(printed(scratchpad, milli));
    expect(await read()).toEqual([{ id: 'temperature', value: vector?.expected['temperature'] }]);
  });
});

describe('what is no temperature is refused, each for its own reason', () => {
  test.each([
    {
      says: 'a bad checksum (raspberrypi/linux#252)',
      text: '50 05 4b 46 7f ff 0c 10 2c : crc=1c NO\n50 05 4b 46 7f ff 0c 10 2c t=85000\n',
      kind: 'bad-checksum',
      message: /expected the checksum 1c, found 2c/,
    },
    {
      says: 'a copy of the chip with bad checksums (libretiny#333)',
      text: '50 05 55 00 7f ff 0c 11 21 : crc=7f NO\n50 05 55 00 7f ff 0c 11 21 t=85000\n',
      kind: 'bad-checksum',
      message: /expected the checksum 7f, found 21/,
    },
    {
      says: 'all ones: the probe has no supply (esphome#6886)',
      text: 'ff ff ff ff ff ff ff ff ff : crc=c9 NO\nff ff ff ff ff ff ff ff ff t=-63\n',
      kind: 'no-answer',
      message: /all bits are one/,
    },
    {
      says: 'all zeros, whose checksum is right',
      text: '00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n',
      kind: 'implausible',
      message: /all bytes are zero/,
    },
    {
      says: 'the value after power-on',
      text: '50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n',
      kind: 'not-available',
      message: /85 °C is what the chip shows before it measured/,
    },
    { says: 'an empty file', text: '', kind: 'timeout', message: /no measurement yet/ },
    {
      says: 'the first line alone',
      text: '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n',
      kind: 'timeout',
      message: /the kernel has cut off its file: "91 01/,
    },
    {
      says: 'the second line without its end',
      text: '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=250',
      kind: 'timeout',
      message: /the kernel has cut off its file/,
    },
    {
      says: 'the second line alone',
      text: '91 01 4b 46 7f ff 0f 10 25 t=25062\n',
      kind: 'bad-checksum',
      message: /two lines/,
    },
    {
      says: 'a right checksum that the kernel does not take',
      text: '91 01 4b 46 7f ff 0f 10 25 : crc=25 NO\n91 01 4b 46 7f ff 0f 10 25 t=25062\n',
      kind: 'bad-checksum',
      message: /the checksum 25 is right, but the kernel says crc=25 NO/,
    },
    {
      says: 'a right checksum that is not the printed one',
      text: '91 01 4b 46 7f ff 0f 10 25 : crc=26 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n',
      kind: 'bad-checksum',
      message: /the checksum 25 is right, but the kernel says crc=26 YES/,
    },
    {
      says: 'a verdict of the kernel that the bytes do not bear',
      text: '91 01 4b 46 7f ff 0f 10 26 : crc=26 YES\n91 01 4b 46 7f ff 0f 10 26 t=25062\n',
      kind: 'bad-checksum',
      message: /expected the checksum 25, found 26/,
    },
    {
      says: 'two lines that do not say the same',
      text: '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=26062\n',
      kind: 'bad-checksum',
      message: /expected t=25062/,
    },
  ])('$says', async ({ text, kind, message }) => {
    const read = await saying(text);
    await expect(read()).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  test('a file of a test of another project whose checksum does not fit its bytes', async () => {
    const vector = ALL.find(({ id }) => id.endsWith('w1_slave/-10.125'));
    const read = await saying(withNewline(vector as Vector));
    await expect(read()).rejects.toMatchObject({ kind: 'bad-checksum' });
  });
});

test('a kernel file that is bad, empty, and there again gives its value at the end (w1thermsensor#105)', async () => {
  const read = await saying(
    '50 05 4b 46 7f ff 0c 10 2c : crc=1c NO\n50 05 4b 46 7f ff 0c 10 2c t=85000\n',
    '',
    '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n',
  );
  await expect(read()).rejects.toMatchObject({ kind: 'bad-checksum' });
  await expect(read()).rejects.toMatchObject({ kind: 'timeout' });
  expect(await read()).toEqual([{ id: 'temperature', value: 25.0625 }]);
});

test('ten bad checksums in a row are the wire or the chip, and one good one ends the row', async () => {
  const bad = '50 05 55 00 7f ff 0c 11 21 : crc=7f NO\n50 05 55 00 7f ff 0c 11 21 t=85000\n';
  const good = '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n';
  const read = await saying(...Array.from({ length: 11 }, () => bad), good, bad);
  const messages: string[] = [];
  for (let i = 0; i < 13; i++) messages.push(await read().then(String, (error: Error) => error.message));
  const blames = messages.map((message) => /the wire is bad, or the chip is a bad copy/.test(message));
  expect(blames).toEqual([...Array.from({ length: 9 }, () => false), true, true, false, false]);
});

test.each([
  ['cut off by the kernel', '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n'],
  ['empty', ''],
  ['refused by the kernel with a right checksum', '91 01 4b 46 7f ff 0f 10 25 : crc=25 NO\n91 01 4b 46 7f ff 0f 10 25 t=25062\n'],
])('files that are %s say nothing of the wire or the chip', async (_says, text) => {
  const bad = '50 05 55 00 7f ff 0c 11 21 : crc=7f NO\n50 05 55 00 7f ff 0c 11 21 t=85000\n';
  const read = await saying(...Array.from({ length: 9 }, () => bad), ...Array.from({ length: 12 }, () => text), bad);
  const messages: string[] = [];
  for (let i = 0; i < 22; i++) messages.push(await read().then(String, (error: Error) => error.message));
  expect(messages.map((message) => message.includes('in a row')).indexOf(true)).toBe(21);
  expect(messages[21]).toMatch(/10 times in a row/);
});

test('the bits that a chip set to fewer bits does not define do not count', async () => {
  // 9 bits (configuration 1f): 25.0625 is 25.0. The checksum is another program's.
  const read = await saying(printed('91014b461fff0f10b5', 25_062));
  expect(await read()).toEqual([{ id: 'temperature', value: 25 }]);
});

test.each([{ rom: '10-000801b5a7a6' }, { rom: '28-xyz' }, {}])('does not accept the options %j', (options) => {
  expect(w1Therm.with.safeParse(options).success).toBe(false);
});

describe('what went wrong on the wire or in the file', () => {
  const withCrc = ALL.filter(({ input }) => /^28[0-9a-f]{14}$/.test(input) || /^[0-9a-f]{18}$/.test(input));

  test.each(withCrc)('the CRC that judges is that of $id, unless it is the bad one', ({ input, expected }) => {
    const all = bytes(input);
    expect(crcOf(all.subarray(0, -1), CRC_MAXIM) === all.at(-1)).toBe(String(expected['rom_crc_ok']) !== 'false');
  });

  test(
    'gives no temperature of a scratchpad whose checksum is wrong',
    async () => {
      const texts = ALL.filter(({ input }) => input.includes('YES')).map(withNewline);
      const scratchpads = [...withCrc.map(({ input }) => input), ...texts.map(firstLine)].filter(({ length }) => length === 18);
      const file = fc.oneof(
        // A kernel that finds everything right leaves it to us.
        mutated(scratchpads.map(bytes)).map((scratchpad) => printed(hex(scratchpad), milliOf(scratchpad))),
        mutated(texts.map((text) => new TextEncoder().encode(text))).map((text) => Buffer.from(text).toString('latin1')),
      );
      let text = '';
      const bus = { readThermometer: async () => Uint8Array.from(Buffer.from(text, 'latin1')) };
      const device = await w1Therm.open(bus, deviceSpec('ds18b20', { rom: ROM }, ['temperature']), new TestClock());
      const property = fc.asyncProperty(file, async (garbled) => {
        text = garbled;
        const values = await device.read?.(NO_ABORT).catch((error: unknown) => {
          if (!isHardwareError(error)) throw error;
        });
        if (values === undefined) return true;
        const scratchpad = bytes(firstLine(garbled));
        const isRight = crcOf(scratchpad.subarray(0, 8), CRC_MAXIM) === scratchpad[8];
        // Data sheet, figures 4 and 10: of twelve bits those below the configured ones are not defined.
        const step = 0.0625 * 2 ** (3 - (((scratchpad[4] ?? 0) >> 5) % 4));
        const degrees = Math.floor(rawOf(scratchpad) / 16 / step) * step;
        const [found] = values;
        return isRight && degrees >= -55 && degrees <= 125 && found !== undefined && 'value' in found && found.value === degrees;
      });
      await untraced(() => fc.assert(property, { numRuns: MUTATED_COUNT }));
    },
    MUTATED_MS_MAX,
  );
});

/** Hexadecimal, without the spaces. */
function firstLine(text: string): string {
  return text.slice(0, 27).replaceAll(' ', '');
}

/** Two's complement, low byte first. */
function rawOf([low = 0, high = 0]: Uint8Array): number {
  return low + 256 * high - (high > 127 ? 65_536 : 0);
}

function milliOf(scratchpad: Uint8Array): number {
  return Math.trunc((rawOf(scratchpad) * 1000) / 16);
}
