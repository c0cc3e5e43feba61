import type { Event } from './record.ts';

/** Samples that a counter must stay below where it was before the meter counts as replaced. */
const LOW_SAMPLES = 3;
/** A rise by no more than this share of the range is believed; more may be a bad sample, or over the end another meter. */
const RISE_SHARE_MAX = 1 / 16;
/** The rises of so many of the newest samples tell what the next one may be. */
const RISES_KEPT_MAX = 8;
/** A counter may rise by so many times what it has risen by lately, as no load is quite even. */
const RISE_FACTOR_MAX = 2;

/** Significant digits of a rise: those behind are what is left when two numbers are subtracted that are nearly the same. */
const RISE_DIGITS = 12;

/** What a reading's values tell beside themselves, for the journal's events. */
export type NoteEvent = (code: 'meter-rolled-over' | 'meter-replaced', fields: Event['fields']) => void;

/** Why a sample is not believed: it rose by more than the counter does, or it fell. */
export type CounterDoubt = 'jump' | 'fell';

/** How far a counter has gone on since the sample that was believed last, and why this one is not believed, if so. */
export interface Counted {
  readonly rise: number;
  readonly doubt?: CounterDoubt;
}

/**
 * Tells of each sample of a counter whether it may be believed. A counter never falls, with two exceptions, which are events:
 * it began anew at `rollover`, which shows in two samples, or the meter was replaced, which shows in three that stay low.
 * `last`: where it stood when the gateway ended.
 *
 * A counter that begins anew, and one that has gone on by a large part of its range, look as one bad sample does. So the first
 * of them is doubted, and the next one tells: it goes on from there, or back to where the counter was. Steps of half the range
 * and more look the same in both directions: they are not told apart.
 */
export function openCounter(
  channel: string,
  rollover: number | undefined,
  note: NoteEvent,
  last: number | undefined,
): (value: number) => Counted {
  const range = rollover ?? Number.POSITIVE_INFINITY;
  let before = last;
  /** What it rose by in the newest samples. One large rise that was proved, as after a pause, says nothing of the next ones. */
  let rises: readonly number[] = [];
  let low: number[] = [];
  /** Where it was before it fell for good and what was told of its fall, for as long as it stands where it fell to. */
  let fallen: { readonly from: number; readonly told: number } | undefined;
  /** The sample before this one, if it was doubted. */
  let unproven: number | undefined;

  const riseMax = () => Math.max(RISE_SHARE_MAX * range, RISE_FACTOR_MAX * Math.max(0, ...rises));
  const believe = (value: number, rise: number, usualRise = rise): Counted => {
    if (value !== before) fallen = undefined;
    before = value;
    rises = [...rises, usualRise].slice(-RISES_KEPT_MAX);
    low = [];
    return { rise };
  };
  const doubted = (value: number, doubt: CounterDoubt): Counted => {
    unproven = value;
    return { rise: 0, doubt };
  };

  return (value) => {
    const first = unproven;
    unproven = undefined;
    if (before === undefined) return believe(value, 0);
    if (fallen !== undefined && isBack(before, fallen.from, value, riseMax(), rises)) {
      if (first === undefined || first < fallen.from || first > value) return doubted(value, 'jump');
      return believe(value, Math.max(0, ahead(fallen.from, value) - fallen.told), 0);
    }
    if (value >= before && value - before <= riseMax()) return believe(value, ahead(before, value));
    if (rollover !== undefined && first !== undefined && goesOn(before, first, value, rollover, riseMax())) {
      if (value < before) note('meter-rolled-over', { channel, before, after: first < before ? first : value });
      const usualRise = Math.min(ahead(before, first, rollover), ahead(first, value, rollover));
      const [from, told] = [before, ahead(before, value, rollover)];
      const counted = believe(value, told, usualRise);
      if (value < from) fallen = { from, told };
      return counted;
    }
    if (value >= before) return doubted(value, 'jump');
    const lowest = low.at(-1);
    // Samples that fall among themselves are bad ones, not a new meter.
    low = lowest === undefined || value >= lowest ? [...low, value] : [value];
    if (low.length < LOW_SAMPLES) return doubted(value, 'fell');
    note('meter-replaced', { channel, before, after: value });
    const from = before;
    const counted = believe(value, 0);
    fallen = { from, told: 0 };
    return counted;
  };
}

/** How far a counter that only rises has gone from one value to the next. */
function ahead(from: number, to: number, rollover = 0): number {
  return Number((to >= from ? to - from : to - from + rollover).toPrecision(RISE_DIGITS));
}

/**
 * Whether a counter that has fallen from `from` to `before`, and has stood there since, is back: a device that starts may show
 * zeros for a while. It has then made in one step, and a larger one than it makes lately, just the way to where it was. One such
 * sample may be a bad one.
 */
function isBack(before: number, from: number, value: number, riseMax: number, rises: readonly number[]): boolean {
  return value >= from && value - from <= riseMax && value - before > RISE_FACTOR_MAX * Math.max(0, ...rises);
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
  // A sample beyond the range, as of a wider register: no counter goes on by all of its range, nor backwards over its end.
  if (step < 0 || step >= rollover || next < 0 || ahead(before, value, rollover) >= rollover) return false;
  if (next > Math.max(riseMax, RISE_FACTOR_MAX * step)) return false;
  return !hasWrapped || step <= Math.max(riseMax, RISE_FACTOR_MAX * next);
}
