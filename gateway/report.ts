import type { ChannelConfig } from '../config/config.ts';
import type { Value } from '../drivers/reading.ts';

/** 10.1 − 10 is a little less than 0.1 in binary: a step counts when it is reached to one part in a million. */
const STEP_SHARE = 1 - 1e-6;

/** A value that is to become an observation, and the monotonic time that it stands for. */
export interface Due {
  readonly value: Value;
  readonly uncalibrated: Value;
  readonly atMs: number;
}

/** Decides which of the good values of a channel become observations. */
export interface Report {
  accept(value: Value, uncalibrated: Value, nowMs: number): readonly Due[];
  /** What a window holds that has ended without a value after it. */
  due(nowMs: number): readonly Due[];
  /** What an unfinished window holds at the end of the program. */
  finish(nowMs: number): readonly Due[];
}

export function openReport(rule: ChannelConfig['report']): Report {
  if (rule === undefined) return everyValue;
  return 'of' in rule ? windowReport(rule.of, rule.windowMs) : changeReport(rule.onChange, rule.atLeastMs);
}

const none = (): readonly Due[] => [];
const everyValue: Report = { accept: (value, uncalibrated, atMs) => [{ value, uncalibrated, atMs }], due: none, finish: none };

/** What becomes of a window's values, kept as they come: a window may be a day of readings. */
interface Summary {
  add(value: Value): void;
  readonly value: Value;
}

interface OpenWindow {
  readonly endMs: number;
  readonly value: Summary;
  readonly uncalibrated: Summary;
}

/** Windows lie on a grid of the monotonic clock; what one holds is stamped at its end. */
function windowReport(of: 'mean' | 'max' | 'min' | 'last', windowMs: number): Report {
  let open: OpenWindow | undefined;
  const close = (atMs: number): readonly Due[] => {
    if (open === undefined) return [];
    const due = { value: open.value.value, uncalibrated: open.uncalibrated.value, atMs };
    open = undefined;
    return [due];
  };
  const due = (nowMs: number) => (open !== undefined && nowMs >= open.endMs ? close(open.endMs) : []);
  return {
    accept: (value, uncalibrated, nowMs) => {
      const ended = due(nowMs);
      const endMs = (Math.floor(nowMs / windowMs) + 1) * windowMs;
      open ??= { endMs, value: summaryOf(of), uncalibrated: summaryOf(of) };
      open.value.add(value);
      open.uncalibrated.add(uncalibrated);
      return ended;
    },
    due,
    finish: close,
  };
}

function summaryOf(of: 'mean' | 'max' | 'min' | 'last'): Summary {
  if (of === 'last') return newest();
  let count = 0;
  let kept = 0;
  const merge = {
    mean: (value: number) => kept + value,
    max: (value: number) => Math.max(kept, value),
    min: (value: number) => Math.min(kept, value),
  }[of];
  return {
    add: (value) => {
      const number = Number(value);
      kept = count === 0 ? number : merge(number);
      count += 1;
    },
    get value() {
      return of === 'mean' ? kept / count : kept;
    },
  };
}

/** A state and a text have no mean, but they have a last value. */
function newest(): Summary {
  let value: Value = 0;
  return {
    add: (next) => {
      value = next;
    },
    get value() {
      return value;
    },
  };
}

/** The first value, every change (for numbers: of at least `step` since the last one told), and one every `atLeastMs`. */
function changeReport(step: true | number, atLeastMs: number | undefined): Report {
  let told: { value: Value; atMs: number } | undefined;
  const isDue = (value: Value, nowMs: number) => {
    if (told === undefined) return true;
    if (atLeastMs !== undefined && nowMs - told.atMs >= atLeastMs) return true;
    if (step === true || typeof value !== 'number' || typeof told.value !== 'number') return value !== told.value;
    return Math.abs(value - told.value) >= step * STEP_SHARE;
  };
  return {
    accept: (value, uncalibrated, nowMs) => {
      if (!isDue(value, nowMs)) return [];
      told = { value, atMs: nowMs };
      return [{ value, uncalibrated, atMs: nowMs }];
    },
    due: none,
    finish: none,
  };
}
