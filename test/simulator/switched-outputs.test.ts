import { expect, test } from 'vitest';
import { switchedOutputs } from '../../simulator/switched-outputs.ts';

test('tells what was on at a moment of the past, and nothing is on after a power cut', () => {
  const outputs = switchedOutputs();
  outputs.set('valve.open', true, 1_000);
  outputs.set('valve.open', true, 1_500);
  outputs.set('pump.switch', true, 2_000);
  outputs.allOff(3_000);
  outputs.set('valve.open', true, 4_000);
  const at = (output: string) => [999, 1_000, 2_999, 3_000, 4_000].map((atMs) => outputs.isOn(output, atMs));
  expect(at('valve.open')).toEqual([false, true, true, false, true]);
  expect(at('pump.switch')).toEqual([false, false, true, false, false]);
  expect(at('lamp.switch')).toEqual([false, false, false, false, false]);
});

test('holds what is told ahead, unless an earlier moment is told after it', () => {
  const outputs = switchedOutputs();
  outputs.set('valve.open', true, 1_000);
  outputs.set('valve.open', false, 4_000);
  const at = (...moments: number[]) => moments.map((atMs) => outputs.isOn('valve.open', atMs));
  expect(at(3_999, 4_000)).toEqual([true, false]);
  outputs.set('valve.open', true, 2_000);
  outputs.set('valve.open', false, 6_000);
  expect(at(4_000, 5_999, 6_000)).toEqual([true, true, false]);
  outputs.allOff(3_000);
  expect(at(2_999, 3_000, 5_000)).toEqual([true, false, false]);
});

test('forgets the oldest changes of an output that chatters for long', () => {
  const outputs = switchedOutputs();
  for (let nth = 0; nth < 10_000; nth += 1) outputs.set('lamp.switch', nth % 2 === 0, nth);
  expect(outputs.isOn('lamp.switch', 0)).toBe(false);
  expect([9_997, 9_998, 9_999].map((atMs) => outputs.isOn('lamp.switch', atMs))).toEqual([false, true, false]);
});
