import type { RecordClass } from '../record.ts';

/**
 * Each commit carries numbers by name: the low-water marks of the uplinks, and these, which begin with a sign that no
 * uplink's name has. Up to here everything is sealed.
 */
export const SEALED_MARK = '/sealed';

/** The last sequence in the block files of a class. What is missing up to there was lost, not torn. */
export function sealedMarkOf(recordClass: RecordClass): string {
  return `${SEALED_MARK}/${recordClass}`;
}

/** There when a slot was left alone that may hold records below what is sealed: until they are found and appended again. */
export const LEFT_ALONE_MARK = '/left-alone';

const CURSOR_MARK = '/cursor/';

/** The generation of an uplink's delivery state: one that is older is not the newest that was promised. */
export function cursorMarkOf(uplink: string): string {
  return `${CURSOR_MARK}${uplink}`;
}

/** The uplinks whose low-water marks are among these. */
export function uplinksOf(marks: ReadonlyMap<string, number>): string[] {
  return [...marks.keys()].filter((name) => !name.startsWith('/'));
}

/** The highest sequence that a mark speaks of. */
export function highestOf(marks: ReadonlyMap<string, number>): number {
  return Math.max(0, ...[...marks].flatMap(([name, sequence]) => (name.startsWith(CURSOR_MARK) ? [] : [sequence])));
}
