import { expect, test } from 'vitest';
import type { Clock } from '../../drivers/clock.ts';
import { stampAt } from '../../gateway/stamp.ts';

const START_WALL_MS = Date.UTC(2026, 2, 29);

/** The time `nowMs` after the start of a minute, as a machine tells it: the wall clock without its fraction. */
function clockAt(nowMs: number): Clock {
  const wall = () => ({ ms: Math.floor(START_WALL_MS + nowMs), quality: 'synced' as const });
  return { monotonicMs: () => nowMs, wall, timer: () => () => {} };
}

test('what ended on a full second is stamped with that second, however late it is noticed', () => {
  for (let lateMs = 0; lateMs < 50; lateMs += 0.07) {
    expect(stampAt(clockAt(120_000 + lateMs), 'boot', 120_000), `${lateMs} ms late`).toMatchObject({
      monotonicMs: 120_000,
      wallMs: START_WALL_MS + 120_000,
    });
  }
});

test('now is stamped with what both clocks say, without their fractions', () => {
  const stamp = stampAt(clockAt(120_000.83), 'boot');
  expect(stamp).toEqual({ boot: 'boot', monotonicMs: 120_000, wallMs: START_WALL_MS + 120_000, wallQuality: 'synced' });
});
