import type { OrderSource, OutputConfig } from '../../config/config.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { DeviceError } from '../../drivers/errors.ts';
import type { ChannelState } from '../channel.ts';
import type { Log } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { Observation } from '../record.ts';
import type { Refused } from './refusals.ts';

/** What someone wants of an output. */
export interface OrderRequest {
  /** `device.output` */
  readonly output: string;
  readonly on: boolean;
  /** Back to the safe state after this time, at the latest; only of an order that leads away from it. */
  readonly forMs?: number;
  /** Not begun after this monotonic time. */
  readonly untilMs?: number;
  /** Aborted when whoever asked waits no longer: what leads away from safe is not begun then. */
  readonly gone?: AbortSignal | undefined;
  /**
   * Whoever gives it keeps it too. What leads away from safe is not begun before, and never when that fails; what is safe waits
   * half a second at most. It is the newest order meanwhile.
   */
  readonly kept?: Promise<boolean>;
  readonly source: OrderSource;
  /** Who it was, for the log: the name of a user, of a rule, of a sender. */
  readonly by: string;
}

/** An order in its turn. */
export interface Placed {
  readonly id: string;
  readonly on: boolean;
  readonly forMs: number | undefined;
  /** Not begun after this monotonic time. */
  readonly untilMs?: number | undefined;
  readonly gone?: AbortSignal | undefined;
  /** Undefined: the gateway itself. */
  readonly source?: OrderSource;
  readonly from: string;
  /** Why the gateway itself gave it, where `from` does not say it all. */
  readonly why?: string | undefined;
  /** Whether whoever gave the order has kept it. */
  readonly kept?: Promise<boolean> | undefined;
  /** Whether the order became durable. */
  readonly journaled: Promise<boolean>;
}

/** Why an order was not carried out. */
export type Refusal =
  /** There is no such output. */
  | 'unknown-output'
  /** The output takes no orders from there. */
  | 'not-allowed'
  /** It has not been off for long enough. */
  | 'min-off'
  /** Another output that may not be on with it could not be switched off. */
  | 'never-with'
  /** A newer order for it came before this one was carried out. */
  | 'superseded'
  /** It was too old when its turn came. */
  | 'expired'
  /** Whoever asked had gone when its turn came. */
  | 'withdrawn'
  /** As many wait already as may. */
  | 'too-many'
  /** It was ordered too often by somebody far away. */
  | 'too-often'
  /** The journal could not keep what was about to be done. */
  | 'not-durable'
  /** The gateway stops. */
  | 'stopping'
  /** The hardware did not take it, or does not show it. */
  | 'failed';

/** What became of an order. */
export type OrderOutcome = Done | NotDone;

/** It was carried out. */
export interface Done {
  readonly done: true;
  /** Where a time was ordered and `max_on` ends it sooner: after so long, milliseconds; in whole seconds where it is more than one. */
  readonly onlyForMs?: number;
  /** Outputs (`device.output`) that were on and may not be with it: they were switched off for it. */
  readonly switchedOff?: readonly string[];
}

/** Why it was not carried out; `message` is for people. */
export interface NotDone {
  readonly done: false;
  readonly reason: Refusal;
  readonly message: string;
}

/** What became of an order that is not carried out. */
export function refused(reason: Refusal, message: string): NotDone {
  return { done: false, reason, message };
}

/** Why an order is not begun any more; undefined while it may be. */
export function lapsed({ untilMs, gone }: Pick<Placed, 'untilMs' | 'gone'>, nowMs: number): NotDone | undefined {
  if (gone?.aborted === true) return refused('withdrawn', 'whoever ordered it did not wait for it');
  return nowMs > (untilMs ?? Number.POSITIVE_INFINITY) ? refused('expired', 'it was too old when its turn came') : undefined;
}

/** Whence an output was made safe that was not where it was driven: nobody has ordered that. */
export const STRAYED = 'strayed';

/** How the reason of a `failed` order ends whose output was driven to its safe state then, and followed. */
export const WAS_MADE_SAFE = 'it was made safe';

/** How an output is, for people. Times monotonic, milliseconds. */
export interface OutputState {
  readonly output: string;
  readonly name: OutputConfig['name'];
  readonly safe: boolean;
  /** What the newest order that was not refused asked for, and who it was; undefined since the start. */
  readonly asked?: { readonly on: boolean; readonly from: string; readonly agoMs: number };
  /** The state that the hardware has taken and shown; undefined when that is not known. */
  readonly seen?: boolean;
  /** Until it goes back to its safe state by itself. */
  readonly backInMs?: number;
  /** What is wrong with it. */
  readonly problem?: string;
  /** It was switched on, and what is expected of that is waited for: whether something is wrong is not known yet. */
  readonly isAwaited?: true;
  /** Whose orders it takes. */
  readonly orders: readonly OrderSource[];
}

/**
 * The outputs of a site, and the only way to move them. An order is kept, then what is about to be done, then the output moves
 * and is read back, then what became of it is kept; a crash in between leaves an intent without a result, which nobody repeats:
 * at the start all outputs are driven to their safe states.
 */
export interface Outputs {
  /**
   * Resolves when it is done, or is known not to be. Orders for outputs that exclude each other are carried out one after the other.
   * One that is taken counts as the newest of its output before this returns.
   */
  order(request: OrderRequest): Promise<OrderOutcome>;
  /** What was refused before it came here is kept for the order log. */
  readonly refused: (refused: Refused) => void;
  /** Tells the newest order of an output from all others, whoever gave it; undefined before the first. */
  newest(output: string): string | undefined;
  states(): readonly OutputState[];
  /** A device was opened, which drives its outputs to safe: all but those that `problem` is about. */
  opened(device: string, problem: DeviceError | undefined): void;
  /** Outputs of a device, all or those that `problem` names, are not where they were driven: what is not safe is made safe. */
  strayed(device: string, problem: DeviceError): void;
  /** Somebody else drove it to its safe state, and it followed: at a stop. */
  isSafe(output: string): void;
  /** The same, and it is not known to have followed. */
  isNotSafe(output: string): void;
  /** No order is begun any more, and nothing goes back by itself: whoever calls it drives all to safe. */
  stop(): void;
}

/** What the outputs need of the gateway around them. */
export interface OutputsSurroundings {
  readonly clock: Clock;
  readonly bootId: string;
  readonly log: Log;
  readonly journal: Pick<Journal, 'append'>;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
  /** Takes the observations of states. */
  readonly keep: (observations: readonly Observation[]) => void;
  /** The newest of a reading (`device.reading`). */
  readonly latest: (reading: string) => ChannelState | undefined;
  /** When something was heard last from where such orders come from, monotonic. */
  readonly lastHeardMs: (source: OrderSource) => number | undefined;
}
