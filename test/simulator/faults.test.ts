import { expect, test } from 'vitest';
import { VirtualClock } from '../../simulator/clock.ts';
import { activeFault, type Fault, onFaultEdges } from '../../simulator/faults.ts';
import { turn } from '../../simulator/wire/turn.ts';

const BUSY: Fault = { at: 'bus', bus: 'a', kind: 'busy', fromMs: 10, toMs: 20 };
const HANG: Fault = { at: 'bus', bus: 'b', kind: 'hang', fromMs: 15, toMs: Number.POSITIVE_INFINITY };
const PAST: Fault = { at: 'power', fromMs: 0, toMs: 5 };

test('a fault is active from its beginning until just before its end', () => {
  const at = (nowMs: number) => activeFault([PAST, BUSY, HANG], 'bus', nowMs)?.bus;
  expect([9.9, 10, 19.9, 20, 1e12].map(at)).toEqual([undefined, 'a', 'a', 'b', 'b']);
  expect(activeFault([BUSY, HANG], 'bus', 16, ({ kind }) => kind === 'hang')).toBe(HANG);
  expect(activeFault([BUSY], 'device', 16)).toBeUndefined();
});

test('tells of each beginning and each end once, and at once of what has begun already', async () => {
  const clock = new VirtualClock(0, turn);
  await clock.runUntil(12);
  const edges: string[] = [];
  onFaultEdges(clock, [PAST, BUSY, HANG], (fault, begins) => {
    edges.push(`${clock.monotonicMs()} ${fault.at === 'bus' ? fault.kind : fault.at} ${begins}`);
  });
  await clock.runUntil(100);
  expect(edges).toEqual(['12 busy true', '15 hang true', '20 busy false']);
  expect(clock.pendingCount).toBe(0);
});
