// What the devices of a site must have told the gateway, from what their models showed and what their data sheets say that
// a chip makes of it.

import type { ChannelConfig, DeviceConfig } from '../../config/config.ts';
import { shownSignals } from '../support/shown-signals.ts';
import { type Sample, SEED, type SiteRun, START_WALL_MS } from './site-run.ts';

/** A meter that is asked twice in one read, first for a part and then for all, has told the second; a read of one takes less. */
const READ_MS_MAX = 500;

/** One value of one reading as it leaves the device. */
export interface Answer {
  readonly atMs: number;
  readonly value: number | boolean;
  /** How far from what it showed the device may be, either way. */
  readonly slack: number;
}

/** What a chip makes of the world, and which of its measurements answers a poll where there are several. */
interface Chip {
  readonly answers: 'first' | 'last' | 'every';
  tell(reading: string, value: number): number;
  /** Steps of what it tells, where they cannot be computed without its calibration. */
  slack?(reading: string): number;
}

const exactly = (step: number) => (_: string, value: number) => Math.round(value / step) * step;
const singlePrecision = (_: string, value: number) => Math.fround(value);

const BME280_STEPS: Readonly<Record<string, number>> = { temperature: 0.01, humidity: 0.008, pressure: 0.0025 };

const CHIPS: Readonly<Record<string, Chip>> = {
  // BST-BME280-DS002 table 1: steps of 0.01 °C, 0.008 % and 0.18 Pa, of which each piece has its own; and for the pressure
  // what formulas in whole numbers cut off (§4.2.3).
  bme280: { answers: 'last', tell: (_, value) => value, slack: (id) => BME280_STEPS[id] ?? 0 },
  // Technical Note 2009.04, p. 10: 1.2 counts per lux. Darkness is measured twice.
  bh1750: { answers: 'last', tell: exactly(1 / 1.2) },
  // Floats. In the first second it measures for nobody.
  dnms: { answers: 'last', tell: singlePrecision },
  // SHT3x-DIS §4.13: sixteen bits from -45 to 130 °C, and from 0 to 100 %.
  sht3x: {
    answers: 'last',
    tell: (id, value) => (id === 'temperature' ? exactly(175 / 65535)(id, value + 45) - 45 : exactly(100 / 65535)(id, value)),
  },
  // Protocol V1.3: tenths of µg/m³, a frame each second. The first one after the question is taken.
  sds011: { answers: 'first', tell: exactly(0.1) },
  // Data sheet 19-7487, table 1: sixteenths of a degree at 12 bits.
  w1_therm: { answers: 'last', tell: exactly(1 / 16) },
  // The meters of the example sites speak single precision.
  'modbus-map': { answers: 'every', tell: singlePrecision },
};

/** When a device is to be polled: at its start, or when it has warmed up, and from then on at its period. */
export function ticksOf({ everyMs, duty }: DeviceConfig, forMs: number): number[] {
  const firstMs = duty !== undefined && duty.runMs < everyMs ? duty.runMs : 0;
  return Array.from({ length: Math.floor((forMs - firstMs) / everyMs) + 1 }, (_, index) => firstMs + index * everyMs);
}

/** What one reading was asked and answered, oldest first. */
export function answersOf(run: SiteRun, device: DeviceConfig, channel: ChannelConfig): Answer[] {
  if (device.driver === 'digital-in') return stateAnswers(run, device, channel);
  if (device.driver === 'pulse-counter') return pulseAnswers(run, device, channel);
  const chip = CHIPS[device.driver];
  if (chip === undefined) throw new Error(`nothing says how ${device.driver} tells its readings: add it to CHIPS`);
  const { reading } = channel;
  const samples = (run.samples.get(`${device.id}.${reading}`) ?? []).filter(({ atMs }) => !isSilent(run, device.id, atMs));
  return picked(samples, ticksOf(device, run.forMs), chip.answers).map(({ atMs, value }) => ({
    atMs,
    value: chip.tell(reading, value),
    slack: chip.slack?.(reading) ?? 0,
  }));
}

/** Polls of a device to which nothing came, by when they were due. */
export function unansweredTicks(run: SiteRun, device: DeviceConfig): number[] {
  const [channel] = device.channels;
  const ticks = ticksOf(device, run.forMs);
  const [firstMs] = ticks;
  if (channel === undefined || firstMs === undefined) return [];
  const answered = new Set(answersOf(run, device, channel).map(({ atMs }) => Math.floor((atMs - firstMs) / device.everyMs)));
  return ticks.filter((_, index) => !answered.has(index));
}

function isSilent({ faults }: SiteRun, device: string, atMs: number): boolean {
  return faults.some(
    (fault) =>
      fault.at === 'device' && fault.device === device && fault.kind === 'silent' && fault.fromMs <= atMs && atMs < fault.toMs,
  );
}

/** The samples that answered polls: of those between two ticks the first or the last, or of each read the last. */
function picked(samples: readonly Sample[], ticks: readonly number[], answers: Chip['answers']): Sample[] {
  if (answers === 'every')
    return samples.filter(({ atMs }, i) => (samples[i + 1]?.atMs ?? Number.POSITIVE_INFINITY) - atMs > READ_MS_MAX);
  const found: Sample[] = [];
  let at = 0;
  for (const [index, dueMs] of ticks.entries()) {
    const endMs = ticks[index + 1] ?? Number.POSITIVE_INFINITY;
    while ((samples[at]?.atMs ?? endMs) < dueMs) at += 1;
    const firstAt = at;
    while ((samples[at]?.atMs ?? endMs) < endMs) at += 1;
    const sample = samples[answers === 'first' ? firstAt : at - 1];
    if (at > firstAt && sample !== undefined) found.push(sample);
  }
  return found;
}

/** A contact is told when it is polled, and whenever it opens or closes. */
function stateAnswers(run: SiteRun, device: DeviceConfig, { reading }: ChannelConfig): Answer[] {
  const signal = signalOf(run, device, reading);
  const moments = new Set(ticksOf(device, run.forMs));
  for (let edgeMs = signal.nextChangeMs(0); edgeMs !== undefined && edgeMs <= run.forMs; edgeMs = signal.nextChangeMs(edgeMs)) {
    moments.add(edgeMs);
  }
  return [...moments].toSorted((a, b) => a - b).map((atMs) => ({ atMs, value: signal.at(atMs) !== 0, slack: 0 }));
}

/** A bucket tips each time that it is full; a reading is the tips since the last one, or since midnight in the place of the site. */
function pulseAnswers(run: SiteRun, device: DeviceConfig, { resets }: ChannelConfig): Answer[] {
  const perTip = Number((device.spec.with as Readonly<Record<string, unknown>>)['per_tip']);
  const tips = tipsOf(run, device, perTip);
  const moments = [...ticksOf(device, run.forMs), run.forMs];
  const until = (atMs: number) => tips.filter((tipMs) => tipMs <= atMs).length;
  const midnightMs = midnightBefore(run);
  return moments.map((atMs, index) => {
    const sinceMs = resets === 'daily' ? midnightMs(atMs) : (moments[index - 1] ?? -1);
    return { atMs, value: (until(atMs) - until(sinceMs)) * perTip, slack: 0 };
  });
}

/** The world's rain falls evenly for ten seconds at a time. */
const RAIN_STEP_MS = 10_000;
const HOUR_MS = 3_600_000;

/** When the bucket tipped. */
function tipsOf(run: SiteRun, device: DeviceConfig, perTip: number): number[] {
  const signal = signalOf(run, device, 'rain');
  const tips: number[] = [];
  let fell = 0;
  for (let atMs = 0; atMs < run.forMs; atMs += RAIN_STEP_MS) {
    const inStep = (signal.at(atMs) * RAIN_STEP_MS) / HOUR_MS;
    for (let nextAt = (tips.length + 1) * perTip; nextAt <= fell + inStep; nextAt += perTip) {
      tips.push(atMs + ((nextAt - fell) / inStep) * RAIN_STEP_MS);
    }
    fell += inStep;
  }
  return tips;
}

/** The newest midnight in the place of the site before a moment, or just before the start of the run. */
function midnightBefore({ config, forMs }: SiteRun): (atMs: number) => number {
  const format = new Intl.DateTimeFormat('sv', { timeZone: config.gateway.timezone });
  const dayAt = (atMs: number) => format.format(START_WALL_MS + atMs);
  const hours = Array.from({ length: Math.floor(forMs / HOUR_MS) + 1 }, (_, index) => index * HOUR_MS);
  const midnights = hours.filter((atMs) => atMs > 0 && dayAt(atMs) !== dayAt(atMs - 1));
  return (atMs) => midnights.findLast((midnightMs) => midnightMs <= atMs) ?? -1;
}

function signalOf(run: SiteRun, device: DeviceConfig, reading: string) {
  const signal = shownSignals(device, run.config, { seed: SEED, startWallMs: START_WALL_MS }).get(reading);
  if (signal === undefined) throw new Error(`nothing says what ${device.id}.${reading} shows`);
  return signal;
}
