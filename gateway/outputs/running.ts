import type { OrderSource, OutputConfig } from '../../config/config.ts';
import { timePassed, timeTaken } from '../../config/duration.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { BusError, DeviceError } from '../../drivers/errors.ts';
import type { Log } from '../host.ts';
import type { Observation, Stamp } from '../record.ts';
import { groupsOf, type Turns } from './groups.ts';
import { type Done, type NotDone, type OrderRequest, type OutputState, refused } from './output.ts';
import { openRate, type Rate } from './rate.ts';

/** UCUM's way of saying that it is no measurement. */
const STATE_UNIT = '{state}';
/** What `max_on` limits goes back so many times earlier than its last switching took, as the next may fail or wait … */
const LEAD_FACTOR = 3;
/** … but not by more than this share of `max_on`. */
const LEAD_SHARE_MAX = 0.1;

/** An order that is cut short by less than this is not told so: its time is given in whole seconds. */
const SHORTER_MS_MIN = 500;

/** Whence it goes back when the time of an order is over. */
export const END_OF_TIME = 'the end of its time';

/** A device as far as its outputs go. */
export interface Switchable {
  readonly config: { readonly id: string; readonly outputs: readonly OutputConfig[] };
  /** Who answers for it: devices that are parts of one board have the same. Absent: it alone. */
  readonly board?: string;
  /**
   * Drives an output and checks that it took it. Returns what failed; `expired` where `isInTime` said no before it was sent. `leftMs`
   * tells how long it may stay away from its safe state from then on at most, for a board that ends that by itself.
   */
  switchTo(
    output: string,
    on: boolean,
    isInTime?: () => boolean,
    leftMs?: () => number,
  ): Promise<BusError | DeviceError | undefined>;
  /** How long it may take until what makes it safe has got through. */
  readonly safeMs: number;
  /** Keeps its bus free for what makes it safe at `atMs`. Returns what ends that. */
  holdFor(atMs: number): () => void;
}

/** One output while the gateway runs. */
export interface Running {
  readonly id: string;
  readonly config: OutputConfig;
  readonly device: Switchable;
  /** Runs orders that lead away from what is safe one at a time, of all outputs that exclude each other. */
  readonly turns: Turns;
  /** The newest order that was placed, and who gave it; an older one that has not begun is superseded. */
  newest: string | undefined;
  newestFrom: string | undefined;
  asked: { readonly on: boolean; readonly from: string; readonly atMs: number } | undefined;
  /** What the hardware showed last; undefined when that is not known. */
  seen: boolean | undefined;
  /** How often an order for it has ended, or somebody else has told where it is. */
  heardCount: number;
  /** Since when it has been off, as far as is known: not before it was seen so for the first time. */
  offSinceMs: number;
  /** Since when it may have been on. */
  onSinceMs: number | undefined;
  /** How long it took to switch it last, from the order of its hardware to what that showed. */
  switchMs: number;
  backAtMs: number | undefined;
  cancelBack: () => void;
  /** Ends the waiting for what is expected of it. */
  cancelExpected: () => void;
  /** Ends the waiting for the city. */
  cancelCity: () => void;
  /** Lets go of the bus that is kept free for it to go back. */
  release: () => void;
  problem: string | undefined;
  /** What it did not do last time it was on. */
  fault: string | undefined;
  /** It is on, and it is waited for whether it does it this time. */
  isAwaited: boolean;
  /** How often it was ordered by whom: nobody uses up what another may. */
  readonly rates: Readonly<Record<OrderSource, Rate>>;
}

/** How an output was before an order for it was to be sent. */
export type Before = Pick<Running, 'asked' | 'seen' | 'heardCount' | 'onSinceMs' | 'backAtMs'>;

/** The outputs of all devices, by `device.output`. */
export function runningOutputs(devices: readonly Switchable[], nowMs: number): ReadonlyMap<string, Running> {
  const all = devices.flatMap((device) =>
    device.config.outputs.map((config) => ({ id: `${device.config.id}.${config.id}`, device, config })),
  );
  const groups = groupsOf(new Map(all.map(({ id, config }) => [id, config.neverWith])));
  return new Map(
    all.map(({ id, device, config }): [string, Running] => [
      id,
      {
        id,
        config,
        device,
        turns: groups.get(id) as Turns,
        newest: undefined,
        newestFrom: undefined,
        asked: undefined,
        seen: undefined,
        heardCount: 0,
        offSinceMs: nowMs,
        onSinceMs: undefined,
        switchMs: 0,
        backAtMs: undefined,
        cancelBack: () => {},
        cancelExpected: () => {},
        cancelCity: () => {},
        release: () => {},
        problem: undefined,
        fault: undefined,
        isAwaited: false,
        rates: { rules: openRate(), local: openRate(), sentilo: openRate(), mqtt: openRate() },
      },
    ]),
  );
}

/** Nothing of what waited for it happens any more. */
export function letGo({ cancelBack, cancelExpected, cancelCity, release }: Running): void {
  for (const end of [cancelBack, cancelExpected, cancelCity, release]) end();
}

/** When it goes back to its safe state, and why; undefined when it may stay. The order that switched it is over at `orderedMs`. */
export function backOf(
  { config: { safe, maxOnMs }, device, switchMs }: Running,
  onSinceMs: number,
  orderedMs: number,
): { readonly atMs: number; readonly from: string } | undefined {
  // What is safe may last.
  const leadMs = Math.min(Math.max(LEAD_FACTOR * switchMs, device.safeMs), LEAD_SHARE_MAX * (maxOnMs ?? 0));
  const mostMs = maxOnMs === undefined || safe ? Number.POSITIVE_INFINITY : onSinceMs + maxOnMs - leadMs;
  const atMs = Math.min(orderedMs, mostMs);
  if (atMs === Number.POSITIVE_INFINITY) return undefined;
  return { atMs, from: orderedMs <= mostMs ? END_OF_TIME : 'max_on' };
}

/**
 * How long what an order switches now may stay so, whenever that is asked, milliseconds: its own time (`forMs`), or `max_on` since it went
 * on. Infinity where nothing ends it. It is never over before the gateway itself ends it, as a board that is told it must not be the first.
 */
export function leftOf({ config: { safe, maxOnMs } }: Running, before: Before, clock: Clock, forMs = Number.POSITIVE_INFINITY) {
  const nowMs = clock.monotonicMs();
  // While it is being switched off it counts as off: it goes on anew then. Where that has failed it may have been on all the time.
  const isGoingOff = before.seen === true && before.asked?.on === false;
  const onSinceMs = (isGoingOff ? undefined : before.onSinceMs) ?? nowMs;
  const mostMs = safe || maxOnMs === undefined ? Number.POSITIVE_INFINITY : onSinceMs + maxOnMs;
  const overMs = Math.min(nowMs + forMs, mostMs);
  return () => overMs - clock.monotonicMs();
}

/** What an order for `forMs` is told that began at `beganMs`, where the output goes back sooner. */
export function shortened({ backAtMs }: Running, beganMs: number, forMs: number | undefined): Pick<Done, 'onlyForMs'> {
  if (forMs === undefined || backAtMs === undefined) return {};
  // The end may lie before the beginning where switching it back takes long.
  const lastsMs = Math.max(0, backAtMs - beganMs);
  if (forMs - lastsMs < SHORTER_MS_MIN) return {};
  return { onlyForMs: lastsMs < 1_000 ? Math.round(lastsMs) : Math.round(lastsMs / 1_000) * 1_000 };
}

/** The same for the order log. */
export function onlyForText({ onlyForMs }: Done): string | undefined {
  return onlyForMs === undefined ? undefined : `for ${timeTaken(onlyForMs)} only (max_on)`;
}

/** Why an older order is not carried out: `from` is whence the newer one came, which may be the gateway itself. */
export function overtaken({ config, rates }: Running, from: string | undefined): NotDone {
  if (from === undefined || Object.keys(rates).some((source) => from.startsWith(`${source}: `)))
    return refused('superseded', 'a newer order came before this one was carried out');
  return refused('superseded', `${from} switched it ${config.safe ? 'on' : 'off'} before this one was carried out`);
}

/** Why it has to stay off before it is switched on; undefined when it need not. */
export function restOf({ config, offSinceMs, asked }: Running, nowMs: number): NotDone | undefined {
  const offMs = nowMs - offSinceMs;
  const leftMs = config.minOffMs - offMs;
  if (leftMs <= 0) return undefined;
  const rest = `it has to stay off for another ${timeTaken(Math.ceil(leftMs / 1000) * 1000)}`;
  // Somebody who has switched nothing wonders.
  const seen = `the gateway has seen it off for ${timePassed(offMs)}, and does not know when it was on before it started`;
  return refused('min-off', asked === undefined ? `${rest}: ${seen}` : rest);
}

/** What is kept, and published, of the state that an output has taken. */
export function stateObservation({ id, config }: Running, on: boolean, stamp: Stamp): Observation {
  const { sensor, location } = config;
  return {
    kind: 'observation',
    sensor,
    channel: id,
    value: on,
    unit: STATE_UNIT,
    precision: 1,
    readingKind: 'state',
    quality: 'good',
    publish: true,
    ...(location !== undefined && { location }),
    ...stamp,
  };
}

/** Why it does not become an order of the output. */
export function notTaken(
  { id, config, rates, turns }: Running,
  { on, source }: Pick<OrderRequest, 'on' | 'source'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): NotDone | undefined {
  if (!config.orders.includes(source)) return refused('not-allowed', `${id} takes orders of ${config.orders.join(', ')} only`);
  if (on === config.safe) return undefined;
  const taken = source === 'local' ? 'yes' : rates[source].take(clock.monotonicMs());
  if (taken === 'first') log('warning', 'orders-too-often', { output: id, from: source });
  if (taken !== 'yes') return refused('too-often', 'it was ordered too often: three times at once, then once in ten seconds');
  // Before it counts as the newest: it would supersede those that wait, and nothing would be done at all.
  return turns.isFull ? refused('too-many', 'too many orders wait already') : undefined;
}

/** How it is, for people, at a monotonic time. */
export function stateOf(output: Running, nowMs: number): OutputState {
  const { id, config, asked, seen, backAtMs, isAwaited } = output;
  // What it did not do last time says nothing of this time.
  const problem = output.problem ?? (isAwaited ? undefined : output.fault);
  return {
    output: id,
    name: config.name,
    safe: config.safe,
    orders: config.orders,
    ...(asked && { asked: { on: asked.on, from: asked.from, agoMs: nowMs - asked.atMs } }),
    ...(seen !== undefined && { seen }),
    ...(backAtMs !== undefined && { backInMs: Math.max(0, backAtMs - nowMs) }),
    ...(problem !== undefined && { problem }),
    ...(isAwaited && { isAwaited }),
  };
}
