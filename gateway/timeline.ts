import type { JournalRecord, Stamp, TimeAnchor } from './record.ts';

/** What a crystal may be wrong by: 100 parts in a million, 8.6 s a day. Twice what those of cheap boards are in practice. */
const DRIFT = 1e-4;
/** A wall time read with a stamp and the one that the boot's anchors make of it are the same to this many milliseconds: both were rounded. */
const READING_ERROR_MS = 2;
/**
 * A correction backwards of up to this much is made good slowly, so that no reading comes to lie before an earlier one.
 * Also the largest backward step that a synchronised clock is believed.
 */
export const SLOWED_MS_MAX = 900_000;
/** No wall time before 1 January 2026 is right: no release of Barri is older. A receiver whose week counter wrapped, and 1970, lie before it. */
export const WALL_MS_MIN = 1_767_225_600_000;
/** No wall time from here on is right: 15 years later, 1 January 2041. */
export const WALL_MS_MAX = 2_240_611_200_000;
/** What adding times of this size in binary may add by itself. */
const BINARY_ERROR_MS = 1e-3;
/** How long readings of a boot without a time are held for the city. */
const HOLD_MS = 72 * 3_600_000;
/** Source of an anchor whose wall time counts without having been checked, because nothing better has come. */
export const ACCEPTED = 'accepted-unchecked';

/** When something was, as far as it is known. */
export type Time =
  /** `ms` since 1970 (UTC). `errorMs`: right to this many milliseconds either way; missing when nobody has checked that clock. */
  | { readonly kind: 'known'; readonly ms: number; readonly errorMs?: number }
  /** Not known yet, or not for good yet. */
  | { readonly kind: 'unknown' }
  /** Its boot never got a time and was held for long enough. */
  | { readonly kind: 'lost' };

/** What is known of when a boot without a time was: after what came before it and before what came after, milliseconds since 1970. */
export interface Bounds {
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** What a line says of a moment. */
export interface Reached {
  readonly ms: number;
  /** What it would be if nothing had to be made good slowly. */
  readonly aimMs: number;
  /** How far `ms` may be wrong. */
  readonly errorMs: number;
  /** Checked against a source in this boot; otherwise `errorMs` says nothing. */
  readonly isChecked: boolean;
}

/** From `monotonicMs` on, wall time runs along here. */
interface Line {
  readonly monotonicMs: number;
  readonly wallMs: number;
  /** What the line before it says at this moment: it is never gone below. */
  readonly startMs: number;
  readonly errorMs: number;
  /** Checked against a source, in this boot. */
  readonly isChecked: boolean;
}

interface Boot {
  readonly firstMonotonicMs: number;
  lastMonotonicMs: number;
  /** What was at `lastMonotonicMs`, when it is an observation. */
  lastObserved: Stamp | undefined;
  /** Ascending by time. */
  readonly lines: Line[];
  /** The newest anchor that nobody has checked or accepted. */
  candidate: TimeAnchor | undefined;
}

/** Whether the wall clock may be what it says. */
export function isInWindow(wallMs: number): boolean {
  return wallMs >= WALL_MS_MIN && wallMs < WALL_MS_MAX;
}

/** Whether a quality means that the clock was checked against a source in this boot. */
export function isChecked({ wallQuality }: Stamp): boolean {
  return wallQuality === 'synced' || wallQuality === 'holdover';
}

/** Whether it is an earlier observation that was appended again: it says nothing about when that was. */
export function isCopy(record: JournalRecord): boolean {
  return record.kind === 'observation' && record.heldFrom !== undefined;
}

/**
 * The wall time of every moment of every boot that the journal knows, from the time anchors in it. A boot's anchors are lines
 * that take turns, each after its own moment, and the first one backwards too; so what a line has said of a moment stays
 * the same when further anchors come, in this process and in later ones, and within a boot later is never earlier.
 */
export class Timeline {
  readonly #boots = new Map<string, Boot>();
  readonly #order: string[] = [];
  readonly #currentId: string;
  readonly #monotonicMs: () => number;
  readonly #openedMs: number;
  /** How long readings of a boot without a time are held. */
  readonly holdMs: number;
  /** By boot, until something is learnt: boots that have ended do not change, and every record of them asks. */
  readonly #lastChecked = new Map<string, number>();
  readonly #heldInEnded = new Map<string, number>();
  /** Nothing after this is known: an anchor of this moment is becoming durable. */
  #openFromMs = Number.POSITIVE_INFINITY;

  /** `monotonicMs` is now, in the boot `currentId`, which is the newest. */
  constructor(currentId: string, monotonicMs: () => number, holdMs = HOLD_MS) {
    this.#currentId = currentId;
    this.#monotonicMs = monotonicMs;
    this.#openedMs = monotonicMs();
    this.holdMs = holdMs;
  }

  /** Learns from a durable record. To be given in the order of sequences. */
  add(record: JournalRecord): void {
    if (isCopy(record)) return;
    this.#lastChecked.clear();
    this.#heldInEnded.clear();
    const boot = this.#boots.get(record.boot) ?? this.#begin(record);
    if (record.monotonicMs >= boot.lastMonotonicMs) {
      boot.lastMonotonicMs = record.monotonicMs;
      boot.lastObserved = record.kind === 'observation' ? record : undefined;
    }
    if (record.kind === 'anchor') addAnchor(boot, record);
  }

  /** Until `close` an anchor of this moment is on its way: what was after it would get another time with it than without. */
  open(fromMonotonicMs: number): void {
    this.#openFromMs = fromMonotonicMs;
  }

  close(): void {
    this.#openFromMs = Number.POSITIVE_INFINITY;
  }

  /** When that was. Once known it stays the same to the millisecond. */
  timeOf(stamp: Stamp): Time {
    const { boot: id, monotonicMs } = stamp;
    const boot = this.#boots.get(id);
    const isCurrent = id === this.#currentId;
    const line = boot && lineAt(boot.lines, monotonicMs);
    if (line !== undefined) {
      if (isCurrent && monotonicMs > this.#openFromMs) return { kind: 'unknown' };
      return { kind: 'known', ms: msOf(line, stamp), ...(line.isChecked ? { errorMs: errorAt(line, monotonicMs) } : {}) };
    }
    if (isCurrent) return { kind: 'unknown' };
    const unchecked = this.#unchecked(stamp, boot);
    if (unchecked !== undefined) return { kind: 'known', ms: unchecked };
    return { kind: this.heldForMs(id) >= this.holdMs ? 'lost' : 'unknown' };
  }

  /** The newest line of the current boot at this moment of it: what anchors are compared with. */
  atNow(monotonicMs: number): Reached | undefined {
    const line = this.#boots.get(this.#currentId)?.lines.at(-1);
    if (line === undefined) return undefined;
    const aimMs = line.wallMs + (monotonicMs - line.monotonicMs);
    return { ms: wallAt(line, monotonicMs), aimMs, errorMs: errorAt(line, monotonicMs), isChecked: line.isChecked };
  }

  /** Monotonic time of the current boot's newest anchor of any kind. */
  get lastAnchorMs(): number | undefined {
    const boot = this.#boots.get(this.#currentId);
    return (
      boot &&
      Math.max(
        boot.lines.at(-1)?.monotonicMs ?? Number.NEGATIVE_INFINITY,
        boot.candidate?.monotonicMs ?? Number.NEGATIVE_INFINITY,
      )
    );
  }

  /** The first moment of the current boot that is known. */
  get firstMonotonicMs(): number {
    return this.#boots.get(this.#currentId)?.firstMonotonicMs ?? this.#openedMs;
  }

  /** The latest wall time that boots before this one are known to have reached. */
  lastKnownMs(isCheckedOnly: boolean, beforeBoot = this.#currentId): number | undefined {
    const known = this.#order.slice(0, Math.max(0, this.#indexOf(beforeBoot))).flatMap((id) => {
      const boot = this.#boots.get(id);
      const line = boot?.lines.at(-1);
      if (boot === undefined) return [];
      if (line !== undefined && (line.isChecked || !isCheckedOnly)) return [wallAt(line, boot.lastMonotonicMs)];
      return boot.candidate === undefined || isCheckedOnly ? [] : [wallOf(boot.candidate, boot.lastMonotonicMs)];
    });
    return known.length === 0 ? undefined : Math.max(...known);
  }

  /** Between what a boot lies, by the order in which boots came. */
  boundsOf(id: string): Bounds {
    const fromMs = this.lastKnownMs(true, id);
    const later = this.#order.slice(this.#indexOf(id) + 1).flatMap((other) => {
      const boot = this.#boots.get(other);
      const line = boot?.lines.find((one) => one.isChecked);
      return boot === undefined || line === undefined ? [] : [line.wallMs + boot.firstMonotonicMs - line.monotonicMs];
    });
    return {
      ...(fromMs === undefined ? {} : { fromMs: Math.ceil(fromMs) }),
      ...(later.length === 0 ? {} : { toMs: Math.ceil(Math.min(...later)) }),
    };
  }

  /** The last moments of boots before this one of which only observations tell: whoever reads only events does not know them. */
  observedEnds(): readonly Stamp[] {
    return this.#order.flatMap((id) => (id === this.#currentId ? [] : (this.#boots.get(id)?.lastObserved ?? [])));
  }

  /** Boots before this one that have no time, oldest first, and how long they have been held. */
  untimed(): readonly { readonly boot: string; readonly heldForMs: number }[] {
    return this.#order
      .filter((id) => id !== this.#currentId && this.#isUntimed(id))
      .map((boot) => ({ boot, heldForMs: this.heldForMs(boot) }));
  }

  /**
   * For how long later boots have run with a time of their own, each by its monotonic clock: no step of a wall clock
   * shortens it, and time without power does not count.
   */
  heldForMs(id: string): number {
    let heldMs = this.#heldInEnded.get(id);
    if (heldMs === undefined) {
      const ended = this.#order.slice(this.#indexOf(id) + 1).filter((other) => other !== this.#currentId);
      heldMs = ended.reduce((sum, other) => sum + this.#ranWithTimeMs(other, this.#boots.get(other)?.lastMonotonicMs ?? 0), 0);
      this.#heldInEnded.set(id, heldMs);
    }
    return heldMs + this.#ranWithTimeMs(this.#currentId, this.#monotonicMs());
  }

  #ranWithTimeMs(id: string, untilMs: number): number {
    const boot = this.#boots.get(id);
    const fromMs = boot?.lines[0]?.monotonicMs ?? boot?.candidate?.monotonicMs;
    return fromMs === undefined ? 0 : Math.max(0, untilMs - fromMs);
  }

  #begin(stamp: Stamp): Boot {
    const { boot: id, monotonicMs } = stamp;
    const firstMonotonicMs = id === this.#currentId ? Math.min(monotonicMs, this.#openedMs) : monotonicMs;
    const boot: Boot = {
      firstMonotonicMs,
      lastMonotonicMs: monotonicMs,
      lastObserved: undefined,
      lines: [],
      candidate: undefined,
    };
    this.#boots.set(id, boot);
    this.#order.push(id);
    return boot;
  }

  /** -1, before all others, for a boot of which nothing is known: its records have outlived whatever else it left. */
  #indexOf(id: string): number {
    const index = this.#order.indexOf(id);
    return index < 0 && id === this.#currentId ? this.#order.length : index;
  }

  #isUntimed(id: string): boolean {
    const boot = this.#boots.get(id);
    return (
      boot === undefined || (boot.lines.length === 0 && (boot.candidate === undefined || this.#isBehind(boot.candidate, id)))
    );
  }

  /** What its own clock says of a moment of a boot that has ended and was never checked. */
  #unchecked(stamp: Stamp, boot: Boot | undefined): number | undefined {
    const candidate = boot?.candidate;
    if (candidate !== undefined) {
      return this.#isBehind(candidate, stamp.boot)
        ? undefined
        : Math.ceil(wallOf(candidate, stamp.monotonicMs) - BINARY_ERROR_MS);
    }
    // The boot's anchors are gone, or it ended before its first one.
    if (stamp.wallQuality === 'none' || !isInWindow(stamp.wallMs)) return undefined;
    return isChecked(stamp) || !this.#isBehind(stamp, stamp.boot) ? stamp.wallMs : undefined;
  }

  /** Whether the boot would have begun before an earlier one had ended. Then its clock had kept the time from before it was switched off, or worse. */
  #isBehind(stamp: Stamp, id: string): boolean {
    const boot = this.#boots.get(id);
    // What was before all that is known of the boot is part of it, too.
    const beganMs = wallOf(stamp, Math.min(boot?.firstMonotonicMs ?? stamp.monotonicMs, stamp.monotonicMs));
    let lastMs = this.#lastChecked.get(id);
    if (lastMs === undefined) {
      // Of a boot of which nothing is known nobody knows any more which others it must not be behind: it may have been any.
      lastMs = this.lastKnownMs(true, boot === undefined ? this.#currentId : id) ?? Number.NEGATIVE_INFINITY;
      this.#lastChecked.set(id, lastMs);
    }
    return beganMs < lastMs;
  }
}

function addAnchor(boot: Boot, anchor: TimeAnchor): void {
  const { monotonicMs, wallMs, errorMs, source } = anchor;
  const before = boot.lines.at(-1);
  const isNowChecked = isChecked(anchor);
  if (!isNowChecked && source !== ACCEPTED) {
    boot.candidate = anchor;
    return;
  }
  // Anchors of one boot come in the order of its clock; one that does not is of another clock, and knows nothing of this one.
  if (before !== undefined && monotonicMs < before.monotonicMs) return;
  const reachedMs = before === undefined ? wallMs : wallAt(before, monotonicMs);
  // Only a clock that nobody had checked can be that far ahead of one that somebody has: there the truth counts more than the order.
  const isAhead = reachedMs - wallMs > SLOWED_MS_MAX;
  boot.lines.push({ monotonicMs, wallMs, startMs: isAhead ? wallMs : reachedMs, errorMs, isChecked: isNowChecked });
}

/** The line in force: the last one that begins before that moment, else the first. What was at the very moment may have been told before. */
function lineAt(lines: readonly Line[], monotonicMs: number): Line | undefined {
  let low = 0;
  let high = lines.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.monotonicMs ?? 0) < monotonicMs) low = middle;
    else high = middle;
  }
  return lines[low];
}

/** Along the line; but while that is behind what was said before it, at half the pace of time. */
function wallAt({ monotonicMs, wallMs, startMs }: Line, atMs: number): number {
  const forMs = atMs - monotonicMs;
  return forMs <= 0 ? wallMs + forMs : Math.max(wallMs + forMs, startMs + forMs / 2);
}

function errorAt(line: Line, atMs: number): number {
  const forMs = atMs - line.monotonicMs;
  const slowedMs = wallAt(line, atMs) - (line.wallMs + forMs);
  return Math.ceil(line.errorMs + DRIFT * Math.abs(forMs) + slowedMs);
}

function msOf(line: Line, { monotonicMs, wallMs, wallQuality }: Stamp): number {
  const ms = wallAt(line, monotonicMs);
  if (wallQuality !== 'none' && Math.abs(wallMs - ms) <= READING_ERROR_MS) return wallMs;
  // The anchor's wall time has its fraction cut off, so the sum can fall short by up to one millisecond, and what was
  // measured on the full second must not end up in the one before.
  return Math.ceil(ms - BINARY_ERROR_MS);
}

function wallOf({ wallMs, monotonicMs }: Stamp, atMs: number): number {
  return wallMs + (atMs - monotonicMs);
}
