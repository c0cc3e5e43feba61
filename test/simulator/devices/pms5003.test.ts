import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/pms5003.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

// Commands as PyPMS sends them.
const SLEEP = '424de400000173';
const WAKE = '424de400010174';
const PASSIVE = '424de100000170';
const ACTIVE = '424de100010171';
const READ = '424de200000171';

function sensor(values: Readonly<Record<string, number>> = { pm1: 5, pm2_5: 8, pm10: 11 }) {
  const simulated = model(context({ driver: 'pms5003' }, values));
  const ask = (command: string, atMs: number) => simulated.receive(bytes(command), atMs).map((answer) => hex(answer.bytes));
  const unasked = (atMs: number) => hex(simulated.unasked?.frame(atMs) ?? new Uint8Array(0));
  return { simulated, ask, unasked };
}

/** The sum that a data frame should end with, in hexadecimal. */
function sumOf(frame: string): string {
  const sum = bytes(frame.slice(0, -4)).reduce((total, byte) => total + byte, 0);
  return sum.toString(16).padStart(4, '0');
}

const captures = vectors('pms5003_7003').filter(({ id, kind }) => kind === 'capture' && id.includes('PMSx003'));

test.each(captures)('begins as the captured frame $input for its values', ({ expected, input }) => {
  const { unasked } = sensor({ pm1: Number(expected['pm01']), pm2_5: Number(expected['pm25']), pm10: Number(expected['pm10']) });
  const frame = unasked(5000);
  // Head, length and six concentrations; nobody says what counts belong to them.
  expect(frame.slice(0, 32)).toBe(input.slice(0, 32));
  expect([frame.length, frame.slice(-4)]).toEqual([64, sumOf(frame)]);
});

test('rounds to whole micrograms and counts particles even in clean air', () => {
  const frame = sensor({ pm1: 0.2, pm2_5: 0.4, pm10: 0.6 }).unasked(5000);
  expect(frame.slice(8, 32)).toBe('000000000001000000000001');
  expect(frame.slice(32, 36)).not.toBe('0000');
});

test('sends zeros in good frames until its fan turns', () => {
  const { ask, unasked } = sensor();
  ask(SLEEP, 10_000);
  ask(WAKE, 20_000);
  const zero = `424d001c${'00'.repeat(24)}9700`;
  expect(unasked(22_999)).toBe(zero + sumOf(`${zero}0000`));
  expect(unasked(23_000)).not.toContain(zero);
});

test('hears nothing but the command to wake while it sleeps, which it does not confirm', () => {
  const { ask, unasked } = sensor();
  expect(ask(SLEEP, 5000)).toEqual(['424d0004e4000177']);
  expect([unasked(6000), ask(ACTIVE, 6000), ask(READ, 6000)]).toEqual(['', [], []]);
  expect(ask(WAKE, 7000)).toEqual([]);
  expect(unasked(10_000)).not.toBe('');
});

test('speaks by itself only in active mode, and when asked only in the passive one', () => {
  const { ask, unasked } = sensor();
  expect(ask(READ, 5000)).toEqual([]);
  expect(ask(PASSIVE, 5000)).toEqual(['424d0004e1000174']);
  expect(unasked(6000)).toBe('');
  expect(ask(READ, 6000)).toHaveLength(1);
  expect(ask(ACTIVE, 7000)).toEqual(['424d0004e1010175']);
  expect(unasked(8000)).not.toBe('');
});

test('takes a command in pieces and after noise, and none with a wrong sum', () => {
  const { ask } = sensor();
  expect(ask(`ff424d00${SLEEP.slice(0, 6)}`, 5000)).toEqual([]);
  expect(ask(SLEEP.slice(6), 5001)).toHaveLength(1);
  const { ask: askAnother, unasked } = sensor();
  expect(askAnother(SLEEP.replace('0173', '0174'), 5000)).toEqual([]);
  expect(unasked(6000)).not.toBe('');
});
