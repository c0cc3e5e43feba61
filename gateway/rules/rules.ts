import type { Config } from '../../config/config.ts';
import type { RuleConfig } from '../../config/rules.ts';
import { sleep } from '../../drivers/clock.ts';
import type { Value } from '../../drivers/reading.ts';
import type { Event } from '../record.ts';
import type { Timekeeper } from '../timekeeper.ts';
import { type Actions, awaitsCondition, FINAL, openActions, type RuleSurroundings, readingsOf, TRY_AGAIN_MS } from './actions.ts';
import { openRuleHistory, type RuleHistory, type RuleStatus } from './history.ts';
import { openKnownReadings } from './known-readings.ts';
import { isOvertaken } from './newer-order.ts';
import { openSchedule } from './schedule.ts';
import { openTimeRules } from './time-rules.ts';
import { openWhenRules } from './when-rules.ts';

/** How often it is looked whether something has held for long enough, has become stale, or is due by a clock that has jumped. */
const LOOK_MS = 1_000;
/** What a time of day orders and is refused is tried so often. */
const TIMED_TRIES = 10;
/** Every start is without a time for a moment; after this it is told that rules wait for one. */
const TELL_NO_TIME_MS = 60_000;

/** How the rules stand, for people. */
export interface RulesStatus {
  /** Rules with a time of day wait, because nobody knows what time it is. */
  readonly waitForClock: boolean;
  /** Each of them, in the order of the file. Missing from a gateway of an earlier version. */
  readonly each?: readonly RuleStatus[];
}

/** The rules of a site, in force while `run` runs. */
export interface Rules {
  /** A value that nobody doubts was read. */
  taken(reading: string, value: Value): void;
  /** An output was seen in another state. */
  changed(): void;
  /** Takes an event of an earlier process, in order. To be called before `run`. */
  takePast(event: Event): void;
  /** Looks again and again until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  status(): RulesStatus;
}

/** What rules need of the gateway around them, and who tells the time. */
export type RulesOptions = Omit<RuleSurroundings, 'readings' | 'history'> & {
  readonly timekeeper: Pick<Timekeeper, 'wall'>;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
};

export function openRules(config: Config, options: RulesOptions): Rules {
  const { clock, log, timekeeper, fatal } = options;
  const rules = [...config.rules.values()];
  const readings = openKnownReadings(clock, periodsOf(config));
  const history = openRuleHistory();
  const around = { ...options, readings, history };
  const background = (work: Promise<unknown>) => {
    work.catch(fatal);
  };
  const actions = openActions(around);
  const ending = new AbortController();
  const whenRules = openWhenRules(rules, around, actions, background);
  const timeRules = openTimeRules(openSchedule(rules, config.gateway.timezone), () => clock.monotonicMs(), {
    fire: ({ rule, at, day }) => background(fireUntilDone(rule, { at, day }, around, actions, ending.signal)),
    tellNotFired: ({ rule, at, day }, reason) => actions.tellNotFired(rule, reason, { at, day }),
  });
  const makeStaleSafe = staleGuard(rules, around, background);
  const hasTimes = rules.some(({ trigger }) => 'at' in trigger);
  const startedMs = clock.monotonicMs();
  let isRunning = false;
  let isWaitTold = false;

  const { timezone } = config.gateway;
  /** The newest answer of each: a status is asked for every second. */
  const nexts = new Map<RuleConfig, { readonly fromMs: number; readonly nextMs: number }>();
  const nextOf = (rule: RuleConfig): number | undefined => {
    const { ms: nowMs, quality } = timekeeper.wall();
    if (!('at' in rule.trigger) || quality === 'none') return undefined;
    const known = nexts.get(rule);
    if (known !== undefined && known.fromMs <= nowMs && nowMs < known.nextMs) return known.nextMs;
    const nextMs = openSchedule([rule], timezone).nextAfter(nowMs);
    nexts.set(rule, { fromMs: nowMs, nextMs });
    return nextMs;
  };
  const waitsForClock = () => hasTimes && timekeeper.wall().quality === 'none';
  const tellWait = () => {
    const isWaiting = waitsForClock();
    if (isWaiting && !isWaitTold && clock.monotonicMs() - startedMs >= TELL_NO_TIME_MS) {
      isWaitTold = true;
      log('warning', 'rules-wait-for-clock');
    } else if (!isWaiting && isWaitTold) {
      isWaitTold = false;
      log('info', 'rules-have-time');
    }
  };
  const look = () => {
    if (!isRunning) return;
    makeStaleSafe();
    whenRules.look();
    tellWait();
    timeRules.look(timekeeper.wall());
  };

  return {
    taken(reading, value) {
      readings.take(reading, value);
      if (isRunning) whenRules.look();
    },
    changed() {
      // Not within the order that has moved it.
      background(Promise.resolve().then(() => isRunning && whenRules.look()));
    },
    takePast(event) {
      history.take(event);
      timeRules.takePast(event);
    },
    async run(signal) {
      if (rules.length === 0) return;
      isRunning = true;
      while (!signal.aborted) {
        look();
        const waitMs = Math.min(LOOK_MS, Math.ceil(timeRules.untilNextMs(timekeeper.wall())));
        // Rejects with the end, which is looked at above.
        await sleep(clock, Math.max(1, waitMs), signal).catch(() => {});
      }
      isRunning = false;
      ending.abort(new Error('the rules end'));
    },
    status: () => ({ waitForClock: waitsForClock(), each: rules.map((rule) => statusOf(rule, history, nextOf(rule))) }),
  };
}

function statusOf({ id }: RuleConfig, history: RuleHistory, nextWallMs: number | undefined): RuleStatus {
  return { rule: id, ...history.of(id), ...(nextWallMs !== undefined && { nextWallMs }) };
}

/** Fires a rule with a time of day; an order that cannot be carried out then is tried again, unless a newer one came. */
async function fireUntilDone(
  rule: RuleConfig,
  fields: Event['fields'],
  around: RuleSurroundings,
  actions: Pick<Actions, 'fire' | 'tellNotFired'>,
  end: AbortSignal,
): Promise<void> {
  const { clock } = around;
  const dueMs = clock.monotonicMs();
  // Of a gateway that was only restarted at that moment. Should it end meanwhile, the next one finds that nothing was told.
  while (awaitsCondition(rule, around)) {
    await sleep(clock, LOOK_MS, end).catch(() => {});
    if (end.aborted) return;
  }
  if (isOvertaken(rule, { beganMs: dueMs, endedMs: dueMs }, around)) return actions.tellNotFired(rule, 'superseded', fields);
  for (let tries = 1; ; tries += 1) {
    const beganMs = clock.monotonicMs();
    const reason = await actions.fire(rule, fields);
    if (reason === undefined || FINAL.has(reason) || tries === TIMED_TRIES) return;
    const tried = { beganMs, endedMs: clock.monotonicMs() };
    await sleep(clock, TRY_AGAIN_MS, end).catch(() => {});
    if (end.aborted || isOvertaken(rule, tried, around)) return;
  }
}

/** How often each reading that runs is taken. */
function periodsOf({ devices }: Config): ReadonlyMap<string, number> {
  return new Map(
    [...devices.values()].flatMap(({ id, everyMs, channels }) =>
      channels.map(({ reading }): [string, number] => [`${id}.${reading}`, everyMs]),
    ),
  );
}

/**
 * Orders an output to its safe state when a reading that one of its rules goes by becomes stale, whoever has switched it: nobody
 * would notice that it has to go back. An order that somebody gives afterwards is his.
 */
function staleGuard(
  rules: readonly RuleConfig[],
  { outputs, readings, log }: RuleSurroundings,
  background: (work: Promise<unknown>) => void,
): () => void {
  const orders = rules.flatMap((rule) => ('output' in rule.action ? [{ rule, output: rule.action.output }] : []));
  const guarded = new Set(orders.flatMap(({ rule }) => readingsOf(rule)));
  const stale = new Set<string>();
  return () => {
    for (const reading of guarded) {
      if (!readings.isStale(reading)) stale.delete(reading);
      else if (!stale.has(reading)) {
        stale.add(reading);
        const behind = orders.filter(({ rule }) => readingsOf(rule).includes(reading));
        log('warning', 'rule-reading-stale', { reading, rules: behind.map(({ rule }) => rule.id) });
        for (const output of new Set(behind.map((each) => each.output))) {
          const state = outputs.states().find((each) => each.output === output);
          // Also where it is safe now: what somebody has ordered may wait for the disk.
          if (state !== undefined)
            background(outputs.order({ output, on: state.safe, source: 'rules', by: `${reading} is stale` }));
        }
      }
    }
  };
}
