import type { ChannelConfig } from '../config/config.ts';
import type { Value } from '../drivers/reading.ts';
import type { Event, Quality } from './record.ts';

/** Samples that a total must stay below where it was before the meter counts as replaced. */
const LOW_SAMPLES = 3;
/** A counter that begins anew has gone on by no more than this share of its range between two polls; more may be another meter. */
const WRAP_SHARE_MAX = 0.25;
/** A rise by no more than this share of the range is believed at once; more may be a bad sample. */
const RISE_SHARE_MAX = 1 / 16;
/** The rises of so many of the newest samples tell what the next one may be. */
const RISES_KEPT_MAX = 8;
/** A counter may rise by so many times what it has risen by lately, as no load is quite even. */
const RISE_FACTOR_MAX = 2;

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
  readonly raw: Value;
  readonly monotonicMs: number;
}

/** Judges the values of one reading, one after the other. */
export interface Plausibility {
  /** `raw` as the device sent it, `value` calibrated. */
  judge(value: Value, raw: Value, nowMs: number): Judgement;
}

/**
 * The rules of a reading: its valid range, its largest step, how long it may stay the same, and what a total may do. A total
 * never falls, with two exceptions, which are events: its counter began anew (`rollover`), which shows in two samples, or the
 * meter was replaced, which shows in three that stay low. `lastTotal`: where a total stood when the gateway ended.
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
      if (stepBetween(lastGood, value, raw, config.rollover) > maxStep.by) return 'jump';
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

/**
 * What a total says: undefined when it may be believed. A counter that begins anew, and one that has gone on by a large part of
 * its range, look as one bad sample does. So the first of them is doubted, and the next one tells: it goes on from there, or
 * back to where the counter was. Steps of half the range and more look the same in both directions: they are not told apart.
 */
function openTotal(
  channel: string,
  { rollover }: ChannelConfig,
  note: NoteEvent,
  lastTotal: number | undefined,
): (value: number) => Doubt | undefined {
  const range = rollover ?? Number.POSITIVE_INFINITY;
  let before = lastTotal;
  /** What it rose by in the newest samples. One large rise that was proved, as after a pause, says nothing of the next ones. */
  let rises: readonly number[] = [];
  let low: number[] = [];
  /** The sample before this one, if it was doubted. */
  let unproven: number | undefined;

  const riseMax = () => Math.max(RISE_SHARE_MAX * range, RISE_FACTOR_MAX * Math.max(0, ...rises));
  const believe = (value: number, rise: number) => {
    before = value;
    rises = [...rises, rise].slice(-RISES_KEPT_MAX);
    low = [];
    return undefined;
  };
  const doubt = (value: number, reason: Doubt) => {
    unproven = value;
    return reason;
  };

  return (value) => {
    const first = unproven;
    unproven = undefined;
    if (before === undefined) return believe(value, 0);
    if (value >= before && value - before <= riseMax()) return believe(value, value - before);
    if (rollover !== undefined && first !== undefined && goesOn(before, first, value, rollover, riseMax())) {
      if (value < before) note('meter-rolled-over', { channel, before, after: first < before ? first : value });
      return believe(value, Math.min(ahead(before, first, rollover), ahead(first, value, rollover)));
    }
    if (value >= before) return doubt(value, 'jump');
    const last = low.at(-1);
    // Samples that fall among themselves are bad ones, not a new meter.
    low = last === undefined || value >= last ? [...low, value] : [value];
    if (low.length < LOW_SAMPLES) return doubt(value, 'fell');
    note('meter-replaced', { channel, before, after: value });
    return believe(value, 0);
  };
}

/** How far a counter that only rises has gone from one value to the next. */
function ahead(from: number, to: number, rollover: number): number {
  return to >= from ? to - from : to - from + rollover;
}

/**
 * Whether `value` goes on from `first`, a doubted step from `before`: on the way it did not come past `before` again, where a
 * counter returns to after one bad sample, and the two steps are such as the counter made, or like each other.
 */
function goesOn(before: number, first: number, value: number, rollover: number, riseMax: number): boolean {
  const hasWrapped = first < before || value < first;
  if (hasWrapped && (value >= before || (first < before && value < first))) return false;
  const step = ahead(before, first, rollover);
  const next = ahead(first, value, rollover);
  if (next > Math.max(riseMax, RISE_FACTOR_MAX * step)) return false;
  return !hasWrapped || step <= Math.max(WRAP_SHARE_MAX * rollover, riseMax, RISE_FACTOR_MAX * next);
}
