import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/sht3x.ts';
import { hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const MEASURE = Uint8Array.of(0x24, 0x00);
const NOTHING = new Uint8Array(0);

function chip(values: Readonly<Record<string, number>>) {
  return model(context({ driver: 'sht3x', address: 0x44 }, values));
}

const frames = vectors('sht3x').filter(({ expected }) => 'temperature' in expected && 'humidity' in expected);

test.each(frames)('shows the frame of $id for its values', ({ expected, input }) => {
  const simulated = chip(expected as Record<string, number>);
  expect(simulated.transfer(MEASURE, 0, 0)).toEqual(NOTHING);
  expect(hex(simulated.transfer(NOTHING, 6, 15) ?? NOTHING)).toBe(input);
});

test('acknowledges nothing while it measures, and gives each result once', () => {
  const simulated = chip({ temperature: 20, humidity: 50 });
  simulated.transfer(MEASURE, 0, 100);
  expect(simulated.transfer(NOTHING, 6, 114.9)).toBeUndefined();
  expect(simulated.transfer(MEASURE, 0, 114.9)).toBeUndefined();
  expect(simulated.transfer(NOTHING, 6, 115)).toHaveLength(6);
  expect(simulated.transfer(NOTHING, 6, 116)).toBeUndefined();
});

test('does not acknowledge a read that comes in one transaction with the measuring command', () => {
  expect(chip({}).transfer(MEASURE, 6, 0)).toBeUndefined();
});

test('tells of a reset and of its heater in the status that the data sheet and the captured chip show', () => {
  const simulated = chip({});
  const status = (atMs: number) => hex(simulated.transfer(Uint8Array.of(0xf3, 0x2d), 3, atMs) ?? NOTHING);
  expect(status(0)).toMatch(/^8010/);
  simulated.transfer(Uint8Array.of(0x30, 0x41), 0, 1);
  simulated.transfer(Uint8Array.of(0x30, 0x6d), 0, 2);
  expect(status(3)).toBe(vectors('sht3x').find(({ id }) => id.endsWith('heater-on'))?.input);
  simulated.transfer(Uint8Array.of(0x30, 0xa2), 0, 4);
  expect(simulated.transfer(Uint8Array.of(0xf3, 0x2d), 3, 5)).toBeUndefined();
  expect(status(6)).toMatch(/^8010/);
});

test('does not acknowledge a command that it does not know', () => {
  expect(chip({}).transfer(Uint8Array.of(0x12, 0x34), 0, 0)).toBeUndefined();
});
