import type { ModbusStats } from '../drivers/bus/modbus-line.ts';
import type { ModbusCounts, ModbusUnit } from '../drivers/bus/modbus-unit.ts';
import type { NewestTimes } from '../drivers/newest-times.ts';
import type { Bus } from './buses.ts';
import type { RunningDevice } from './device.ts';
import type { BusStatus } from './status.ts';
import { busStatus, devicesOf, noneAnswers } from './status-of.ts';

/** Upper ends of the classes of times, milliseconds; one more class holds what took longer. */
export const TIME_CLASSES_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000] as const;
/** Requests before anything can be concluded, and the share of bad ones that is no accident. */
const REQUESTS_MIN = 100;
const REQUESTS_MIN_AT_START = 10;
const BAD_SHARE = 0.05;
/** Answers that nobody asked for which are no accident. */
const UNASKED_MIN = 3;

/** What is probably wrong with a line, from what was counted on it. */
export type BusCause =
  /** Answers of all slaves come damaged. */
  | 'wiring'
  /** Those of one come damaged, and the others' do not. */
  | 'clash-or-stub'
  /** Somebody else asks on this line. */
  | 'second-master'
  /** The adapter returns what is sent. */
  | 'echo'
  /** Answers come after their time. */
  | 'slow'
  /** Answers come twice. */
  | 'repeated'
  /** None of several devices answers. */
  | 'all-silent'
  /** Bytes come damaged on a bus that is not Modbus. */
  | 'damaged';

export interface CauseReport {
  readonly cause: BusCause;
  /** The slaves or devices that it concerns; none where it is the whole bus. */
  readonly units: readonly number[];
  readonly devices?: readonly string[];
}

/** How long something took, of the newest times. */
export interface TimesReport {
  /** Missing before the first. */
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
  /** How many fell into each of TIME_CLASSES_MS, and how many took longer. */
  readonly histogram: readonly number[];
}

/** One slave. Times are from the end of the question to the answer, without the line's own time. */
export interface UnitReport extends Readonly<ModbusCounts>, TimesReport {
  readonly unit: number;
  /** The site's devices at this address, and how often they were read: a read may take several requests. */
  readonly devices: readonly string[];
  readonly pollCount: number;
  /** What the board files of these devices could say: lines to paste. */
  readonly proposals: readonly string[];
}

/** One device. Times are from the beginning of a read to its last value, what others had the bus for in between included. */
export interface DeviceReport extends TimesReport {
  readonly device: string;
  readonly pollCount: number;
  /** Reads that failed, by the code of the problem (D2xx). */
  readonly failures: Readonly<Record<string, number>>;
}

/** One bus as `barri bus stats` shows it; the JSON of the local API's `/buses` is a list of them. */
export interface BusReport extends BusStatus {
  readonly devices: readonly DeviceReport[];
  readonly causes: readonly CauseReport[];
  /** What is counted on the wire, where it carries Modbus. */
  readonly line?: Readonly<ModbusCounts> & { readonly units: readonly UnitReport[] };
}

/** Takes the picture of all buses. */
export function busReports(buses: ReadonlyMap<string, Bus>, devices: readonly RunningDevice[]): BusReport[] {
  return [...buses.values()].map((bus) => {
    const own = devicesOf(bus, devices);
    const common = { ...busStatus(bus, own), devices: own.map(deviceReport) };
    const silent: CauseReport[] = bus.failure === undefined && noneAnswers(own) ? [{ cause: 'all-silent', units: [] }] : [];
    if (bus.line === undefined) return { ...common, causes: [...silent, ...damageOf(own)] };
    const stats = bus.line.stats();
    const { units, recent: _recent, echoNoticed, ...counts } = stats;
    return { ...common, line: { ...counts, units: unitReports(units, own) }, causes: [...silent, ...causesOf(stats)] };
  });
}

function deviceReport({ config, use }: RunningDevice): DeviceReport {
  return {
    device: config.id,
    pollCount: use.pollCount,
    failures: Object.fromEntries(use.failures),
    ...timesReport(use.times),
  };
}

function unitReports(units: ModbusStats['units'], devices: readonly RunningDevice[]): UnitReport[] {
  return [...units]
    .sort(([a], [b]) => a - b)
    .map(([unit, { counts, turnarounds }]) => {
      const at = devices.filter(({ config }) => config.address === unit);
      const proposals = at.flatMap((device) => device.proposals.map((line) => `${device.config.board}: ${line}`));
      const pollCount = at.reduce((sum, { use }) => sum + use.pollCount, 0);
      return { unit, devices: at.map(({ config }) => config.id), pollCount, ...counts, ...timesReport(turnarounds), proposals };
    });
}

function timesReport(times: NewestTimes): TimesReport {
  const histogram = [...TIME_CLASSES_MS, Number.POSITIVE_INFINITY].map((end, i) => {
    const start = TIME_CLASSES_MS[i - 1] ?? Number.NEGATIVE_INFINITY;
    return times.all.filter((ms) => ms > start && ms <= end).length;
  });
  return { p50Ms: times.percentile(0.5), p99Ms: times.percentile(0.99), histogram };
}

function damageOf(devices: readonly RunningDevice[]): CauseReport[] {
  const damaged = devices.filter(
    ({ use: { recent } }) => recent.of('poll') >= REQUESTS_MIN && recent.share('damaged') > BAD_SHARE,
  );
  return damaged.length === 0 ? [] : [{ cause: 'damaged', units: [], devices: damaged.map(({ config }) => config.id) }];
}

/** What the newest counts speak for. Two devices at one address answer at once, and only their answers come damaged. */
export function causesOf({ units, recent, echoNoticed }: Pick<ModbusStats, 'units' | 'recent' | 'echoNoticed'>): CauseReport[] {
  const causes: CauseReport[] = [];
  const known = [...units].filter(([, unit]) => isKnown(unit));
  const those = (bad: keyof ModbusCounts) => known.filter(([, unit]) => unit.recent.share(bad) > BAD_SHARE).map(([unit]) => unit);
  const damaged = those('damagedCount');
  if (damaged.length > 0) {
    // One of which nothing comes does not tell whether it would come damaged; a single one cannot be told from the line.
    const isHeard = ({ isAway, recent: its }: ModbusUnit) => !isAway && its.of('answerCount') + its.of('exceptionCount') >= 1;
    const others = known.filter(([unit, its]) => !damaged.includes(unit) && isHeard(its));
    causes.push(others.length === 0 ? { cause: 'wiring', units: [] } : { cause: 'clash-or-stub', units: damaged });
  }
  if (recent.of('unaskedCount') >= UNASKED_MIN) causes.push({ cause: 'second-master', units: [] });
  if (echoNoticed) causes.push({ cause: 'echo', units: [] });
  const slow = those('lateCount');
  if (slow.length > 0) causes.push({ cause: 'slow', units: slow });
  const repeated = those('repeatedCount');
  if (repeated.length > 0) causes.push({ cause: 'repeated', units: repeated });
  return causes;
}

/** Enough was asked to tell; where nothing good ever came, a few requests are. */
function isKnown({ counts, recent }: ModbusUnit): boolean {
  const isBadFromTheStart = counts.answerCount + counts.exceptionCount === 0 && counts.requestCount >= REQUESTS_MIN_AT_START;
  return isBadFromTheStart || recent.of('requestCount') >= REQUESTS_MIN;
}
