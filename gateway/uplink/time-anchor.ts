import type { Host } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { Stamp, TimeAnchor } from '../record.ts';

/** The time anchor of a boot, or undefined when there is none. */
export type AnchorOf = (boot: string) => TimeAnchor | undefined;

/**
 * When it was, in milliseconds since 1970: the stamp's own wall time, or for one made before the clock was set what the
 * anchor of the same boot makes of its monotonic time. Undefined when nobody knows.
 */
export function wallMsOf(stamp: Stamp, anchorOf: AnchorOf): number | undefined {
  if (stamp.wallQuality !== 'none') return stamp.wallMs;
  const anchor = anchorOf(stamp.boot);
  if (anchor === undefined) return undefined;
  // The anchor's wall time has its fraction cut off, so the sum can fall short by up to one millisecond, and what was
  // measured on the full second must not end up in the one before.
  return Math.ceil(anchor.wallMs + (stamp.monotonicMs - anchor.monotonicMs));
}

/** Notices that the clock of this boot has been set after something was measured without it. */
export interface Anchoring {
  /** Something was stamped without a time. */
  met(stamp: Stamp): void;
  /**
   * Writes the anchor of this boot when it is needed and can be told. True when it has become durable.
   * @throws JournalError
   */
  write(): Promise<boolean>;
}

/**
 * A boot gets one anchor: a reading that was sent with it and whose answer was lost must be looked up at the same second.
 * A boot whose clock was always set needs none. Calls of `write` must not overlap.
 */
export function openAnchoring(
  { clock, bootId }: Pick<Host, 'clock' | 'bootId'>,
  journal: Pick<Journal, 'append' | 'anchorOf'>,
): Anchoring {
  let isNeeded = false;
  return {
    met: (stamp) => {
      if (stamp.boot === bootId) isNeeded = true;
    },
    async write() {
      const wall = clock.wall();
      const isSet = wall.quality !== 'none';
      if (!isSet) isNeeded = true;
      if (!isSet || !isNeeded || journal.anchorOf(bootId) !== undefined) return false;
      const stamp = { boot: bootId, monotonicMs: clock.monotonicMs(), wallMs: wall.ms, wallQuality: wall.quality };
      // The error is that of the reading, which comes in whole milliseconds; how right the clock is, its quality says.
      await journal.append({ kind: 'anchor', ...stamp, source: 'system-clock', errorMs: 1 }, true);
      return true;
    },
  };
}
