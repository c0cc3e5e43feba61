import { describe, expect, it } from 'vitest';
import { type Answer, framed, openRtu, outcome } from './support.ts';

const REQUEST_COUNT = 20_000;
const LATE_RATE = 0.05;
const LATE_MAX_MS = 3000;
const USUAL_MS = 20;

/** Mulberry32: a small seeded generator, so that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Slaves that answer each request for one register with its address, one in twenty late by up to three seconds. They
 * answer in order. `isDeaf`: while it is late a slave hears nothing; otherwise it answers everything afterwards.
 */
function lateSlaves(random: () => number, isDeaf: boolean): Answer {
  const busyUntil = new Map<number, number>();
  return (request, { clock, stream }) => {
    const unit = request[0] as number;
    const now = clock.monotonicMs();
    const freeMs = busyUntil.get(unit) ?? 0;
    if (isDeaf && freeMs > now) return;
    const delayMs = random() < LATE_RATE ? random() * LATE_MAX_MS : USUAL_MS;
    const atMs = Math.max(now + delayMs, freeMs + 8);
    busyUntil.set(unit, atMs);
    clock.timer(atMs - now, () => stream.receive(framed([unit, 3, 2, ...request.subarray(2, 4)])));
  };
}

describe.each([
  ['that answer everything in order', false, 0.8],
  ['that hear nothing while they are late', true, 0.6],
])('slaves %s', (_, isDeaf, answeredMin) => {
  it.each([1, 2])('give no value that belongs to another register, and most are given (seed %i)', async (seed) => {
    const random = randomFrom(seed);
    const { clock, bus } = await openRtu(lateSlaves(random, isDeaf));
    let answeredCount = 0;
    let wrongCount = 0;
    for (let address = 1; address <= REQUEST_COUNT; address++) {
      const unit = 1 + Math.floor(random() * 3);
      const result = await clock.run(outcome(bus.readRegisters(unit, 'holding', address, 1)));
      await clock.advance(random() * 500);
      if (!('value' in result)) continue;
      answeredCount++;
      if (Buffer.from(result.value).readUInt16BE(0) !== address) wrongCount++;
    }
    expect(wrongCount).toBe(0);
    expect(answeredCount / REQUEST_COUNT).toBeGreaterThan(answeredMin);
    expect(bus.stats().lateCount).toBeGreaterThan(REQUEST_COUNT * LATE_RATE * 0.5);
  });
});
