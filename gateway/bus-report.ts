import type { ModbusLine, ModbusStats } from '../drivers/bus/modbus-line.ts';
import type { ModbusCounts, ModbusUnit } from '../drivers/bus/modbus-unit.ts';
import type { Bus } from './buses.ts';
import type { RunningDevice } from './device.ts';
import type { BusStatus } from './status.ts';
import { busStatus } from './status-of.ts';

/** Upper ends of the classes of turnaround times, milliseconds; one more class holds what took longer. */
export const TURNAROUND_CLASSES_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000] as const;
/** Requests before anything can be concluded, and the share of bad ones that is no accident. */
const REQUESTS_MIN = 100;
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
  | 'slow';

export interface CauseReport {
  readonly cause: BusCause;
  /** The slaves that it concerns; none where it is the whole line. */
  readonly units: readonly number[];
}

/** One slave. Times are from the end of the question to the answer, without the line's own time. */
export interface UnitReport extends Readonly<ModbusCounts> {
  readonly unit: number;
  /** The site's devices at this address. */
  readonly devices: readonly string[];
  /** Missing before the first answer. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** What the board files of these devices could say: lines to paste. */
  readonly proposals: readonly string[];
  /** How many of the newest answers fell into each of TURNAROUND_CLASSES_MS. */
  readonly histogram: readonly number[];
}

/** One bus as `barri bus stats` shows it; the JSON of the local API's `/buses` is a list of them. */
export interface BusReport extends BusStatus {
  readonly line?: Readonly<ModbusCounts> & { readonly units: readonly UnitReport[]; readonly causes: readonly CauseReport[] };
}

/** Takes the picture of all buses. */
export function busReports(buses: ReadonlyMap<string, Bus>, devices: readonly RunningDevice[]): BusReport[] {
  return [...buses.values()].map((bus) => {
    const status = busStatus(bus);
    return bus.line === undefined ? status : { ...status, line: lineReport(bus.line, bus.config.id, devices) };
  });
}

function lineReport(line: ModbusLine, bus: string, devices: readonly RunningDevice[]): NonNullable<BusReport['line']> {
  const { units, echoNoticed, ...counts } = line.stats();
  const at = (unit: number) => devices.filter(({ config }) => config.via.bus === bus && config.address === unit);
  const reports = [...units].sort(([a], [b]) => a - b).map(([unit, known]) => unitReport(unit, known, at(unit)));
  return { ...counts, units: reports, causes: causesOf({ ...counts, units, echoNoticed }) };
}

function unitReport(unit: number, known: ModbusUnit, devices: readonly RunningDevice[]): UnitReport {
  const times = known.turnaroundsMs;
  const histogram = [...TURNAROUND_CLASSES_MS, Number.POSITIVE_INFINITY].map((end, i) => {
    const start = TURNAROUND_CLASSES_MS[i - 1] ?? Number.NEGATIVE_INFINITY;
    return times.filter((ms) => ms > start && ms <= end).length;
  });
  const quantiles = times.length === 0 ? {} : { p50Ms: known.percentileMs(0.5), p99Ms: known.percentileMs(0.99) };
  const proposals = devices.flatMap((device) => device.proposals.map((line) => `${device.config.board}: ${line}`));
  return { unit, devices: devices.map(({ config }) => config.id), ...known.counts, ...quantiles, histogram, proposals };
}

/** What the counts speak for. Two devices at one address answer at once, and only their answers come damaged. */
export function causesOf({
  units,
  unaskedCount,
  echoNoticed,
}: Pick<ModbusStats, 'units' | 'unaskedCount' | 'echoNoticed'>): CauseReport[] {
  const causes: CauseReport[] = [];
  const asked = [...units].filter(([, { counts }]) => counts.requestCount >= REQUESTS_MIN);
  const those = (bad: (counts: ModbusCounts) => number) =>
    asked.filter(([, { counts }]) => bad(counts) > BAD_SHARE * counts.requestCount).map(([unit]) => unit);
  const damaged = those(({ damagedCount }) => damagedCount);
  if (damaged.length > 0) {
    const isAll = damaged.length === asked.length;
    // A single slave on the line cannot be told from the line.
    causes.push(isAll ? { cause: 'wiring', units: [] } : { cause: 'clash-or-stub', units: damaged });
  }
  if (unaskedCount >= UNASKED_MIN) causes.push({ cause: 'second-master', units: [] });
  if (echoNoticed) causes.push({ cause: 'echo', units: [] });
  const slow = those(({ lateCount }) => lateCount);
  if (slow.length > 0) causes.push({ cause: 'slow', units: slow });
  return causes;
}
