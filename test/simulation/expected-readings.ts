// Which readings the journal and the city must have of a run of a site, and what they have instead. The rules of the site
// (calibration, report, precision) are applied here once more, as its format describes them.

import type { ChannelConfig, OutputConfig } from '../../config/config.ts';
import type { Observation } from '../../gateway/record.ts';
import type { InCity } from './comparison.ts';
import { type Answer, answersOf } from './device-answers.ts';
import { type SiteRun, START_WALL_MS } from './site-run.ts';

/** From the measurement in the chip to the reading in the gateway, at most. */
const TRANSIT_MS_MAX = 1_000;
/** From the start until a device is open. */
const OPENED_MS_MAX = 5_000;
/** Of a value, for what adding up in another order does to its last digits. */
const ROUNDING = 1e-9;
/** More complaints say no more. */
const COMPLAINTS_PER_READING_MAX = 3;
const COMPLAINTS_MAX = 20;

/** A reading that there must be. */
export interface Expected {
  readonly channel: string;
  readonly sensor: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: number | boolean;
  /** What it is without its calibration. */
  readonly raw: number | boolean;
  readonly slack: number;
  readonly precision: number;
  readonly isCalibrated: boolean;
  readonly publish: boolean;
}

/** Every reading that a run must have left, channel by channel, oldest first. */
export function expectedReadings(run: SiteRun): Expected[] {
  return [...run.config.devices.values()].flatMap((device) => [
    ...device.outputs.flatMap((output) => statesOf(run, device.id, output)),
    ...device.channels.flatMap((channel) => {
      const { sensor, precision, publish, calibrate } = channel;
      const about = {
        channel: `${device.id}.${channel.reading}`,
        sensor,
        precision,
        publish,
        isCalibrated: calibrate !== undefined,
      };
      return reported(answersOf(run, device, channel), channel, run.forMs).map((due) => ({ ...about, ...due }));
    }),
  ]);
}

/** An output is safe from the moment in which its device is opened; then each order that was carried out is a state. */
function statesOf({ records }: SiteRun, device: string, { id, sensor, safe }: OutputConfig): Expected[] {
  const output = `${device}.${id}`;
  const about = { channel: output, sensor, precision: 1, publish: true, isCalibrated: false, slack: 0 };
  const ordered = records.flatMap((record): Expected[] => {
    if (record.kind !== 'intent' || record.output !== output) return [];
    const result = records.find((each) => each.kind === 'result' && each.order === record.order && each.done);
    if (result === undefined) return [];
    return [{ ...about, fromMs: record.monotonicMs, toMs: result.monotonicMs, value: record.on, raw: record.on }];
  });
  return [{ ...about, fromMs: 0, toMs: OPENED_MS_MAX, value: safe, raw: safe }, ...ordered];
}

type Due = Pick<Expected, 'fromMs' | 'toMs' | 'value' | 'raw' | 'slack'>;

function reported(answers: readonly Answer[], { report, calibrate, kind }: ChannelConfig, endMs: number): Due[] {
  const dues = answers.map(({ atMs, value, slack }): Due => {
    return { fromMs: atMs, toMs: atMs + TRANSIT_MS_MAX, value: calibrated(value, calibrate), raw: value, slack };
  });
  if (report === undefined) return dues;
  if ('of' in report) return windows(dues, report, endMs);
  const told = changes(dues, report);
  const newest = dues.at(-1);
  // What a total has gone on by since is told at the end.
  if (kind !== 'total' || newest === undefined || newest.value === told.at(-1)?.value) return told;
  return [...told, { ...newest, fromMs: endMs, toMs: endMs + STOP_MS_MAX }];
}

function calibrated(value: number | boolean, calibrate: ChannelConfig['calibrate']): number | boolean {
  if (calibrate === undefined || typeof value === 'boolean') return value;
  if (!('offset' in calibrate)) throw new Error('no example site calibrates by points');
  return value * calibrate.scale + calibrate.offset;
}

/** What a step of the stop may take. */
const STOP_MS_MAX = 1_000;

type WindowRule = Extract<NonNullable<ChannelConfig['report']>, { readonly of: unknown }>;
type ChangeRule = Extract<NonNullable<ChannelConfig['report']>, { readonly onChange: unknown }>;

/** The means of what came in equal parts of time, each at the end of its part; the last part ends with the run. */
function windows(dues: readonly Due[], { of, windowMs }: WindowRule, endMs: number): Due[] {
  if (of !== 'mean') throw new Error(`no example site reports the ${of} of a window`);
  const byWindow = grouped(dues, ({ fromMs }) => Math.floor(fromMs / windowMs));
  return [...byWindow].map(([index, inside]) => {
    const atMs = Math.min((index + 1) * windowMs, endMs);
    // The last one ends when the outputs are safe, each of which takes its bus for a moment.
    const toMs = atMs === endMs ? atMs + STOP_MS_MAX : atMs;
    const mean = (of: 'value' | 'raw') => inside.reduce((sum, due) => sum + Number(due[of]), 0) / inside.length;
    return {
      fromMs: atMs,
      toMs,
      value: mean('value'),
      raw: mean('raw'),
      slack: Math.max(...inside.map(({ slack }) => slack)),
    };
  });
}

/** The first, each that is far enough from the last one told, and one when that is long ago. */
function changes(dues: readonly Due[], { onChange, atLeastMs = Number.POSITIVE_INFINITY }: ChangeRule): Due[] {
  const told: Due[] = [];
  for (const due of dues) {
    const last = told.at(-1);
    const step = Math.abs(Number(due.value) - Number(last?.value));
    const isFar = onChange === true ? step > 0 : step >= onChange;
    if (last === undefined || isFar || due.fromMs - last.fromMs >= atLeastMs) told.push(due);
  }
  return told;
}

/** What is wrong with the observations of a journal. */
export function journalComplaints(expected: readonly Expected[], observations: readonly Observation[]): string[] {
  const [wanted, found] = [grouped(expected, ({ channel }) => channel), grouped(observations, ({ channel }) => channel)];
  return complaints(wanted, found, (one, due) => {
    const { sensor, fromMs, toMs, value, raw, slack, isCalibrated, publish, precision } = due;
    const { monotonicMs, wallMs } = one;
    if (monotonicMs < Math.floor(fromMs) || monotonicMs > toMs) return `is of ${monotonicMs}`;
    if (Math.abs(wallMs - START_WALL_MS - monotonicMs) > 1) return `has the wall time ${wallMs}`;
    if (!isNear(one.value, value, slack)) return `is ${one.value}`;
    if (isCalibrated ? !isNear(one.uncalibrated, raw, slack) : one.uncalibrated !== undefined) {
      return `is without its calibration ${one.uncalibrated}`;
    }
    const isPlain = one.quality === 'good' && one.heldFrom === undefined && one.window === undefined;
    const isSame = one.sensor === sensor && one.publish === publish && one.precision === precision;
    return isPlain && isSame ? undefined : JSON.stringify(one);
  });
}

/** What is wrong with the observations of a city. */
export function cityComplaints(expected: readonly Expected[], observations: readonly InCity[]): string[] {
  const inOrder = observations.toSorted((a, b) => a.timestampMs - b.timestampMs);
  const [wanted, found] = [grouped(expected, ({ sensor }) => sensor), grouped(inOrder, ({ sensor }) => sensor)];
  return complaints(wanted, found, ({ timestampMs, value: text }, { fromMs, toMs, value, slack, precision }) => {
    const atMs = timestampMs - START_WALL_MS;
    if (timestampMs % 1000 !== 0 || atMs <= fromMs - 1000 || atMs > toMs) return `is of ${atMs}`;
    const isRight = typeof value === 'boolean' ? text === String(value) : isTextOf(text, value, slack, precision);
    return isRight ? undefined : `is ${text}`;
  });
}

/** Compares one by one, in order of time; empty when nothing is missing, nothing is there twice and every value is right. */
function complaints<Found>(
  expected: ReadonlyMap<unknown, readonly Expected[]>,
  found: ReadonlyMap<unknown, readonly Found[]>,
  problemOf: (one: Found, due: Expected) => string | undefined,
): string[] {
  const all = [...new Set([...expected.keys(), ...found.keys()])].flatMap((key) => {
    const [dues, ones] = [expected.get(key) ?? [], found.get(key) ?? []];
    const counts = dues.length === ones.length ? [] : [`${key}: expected ${dues.length}, found ${ones.length}`];
    const wrong = dues.flatMap((due, index) => {
      const one = ones[index];
      const problem = one === undefined ? 'is missing' : problemOf(one, due);
      return problem === undefined ? [] : [`${key} of ${due.fromMs} (${due.value}): ${problem}`];
    });
    return [...counts, ...wrong.slice(0, COMPLAINTS_PER_READING_MAX)];
  });
  return all.slice(0, COMPLAINTS_MAX);
}

function grouped<Key, One>(list: readonly One[], keyOf: (one: One) => Key): Map<Key, One[]> {
  const groups = new Map<Key, One[]>();
  for (const one of list) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

function isNear(found: unknown, value: number | boolean, slack: number): boolean {
  if (typeof value === 'boolean' || typeof found !== 'number') return found === value;
  return Math.abs(found - value) <= slack + ROUNDING * Math.max(1, Math.abs(value));
}

/** A plain decimal number without needless zeros: the multiple of the precision that is nearest to the value. */
function isTextOf(text: string, value: number, slack: number, precision: number): boolean {
  const steps = Number(text) / precision;
  const isStep = Math.abs(steps - Math.round(steps)) < 1e-6;
  return (
    /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/.test(text) && text !== '-0' && isStep && isNear(Number(text), value, slack + precision / 2)
  );
}
