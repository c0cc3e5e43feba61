import type { Config } from '../config/config.ts';
import { sleep } from '../drivers/clock.ts';
import type { Value } from '../drivers/reading.ts';
import { type AlarmsStatus, openAlarms } from './alarms/alarms.ts';
import type { Outbox } from './alarms/outbox.ts';
import { type OwnHealth, openOwnAlarms } from './alarms/own-alarms.ts';
import type { Host } from './host.ts';
import { type Journal, JournalError } from './journal/journal.ts';
import type { Outputs } from './outputs/output.ts';
import { pastEvents } from './past-events.ts';
import type { Event } from './record.ts';
import { openRules, type RulesStatus } from './rules/rules.ts';
import type { Timekeeper } from './timekeeper.ts';

/** How often it is looked how the gateway itself is, and whether an alarm is over. */
const LOOK_MS = 15_000;

/** Watches over a site while it is measured: its rules and its alarms. */
export interface Watchman {
  /** A value that nobody doubts was read. */
  taken(reading: string, value: Value): void;
  /** An output was seen in another state. */
  changed(): void;
  /** Watches until `signal` is aborted, from where an earlier process left off. */
  run(signal: AbortSignal): Promise<void>;
  status(): { readonly alarms: AlarmsStatus; readonly rules: RulesStatus };
}

export interface WatchmanSurroundings extends Omit<OwnHealth, 'clock' | 'config' | 'journal' | 'outputs' | 'timekeeper'> {
  readonly host: Pick<Host, 'clock' | 'log' | 'bootId'>;
  readonly journal: Journal;
  readonly outputs: Pick<Outputs, 'order' | 'states'>;
  readonly timekeeper: Timekeeper;
  readonly outbox: Outbox;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}

export function openWatchman(config: Config, { host, ...around }: WatchmanSurroundings): Watchman {
  const { clock, log } = host;
  const { journal } = around;
  const alarms = openAlarms(config, { ...host, ...around });
  const rules = openRules(config, { ...host, ...around, alarms });
  const own = openOwnAlarms({ ...around, clock, config }, alarms);
  const openedSequence = journal.lastSequence;

  const isKnown = (kind: string, about: string) => {
    const action = config.rules.get(about)?.action;
    return own.isKnown(kind, about) || (action !== undefined && 'alarm' in action && action.alarm === kind);
  };
  const remember = async () => {
    try {
      // A part of the past would say that what was done was not: it is taken whole or not at all.
      const past: Event[] = [];
      let newest: Event | undefined;
      await pastEvents(journal, openedSequence, (event) => {
        newest = event;
        if (/^(?:alarm|rule)-/.test(event.code)) past.push(event);
      });
      for (const event of past) alarms.takePast(event);
      for (const event of newest === undefined ? past : [...past, newest]) rules.takePast(event);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      // What was told is told once more, and nothing that has passed is made up for.
      log('warning', 'past-unknown', { message: error.message });
    }
    alarms.begin(isKnown);
    // A time of day does not last, and nobody else says that it is over.
    for (const { id, trigger, action } of config.rules.values()) {
      if ('at' in trigger && 'alarm' in action) alarms.clear(action.alarm, id);
    }
  };
  const watchAlarms = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      own.look();
      alarms.look();
      // Rejects with the end, which is looked at above.
      await sleep(clock, LOOK_MS, signal).catch(() => {});
    }
  };

  return {
    taken: (reading, value) => rules.taken(reading, value),
    changed: () => rules.changed(),
    async run(signal) {
      await remember();
      await Promise.all([rules.run(signal), watchAlarms(signal)]);
    },
    status: () => ({ alarms: alarms.status(), rules: rules.status() }),
  };
}
