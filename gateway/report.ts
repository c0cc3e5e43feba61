import type { ChannelConfig } from '../config/config.ts';
import type { Value } from '../drivers/reading.ts';
import { DecimalSum } from './journal/decimal-sum.ts';

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
  /** What an unfinished window holds: at the end of the program, and before a count that goes past the report. */
  finish(nowMs: number): readonly Due[];
}

/** Of deltas nothing is left out: what is told is the sum of what came since. */
export function openReport({
  report: rule,
  kind,
  counterRange,
}: Pick<ChannelConfig, 'report' | 'kind' | 'counterRange'>): Report {
  if (rule === undefined) return everyValue;
  if (kind !== 'delta')
    return 'of' in rule ? windowReport(rule.windowMs, () => summaryOf(rule.of)) : changeReport(rule, kind === 'total');
  const uncalibrated = counterRange === undefined ? sum : newest;
  return 'of' in rule ? windowReport(rule.windowMs, sum, uncalibrated) : sumReport(rule, uncalibrated);
}

const none = (): readonly Due[] => [];
const everyValue: Report = { accept: (value, uncalibrated, atMs) => [{ value, uncalibrated, atMs }], due: none, finish: none };

type OnChange = Extract<ChannelConfig['report'], { readonly onChange: unknown }>;

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
function windowReport(windowMs: number, summary: () => Summary, uncalibratedSummary = summary): Report {
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
      open ??= { endMs, value: summary(), uncalibrated: uncalibratedSummary() };
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

function sum(): Summary {
  const sum = new DecimalSum();
  return {
    add: (value) => sum.add(Number(value)),
    get value() {
      return sum.value;
    },
  };
}

/** What has come since the last one told, as soon as it is something (with a number: at least `step`), and every `atLeastMs`. */
function sumReport({ onChange, atLeastMs }: OnChange, uncalibrated: () => Summary): Report {
  const least = onChange === true ? Number.MIN_VALUE : onChange * STEP_SHARE;
  let pending: Pick<OpenWindow, 'value' | 'uncalibrated'> | undefined;
  let toldMs: number | undefined;
  const tell = (atMs: number): readonly Due[] => {
    if (pending === undefined) return [];
    const due = { value: pending.value.value, uncalibrated: pending.uncalibrated.value, atMs };
    pending = undefined;
    toldMs = atMs;
    return [due];
  };
  return {
    accept: (value, raw, nowMs) => {
      pending ??= { value: sum(), uncalibrated: uncalibrated() };
      pending.value.add(value);
      pending.uncalibrated.add(raw);
      const isTime = toldMs === undefined || (atLeastMs !== undefined && nowMs - toldMs >= atLeastMs);
      return isTime || Math.abs(Number(pending.value.value)) >= least ? tell(nowMs) : [];
    },
    due: none,
    finish: (nowMs) => (pending?.value.value === 0 ? [] : tell(nowMs)),
  };
}

/**
 * The first value, every change (for numbers: of at least `step` since the last one told), and one every `atLeastMs`. At the end
 * also the smaller change of a total: what counts pulses goes on from what was told last.
 */
function changeReport({ onChange: step, atLeastMs }: OnChange, isTotal: boolean): Report {
  let newest: Pick<Due, 'value' | 'uncalibrated'> | undefined;
  let told: { value: Value; atMs: number } | undefined;
  const isDue = (value: Value, nowMs: number) => {
    if (told === undefined) return true;
    if (atLeastMs !== undefined && nowMs - told.atMs >= atLeastMs) return true;
    if (step === true || typeof value !== 'number' || typeof told.value !== 'number') return value !== told.value;
    return Math.abs(value - told.value) >= step * STEP_SHARE;
  };
  return {
    accept: (value, uncalibrated, nowMs) => {
      newest = { value, uncalibrated };
      if (!isDue(value, nowMs)) return [];
      told = { value, atMs: nowMs };
      return [{ value, uncalibrated, atMs: nowMs }];
    },
    due: none,
    finish: (atMs) => {
      if (!isTotal || newest === undefined || newest.value === told?.value) return [];
      told = { value: newest.value, atMs };
      return [{ ...newest, atMs }];
    },
  };
}
