import { describe, expect, it } from 'vitest';
import type { Entry } from '../../gateway/uplink/entry.ts';
import { Sent } from '../../gateway/uplink/sent.ts';

function entry(sequence: number, second: number, monotonicMs = second * 1_000): Entry {
  return { sequence, sensor: 'a', second, value: '1', boot: 'boot', monotonicMs };
}

describe('what was sent', () => {
  it('is remembered for some minutes of a large site, and then forgotten', () => {
    const sent = new Sent();
    const all = Array.from({ length: 20_000 }, (_, index) => entry(index + 1, index));
    for (let from = 0; from < all.length; from += 100) sent.add(all.slice(from, from + 100));
    expect(all.slice(-4_096).every(sent.covers)).toBe(true);
    expect(all.slice(0, -9_000).some(sent.covers)).toBe(false);
  });

  it('covers what is really of the same second, and not what a clock set back has given the same one', () => {
    const sent = new Sent();
    sent.add([entry(1, 100)]);
    expect(sent.covers(entry(2, 100, 100_400))).toBe(true);
    expect(sent.covers(entry(2, 100, 160_000))).toBe(false);
  });

  it('stands beside others of the same second, each once, however often it is told of', () => {
    const sent = new Sent();
    const [first, second, third] = [entry(1, 100), entry(2, 100, 160_000), entry(3, 100, 220_000)];
    sent.add([first, second]);
    sent.add([first]);
    expect(sent.besides([third, second])).toEqual([first]);
    expect(sent.besides([third])).toEqual([first, second]);
  });
});
