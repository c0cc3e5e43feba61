import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc16 } from '../../drivers/crc16.ts';
import { dsmrP1, TELEGRAM_MS_MAX } from '../../drivers/dsmr-p1.ts';
import { TELEGRAM_BYTES_MAX, TelegramScanner } from '../../drivers/dsmr-telegram.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { expectEndsAtOnce } from '../support/line-ends.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated } from '../support/mutated.ts';
import { cut, SpeakingStream } from '../support/speaking-stream.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const DATA = new URL('../data/dsmr/', import.meta.url);
const FILES = readdirSync(DATA).filter((name) => name.endsWith('.txt'));
const ALL = Object.keys(dsmrP1.produces ?? {});

/** Names of the vectors, and the codes of those that were listed by code. */
const NAMES: Readonly<Record<string, readonly [name: string, code: string]>> = {
  energy_imported: ['ELECTRICITY_IMPORTED_TOTAL', '1-0:1.8.0'],
  energy_imported_t1: ['ELECTRICITY_USED_TARIFF_1', '1-0:1.8.1'],
  energy_imported_t2: ['ELECTRICITY_USED_TARIFF_2', '1-0:1.8.2'],
  energy_exported: ['ELECTRICITY_EXPORTED_TOTAL', '1-0:2.8.0'],
  energy_exported_t1: ['ELECTRICITY_DELIVERED_TARIFF_1', '1-0:2.8.1'],
  energy_exported_t2: ['ELECTRICITY_DELIVERED_TARIFF_2', '1-0:2.8.2'],
  power_imported: ['CURRENT_ELECTRICITY_USAGE', '1-0:1.7.0'],
  power_exported: ['CURRENT_ELECTRICITY_DELIVERY', '1-0:2.7.0'],
  voltage_l1: ['INSTANTANEOUS_VOLTAGE_L1', '1-0:32.7.0'],
  voltage_l2: ['INSTANTANEOUS_VOLTAGE_L2', '1-0:52.7.0'],
  voltage_l3: ['INSTANTANEOUS_VOLTAGE_L3', '1-0:72.7.0'],
  current_l1: ['INSTANTANEOUS_CURRENT_L1', '1-0:31.7.0'],
  current_l2: ['INSTANTANEOUS_CURRENT_L2', '1-0:51.7.0'],
  current_l3: ['INSTANTANEOUS_CURRENT_L3', '1-0:71.7.0'],
  power_imported_l1: ['INSTANTANEOUS_ACTIVE_POWER_L1_POSITIVE', '1-0:21.7.0'],
  power_imported_l2: ['INSTANTANEOUS_ACTIVE_POWER_L2_POSITIVE', '1-0:41.7.0'],
  power_imported_l3: ['INSTANTANEOUS_ACTIVE_POWER_L3_POSITIVE', '1-0:61.7.0'],
  power_exported_l1: ['INSTANTANEOUS_ACTIVE_POWER_L1_NEGATIVE', '1-0:22.7.0'],
  power_exported_l2: ['INSTANTANEOUS_ACTIVE_POWER_L2_NEGATIVE', '1-0:42.7.0'],
  power_exported_l3: ['INSTANTANEOUS_ACTIVE_POWER_L3_NEGATIVE', '1-0:62.7.0'],
};

function file(name: string): string {
  return readFileSync(new URL(name, DATA), 'latin1');
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function vector(name: string) {
  const found = vectors('dsmr_p1').find(({ id }) => id.endsWith(name));
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
}

/** What is left of each byte's bits, as they go over the wire, after long division by x¹⁶ + x¹⁵ + x² + 1. */
const REMAINDERS = Array.from({ length: 256 }, (_, byte) => {
  const bits = Array.from(byte.toString(2).padStart(8, '0'), Number).reverse();
  const all = [...bits, ...new Array<number>(16).fill(0)];
  for (let at = 0; at < bits.length; at++) {
    if (all[at] === 1) for (const power of [0, 1, 14, 16]) all[at + power] = 1 - (all[at + power] ?? 0);
  }
  return Number.parseInt(all.slice(-16).reverse().join(''), 2);
});

/** The same CRC-16, by whole bytes; shares nothing with the driver's. */
function crcApart(text: string): number {
  let rest = 0;
  for (let index = 0; index < text.length; index++) {
    rest = (rest >> 8) ^ (REMAINDERS[(rest & 0xff) ^ text.charCodeAt(index)] ?? 0);
  }
  return rest;
}

/** A telegram of these objects with a right CRC. */
function telegramOf(...objects: string[]): string {
  const covered = `/ABC5\\test\r\n\r\n${objects.map((object) => `${object}\r\n`).join('')}!`;
  return `${covered}${crcApart(covered).toString(16).toUpperCase().padStart(4, '0')}\r\n`;
}

/** A meter that sends this, cut into chunks of `chunkLength`. */
async function sending(stream: string, { wanted = ALL, checksum = true, chunkLength = 20_000 } = {}) {
  const clock = new TestClock();
  const line = new SpeakingStream(clock, cut(latin1(stream), chunkLength));
  const device = await dsmrP1.open(line, deviceSpec('dsmr-p1', { checksum }, wanted), clock);
  const read = (signal = NO_ABORT) => clock.run(device.read?.(signal) ?? Promise.reject(new Error('no read')));
  return { line, clock, read };
}

async function valuesOf(stream: string, options: Parameters<typeof sending>[1] = {}) {
  const { read } = await sending(stream, options);
  return Object.fromEntries((await read()).flatMap((result) => ('value' in result ? [[result.id, result.value]] : [])));
}

describe('telegrams of others', () => {
  test.each(vectors('dsmr_p1').filter(({ kind }) => kind === 'unit-test'))(
    'gives the values of $id',
    async ({ id, input, expected }) => {
      const found = await valuesOf(input, { checksum: !id.endsWith('v2_2') });
      const { gas, water, ...electricity } = found;
      const known = Object.entries(NAMES).flatMap(([reading, [name]]) => (name in expected ? [[reading, expected[name]]] : []));
      expect(electricity).toEqual(Object.fromEntries(known));
      expect(known.length).toBeGreaterThan(5);
      expect(gas).toBe(
        expected['HOURLY_GAS_METER_READING'] ??
          expected['GAS_METER_READING'] ??
          (id.endsWith('fluvius_v171') ? 112.384 : undefined),
      );
      expect(water).toBe(id.endsWith('fluvius_v171') ? 872.234 : undefined);
    },
  );

  test.each(vectors('dsmr_p1').filter(({ kind }) => kind === 'derived'))(
    'gives the values of $id, in the unit of the board',
    async ({ input, expected }) => {
      const { gas, water, ...electricity } = await valuesOf(input);
      const known = Object.entries(NAMES).flatMap(([reading, [, code]]) => {
        const [value, unit] = (expected[code] ?? []) as unknown as [number?, string?];
        return value === undefined ? [] : [[reading, unit?.startsWith('W') ? value / 1000 : value]];
      });
      expect(electricity).toEqual(Object.fromEntries(known));
      // The first gas meter of telegram_v5_two_mbus has a place and no value.
      expect(gas).toBe((expected['0-2:24.2.1'] as unknown as [number] | undefined)?.[0]);
      expect(water).toBeUndefined();
    },
  );

  test.each(FILES)('takes %s whole, with the CRC that it has', (name) => {
    const [, covered = '', written = ''] = /^([^!]*!)([0-9A-F]*)/.exec(file(name)) ?? [];
    const isChecked = written !== '';
    if (isChecked) expect(crc16(latin1(covered), 0)).toBe(Number.parseInt(written, 16));
    const telegram = new TelegramScanner({ isChecked, withinMs: 1 }).push(latin1(file(name)));
    const lines = covered.split('\r\n').filter((line) => /^\d/.test(line));
    expect([...(telegram?.keys() ?? [])]).toEqual([...new Set(lines.map((line) => line.replace(/[(*].*/, '')))]);
  });

  test('takes a CRC without its leading zeros', async () => {
    const { read } = await sending(file('telegram_unpadded_crc.txt'), { wanted: ['gas', 'power_imported'] });
    // A meter of a heating network: it is understood, and has none of it.
    expect(await read()).toMatchObject([
      { id: 'gas', error: { kind: 'not-available', message: expect.stringMatching(/expected a gas meter/) } },
      { id: 'power_imported', error: { kind: 'not-available', message: expect.stringMatching(/1-0:1\.7\.0/) } },
    ]);
  });

  test('takes the gas of DSMR 3 from the line below', async () => {
    expect(await valuesOf(file('telegram_v3.txt'), { checksum: false })).toMatchObject({
      energy_imported_t1: 12_345.678,
      power_imported: 1.19,
      gas: 1.001,
    });
  });

  test('takes codes with the group F and more decimals', async () => {
    expect(await valuesOf(file('telegram_esy5q3da1004_v304.txt'), { checksum: false })).toEqual({
      energy_imported: 32_549.5061662,
      power_imported: 1.68821,
      power_imported_l1: 0.55729,
      power_imported_l2: 0.52162,
      power_imported_l3: 0.6093,
    });
  });
});

test('the CRC has the check value of CRC-16/ARC', () => {
  expect([crc16(latin1('123456789'), 0), crcApart('123456789')]).toEqual([0xbb3d, 0xbb3d]);
});

describe('times', () => {
  test('are those of the telegram, and of the gas meter for gas, in summer and winter', async () => {
    const wanted = ['power_imported', 'gas'];
    const { read } = await sending(vector('telegram_v4_2').input, { wanted });
    expect(await read()).toEqual([
      { id: 'power_imported', value: 2.027, deviceWallMs: Date.UTC(2016, 10, 13, 19, 57, 57) },
      { id: 'gas', value: 981.443, deviceWallMs: Date.UTC(2016, 10, 29, 19, 0, 0) },
    ]);
    const { read: readSummer } = await sending(vector('fluvius_v171').input, { wanted });
    expect(await readSummer()).toEqual([
      { id: 'power_imported', value: 0, deviceWallMs: Date.UTC(2020, 4, 12, 11, 54, 9) },
      { id: 'gas', value: 112.384, deviceWallMs: Date.UTC(2020, 4, 12, 11, 45, 58) },
    ]);
  });

  test('are missing where the meter does not say summer or winter', async () => {
    const { read } = await sending(vector('telegram_v2_2').input, { wanted: ['gas'], checksum: false });
    expect(await read()).toEqual([{ id: 'gas', value: 1.001 }]);
  });

  test.each(['632525252525S', '', '170231161005W'])('make no value of a gas meter that was read at "%s"', async (time) => {
    const { read } = await sending(telegramOf('0-1:24.1.0(003)', `0-1:24.2.1(${time})(00000.000*m3)`), { wanted: ['gas'] });
    expect(await read()).toMatchObject([
      { error: { kind: 'not-available', message: expect.stringMatching(/expected the time/) } },
    ]);
  });
});

describe('objects that give no value', () => {
  test.each([
    ['another unit', '1-0:1.7.0(00.244*kvar)', 'implausible', /found \(00\.244\*kvar\)/],
    ['no unit', '1-0:1.7.0(00.244)', 'implausible', /found \(00\.244\)/],
    ['no number', '1-0:1.7.0(--.---*kW)', 'implausible', /expected a number/],
    ['nothing', '1-0:1.7.0()', 'implausible', /found \(\)/],
    ['two groups', '1-0:1.7.0(00.244*kW)(00.244*kW)', 'implausible', /found \(00.244\*kW\)\(00/],
    ['the unit of a built-in name', '1-0:1.7.0(00.244*constructor)', 'implausible', /constructor/],
    ['another object', '1-0:2.7.0(00.244*kW)', 'not-available', /this meter does not send it/],
  ])('%s', async (_, object, kind, message) => {
    const { read } = await sending(telegramOf(object), { wanted: ['power_imported'] });
    expect(await read()).toMatchObject([
      { id: 'power_imported', error: { name: 'DeviceError', kind, message: expect.stringMatching(message) } },
    ]);
  });
});

describe('finding the telegram', () => {
  const good = vector('telegram_v4_2').input;

  test('drops the half one before two that are glued together', async () => {
    const { input, expected } = vector('stream-two-telegrams');
    const [first, second] = [expected['first'], expected['second']] as unknown as Record<string, number>[];
    expect(await valuesOf(input, { wanted: ['energy_imported_t1'], chunkLength: 100 })).toEqual({
      energy_imported_t1: first?.['ELECTRICITY_USED_TARIFF_1'],
    });
    const behindFirst = input.slice(input.indexOf('!6EEE') + 3);
    expect(await valuesOf(behindFirst, { wanted: ['energy_imported_t1'] })).toEqual({
      energy_imported_t1: second?.['ELECTRICITY_USED_TARIFF_1'],
    });
  });

  test('finds it behind any noise and any half one, however the bytes are cut', async () => {
    const noise = fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data).toString('latin1'));
    const half = fc.nat({ max: good.length - 1 }).map((count) => good.slice(0, count));
    await fc.assert(
      fc.asyncProperty(noise, half, fc.integer({ min: 1, max: 300 }), async (before, begun, chunkLength) => {
        expect(await valuesOf(before + begun + good, { wanted: ['power_imported'], chunkLength })).toEqual({
          power_imported: 2.027,
        });
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['one that was damaged', vector('fault-crc-altered').input],
    ['one without end', `/${'x'.repeat(3 * TELEGRAM_BYTES_MAX)}`],
    ['one whose CRC is cut', good.replace('!6796\r\n', '!67')],
    ['one whose line does not end behind the CRC', good.replace('!6796\r\n', '!6796 and much more')],
    ['one that has lost its CRC', good.replace('!6796', '!')],
    ['marks that end nothing', '!!!!\r\n!6796\r\n'],
  ])('goes on behind %s', async (_, before) => {
    expect(await valuesOf(before + good, { wanted: ['power_imported'] })).toEqual({ power_imported: 2.027 });
  });

  test('without a CRC it takes only one in which every line is one, and with one only where it is right', async () => {
    const old = vector('telegram_v2_2').input;
    const options = { wanted: ['power_imported'], checksum: false };
    expect(await valuesOf(old.replace('0-0:96.3.10(1)', '0-0:96.3.10(1') + old, options)).toEqual({ power_imported: 1.01 });
    const { read, clock } = await sending(old.replace('(0001.01*kW)', '(0001.0'), options);
    await expect(read()).rejects.toMatchObject({ kind: 'bad-checksum', message: expect.stringMatching(/a line that is none/) });
    expect(clock.monotonicMs()).toBe(TELEGRAM_MS_MAX);
    const { read: readChecked } = await sending(vector('fault-crc-altered').input, options);
    await expect(readChecked()).rejects.toMatchObject({ kind: 'bad-checksum' });
  });
});

describe('failures', () => {
  test.each([
    ['silence', '', 'timeout', /found silence.*data request/],
    ['half a telegram', vector('telegram_v4_2').input.slice(0, 500), 'timeout', /found 500 bytes without a whole one/],
    ['a wrong CRC', vector('fault-crc-altered').input, 'bad-checksum', /the CRC [0-9A-F]{4}, which should be/],
    ['no CRC', vector('telegram_v2_2').input, 'bad-checksum', /ends with 210d0a, which is no CRC/],
    ['the wrong speed', '\u00fe\u0080\u00f8'.repeat(40), 'timeout', /found 120 bytes.*115200 8N1/],
  ])('says what came instead: %s', async (_, stream, kind, message) => {
    const { read, line, clock } = await sending(stream);
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind, message: expect.stringMatching(message) });
    expect([clock.monotonicMs(), line.listenerCount]).toEqual([TELEGRAM_MS_MAX, 0]);
  });

  test('ends at once when the port is unplugged, and leaves nothing behind when it is aborted', async () => {
    await expectEndsAtOnce(await sending(''));
  });
});

test(
  'takes no mutated telegram whose CRC is wrong',
  () => {
    const telegrams = FILES.map(file).filter((text) => /![0-9A-F]+\r\n/.test(text));
    const glued = vector('stream-two-telegrams').input;
    fc.assert(
      fc.property(mutated([...telegrams, glued].map(latin1)), (stream) => {
        const telegram = new TelegramScanner({ isChecked: true, withinMs: 1 }).push(stream);
        if (telegram === undefined) return;
        const text = Buffer.from(stream).toString('latin1');
        const isRight = [...text.matchAll(/\/[^/!]*!(?=([0-9A-Fa-f]{1,4})\r\n)/g)].some(
          ([covered, written = '']) => crcApart(covered) === Number.parseInt(written, 16),
        );
        expect(isRight).toBe(true);
      }),
      { numRuns: MUTATED_COUNT },
    );
  },
  MUTATED_MS_MAX,
);

test(
  'stands mutated telegrams without a CRC',
  () => {
    const telegrams = FILES.map(file).filter((text) => /!\r\n/.test(text));
    fc.assert(
      fc.property(mutated(telegrams.map(latin1)), (stream) => {
        const telegram = new TelegramScanner({ isChecked: false, withinMs: 1 }).push(stream);
        for (const code of telegram?.keys() ?? []) expect(code).toMatch(/^[\d:.-]+$/);
      }),
      { numRuns: MUTATED_COUNT / 10 },
    );
  },
  MUTATED_MS_MAX,
);
