// Orders for outputs on the production gateway: what is kept, what moves, and what never may.

import { describe, expect, test } from 'vitest';
import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import type { Fault } from '../../simulator/faults.ts';
import { bytes } from '../support/hex.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;

/** Two valves that are never open together, one that may stay open, and a relay on a Modbus board. */
const GARDEN = `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }
devices:
  tomatoes:
    board: solenoid-valve@1
    via: gpio.pin15
    with: { active: low }
    outputs: { open: { safe: off, max_on: 60s, min_off: 30s, never_with: [lettuce.open], orders: [local] } }
  lettuce:
    board: solenoid-valve@1
    via: gpio.pin16
    with: { active: low }
    outputs: { open: { safe: off, max_on: 60s, orders: [local] } }
  lamp:
    board: relay@1
    via: gpio.pin18
    outputs: { switch: { safe: off, max_on: unlimited } }
  city_only:
    board: relay@1
    via: gpio.pin22
    outputs: { switch: { safe: off, max_on: 1h, orders: [sentilo] } }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump:
    board: relay@1
    via: relays.relay1
    outputs: { switch: { safe: off, max_on: 1h } }
`;

/** The chip lines of the pins. */
const TOMATOES = 22;
const LETTUCE = 23;

const order = ({ clock, gateway }: SimulatedGateway, output: string, on: boolean, forMs?: number) =>
  clock.run(gateway.outputs.order({ output, on, source: 'local', by: 'test', ...(forMs !== undefined && { forMs }) }));

/** Whether the valve at a line is open (low), by the levels that were driven, with the times of the changes. */
const changes = ({ levels }: SimulatedGateway, line: number, sinceMs = 0) =>
  levels.filter((each) => each.line === line && each.atMs >= sinceMs).map(({ atMs, level }) => [level ? 'closed' : 'open', atMs]);

const started = async (faults: readonly Fault[] = []) => {
  const running = await startSimulated(GARDEN, { faults });
  // Past `min_off`, which counts from the start.
  await running.clock.runUntil(40 * SECOND_MS);
  return running;
};

const stateOf = ({ gateway }: SimulatedGateway, output: string) =>
  gateway.outputs.states().find((each) => each.output === output);

describe('an order', () => {
  test('is kept, then what is about to be done, then what became of it, and the state is an observation', async () => {
    const running = await started();
    expect(await order(running, 'pump.switch', true)).toEqual({ done: true });
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: true, asked: { on: true, from: 'local: test' } });
    await running.stop();
    const kept = (await running.records()).filter(({ kind }) => ['order', 'intent', 'result'].includes(kind));
    const id = expect.any(String);
    expect(kept).toEqual([
      expect.objectContaining({ kind: 'order', id, output: 'pump.switch', on: true, from: 'local: test' }),
      expect.objectContaining({ kind: 'intent', order: id, output: 'pump.switch', on: true }),
      expect.objectContaining({ kind: 'result', order: id, output: 'pump.switch', done: true }),
      // It was on when the gateway stopped.
      expect.objectContaining({ kind: 'order', id, output: 'pump.switch', on: false, from: 'the stop' }),
      expect.objectContaining({ kind: 'result', order: id, output: 'pump.switch', done: true }),
    ]);
    const states = (await running.records()).filter(
      (record) => record.kind === 'observation' && record.channel === 'pump.switch',
    );
    // Safe at the start, as ordered, and safe at the end.
    const state = { sensor: 'trial-pump-switch', readingKind: 'state', publish: true };
    expect(states).toEqual([false, true, false].map((value) => expect.objectContaining({ value, ...state })));
    expect(running.fatal).toEqual([]);
  });

  test.each([
    ['nothing.open', 'unknown-output'],
    ['city_only.switch', 'not-allowed'],
  ])('for %s is refused: %s', async (output, reason) => {
    const running = await started();
    expect(await order(running, output, true)).toMatchObject({ done: false, reason });
    await running.stop();
  });

  test('goes back to what is safe after its time', async () => {
    const running = await started();
    const fromMs = running.clock.monotonicMs();
    expect(await order(running, 'tomatoes.open', true, 10 * SECOND_MS)).toEqual({ done: true });
    await running.clock.runUntil(fromMs + 9_900);
    expect(stateOf(running, 'tomatoes.open')).toMatchObject({ seen: true });
    await running.clock.runUntil(fromMs + 10_100);
    expect(stateOf(running, 'tomatoes.open')).toMatchObject({ seen: false, asked: { on: false, from: 'the end of its time' } });
    const moves = changes(running, TOMATOES, fromMs);
    expect(moves.map(([state]) => state)).toEqual(['open', 'closed']);
    expect(Number(moves[1]?.[1]) - Number(moves[0]?.[1])).toBeLessThanOrEqual(10 * SECOND_MS + 100);
    await running.stop();
  });

  test('that is repeated does not prolong what it may be on at most', async () => {
    const running = await started();
    const fromMs = running.clock.monotonicMs();
    for (const atMs of [0, 20, 40, 55]) {
      await running.clock.runUntil(fromMs + atMs * SECOND_MS);
      expect(await order(running, 'tomatoes.open', true)).toEqual({ done: true });
    }
    await running.clock.runUntil(fromMs + 120 * SECOND_MS);
    const closedMs = Number(changes(running, TOMATOES, fromMs).find(([state]) => state === 'closed')?.[1]);
    expect(closedMs - fromMs).toBeGreaterThanOrEqual(59 * SECOND_MS);
    expect(closedMs - fromMs).toBeLessThanOrEqual(60 * SECOND_MS + 700);
    await running.stop();
  });

  test('ends in time on a bus that is busy with slow devices, by the first moment in which it could be on', async () => {
    const meters = Array.from(
      { length: 4 },
      (_, i) => `  m${i}: { board: eastron-sdm120@1, via: line, with: { unit: ${i + 1} }, every: 2s }\n`,
    );
    const site = `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 1s } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 60s } } }
${meters.join('')}`;
    const faults = Array.from({ length: 4 }, (_, i): Fault => {
      return { at: 'device', device: `m${i}`, kind: 'late', byMs: 400, rate: 1, fromMs: 0, toMs: 3_600_000 };
    });
    const running = await startSimulated(site, { faults });
    await running.clock.runUntil(10 * SECOND_MS);
    const fromMs = running.clock.monotonicMs();
    expect(await order(running, 'pump.switch', true)).toEqual({ done: true });
    await running.clock.runUntil(fromMs + 90 * SECOND_MS);
    await running.stop();
    const states = observationsOf(await running.records(), 'pump.switch');
    const offMs = states.find(({ value, monotonicMs }) => value === false && monotonicMs > fromMs)?.monotonicMs ?? 0;
    expect(offMs - fromMs).toBeGreaterThanOrEqual(54 * SECOND_MS);
    expect(offMs - fromMs).toBeLessThanOrEqual(60 * SECOND_MS + 700);
  });

  test('waits for what has to stay off for a while', async () => {
    const running = await started();
    await order(running, 'tomatoes.open', true, SECOND_MS);
    await running.clock.runUntil(running.clock.monotonicMs() + 2 * SECOND_MS);
    const refused = await order(running, 'tomatoes.open', true);
    expect(refused).toMatchObject({ done: false, reason: 'min-off' });
    await running.clock.runUntil(running.clock.monotonicMs() + 30 * SECOND_MS);
    expect(await order(running, 'tomatoes.open', true)).toEqual({ done: true });
    await running.stop();
  });

  test('waits for that also while it is being switched off', async () => {
    const running = await startSimulated(
      GARDEN.replaceAll('switch: { safe: off, max_on: 1h }', 'switch: { safe: off, max_on: 1h, min_off: 30s }'),
    );
    await running.clock.runUntil(40 * SECOND_MS);
    await order(running, 'pump.switch', true);
    await running.clock.runUntil(50 * SECOND_MS);
    const off = running.gateway.outputs.order({ output: 'pump.switch', on: false, source: 'local', by: 'test' });
    expect(await order(running, 'pump.switch', true)).toMatchObject({ done: false, reason: 'min-off' });
    expect(await running.clock.run(off)).toEqual({ done: true });
    await running.stop();
  });

  test('waits for that also when it is not known whether it was switched off', async () => {
    const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 41_000, toMs: 46_000 };
    const site = GARDEN.replaceAll('switch: { safe: off, max_on: 1h }', 'switch: { safe: off, max_on: 1h, min_off: 30s }');
    const running = await startSimulated(site, { faults: [silent] });
    await running.clock.runUntil(42 * SECOND_MS);
    expect(await order(running, 'pump.switch', true)).toMatchObject({ done: false, reason: 'failed' });
    await running.clock.runUntil(44 * SECOND_MS);
    expect(await order(running, 'pump.switch', true)).toMatchObject({ done: false, reason: 'min-off' });
    await running.stop();
  });

  test('closes first what may not be open with it, whichever of the two says so', async () => {
    const running = await started();
    const fromMs = running.clock.monotonicMs();
    await order(running, 'tomatoes.open', true);
    await order(running, 'lettuce.open', true);
    const moves = [
      ...changes(running, TOMATOES, fromMs).map((move) => ['tomatoes', ...move]),
      ...changes(running, LETTUCE, fromMs).map((move) => ['lettuce', ...move]),
    ];
    const sorted = moves.toSorted((a, b) => Number(a[2]) - Number(b[2]));
    expect(sorted.map(([valve, state]) => `${valve} ${state}`)).toEqual(['tomatoes open', 'tomatoes closed', 'lettuce open']);
    expect(Number(sorted[2]?.[2]) - Number(sorted[1]?.[2])).toBeGreaterThanOrEqual(500);
    await running.stop();
  });

  test('gives that time to come to rest also when it was switched off by somebody else just before', async () => {
    const running = await started();
    await order(running, 'tomatoes.open', true);
    const fromMs = running.clock.monotonicMs();
    expect(await order(running, 'tomatoes.open', false)).toEqual({ done: true });
    expect(await order(running, 'lettuce.open', true)).toEqual({ done: true });
    const closedMs = Number(changes(running, TOMATOES, fromMs).find(([state]) => state === 'closed')?.[1]);
    const openMs = Number(changes(running, LETTUCE, fromMs).find(([state]) => state === 'open')?.[1]);
    expect(openMs - closedMs).toBeGreaterThanOrEqual(500);
    await running.stop();
  });

  test('that the hardware does not take is told, made safe, and is no observation', async () => {
    const running = await started([{ at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 41_000, toMs: 3_600_000 }]);
    await running.clock.runUntil(42_000);
    expect(await order(running, 'pump.switch', true)).toMatchObject({ done: false, reason: 'failed' });
    expect(stateOf(running, 'pump.switch')).toMatchObject({ problem: expect.stringContaining('no answer') });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('seen');
    await running.stop();
    const states = (await running.records()).filter(
      (record) => record.kind === 'observation' && record.channel === 'pump.switch',
    );
    // That of the start, and nothing of what nobody knows.
    expect(states).toEqual([expect.objectContaining({ value: false, monotonicMs: expect.any(Number) })]);
  });

  test('whose output cannot be made safe at the end of its time is tried again until it is', async () => {
    const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 44_000, toMs: 74_000 };
    const running = await started([silent]);
    expect(await order(running, 'pump.switch', true, 5 * SECOND_MS)).toEqual({ done: true });
    await running.clock.runUntil(50_000);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ problem: expect.stringContaining('no answer') });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('seen');
    await running.clock.runUntil(110_000);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: false });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('problem');
    expect(running.log).toContain('output-made-safe');
    await running.stop();
    expect(running.fatal).toEqual([]);
  });

  test('whose output was silent for some seconds is made safe soon after it answers again', async () => {
    const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 44_000, toMs: 54_700 };
    const running = await started([silent]);
    expect(await order(running, 'pump.switch', true, 5 * SECOND_MS)).toEqual({ done: true });
    await running.clock.runUntil(54_600);
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('seen');
    await running.clock.runUntil(56_000);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: false });
    await running.stop();
  });

  test('of a hundred at once: the newest for which there is room is carried out, and each that is kept has a result', async () => {
    const running = await started();
    const { clock, gateway } = running;
    const placed = Array.from({ length: 100 }, () =>
      gateway.outputs.order({ output: 'pump.switch', on: true, source: 'local', by: 'test' }),
    );
    const outcomes = await clock.run(Promise.all(placed));
    expect(outcomes.filter(({ done }) => done)).toHaveLength(1);
    expect(outcomes.at(-1)).toMatchObject({ reason: 'too-many' });
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: true });
    await running.stop();
    const records = await running.records();
    const idsOf = (kind: 'order' | 'result') =>
      records.flatMap((record) => {
        if (record.kind !== kind) return [];
        return record.kind === 'order' ? [record.id] : record.kind === 'result' ? [record.order] : [];
      });
    expect(idsOf('result')).toEqual(idsOf('order'));
  });

  test('of a hundred at once to what is safe: one is carried out, and all are answered by it', async () => {
    const running = await started();
    const { clock, gateway } = running;
    expect(await order(running, 'pump.switch', true)).toEqual({ done: true });
    const sinceMs = clock.monotonicMs();
    const placed = Array.from({ length: 100 }, () =>
      gateway.outputs.order({ output: 'pump.switch', on: false, source: 'local', by: 'test' }),
    );
    const outcomes = await clock.run(Promise.all(placed));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome)))).toEqual(new Set(['{"done":true}']));
    const asked = running.frames.filter(
      ({ direction, bytes, atMs }) => direction === 'out' && bytes[0] === 30 && atMs >= sinceMs,
    );
    // Written once and read back.
    expect(asked.map(({ bytes }) => bytes[1])).toEqual([5, 1]);
    expect(running.log).not.toContain('bus-lost');
    await running.stop();
  });

  test('to what is safe overtakes one that has not been sent, which is never sent after it', async () => {
    const running = await started();
    const { clock, gateway } = running;
    const place = (on: boolean) => gateway.outputs.order({ output: 'pump.switch', on, source: 'local', by: 'test' });
    const on = place(true);
    // It is durable after eight milliseconds, and its frame needs some more on the line.
    await clock.runUntil(clock.monotonicMs() + 9);
    const off = place(false);
    expect(await clock.run(Promise.all([on, off]))).toEqual([
      { done: false, reason: 'superseded', message: expect.any(String) },
      { done: true },
    ]);
    const written = running.frames.filter(({ direction, bytes }) => direction === 'out' && bytes[0] === 30 && bytes[1] === 5);
    expect(written.at(-1)?.bytes[4]).toBe(0);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: false, asked: { on: false } });
    await running.stop();
    expect(running.fatal).toEqual([]);
  });

  test('is not carried out while the disk takes nothing, but what is safe is', async () => {
    const running = await started([
      { at: 'disk', code: 'ENOSPC', operations: ['pwrite', 'fdatasync', 'open'], fromMs: 50_000, toMs: 3_600_000 },
    ]);
    await order(running, 'lamp.switch', true);
    await running.clock.runUntil(52_000);
    expect(await order(running, 'pump.switch', true)).toMatchObject({ done: false, reason: 'not-durable' });
    expect(await order(running, 'lamp.switch', false)).toEqual({ done: true });
    await running.stop();
  });

  test('that comes while the gateway stops moves nothing', async () => {
    const running = await started();
    const fromMs = running.clock.monotonicMs();
    const { clock, gateway } = running;
    const stopping = gateway.stop();
    const ordered = gateway.outputs.order({ output: 'tomatoes.open', on: true, source: 'local', by: 'test' });
    await clock.run(stopping);
    expect(await ordered).toMatchObject({ done: false, reason: 'stopping' });
    expect(changes(running, TOMATOES, fromMs).filter(([state]) => state === 'open')).toEqual([]);
  });
});

describe('a relay board that has started anew by itself', () => {
  /** Function 5, coil 0 of unit 30, on and off, with their checksums (serial line V1.02 appendix B), computed apart from the product. */
  const [ON, OFF] = [bytes('1e050000ff008e55'), bytes('1e0500000000cfa5')];

  /** A gateway whose relay board can be switched past it. */
  async function startedWithBoard() {
    let board: OpenByteStream | undefined;
    const running = await startSimulated(GARDEN.replace('via: relays.relay1\n', 'via: relays.relay1\n    every: 10s\n'), {
      between: (host) => {
        const serial: typeof host.buses.serial = async (...how) => {
          board = await host.buses.serial(...how);
          return board;
        };
        return { ...host, buses: { ...host.buses, serial } };
      },
    });
    await running.clock.runUntil(45 * SECOND_MS);
    return {
      running,
      restart: (frame: Uint8Array) => running.clock.run(board?.write(frame) ?? Promise.reject(new Error('closed'))),
    };
  }

  test('with its relays on is switched off at the next look, and it is told', async () => {
    const { running, restart } = await startedWithBoard();
    await restart(ON);
    const sinceMs = running.clock.monotonicMs();
    await running.clock.runUntil(sinceMs + 12 * SECOND_MS);
    const written = running.frames.filter(
      ({ atMs, direction, bytes }) => direction === 'out' && bytes[1] === 5 && atMs > sinceMs,
    );
    expect(written.map(({ bytes }) => bytes[4])).toEqual([0]);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: false, problem: 'switch: expected the level low, found high' });
    expect(running.log).toContain('output-fault');
    await running.stop();
    const faults = (await running.records()).filter((record) => record.kind === 'event' && record.code === 'output-fault');
    expect(faults).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ output: 'pump.switch', reason: 'strayed' }) }),
    ]);
    expect(running.fatal).toEqual([]);
  });

  test('with its relays off is known to be off, and is not switched on again', async () => {
    const { running, restart } = await startedWithBoard();
    expect(await order(running, 'pump.switch', true)).toEqual({ done: true });
    await restart(OFF);
    const sinceMs = running.clock.monotonicMs();
    await running.clock.runUntil(sinceMs + 12 * SECOND_MS);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: false, asked: { on: false, from: 'strayed' } });
    await running.clock.runUntil(sinceMs + 60 * SECOND_MS);
    const written = running.frames.filter(
      ({ atMs, direction, bytes }) => direction === 'out' && bytes[1] === 5 && atMs > sinceMs,
    );
    expect(new Set(written.map(({ bytes }) => bytes[4]))).toEqual(new Set([0]));
    await running.stop();
  });
});
