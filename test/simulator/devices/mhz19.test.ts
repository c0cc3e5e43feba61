import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/mhz19.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const QUESTION = 'ff0186000000000079';
const WARM_MS = 200_000;

function sensor(co2: number) {
  const simulated = model(context({ driver: 'mhz19' }, { co2 }));
  return (command: string, atMs = WARM_MS) => simulated.receive(bytes(command), atMs).map((answer) => hex(answer.bytes));
}

test.each(vectors('mhz19b').filter(({ kind }) => kind === 'capture'))('answers as the captured $input', ({ input, expected }) => {
  expect(sensor(Number(expected['CO2']))(QUESTION)).toEqual([input]);
});

test('shows 400, zeros and too little before it is warm', () => {
  const ask = sensor(636);
  const shown = [1000, 10_000, 149_999, 150_000, 180_000].map((atMs) =>
    Number.parseInt(ask(QUESTION, atMs)[0]?.slice(4, 8) ?? '', 16),
  );
  expect(shown).toEqual([400, 0, 0, 509, 636]);
});

test('shows no more than its range, which can be set', () => {
  const ask = sensor(7000);
  expect(ask(QUESTION)[0]).toMatch(/^ff861388/);
  // Commands as ESPHome sends them.
  expect(ask('ff019900000027102f')).toEqual(['ff9901000000000066']);
  expect(ask(QUESTION)[0]).toMatch(/^ff861b58/);
  expect(ask('ff0179a000000000e6')).toEqual(['ff7901000000000086']);
});

test('takes a command in pieces and after noise, and none with a wrong check byte', () => {
  const ask = sensor(636);
  expect(ask(`00ff01${QUESTION.slice(0, 8)}`)).toEqual([]);
  expect(ask(QUESTION.slice(8))).toHaveLength(1);
  expect(ask(QUESTION.replace('79', '78'))).toEqual([]);
  expect(ask(QUESTION + QUESTION)).toHaveLength(2);
});
