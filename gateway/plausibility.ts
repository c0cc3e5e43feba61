import type { ChannelConfig } from '../config/config.ts';
import type { Value } from '../drivers/reading.ts';
import type { Event, Quality } from './record.ts';

/** Samples that a total must stay below where it was before the meter counts as replaced. */
const LOW_SAMPLES = 3;
/** A counter that begins anew has gone on by no more than this share of its range between two polls; more is a bad sample. */
const ROLLOVER_STEP_MAX = 0.25;

/** Whether a value can be true, and the code of the reason when it is doubtful. */
export interface Judgement {
  readonly quality: Quality;
  readonly reason?: Doubt;
}

/**
 * Why a value is not believed: outside the board's range, changed too fast, a total that fell, the same for too long, a count
 * of which it is known that something is missing.
 */
export type Doubt = 'out-of-range' | 'jump' | 'fell' | 'flat' | 'at-least';

/** What a reading's values tell beside themselves, for the journal's events. */
export type NoteEvent = (code: 'meter-rolled-over' | 'meter-replaced', fields: Event['fields']) => void;

export const GOOD: Judgement = { quality: 'good' };
export const OUT_OF_RANGE: Judgement = { quality: 'suspect', reason: 'out-of-range' };
export const AT_LEAST: Judgement = { quality: 'suspect', reason: 'at-least' };

interface Sample {
  readonly value: number;
  readonly monotonicMs: number;
}

/** Judges the values of one reading, one after the other. */
export interface Plausibility {
  /** `raw` as the device sent it, `value` calibrated. */
  judge(value: Value, raw: Value, nowMs: number): Judgement;
}

/**
 * The rules of a reading: its valid range, its largest step, how long it may stay the same, and what a total may do. A total
 * never falls, with two exceptions, which are events: its counter began anew (`rollover`), or the meter was replaced, which
 * shows in three samples that stay low. `lastTotal`: where a total stood when the gateway ended.
 */
export function openPlausibility(channel: string, config: ChannelConfig, note: NoteEvent, lastTotal?: number): Plausibility {
  const { valid, maxStep, flatAfterMs } = config;
  const total = config.kind === 'total' && config.resets === undefined ? openTotal(channel, config, note, lastTotal) : undefined;
  let lastGood: Sample | undefined;
  let sameSince: { readonly raw: Value; readonly sinceMs: number } | undefined;

  const doubt = (value: number, raw: Value, nowMs: number): Doubt | undefined => {
    if (sameSince?.raw !== raw) sameSince = { raw, sinceMs: nowMs };
    if (valid !== undefined && (value < valid[0] || value > valid[1])) return 'out-of-range';
    if (maxStep !== undefined && lastGood !== undefined && nowMs - lastGood.monotonicMs <= maxStep.withinMs) {
      if (Math.abs(value - lastGood.value) > maxStep.by) return 'jump';
    }
    if (flatAfterMs !== undefined && nowMs - sameSince.sinceMs >= flatAfterMs) return 'flat';
    // What the meter itself counts: a calibration moves where it begins anew.
    return typeof raw === 'number' ? total?.(raw) : undefined;
  };

  return {
    judge(value, raw, nowMs) {
      if (typeof value !== 'number') return GOOD;
      const reason = doubt(value, raw, nowMs);
      if (reason !== undefined) return { quality: 'suspect', reason };
      lastGood = { value, monotonicMs: nowMs };
      return GOOD;
    },
  };
}

/** What a total says: undefined when it may be believed. */
function openTotal(
  channel: string,
  { rollover }: ChannelConfig,
  note: NoteEvent,
  lastTotal: number | undefined,
): (value: number) => Doubt | undefined {
  let before = lastTotal;
  let low: number[] = [];
  const believe = (value: number) => {
    before = value;
    low = [];
    return undefined;
  };
  return (value) => {
    if (before === undefined || value >= before) return believe(value);
    if (rollover !== undefined && isRollover(before, value, rollover)) {
      note('meter-rolled-over', { channel, before, after: value });
      return believe(value);
    }
    const last = low.at(-1);
    // Samples that fall among themselves are bad ones, not a new meter.
    low = last === undefined || value >= last ? [...low, value] : [value];
    if (low.length < LOW_SAMPLES) return 'fell';
    note('meter-replaced', { channel, before, after: value });
    return believe(value);
  };
}

/** Whether a counter that begins anew at `rollover` can have gone from the one to the other. */
function isRollover(before: number, after: number, rollover: number): boolean {
  const step = after + rollover - before;
  return step >= 0 && step <= ROLLOVER_STEP_MAX * rollover;
}
