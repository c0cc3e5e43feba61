import { expect, test } from 'vitest';
import { createRandom } from '../../simulator/random.ts';

const draw = (random: () => number, count: number) => Array.from({ length: count }, random);

test('gives the same stream for the same seed, and others for others', () => {
  expect(draw(createRandom(7), 100)).toEqual(draw(createRandom(7), 100));
  expect(draw(createRandom(8), 5)).not.toEqual(draw(createRandom(7), 5));
});

test('forks by label alone, however much was drawn before', () => {
  const untouched = createRandom(7);
  const used = createRandom(7);
  draw(used, 1000);
  expect(draw(used.fork('a'), 10)).toEqual(draw(untouched.fork('a'), 10));
  expect(draw(used.fork('b'), 10)).not.toEqual(draw(untouched.fork('a'), 10));
  expect(draw(untouched.fork('a').fork('b'), 3)).not.toEqual(draw(untouched.fork('b').fork('a'), 3));
});

test('spreads evenly over [0, 1), in a stream and by index', () => {
  const random = createRandom('even');
  for (const numbers of [draw(random, 20_000), Array.from({ length: 20_000 }, (_, i) => random.at(i))]) {
    const tenths = new Array<number>(10).fill(0);
    for (const number of numbers) tenths[Math.floor(number * 10)] = (tenths[Math.floor(number * 10)] ?? 0) + 1;
    // 2000 expected in each, with a standard deviation of 42.
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(250);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
  }
});

test('tells indices apart that differ only above 32 bits', () => {
  const random = createRandom(1);
  expect(random.at(5)).not.toBe(random.at(5 + 4_294_967_296));
});
