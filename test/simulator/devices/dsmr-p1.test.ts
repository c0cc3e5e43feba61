import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/dsmr-p1.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

function telegramAt(atMs: number, checksum: boolean, values: Readonly<Record<string, number>> = {}) {
  const simulated = model(context({ driver: 'dsmr-p1', with: { checksum } }, values));
  const text = Buffer.from(simulated.unasked?.frame(atMs) ?? new Uint8Array(0)).toString('latin1');
  return { text, lines: text.split('\r\n'), everyMs: simulated.unasked?.everyMs };
}

/** CRC-16/ARC from the right end of the register, as none of the two others does it. */
function crcOf(text: string): string {
  let crc = 0;
  for (const byte of Buffer.from(text, 'latin1')) {
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (crc % 2 === 1) !== (Math.floor(byte / 2 ** bit) % 2 === 1);
      crc = Math.floor(crc / 2);
      if (isOdd) crc ^= 0xa001;
    }
  }
  return crc.toString(16).toUpperCase().padStart(4, '0');
}

test('ends a telegram with a CRC that others reckon too', () => {
  const known = vectors('dsmr_p1').find(({ id }) => id.endsWith('telegram_v4_2'))?.input ?? '';
  const mark = known.indexOf('!');
  expect(crcOf(known.slice(0, mark + 1))).toBe(known.slice(mark + 1, mark + 5));
  for (let second = 0; second < 50; second++) {
    const { text } = telegramAt(second * 1000, true, { power_imported: second / 7 });
    expect(text.slice(text.indexOf('!') + 1)).toBe(`${crcOf(text.slice(0, text.indexOf('!') + 1))}\r\n`);
  }
});

test('writes the objects of DSMR 5 as recorded telegrams have them', () => {
  const known = vectors('dsmr_p1').find(({ id }) => id.endsWith('telegram_v5_two_mbus'));
  const values = {
    energy_imported_t1: 2130.115,
    energy_imported_t2: 245.467,
    power_imported: 0.111,
    voltage_l1: 229.9,
    voltage_l2: 229.2,
    voltage_l3: 222.9,
    current_l3: 1,
    power_imported_l1: 0.056,
    power_imported_l3: 0.055,
  };
  const { lines, everyMs } = telegramAt(3_723_000, true, { ...values, gas: 246.138 });
  const recorded = known?.input.split('\r\n') ?? [];
  const measured = lines.filter((line) => /^1-0:\d+\.[78]\./.test(line));
  expect(measured).toHaveLength(18);
  for (const line of measured) expect(recorded).toContain(line);
  expect(lines).toContain('0-0:1.0.0(260301020203W)');
  expect(lines).toContain('0-1:24.2.1(260301020000W)(00246.138*m3)');
  expect(everyMs).toBe(1000);
});

test('writes those of DSMR 2.2 with the gas in a line of its own and no CRC', () => {
  const known = vectors('dsmr_p1').find(({ id }) => id.endsWith('telegram_v2_2'));
  const energy = { energy_imported_t1: 1.001, energy_imported_t2: 1.001, energy_exported_t1: 1.001, energy_exported_t2: 1.001 };
  const { lines, text, everyMs } = telegramAt(3_723_000, false, { ...energy, power_imported: 1.01, gas: 1.001 });
  const recorded = known?.input.split('\r\n') ?? [];
  // All but the identification and the time of the gas meter.
  const others = lines.slice(1).filter((line) => !line.startsWith('0-1:24.3.0'));
  for (const line of others) expect(recorded).toContain(line);
  expect(lines).toContain('0-1:24.3.0(260301020000)(00)(60)(1)(0-1:24.2.1)(m3)');
  expect(text.endsWith('\r\n!\r\n')).toBe(true);
  expect(everyMs).toBe(10_000);
});
