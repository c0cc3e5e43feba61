import type { Value } from '../drivers/reading.ts';
import type { AlarmsStatus } from './alarms/alarms.ts';
import type { DeviceProblem, DeviceState } from './device-state.ts';
import type { PollCounts } from './device-use.ts';
import type { JournalStats } from './journal/journal.ts';
import type { OrdersStatus } from './orders/orders.ts';
import type { RulesStatus } from './rules/rules.ts';
import type { ClockStatus } from './timekeeper.ts';
import type { UplinkStatus } from './uplink/status.ts';

/** Everything `barri status` shows; the JSON of the local API's `/status`. Ages in milliseconds. */
export interface GatewayStatus {
  readonly gateway: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly measuring: {
    readonly deviceCount: number;
    readonly answeringCount: number;
    readonly newestAgeMs?: number;
    /** From the start of the gateway to its first durable observation. */
    readonly firstObservationMs?: number;
    readonly observationCount: number;
    /** How late polls start against their grid. */
    readonly lateMsP50?: number;
    readonly lateMsP99?: number;
  };
  readonly devices: readonly DeviceStatus[];
  readonly buses: readonly BusStatus[];
  /** Only those with which something is wrong, each device's own troubles aside. Missing from a gateway of an earlier version. */
  readonly readings?: readonly ReadingTrouble[];
  /** Only those with which something is wrong. Missing from a gateway of an earlier version. */
  readonly outputs?: readonly OutputTrouble[];
  /** Devices that this version cannot run, and the code of the reason. */
  readonly skipped: readonly { readonly device: string; readonly code: string }[];
  readonly stored: JournalStats;
  /** For how long calls into drivers that hang have held every thread, so that nothing could be stored. */
  readonly threadsStuckMs?: number;
  readonly clock: ClockStatus;
  /** Missing from a gateway of an earlier version, as is the next. */
  readonly alarms?: AlarmsStatus;
  readonly rules?: RulesStatus;
  /** Undefined when the site has no `sentilo:` block: nothing is sent. */
  readonly city?: UplinkStatus;
  /** Undefined when no output takes orders of the city. */
  readonly orders?: OrdersStatus;
  /** Undefined when the site has no `mqtt:` block. */
  readonly broker?: UplinkStatus;
}

export interface DeviceStatus extends PollCounts {
  readonly device: string;
  readonly board: string;
  readonly bus: string;
  readonly state: DeviceState['state'];
  readonly problem?: DeviceProblem;
  readonly sinceMs: number;
}

/** A reading of a device that answers, of which the newest read brought no value (`problem`) or one that is doubted (`reason`). */
export interface ReadingTrouble {
  readonly device: string;
  readonly reading: string;
  readonly problem?: DeviceProblem;
  readonly reason?: string;
}

/** An output that is not as it was ordered, or of which something else came than was expected. */
export interface OutputTrouble {
  readonly output: string;
  readonly problem: string;
}

export interface BusStatus {
  readonly bus: string;
  readonly type: string;
  readonly state: 'ok' | 'saturated' | 'failed';
  readonly problem?: DeviceProblem;
  /** How long it was watched, how long it was in use meanwhile, and how long of that for devices that do not answer. */
  readonly forMs: number;
  readonly busyMs: number;
  readonly probeMs: number;
  /** The share of its time that the polls need: above 1 they do not fit. */
  readonly demand: number;
  /** How long polling all its devices takes, and the shortest period in which that can be done. */
  readonly roundMs: number;
  readonly shortestPeriodMs: number;
}

/** One row of `barri read`; the JSON of `/readings` is a list of them. */
export interface ReadingRow {
  readonly device: string;
  readonly reading: string;
  readonly sensor: string;
  readonly unit: string;
  readonly precision: number;
  /** Missing until the first value. */
  readonly value?: Value;
  readonly ageMs?: number;
  /** `old` when the value is older than three periods, `none` when there is none. */
  readonly quality: 'good' | 'suspect' | 'old' | 'none';
  /** Why it is suspect or missing. */
  readonly reason?: string;
  readonly problem?: DeviceProblem;
}
