import { sleep, type WallQuality, type WallTime } from '../drivers/clock.ts';
import type { Host } from './host.ts';
import type { Journal } from './journal/journal.ts';
import type { Event, Stamp, TimeAnchor } from './record.ts';
import { stampAt, wholeMoment } from './stamp.ts';
import {
  ACCEPTED,
  type Bounds,
  isChecked,
  isInWindow,
  type Reached,
  SLOWED_MS_MAX,
  type Time,
  Timeline,
  WALL_MS_MAX,
  WALL_MS_MIN,
} from './timeline.ts';
import { loadTimeline } from './timeline-load.ts';

/** How often the wall clock is compared with the monotonic one. */
const LOOK_MS = 1_000;
/** A smaller change between two looks is no step: the city knows whole seconds. Also how right a synchronised clock is taken to be. */
const STEP_MS = 500;
const ANCHOR_EVERY_MS = 3_600_000;
/** A step that the drift since the last anchor cannot explain is believed when the clock has stood by it for so long. */
const BELIEVE_AFTER_MS = 3_600_000;
/** The same for a clock that nobody has checked: chrony and ntpd set it right by a step, and nobody says that they have. */
const BELIEVE_UNCHECKED_AFTER_MS = 60_000;
/** A boot that begins so soon after the last known time may have begun with that time, as a machine without a clock chip does. */
const SAVED_TIME_MS = 300_000;
/** So long after the city was first heard a synchronisation is no longer waited for: time servers answer within seconds. */
const CHECK_WITHIN_MS = 300_000;
/** What is known of a time that nobody has checked: nothing but the window. */
const UNCHECKED_ERROR_MS = WALL_MS_MAX - WALL_MS_MIN;
/** Looks between two tries to read the journal or to write the ends of boots, and between two counts of those held long enough. */
const SELDOM = 60;
/** Boots that a status names. */
const BOOTS_MAX = 8;

/**
 * Why the wall clock is not believed: `before-release` and `too-late` it cannot be so early or so late; `behind` it lies before
 * what an earlier boot had reached; `stepped` it has jumped away from the time that this boot had; `may-be-saved` it may still
 * be the time of the last switching off, and a synchronisation is waited for.
 */
export type ClockDoubt = 'before-release' | 'too-late' | 'behind' | 'stepped' | 'may-be-saved';

/** How it stands with the time. Wall times in milliseconds since 1970. */
export interface ClockStatus {
  /** Of what readings get now: `holdover` when they have a time that was checked in this boot, whatever the clock says now. */
  readonly quality: WallQuality;
  /** What a reading taken now gets; missing while there is no time. */
  readonly wallMs?: number;
  /** Right to this either way; missing when nobody has checked the clock in this boot. */
  readonly errorMs?: number;
  readonly doubt?: ClockDoubt;
  /** The clock's own time, while it is doubted. */
  readonly doubtedWallMs?: number;
  /** Boots that ended without a time, the oldest first, at most 8 of `untimedBootCount`. Their readings go to the city no more once `dropInMs` is 0. */
  readonly untimedBoots: readonly (Bounds & { readonly dropInMs: number })[];
  readonly untimedBootCount: number;
}

/** What an uplink needs to know of time. */
export interface UplinkTime {
  /** When that was. What is known stays as it is, in later processes too. */
  readonly timeOf: (stamp: Stamp) => Time;
  boundsOf(boot: string): Bounds;
  /** Calls `listener` whenever something that was unknown may be known or lost now. */
  onChange(listener: () => void): void;
  /** Whether the time is only waiting for `heardCity`. */
  readonly waitsForCity: boolean;
  /** The city has answered, so that there is a network, over which a time would have come by now if there is any. */
  heardCity(): void;
}

/** The loop that watches the wall clock and writes down what it knows, for whoever asks when something was. */
export interface Timekeeper extends UplinkTime {
  /** Looks once a second until `signal` is aborted. The first look is at once. */
  run(signal: AbortSignal): Promise<void>;
  /** One look: `run` does nothing else. */
  look(): void;
  /** The time now as far as it is believed, which is what anything may be judged old by; quality `none` while nothing is. */
  wall(): WallTime;
  status(): ClockStatus;
}

/** The host as the timekeeper needs it. */
export type TimekeeperHost = Pick<Host, 'clock' | 'log' | 'bootId'>;

/** The journal as the timekeeper needs it. */
type TimekeeperJournal = Pick<Journal, 'append' | 'read' | 'lastSequence' | 'isFailing'>;

/** Reads the anchors of the journal. What cannot be read now is tried again later, and nothing has a time until then. */
export async function openTimekeeper(host: TimekeeperHost, journal: TimekeeperJournal, holdMs?: number): Promise<Timekeeper> {
  const keeper = new ClockWatch(host, journal, holdMs);
  await keeper.load();
  return keeper;
}

/** Whether it says what time it is; the others only say what the clock says. */
function isRuling(anchor: TimeAnchor): boolean {
  return isChecked(anchor) || anchor.source === ACCEPTED;
}

class ClockWatch implements Timekeeper {
  readonly #host: TimekeeperHost;
  readonly #journal: TimekeeperJournal;
  readonly #holdMs: number | undefined;
  readonly #listeners: (() => void)[] = [];
  /** The last that earlier processes have left. */
  readonly #openedSequence: number;
  #timeline: Timeline;
  #isLoaded = false;
  #isLoading = false;
  #isWritingEnds = false;
  /** On its way into the journal. */
  #pending: TimeAnchor | undefined;
  #isFailing = false;
  #lookCount = 0;
  /** Wall minus monotonic time at the last look that could be believed. */
  #offsetMs: number | undefined;
  #step: { readonly offsetMs: number; readonly sinceMs: number } | undefined;
  #doubt: ClockDoubt | undefined;
  #cityHeardMs: number | undefined;
  #lostCount = 0;

  constructor(host: TimekeeperHost, journal: TimekeeperJournal, holdMs: number | undefined) {
    this.#host = host;
    this.#journal = journal;
    this.#holdMs = holdMs;
    this.#openedSequence = journal.lastSequence;
    this.#timeline = this.#newTimeline();
  }

  async load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      const timeline = this.#newTimeline();
      await loadTimeline(timeline, this.#journal, this.#openedSequence);
      this.#timeline = timeline;
      this.#isLoaded = true;
      this.#writeEnds();
      this.#lostCount = this.#countLost();
      this.#changed();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isLoading = false;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.look();
      // Rejects with the end, which is looked at above.
      await sleep(this.#host.clock, LOOK_MS, signal).catch(() => {});
    }
  }

  look(): void {
    this.#lookCount += 1;
    const isSeldom = this.#lookCount % SELDOM === 0;
    if (!this.#isLoaded) {
      if (isSeldom) this.load().catch(() => {});
      return;
    }
    if (isSeldom) {
      this.#tellLost();
      this.#writeEnds();
    }
    // While the disk refuses, nothing that was measured after the anchor is durable before it, and what is there is sent from memory.
    if (this.#pending !== undefined && this.#journal.isFailing) this.#take(this.#pending);
    // Two anchors on their way would be compared with the line before both.
    if (this.#pending === undefined) this.#look(this.#host.clock.wall(), this.#host.clock.monotonicMs());
  }

  readonly timeOf = (stamp: Stamp): Time => (this.#isLoaded ? this.#timeline.timeOf(stamp) : { kind: 'unknown' });

  boundsOf(boot: string): Bounds {
    return this.#timeline.boundsOf(boot);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get waitsForCity(): boolean {
    return this.#doubt === 'may-be-saved' && this.#cityHeardMs === undefined;
  }

  heardCity(): void {
    this.#cityHeardMs ??= this.#host.clock.monotonicMs();
  }

  wall(): WallTime {
    const { clock } = this.#host;
    const { ms, quality } = clock.wall();
    const line = this.#timeline.atNow(clock.monotonicMs());
    if (line === undefined) return { ms, quality: 'none' };
    if (!line.isChecked) return { ms: Math.ceil(line.ms), quality: 'floor' };
    return { ms: Math.ceil(line.ms), quality: this.#doubt === undefined && quality === 'synced' ? 'synced' : 'holdover' };
  }

  status(): ClockStatus {
    const { clock } = this.#host;
    const wall = clock.wall();
    const line = this.#timeline.atNow(clock.monotonicMs());
    const untimed = this.#timeline.untimed();
    return {
      quality: this.wall().quality,
      ...(line === undefined ? {} : { wallMs: this.wall().ms }),
      ...(line?.isChecked === true ? { errorMs: line.errorMs } : {}),
      ...(this.#doubt === undefined ? {} : { doubt: this.#doubt, doubtedWallMs: wall.ms }),
      untimedBoots: untimed.slice(0, BOOTS_MAX).map(({ boot, heldForMs }) => ({
        ...this.#timeline.boundsOf(boot),
        dropInMs: Math.max(0, this.#timeline.holdMs - heldForMs),
      })),
      untimedBootCount: untimed.length,
    };
  }

  #newTimeline(): Timeline {
    return new Timeline(this.#host.bootId, () => this.#host.clock.monotonicMs(), this.#holdMs);
  }

  #tellLost(): void {
    const lostCount = this.#countLost();
    if (lostCount !== this.#lostCount) this.#changed();
    this.#lostCount = lostCount;
  }

  #countLost(): number {
    return this.#timeline.untimed().filter(({ heldForMs }) => heldForMs >= this.#timeline.holdMs).length;
  }

  /**
   * Events are all that a later process reads of what now stands at the end of the journal. Without these a boot before would
   * end at its last event then, and one that is behind it no longer be.
   */
  #writeEnds(): void {
    if (this.#isWritingEnds) return;
    this.#isWritingEnds = true;
    const ends = this.#timeline.observedEnds().map(async ({ boot, monotonicMs, wallMs, wallQuality }) => {
      const event: Event = { kind: 'event', code: 'boot-ended', boot, monotonicMs, wallMs, wallQuality, fields: {} };
      await this.#journal.append(event);
      this.#timeline.add(event);
    });
    Promise.all(ends)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#isWritingEnds = false;
      });
  }

  #look(wall: WallTime, nowMs: number): void {
    const line = this.#timeline.atNow(nowMs);
    if (!isInWindow(wall.ms)) this.#setDoubt(wall.ms < WALL_MS_MIN ? 'before-release' : 'too-late', wall);
    else if (wall.quality === 'none') this.#setDoubt(undefined, wall);
    if (!isInWindow(wall.ms) || wall.quality === 'none') return;
    const offsetMs = wall.ms - nowMs;
    const isStep = this.#offsetMs !== undefined && Math.abs(offsetMs - this.#offsetMs) > STEP_MS;
    this.#offsetMs = offsetMs;
    if (wall.quality === 'floor') {
      if (line === undefined) this.#considerFloor(wall, nowMs, isStep);
      // It knows less than what this boot has already.
      else if (line.isChecked) this.#setDoubt(undefined, wall);
      else this.#compare(wall, nowMs, isStep, line);
    } else if (line?.isChecked === true) this.#compare(wall, nowMs, isStep, line);
    else this.#write(wall, nowMs, 'system-clock');
  }

  /** A clock that nobody has checked in this boot, and nothing better is known. */
  #considerFloor(wall: WallTime, nowMs: number, isStep: boolean): void {
    const beganMs = wall.ms - nowMs + this.#timeline.firstMonotonicMs;
    const isBehind = beganMs < (this.#timeline.lastKnownMs(true) ?? Number.NEGATIVE_INFINITY);
    const mayBeSaved = beganMs < (this.#timeline.lastKnownMs(false) ?? Number.NEGATIVE_INFINITY) + SAVED_TIME_MS;
    const isHeardMs = nowMs - (this.#cityHeardMs ?? Number.POSITIVE_INFINITY);
    if (isBehind) this.#setDoubt('behind', wall);
    else if (!mayBeSaved || isHeardMs >= CHECK_WITHIN_MS) this.#write(wall, nowMs, ACCEPTED);
    else {
      this.#setDoubt('may-be-saved', wall);
      if (isStep || this.#isDue(nowMs)) this.#write(wall, nowMs, 'system-clock');
    }
  }

  /** The clock knows as much as the line that is in force. */
  #compare(wall: WallTime, nowMs: number, isStep: boolean, line: Reached): void {
    const offsetMs = wall.ms - nowMs;
    const source = line.isChecked ? 'system-clock' : ACCEPTED;
    const byMs = wall.ms - line.aimMs;
    const aimErrorMs = line.errorMs - (line.ms - line.aimMs);
    const driftMs = line.isChecked ? aimErrorMs : aimErrorMs - UNCHECKED_ERROR_MS;
    // A clock without a source drifts as the monotonic one does: nothing can have corrected it.
    const explainedMs = wall.quality === 'holdover' ? STEP_MS : STEP_MS + driftMs;
    if (Math.abs(byMs) <= explainedMs) {
      this.#step = undefined;
      this.#setDoubt(undefined, wall);
      const isCorrection = Math.abs(byMs) > STEP_MS;
      // Which of the two was right before nobody knows.
      if (isStep || isCorrection || this.#isDue(nowMs)) this.#write(wall, nowMs, source, isCorrection ? Math.abs(byMs) : 0);
      return;
    }
    if (this.#step === undefined || Math.abs(offsetMs - this.#step.offsetMs) > STEP_MS) {
      this.#step = { offsetMs, sinceMs: nowMs };
      this.#tell('clock-step-doubted', { byMs: Math.round(byMs), clock: wall.quality });
    }
    this.#setDoubt('stepped', wall);
    const standsMs = nowMs - this.#step.sinceMs;
    if (wall.quality === 'holdover' || standsMs < (line.isChecked ? BELIEVE_AFTER_MS : BELIEVE_UNCHECKED_AFTER_MS)) return;
    // Readings that have been sent cannot come to lie after what follows them.
    if (line.isChecked && byMs < -SLOWED_MS_MAX) return;
    this.#tell('clock-step-believed', { byMs: Math.round(byMs), clock: wall.quality });
    this.#step = undefined;
    this.#write(wall, nowMs, source);
  }

  #isDue(nowMs: number): boolean {
    const lastMs = this.#timeline.lastAnchorMs;
    return lastMs === undefined || nowMs - lastMs >= ANCHOR_EVERY_MS;
  }

  #write(wall: WallTime, nowMs: number, source: string, correctedMs = 0): void {
    const anchor: TimeAnchor = {
      kind: 'anchor',
      boot: this.#host.bootId,
      ...wholeMoment(wall, nowMs),
      source: wall.source ?? source,
      errorMs: this.#errorOf(wall, nowMs, correctedMs),
    };
    if (isRuling(anchor)) {
      this.#setDoubt(undefined, wall);
      this.#timeline.open(nowMs);
    }
    this.#pending = anchor;
    this.#journal.append(anchor, true).then(
      () => {
        this.#isFailing = false;
        if (this.#pending === anchor) this.#take(anchor);
      },
      (error: unknown) => {
        if (this.#pending === anchor) this.#end();
        this.#failed(error);
      },
    );
  }

  #take(anchor: TimeAnchor): void {
    if (isRuling(anchor) && this.#timeline.atNow(anchor.monotonicMs) === undefined) {
      this.#host.log('info', 'clock-set', { quality: anchor.wallQuality });
    }
    this.#timeline.add(anchor);
    this.#end();
    if (isRuling(anchor)) this.#changed();
  }

  #end(): void {
    this.#pending = undefined;
    this.#timeline.close();
  }

  /** A clock whose source is gone is as right as it was when it had one, and drifts since. */
  #errorOf({ quality, errorMs = STEP_MS }: WallTime, nowMs: number, correctedMs: number): number {
    if (quality === 'floor') return UNCHECKED_ERROR_MS;
    const line = this.#timeline.atNow(nowMs);
    const keptMs = quality === 'holdover' && line?.isChecked === true ? line.errorMs : 0;
    return Math.ceil(Math.max(keptMs, errorMs + correctedMs));
  }

  #setDoubt(doubt: ClockDoubt | undefined, wall: WallTime): void {
    // A clock that was never set is nothing to wonder about: its own quality says so.
    if (doubt !== undefined && doubt !== this.#doubt && wall.quality !== 'none') {
      this.#host.log('warning', 'clock-doubted', { doubt, quality: wall.quality, wallMs: wall.ms });
    }
    this.#doubt = doubt;
  }

  #tell(code: string, fields: Event['fields']): void {
    const { clock, bootId, log } = this.#host;
    log('warning', code, fields);
    this.#journal.append({ kind: 'event', code, ...stampAt(clock, bootId), fields }).then(
      () => {},
      (error: unknown) => this.#failed(error),
    );
  }

  /** The next look tries again; one line for all of them. */
  #failed(error: unknown): void {
    if (!this.#isFailing) {
      this.#host.log('error', 'time-not-recorded', { message: error instanceof Error ? error.message : String(error) });
    }
    this.#isFailing = true;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
