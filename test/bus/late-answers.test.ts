// Answers that come after their question was given up must never become the value of another question, and must not cost
// many others either. Beside it, in the same rig, a library that does nothing about them.

import modbusSerial from 'modbus-serial';
import { describe, expect, it } from 'vitest';
import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import { withDeadline } from '../../drivers/clock.ts';
import { IS_DEEP } from '../journal/kit.ts';
import { type Answer, type Bench, framed, openRtu, outcome } from './support.ts';

const REQUEST_COUNT = IS_DEEP ? 1_000_000 : 100_000;
const UNITS = 10;
const LATE_RATE = 0.05;
const LATE_MAX_MS = 3000;
const USUAL_MS = 20;
/** Between two requests to one unit. */
const PAUSE_MS = 2000;
const TIMEOUT_MS = 300;

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

type Read = (unit: number, address: number) => Promise<Uint8Array>;

/** Every unit is asked for one register after the other, none waiting for another unit's; `address` also tells what is right. */
async function askAll({ clock }: Bench, read: Read, random: () => number, requestCount: number) {
  const counts = { answered: 0, wrong: 0 };
  const ask = async (unit: number) => {
    for (let i = 0; i < requestCount / UNITS; i++) {
      await new Promise<void>((resolve) => void clock.timer(random() * PAUSE_MS, resolve));
      const address = 1 + Math.floor(random() * 65_000);
      const result = await outcome(read(unit, address));
      if (!('value' in result)) continue;
      counts.answered += 1;
      if (Buffer.from(result.value).readUInt16BE(0) !== address) counts.wrong += 1;
    }
  };
  await clock.run(Promise.all(Array.from({ length: UNITS }, (_, i) => ask(i + 1))));
  return counts;
}

const reader =
  (bus: ModbusBus): Read =>
  (unit, address) =>
    bus.readRegisters(unit, 'holding', address, 1);

/** modbus-serial's own client on the same line: one request at a time, and its answer is waited for as long. */
function libraryReader({ clock, stream }: Bench): Read {
  const port = { isOpen: true, open: (done: () => void) => done(), once: () => {}, removeListener: () => {} };
  const client = new modbusSerial.default({
    ...port,
    on: (event: string, listener: (frame: Buffer) => void) => {
      if (event === 'data') stream.onBytes((bytes) => listener(Buffer.from(bytes)));
    },
    write: (frame: Uint8Array) => void stream.write(frame),
  } as never);
  client.open(() => {});
  const late = () => new Error('no answer');
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (unit: number, address: number) =>
    new Promise<Uint8Array>((resolve, reject) => {
      client.writeFC3(unit, address, 1, (error: Error | null, data: { buffer: Uint8Array }) => {
        if (error === null) resolve(data.buffer);
        else reject(error);
      });
    });
  return (unit, address) => {
    const work = () => withDeadline(clock, TIMEOUT_MS, new AbortController().signal, late, () => ask(unit, address));
    const mine = turn.then(work, work);
    turn = mine.catch(() => {});
    return mine;
  };
}

describe.each([
  ['that answer everything in order', false],
  ['that hear nothing while they are late', true],
])('slaves %s, one answer in twenty up to three seconds late', (_, isDeaf) => {
  it(`${REQUEST_COUNT.toLocaleString('en')} requests: none of them gives another register's value, and nine in ten are answered`, async () => {
    const random = randomFrom(isDeaf ? 2 : 1);
    const bench = await openRtu(lateSlaves(random, isDeaf), { timeoutMs: TIMEOUT_MS });
    const { answered, wrong } = await askAll(bench, reader(bench.bus), random, REQUEST_COUNT);
    expect(wrong).toBe(0);
    expect(answered / REQUEST_COUNT).toBeGreaterThan(0.9);
    expect(bench.line.stats().lateCount).toBeGreaterThan(REQUEST_COUNT * LATE_RATE * 0.5);
  }, 600_000);

  it('modbus-serial alone gives values of other registers', async () => {
    const random = randomFrom(isDeaf ? 2 : 1);
    const bench = await openRtu(lateSlaves(random, isDeaf), { timeoutMs: TIMEOUT_MS });
    bench.line.close();
    const { answered, wrong } = await askAll(bench, libraryReader(bench), random, 10_000);
    expect(answered).toBeGreaterThan(5_000);
    expect(wrong).toBeGreaterThan(0);
  }, 60_000);
});
