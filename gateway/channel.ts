import type { ChannelConfig } from '../config/config.ts';
import type { Clock } from '../drivers/clock.ts';
import { DeviceError } from '../drivers/errors.ts';
import { UNITS } from '../drivers/quantities.ts';
import type { Value } from '../drivers/reading.ts';
import { type Conversion, conversionOf } from './conversion.ts';
import { type NoteEvent, openCounter } from './counter.ts';
import { GOOD, type Judgement, openPlausibility, suspect } from './plausibility.ts';
import type { Observation, Quality, Stamp } from './record.ts';
import { type Due, openReport } from './report.ts';
import { stampAt } from './stamp.ts';

/** The newest that is known of a channel, for people. */
export interface ChannelState {
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  /** When it was read, monotonic. */
  readonly monotonicMs: number;
}

/**
 * One reading of one device on its way to the journal: what a counter has gone on by, conversion, calibration, valid range,
 * report rule, stamp.
 */
export interface Channel {
  readonly config: ChannelConfig;
  /** `<device>.<reading>` */
  readonly id: string;
  /**
   * Takes a value as the driver read it (`atLeast`: something was missed, it may be higher) and returns the observations that it makes: none, one, or two (a window that
   * ended before it, and itself).
   * @throws DeviceError `not-available` for a value that the board lists as a known lie, `implausible` for one that is no number
   */
  accept(value: Value, atLeast?: boolean): readonly Observation[];
  /** The observation of a window that has ended without a value after it. */
  due(): readonly Observation[];
  /** The observation of a window that is still open, stamped now; for the end of the program. */
  finish(): readonly Observation[];
  readonly latest: ChannelState | undefined;
}

/** What a channel needs of the gateway around it. */
export interface ChannelSurroundings {
  readonly clock: Clock;
  readonly boot: string;
  /** Takes what the values tell beside themselves: a meter that was replaced. */
  readonly note: NoteEvent;
  /** Of a total and of a counter: the newest durable one, as the driver gave it. */
  readonly lastTotal?: number | undefined;
}

export function openChannel(
  device: string,
  config: ChannelConfig,
  { clock, boot, note, lastTotal }: ChannelSurroundings,
): Channel {
  const id = `${device}.${config.reading}`;
  const unit = UNITS.get(config.unit)?.ucum ?? config.unit;
  const convert = conversionOf(config);
  const { counterRange } = config;
  const count = counterRange === undefined ? undefined : openCounter(id, counterRange, note, lastTotal);
  const report = openReport(config);
  const plausibility = openPlausibility(id, config, note, lastTotal);
  let latest: ChannelState | undefined;

  const toObservations = (dues: readonly Due[]) =>
    dues.map((due) => observation(due.value, due.uncalibrated, GOOD, stampAt(clock, boot, due.atMs)));

  const observation = (value: Value, uncalibrated: Value | undefined, judged: Judgement, at: Stamp): Observation => ({
    kind: 'observation',
    sensor: config.sensor,
    channel: id,
    value,
    ...(uncalibrated === undefined || uncalibrated === value || typeof uncalibrated === 'string' ? {} : { uncalibrated }),
    unit,
    precision: config.precision,
    readingKind: config.kind,
    ...(config.calibrate === undefined ? {} : { calibration: config.calibrate }),
    ...judged,
    ...(config.location === undefined ? {} : { location: config.location }),
    publish: config.publish && (judged.quality === 'good' || config.sendSuspect),
    ...at,
  });

  return {
    config,
    id,
    get latest() {
      return latest;
    },
    accept: (raw, atLeast = false) => {
      refuseLies(id, raw, config.reject);
      const counted = typeof raw === 'number' ? count?.(raw) : undefined;
      const given = counted?.rise ?? raw;
      const { value, isBeyond } =
        typeof given === 'number' ? convertedNumber(id, given, convert) : { value: given, isBeyond: false };
      const nowMs = clock.monotonicMs();
      const doubt = isBeyond ? 'out-of-range' : atLeast ? 'at-least' : counted?.doubt;
      const judged = doubt === undefined ? plausibility.judge(value, raw, nowMs) : suspect(doubt);
      latest = { value, monotonicMs: nowMs, ...judged };
      // A doubtful value is kept as it came and never enters a mean. A count goes on from it after a restart: what came before
      // it must not stand behind it in the journal.
      if (judged.quality !== 'good') {
        const isPassed = atLeast || (counted !== undefined && counted.rise > 0);
        const earlier = isPassed ? toObservations(report.finish(nowMs)) : [];
        return [...earlier, observation(value, raw, judged, stampAt(clock, boot, nowMs))];
      }
      return toObservations(report.accept(value, raw, nowMs));
    },
    due: () => toObservations(report.due(clock.monotonicMs())),
    finish: () => toObservations(report.finish(clock.monotonicMs())),
  };
}

function convertedNumber(id: string, raw: number, convert: Conversion): ReturnType<Conversion> {
  const converted = convert(raw);
  if (Number.isFinite(converted.value)) return converted;
  throw new DeviceError('implausible', `${id}: expected a number after its conversion, found ${converted.value}`);
}

function refuseLies(id: string, raw: Value, reject: readonly number[]): void {
  if (typeof raw !== 'number') return;
  if (!Number.isFinite(raw)) throw new DeviceError('implausible', `${id}: expected a number, found ${raw}`);
  if (reject.includes(raw))
    throw new DeviceError('not-available', `${id}: ${raw} is a value that this board shows when it has none`);
}
