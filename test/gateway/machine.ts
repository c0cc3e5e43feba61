import type { WallQuality } from '../../drivers/clock.ts';
import { JournalError } from '../../gateway/journal/journal.ts';
import type { Event, Stamp, TimeAnchor } from '../../gateway/record.ts';
import { stampAt } from '../../gateway/stamp.ts';
import { openTimekeeper, type Timekeeper, type TimekeeperHost } from '../../gateway/timekeeper.ts';
import { drain } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';

/** 25 November 2026, 12:00:00 UTC. */
export const START_MS = 1_795_608_000_000;
export const SECOND_MS = 1_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** A machine whose clocks do what the test says, and the timekeeper that runs on it. Every hour of waiting is 3,600 looks. */
export class Machine {
  readonly journal = new MemoryJournal();
  readonly log: string[] = [];
  monotonicMs = 0;
  /** What the wall clock shows at monotonic 0. */
  wallMs = START_MS;
  quality: WallQuality = 'none';
  #bootCount = 0;
  #keeper: Timekeeper | undefined;

  get keeper(): Timekeeper {
    if (this.#keeper === undefined) throw new Error('the machine is off');
    return this.#keeper;
  }

  get host(): TimekeeperHost {
    return {
      bootId: `boot ${this.#bootCount}`,
      log: (_level, code) => this.log.push(code),
      clock: {
        monotonicMs: () => this.monotonicMs,
        wall: () => ({ ms: Math.floor(this.wallMs + this.monotonicMs), quality: this.quality }),
        timer: () => () => {},
      },
    };
  }

  /** Switches it on, with this wall clock. */
  async boot(wallMs: number, quality: WallQuality, holdMs?: number): Promise<void> {
    this.#bootCount += 1;
    this.monotonicMs = 0;
    this.wallMs = wallMs;
    this.quality = quality;
    await this.restart(holdMs);
  }

  /** A new process in the same boot. */
  async restart(holdMs?: number): Promise<void> {
    this.#keeper = await openTimekeeper(this.host, this.journal, holdMs);
    await this.journal.append({ kind: 'event', code: 'gateway-started', fields: {}, ...this.stamp() });
    this.keeper.look();
    await drain();
  }

  async pass(ms: number, everyMs = SECOND_MS): Promise<void> {
    const untilMs = this.monotonicMs + ms;
    while (this.monotonicMs < untilMs) {
      this.monotonicMs = Math.min(untilMs, this.monotonicMs + everyMs);
      this.keeper.look();
      await Promise.resolve();
    }
    await drain();
  }

  /** Lets the wall clock jump, and be what it then is. */
  step(byMs: number, quality: WallQuality = this.quality): void {
    this.wallMs += byMs;
    this.quality = quality;
  }

  stamp(): Stamp {
    return stampAt(this.host.clock, this.host.bootId);
  }

  /** What is known of when that was: milliseconds since the start, or the kind of what is not. */
  timeOf(stamp: Stamp): number | string {
    const time = this.keeper.timeOf(stamp);
    return time.kind === 'known' ? time.ms - START_MS : time.kind;
  }

  errorOf(stamp: Stamp): number | undefined {
    const time = this.keeper.timeOf(stamp);
    return time.kind === 'known' ? time.errorMs : undefined;
  }

  get anchors(): TimeAnchor[] {
    return this.journal.records.filter((record) => record.kind === 'anchor');
  }

  events(code: string): Event[] {
    return this.journal.events.filter((event) => event.code === code);
  }
}

/** What a disk says that is full. */
export function diskFull(): Promise<never> {
  return Promise.reject(new JournalError('disk full: ENOSPC'));
}
