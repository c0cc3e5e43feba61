// Chips on I2C whose answers went wrong on the wire.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ads1115 } from '../../drivers/ads1115.ts';
import { analog } from '../../drivers/analog.ts';
import { bh1750 } from '../../drivers/bh1750.ts';
import { bme280 } from '../../drivers/bme280.ts';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { digitalIn } from '../../drivers/digital-in.ts';
import { dnms } from '../../drivers/dnms.ts';
import type { DeviceSpec, Driver, PortNeed } from '../../drivers/driver.ts';
import { isHardwareError } from '../../drivers/errors.ts';
import { mcp23017 } from '../../drivers/mcp23017.ts';
import { isReading } from '../../drivers/reading.ts';
import { scd4x } from '../../drivers/scd4x.ts';
import { sht3x } from '../../drivers/sht3x.ts';
import { CRC_SENSIRION, crcOf } from '../support/crc.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { EagerClock } from '../support/eager-clock.ts';
import { bytes } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated, untraced } from '../support/mutated.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
/** So many times each opened device is read: what one bad answer leaves behind must not harm the next read. */
const READ_COUNT = 10;

/** What a chip answers to each question, all in hex, in the order in which it is asked. */
type Answers = readonly (readonly [question: string, answer: string])[];
/** The same: questions as numbers. */
type Garbled = ReadonlyMap<number, Uint8Array>;
/** The good readings of one read. */
type Values = Readonly<Record<string, number>>;
type Range = readonly [min: number, max: number];

/** All answers of a read as one stretch of bytes, mutated. A master always gets as many as it asked for: behind the end, ones. */
function garbled(chips: readonly Answers[]): fc.Arbitrary<Garbled> {
  return fc.oneof(
    ...chips.map((chip) => {
      const parts = chip.map(([question, answer]) => [Number.parseInt(question, 16), answer.length / 2] as const);
      return mutated([bytes(chip.map(([, answer]) => answer).join(''))]).map((stretch) => {
        let at = 0;
        const answers = new Map<number, Uint8Array>();
        for (const [question, length] of parts) {
          const answer = new Uint8Array(length);
          for (let index = 0; index < length; index++) answer[index] = stretch[at + index] ?? 0xff;
          answers.set(question, answer);
          at += length;
        }
        return answers;
      });
    }),
  );
}

/** Asked in the transaction in which it answers, or in the one before it. An answer that is longer than what is read goes on with the next read. */
class Chip implements I2cBus {
  #answers: Garbled = new Map();
  #question = 0;
  #at = 0;
  /** Since the last `say`. */
  readonly said: Uint8Array[] = [];

  say(answers: Garbled): void {
    this.#answers = answers;
    this.#at = 0;
    this.said.length = 0;
  }

  async transfer(_address: number, write: Uint8Array, readLength: number): Promise<Uint8Array> {
    if (write.length > 0) this.#question = 256 * (write.length > 1 ? (write[0] ?? 0) : 0) + (write.at(-1) ?? 0);
    if (readLength === 0) return new Uint8Array(0);
    const answer = this.#answers.get(this.#question);
    if (answer === undefined) throw new Error(`nobody taught this chip to answer ${this.#question.toString(16)}`);
    const at = this.#at % answer.length;
    if (readLength < answer.length) this.#at += readLength;
    const said = answer.slice(at, at + readLength);
    this.said.push(said);
    return said;
  }
}

/** The judge of one read: what it gave, and every answer that it was given for it. */
type Judge = (values: Values, said: readonly Uint8Array[]) => boolean;

/** Reads devices whose answers went wrong after they were opened. Each read gives what `isRight` allows, or refuses; anything but a refusal is a crash. */
function stands<With>(
  says: string,
  driver: Pick<Driver<'i2c', With>, 'open'>,
  spec: DeviceSpec<With>,
  chips: readonly Answers[],
  isRight: Judge,
  share = 1,
): void {
  const reads = fc.array(garbled(chips), { minLength: READ_COUNT, maxLength: READ_COUNT });
  const property = fc.asyncProperty(reads, async (all) => {
    const chip = new Chip();
    chip.say(new Map(chips[0]?.map(([question, answer]) => [Number.parseInt(question, 16), bytes(answer)])));
    const device = await driver.open(chip, spec, new EagerClock());
    for (const answers of all) {
      chip.say(answers);
      const values = await device.read?.(NO_ABORT).then(valuesOf, refusal);
      if (values !== undefined && !isRight(values, chip.said)) return false;
    }
    return true;
  });
  const numRuns = (share * MUTATED_COUNT) / READ_COUNT;
  test(says, () => untraced(() => fc.assert(property, { numRuns })), MUTATED_MS_MAX);
}

/** What is plugged into a port, read through the chip that has it. */
function pluggedInto<With>(
  { ports }: Driver<'i2c', With>,
  port: string,
  need: PortNeed,
  user: Driver,
  own: DeviceSpec,
): Pick<Driver<'i2c', With>, 'open'> {
  return {
    open: async (bus, spec, clock) => {
      const place = ports?.open(spec, clock)(port, need, bus);
      return await user.open(place as never, own, clock);
    },
  };
}

function valuesOf(results: Awaited<ReturnType<NonNullable<Awaited<ReturnType<Driver['open']>>['read']>>>): Values {
  return Object.fromEntries(results.filter(isReading).map(({ id, value }) => [id, Number(value)]));
}

function refusal(error: unknown): undefined {
  if (!isHardwareError(error)) throw error;
}

/** False for what is not a number, too. */
function isWithin(values: Values, ranges: Readonly<Record<string, Range>>): boolean {
  return Object.entries(values).every(([id, value]) => {
    const [min = Number.NaN, max = Number.NaN] = ranges[id] ?? [];
    return value >= min && value <= max;
  });
}

/** Whether every third byte is the CRC of the two before it. */
function hasRightWords(answer: Uint8Array): boolean {
  return answer.every((byte, at) => at % 3 !== 2 || byte === crcOf(answer.subarray(at - 2, at), CRC_SENSIRION));
}

describe('words with a CRC', () => {
  test.each(vectors('sensirion_crc8'))('the CRC that judges gives $id', ({ input, expected }) => {
    expect(crcOf(bytes(input), CRC_SENSIRION)).toBe(expected['crc8']);
  });

  const good = (name: string) => vectors(name).filter(({ kind, expected }) => kind !== 'fault' && 'temperature' in expected);

  stands(
    'of an SHT3x are not taken with a wrong one',
    sht3x,
    deviceSpec('sht31', { address: 0x44 }, ['temperature', 'humidity']),
    good('sht3x').map(({ input }) => [['2400', input.slice(0, 12)]]),
    // §4.13: from no count to all of them.
    (values, said) => said.every(hasRightWords) && isWithin(values, { temperature: [-45, 130], humidity: [0, 100] }),
  );

  stands(
    'of an SCD4x are not taken with a wrong one',
    scd4x,
    deviceSpec('scd41', scd4x.with.parse({ altitude: 0, self_calibration: true }), ['co2', 'temperature', 'humidity']),
    good('scd4x').map(({ input }) => [
      ['e4b8', '800604'],
      ['ec05', input],
    ]),
    (values, said) =>
      said.every(hasRightWords) && isWithin(values, { co2: [1, 40_000], temperature: [-45, 130], humidity: [0, 100] }),
  );

  stands(
    'of a DNMS are not taken with a wrong one',
    dnms,
    deviceSpec('dnms', { address: 0x55 }, ['laeq', 'la_min', 'la_max']),
    // Levels that test/drivers/dnms.test.ts decodes.
    ['425a74147b7e422c2a5c29dc42977ff0a4a1', '424519e14887423d580a3de6426c17b8523b'].map((levels) => [
      ['0002', '444ea94d5365'],
      ['0004', '0001b0'],
      ['0005', levels],
    ]),
    (values, said) => said.every(hasRightWords) && isWithin(values, { laeq: [0, 140], la_min: [0, 140], la_max: [0, 140] }),
  );
});

describe('answers without a checksum', () => {
  const recordings = vectors('bme280_bmp280').filter(({ input }) => input.includes('0xF7'));
  const answersOf = ({ input }: (typeof recordings)[number], isBme: boolean): Answers => {
    const recorded = JSON.parse(input) as Record<string, string | null>;
    const [first = '', second, data = ''] = ['calib_0x88..', 'calib_0xE1..0xE7', 'data_0xF7..'].map((key) => recorded[key] ?? '');
    const start = [
      ['d0', isBme ? '60' : '58'],
      ['f3', '00'],
      ['88', first.slice(0, isBme ? 52 : 48)],
    ] as const;
    return isBme ? [...start, ['e1', second ?? ''], ['f7', data]] : [...start, ['f7', data.slice(0, 12)]];
  };

  for (const [name, isBme] of [
    ['BME280', true],
    ['BMP280', false],
  ] as const) {
    const wanted = ['temperature', 'pressure', ...(isBme ? ['humidity'] : [])];
    stands(
      `of a ${name} give what was measured and is in its range, or nothing`,
      bme280,
      deviceSpec('bme280', { address: 0x76 }, wanted),
      recordings.filter(({ context }) => (context['chip_id(0xD0)'] === '0x60') === isBme).map((one) => answersOf(one, isBme)),
      (values, said) => {
        // §4.2.3 and §5.4: what stands in the registers of what was not measured.
        const [p1 = 0, p2 = 0, p3 = 0, t1 = 0, t2 = 0, t3 = 0, h1 = 0, h2 = 0] = said.at(-1) ?? [];
        if (t1 === 0x80 && t2 === 0 && t3 < 0x10) return false;
        if (p1 === 0x80 && p2 === 0 && p3 < 0x10 && 'pressure' in values) return false;
        if (h1 === 0x80 && h2 === 0 && 'humidity' in values) return false;
        return isWithin(values, { temperature: [-40, 85], pressure: [300, 1100], humidity: [0, 100] });
      },
      // One decoder for both.
      0.5,
    );
  }

  stands(
    'of an ADS1115 give the code of its own input, or nothing',
    pluggedInto(ads1115, 'ain2', 'analog', analog as Driver, deviceSpec('analog-input', {}, ['value'])),
    deviceSpec('ads1115', { address: 0x48, range: 6.144 }, []),
    // The codes of other projects, and the ends of the range.
    ['52c0', 'ff50', '0001', '0000', '7fff', '8000'].map((code) => [
      ['01', 'e183'],
      ['00', code],
    ]),
    (values, said) => {
      const words = said.map(([high = 0, low = 0]) => 256 * high + low);
      const code = ((words.at(-2) ?? 0) << 16) >> 16;
      // §9.6.3: input 2 against ground, 6.144 V, once, 128 a second; bit 15 says that it is done. Before and after the code.
      const isSet = [words.at(-3), words.at(-1)].every((word) => word === 0xe183);
      return isSet && code > -0x8000 && code < 0x7fff && Math.abs(Number(values['value']) - (code * 6.144) / 32_768) < 1e-9;
    },
    0.5,
  );

  const contact = { pull: 'up', active: 'low', debounce: 30 };
  stands(
    'of an MCP23017 give the level of a pin that is set up as it was told, or nothing',
    pluggedInto(mcp23017, 'gpb3', 'digital_in', digitalIn as Driver, deviceSpec('contact', contact, ['closed'])),
    deviceSpec('mcp23017', { address: 0x20 }, []),
    // Directions and pull-up of port B, then all 22 registers with the levels of both ports behind each other (table 3-1).
    ['a55a', '0000', 'ffff'].map((levels) => [
      ['01', 'ff'],
      ['0d', '08'],
      ['00', `ffff00000000000000000000000800000000${levels}0000`],
    ]),
    (values, said) => {
      const registers = said.at(-1) ?? new Uint8Array(0);
      const isLow = ((registers[0x13] ?? 0) & 0x08) === 0;
      return registers[0x01] === 0xff && registers[0x0d] === 0x08 && values['closed'] === Number(isLow);
    },
    0.5,
  );

  const counts = ['05b0', '0000', 'ffff', 'fffe', '8390'];
  stands(
    'of a BH1750 give a count below its end, or nothing',
    bh1750,
    deviceSpec('bh1750', { address: 0x23 }, ['light']),
    counts.flatMap((first) => counts.map((second) => [['20', `${first}${second}d2f0`]] as const)),
    (values, said) => {
      const given = said.map(([high = 0, low = 0]) => 256 * high + low);
      const last = given.at(-1) ?? Number.NaN;
      // p. 10 and p. 11: 1.2 counts a lux, and at the least sensitivity 31/69 of them.
      const expected = given.includes(0xffff) ? (last / 1.2) * (69 / 31) : last / 1.2;
      return last < 0xffff && Math.abs(Number(values['light']) - expected) < 1e-6;
    },
  );
});
