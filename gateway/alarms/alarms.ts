import type { Config, Texts } from '../../config/config.ts';
import { type Clock, withDeadline } from '../../drivers/clock.ts';
import type { Log } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { Event } from '../record.ts';
import { localText } from '../rules/time-of-day.ts';
import { stampAt } from '../stamp.ts';
import type { Timekeeper } from '../timekeeper.ts';
import type { CityProblem } from '../uplink/status.ts';
import type { Outbox } from './outbox.ts';
import { OVER, textIn } from './words.ts';

/** An alarm is over so long after it was cleared, unless it is raised again: what comes and goes is one episode, and one message. */
const QUIET_MS = 10 * 60_000;
/** A message waits so long to be durable; one about the disk that takes nothing has to go all the same. */
const DURABLE_MS_MAX = 5_000;
const MESSAGE_LENGTH_MAX = 500;
/** Open alarms that a status names. */
const OPEN_SHOWN = 20;

/** Something that people must know. */
export interface Alarm {
  /** One of the gateway's own (`silent`), or of a rule. */
  readonly kind: string;
  /** What it is about: a device, a bus, an output, a rule; empty where there is only one. */
  readonly about: string;
  readonly say: Texts;
}

/** An alarm that is not over. */
export interface OpenAlarm {
  readonly alarm: string;
  readonly about: string;
  readonly forMs: number;
  /** In the first language of the site. */
  readonly words: string;
}

/** How the alarms stand, for people. */
export interface AlarmsStatus {
  /** At most 20 of `openCount`, the oldest first. */
  readonly open: readonly OpenAlarm[];
  readonly openCount: number;
  /** Messages that the city does not have yet, and why it did not take the last. */
  readonly waitingCount: number;
  readonly problem?: CityProblem;
}

/** The alarms of a gateway: each is told once per episode, and once when it is over. */
export interface Alarms {
  /** Begins an episode, unless it has begun. */
  raise(alarm: Alarm): void;
  /** Nothing is wrong at this moment: the episode is over when it stays so. */
  clear(kind: string, about: string): void;
  /** Ends the episodes that have been quiet for long enough. */
  look(): void;
  /** Takes an event of an earlier process, in order. To be called before `begin`. */
  takePast(event: Event): void;
  /** Goes on with the episodes of earlier processes that are still about something. Until then nothing is told. */
  begin(isKnown: (kind: string, about: string) => boolean): void;
  status(): AlarmsStatus;
}

export interface AlarmSurroundings {
  readonly clock: Clock;
  readonly bootId: string;
  readonly log: Log;
  readonly journal: Pick<Journal, 'append'>;
  readonly timekeeper: Pick<Timekeeper, 'wall' | 'timeOf'>;
  readonly outbox: Outbox;
}

interface Episode {
  readonly kind: string;
  readonly about: string;
  readonly id: string;
  readonly sinceMs: number;
  words: string;
  quietSinceMs: number | undefined;
}

export function openAlarms(config: Pick<Config, 'gateway' | 'sentilo'>, around: AlarmSurroundings): Alarms {
  return new AlarmBook(config, around);
}

class AlarmBook implements Alarms {
  readonly #config: Pick<Config, 'gateway' | 'sentilo'>;
  readonly #around: AlarmSurroundings;
  readonly #episodes = new Map<string, Episode>();
  /** Of earlier processes: what the city may not have. */
  readonly #untold = new Map<string, Event>();
  #count = 0;

  constructor(config: Pick<Config, 'gateway' | 'sentilo'>, around: AlarmSurroundings) {
    this.#config = config;
    this.#around = around;
    around.outbox.onSettled(({ id, alert }, reason) => {
      if (reason === undefined) {
        this.#note('alarm-told', { of: id, alert });
        around.log('info', 'alarm-told', { alert });
      } else {
        this.#note('alarm-not-told', { of: id, alert, reason });
        around.log('warning', 'alarm-not-told', { alert, reason });
      }
    });
  }

  raise(alarm: Alarm): void {
    const { kind, about } = alarm;
    const words = textIn(this.#config.gateway.languages, alarm.say).slice(0, MESSAGE_LENGTH_MAX);
    const known = this.#episodes.get(keyOf(kind, about));
    if (known !== undefined) {
      known.words = words;
      known.quietSinceMs = undefined;
      return;
    }
    const sinceMs = this.#around.clock.monotonicMs();
    const id = this.#nextId();
    this.#episodes.set(keyOf(kind, about), { kind, about, id, sinceMs, words, quietSinceMs: undefined });
    this.#tell('alarm-raised', { id, alarm: kind, about, words }, words);
  }

  clear(kind: string, about: string): void {
    const episode = this.#episodes.get(keyOf(kind, about));
    if (episode !== undefined) episode.quietSinceMs ??= this.#around.clock.monotonicMs();
  }

  look(): void {
    const nowMs = this.#around.clock.monotonicMs();
    for (const episode of [...this.#episodes.values()]) {
      if (episode.quietSinceMs !== undefined && nowMs - episode.quietSinceMs >= QUIET_MS) this.#end(episode);
    }
  }

  takePast(event: Event): void {
    const { code, fields } = event;
    const [id, kind, about] = [String(fields['id']), String(fields['alarm']), String(fields['about'])];
    if (code === 'alarm-told' || code === 'alarm-not-told') this.#untold.delete(String(fields['of']));
    if (code !== 'alarm-raised' && code !== 'alarm-cleared') return;
    this.#untold.set(id, event);
    if (code === 'alarm-cleared') this.#episodes.delete(keyOf(kind, about));
    else {
      const sinceMs = this.#momentOf(event);
      this.#episodes.set(keyOf(kind, about), {
        kind,
        about,
        id,
        sinceMs,
        words: String(fields['words']),
        quietSinceMs: undefined,
      });
    }
  }

  begin(isKnown: (kind: string, about: string) => boolean): void {
    for (const event of this.#untold.values()) {
      const alert = this.#alertOf(String(event.fields['alarm']));
      const { id, message } = event.fields;
      // What was not for the city when it happened is not told afterwards.
      if (alert === undefined || message === undefined) continue;
      this.#around.outbox.add({
        id: String(id),
        alert,
        message: String(message),
        bornMs: this.#momentOf(event),
        isDoubtful: true,
      });
    }
    this.#untold.clear();
    for (const episode of [...this.#episodes.values()]) if (!isKnown(episode.kind, episode.about)) this.#end(episode);
  }

  status(): AlarmsStatus {
    const { clock, outbox } = this.#around;
    const nowMs = clock.monotonicMs();
    const open = [...this.#episodes.values()].sort((a, b) => a.sinceMs - b.sinceMs);
    return {
      open: open
        .slice(0, OPEN_SHOWN)
        .map(({ kind, about, sinceMs, words }) => ({ alarm: kind, about, forMs: nowMs - sinceMs, words })),
      openCount: open.length,
      waitingCount: outbox.waiting.length,
      ...(outbox.problem === undefined ? {} : { problem: outbox.problem }),
    };
  }

  #end(episode: Episode): void {
    const { kind, about, id, sinceMs, words } = episode;
    this.#episodes.delete(keyOf(kind, about));
    const forS = Math.round((this.#around.clock.monotonicMs() - sinceMs) / 1000);
    const over = textIn(this.#config.gateway.languages, OVER);
    this.#tell('alarm-cleared', { id: this.#nextId(), of: id, alarm: kind, about, words, forS }, `${over}: ${words}`);
  }

  /** Keeps it, then hands it over for the city where somebody there wants to know. */
  #tell(
    code: 'alarm-raised' | 'alarm-cleared',
    fields: Event['fields'] & { readonly id: string; readonly alarm: string },
    words: string,
  ) {
    const { clock, log, outbox } = this.#around;
    const { id, alarm } = fields;
    const level = code === 'alarm-raised' ? 'warning' : 'info';
    log(level, code, { ...fields });
    const alert = this.#alertOf(alarm);
    if (alert === undefined) {
      this.#note(code, fields);
      return;
    }
    const message = this.#message(words, id);
    const bornMs = clock.monotonicMs();
    const kept = this.#keep(code, { ...fields, message });
    const late = () => new Error('the journal takes too long');
    const add = () => outbox.add({ id, alert, message, bornMs, isDoubtful: false });
    withDeadline(clock, DURABLE_MS_MAX, new AbortController().signal, late, () => kept).then(add, add);
  }

  /** Who, what and when, by which it can be found again in the city. */
  #message(words: string, id: string): string {
    const { gateway } = this.#config;
    const { ms, quality } = this.#around.timekeeper.wall();
    return `${gateway.id}: ${words} (${quality === 'none' ? id : localText(gateway.timezone, ms)})`;
  }

  #keep(code: string, fields: Event['fields']): Promise<void> {
    const { clock, bootId, journal } = this.#around;
    return journal.append({ kind: 'event', code, fields, ...stampAt(clock, bootId) }, true).then(
      () => {},
      // What the journal refuses is its to count.
      () => {},
    );
  }

  /** Of what nobody waits for. */
  #note(code: string, fields: Event['fields']): void {
    this.#keep(code, fields).catch(() => {});
  }

  #alertOf(kind: string): string | undefined {
    return this.#config.sentilo?.alerts.get(kind);
  }

  /** Unique among all processes: a boot's monotonic time does not come again. */
  #nextId(): string {
    this.#count += 1;
    const { bootId, clock } = this.#around;
    return `${bootId.slice(0, 8)}-${Math.floor(clock.monotonicMs())}-${this.#count}`;
  }

  /** When something of an earlier process was, by the monotonic clock of this one; now, where nobody knows. */
  #momentOf(event: Event): number {
    const { clock, bootId, timekeeper } = this.#around;
    if (event.boot === bootId) return event.monotonicMs;
    const nowMs = clock.monotonicMs();
    const wall = timekeeper.wall();
    const time = timekeeper.timeOf(event);
    return time.kind === 'known' && wall.quality !== 'none' ? nowMs - Math.max(0, wall.ms - time.ms) : nowMs;
  }
}

function keyOf(kind: string, about: string): string {
  return `${kind} ${about}`;
}
