import type { ChannelConfig } from '../config/config.ts';
import type { Value } from '../drivers/reading.ts';
import { type CounterDoubt, type NoteEvent, openCounter } from './counter.ts';
import type { Quality } from './record.ts';

/** Whether a value can be true, and the code of the reason when it is doubtful. */
export interface Judgement {
  readonly quality: Quality;
  readonly reason?: Doubt;
}

/**
 * Why a value is not believed: what its counter tells, outside the board's range, changed too fast, the same for too long, a
 * count of which it is known that something is missing.
 */
export type Doubt = CounterDoubt | 'out-of-range' | 'flat' | 'at-least';

export const GOOD: Judgement = { quality: 'good' };

export function suspect(reason: Doubt): Judgement {
  return { quality: 'suspect', reason };
}

interface Sample {
  readonly value: number;
  readonly raw: Value;
  readonly monotonicMs: number;
}

/** Judges the values of one reading, one after the other. */
export interface Plausibility {
  /** `raw` as the device sent it, `value` calibrated. */
  judge(value: Value, raw: Value, nowMs: number): Judgement;
}

/**
 * The rules of a reading: its valid range, its largest step, how long it may stay the same, and what a total may do, which is
 * what its counter tells. `lastTotal`: where a total stood when the gateway ended.
 */
export function openPlausibility(channel: string, config: ChannelConfig, note: NoteEvent, lastTotal?: number): Plausibility {
  const { valid, maxStep, flatAfterMs, rollover } = config;
  const isTotal = config.kind === 'total' && config.resets === undefined;
  const counter = isTotal ? openCounter(channel, rollover, note, lastTotal) : undefined;
  let lastGood: Sample | undefined;
  let sameSince: { readonly raw: Value; readonly sinceMs: number } | undefined;

  const doubt = (value: number, raw: Value, nowMs: number): Doubt | undefined => {
    if (sameSince?.raw !== raw) sameSince = { raw, sinceMs: nowMs };
    if (valid !== undefined && (value < valid[0] || value > valid[1])) return 'out-of-range';
    if (maxStep !== undefined && lastGood !== undefined && nowMs - lastGood.monotonicMs <= maxStep.withinMs) {
      if (stepBetween(lastGood, value, raw, rollover) > maxStep.by) return 'jump';
    }
    if (flatAfterMs !== undefined && nowMs - sameSince.sinceMs >= flatAfterMs) return 'flat';
    // What the meter itself counts: a calibration moves where it begins anew.
    return typeof raw === 'number' ? counter?.(raw).doubt : undefined;
  };

  return {
    judge(value, raw, nowMs) {
      if (typeof value !== 'number') return GOOD;
      const reason = doubt(value, raw, nowMs);
      if (reason !== undefined) return suspect(reason);
      lastGood = { value, raw, monotonicMs: nowMs };
      return GOOD;
    },
  };
}

/** How far `value` is from a sample before it; of a counter, over the end of its range where that is shorter. */
function stepBetween(from: Sample, value: number, raw: Value, rollover: number | undefined): number {
  const step = Math.abs(value - from.value);
  if (rollover === undefined || typeof raw !== 'number' || typeof from.raw !== 'number' || raw >= from.raw) return step;
  const fallen = from.raw - raw;
  // A calibration stretches the way over the end as it does the one back.
  return Math.min(step, (step * Math.abs(rollover - fallen)) / fallen);
}
