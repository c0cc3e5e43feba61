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
  /** What an unfinished window holds at the end of the program. */
  finish(nowMs: number): readonly Due[];
}

export function openReport(rule: ChannelConfig['report']): Report {
  if (rule === undefined) return { accept: (value, uncalibrated, atMs) => [{ value, uncalibrated, atMs }], finish: () => [] };
  return 'of' in rule ? windowReport(rule.of, rule.windowMs) : changeReport(rule.onChange, rule.atLeastMs);
}

interface OpenWindow {
  readonly index: number;
  readonly values: number[];
  readonly uncalibrated: number[];
}

/** Windows lie on a grid of the monotonic clock; what one holds is stamped at its end. */
function windowReport(of: 'mean' | 'max' | 'min' | 'last', windowMs: number): Report {
  let open: OpenWindow | undefined;
  const close = (atMs: number): Due[] => {
    if (open === undefined) return [];
    const due = { value: summary(of, open.values), uncalibrated: summary(of, open.uncalibrated), atMs };
    open = undefined;
    return [due];
  };
  return {
    accept: (value, uncalibrated, nowMs) => {
      const index = Math.floor(nowMs / windowMs);
      const ended = open !== undefined && open.index !== index ? close((open.index + 1) * windowMs) : [];
      open ??= { index, values: [], uncalibrated: [] };
      open.values.push(Number(value));
      open.uncalibrated.push(Number(uncalibrated));
      return ended;
    },
    finish: close,
  };
}

function summary(of: 'mean' | 'max' | 'min' | 'last', values: readonly number[]): number {
  switch (of) {
    case 'mean':
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    case 'max':
      return Math.max(...values);
    case 'min':
      return Math.min(...values);
    case 'last':
      return values[values.length - 1] ?? Number.NaN;
  }
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
    finish: () => [],
  };
}
