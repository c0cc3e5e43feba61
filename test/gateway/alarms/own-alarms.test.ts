// When the gateway raises an alarm about what waits and where it is kept.

import { describe, expect, it } from 'vitest';
import { type OwnHealth, openOwnAlarms } from '../../../gateway/alarms/own-alarms.ts';
import type { JournalStats } from '../../../gateway/journal/journal.ts';
import type { UplinkStatus } from '../../../gateway/uplink/status.ts';
import { site } from '../../simulator/site.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 5, 1);
const STATS: JournalStats = {
  recordCount: 1_000,
  sizeBytes: 500,
  sizeBytesMax: 1_000,
  firstSequence: 1,
  lastSequence: 1_000,
  damage: [],
  evictedUndeliveredCount: 0,
  overwrittenCount: 0,
  thinnedCount: 0,
  wear: { writtenBytes: 0, syncCount: 0, forMs: 0 },
  files: [],
};
const NOTHING_WAITS = { waitingCount: 0 } as UplinkStatus;

/** What is raised and not cleared after looks at these times, milliseconds. */
function raisedOf(
  stats: Partial<JournalStats>,
  uplink: Partial<UplinkStatus> | undefined,
  looksMs: readonly number[] = [0],
  to = 'city',
) {
  const raised = new Set<string>();
  let nowMs = 0;
  const health: OwnHealth = {
    clock: { monotonicMs: () => nowMs, wall: () => ({ ms: NOW_MS + nowMs, quality: 'synced' }), timer: () => () => {} },
    config: site([], []),
    devices: [],
    buses: new Map(),
    outputs: { states: () => [] },
    journal: { stats: () => ({ ...STATS, ...stats }) },
    timekeeper: { wall: () => ({ ms: NOW_MS + nowMs, quality: 'synced' }) },
    city: () => (to === 'city' && uplink ? { ...NOTHING_WAITS, ...uplink } : undefined),
    broker: () => (to === 'broker' && uplink ? { ...NOTHING_WAITS, ...uplink } : undefined),
  };
  const own = openOwnAlarms(health, {
    raise: ({ kind, about }) => raised.add(`${kind} ${about}`.trim()),
    clear: (kind, about) => raised.delete(`${kind} ${about}`.trim()),
  });
  for (const atMs of looksMs) {
    nowMs = atMs;
    own.look();
  }
  return [...raised];
}

describe('readings that wait', () => {
  it.each([
    ['for six hours', {}, { waitingCount: 10, oldestWaitingWallMs: NOW_MS - 6 * HOUR_MS }, true],
    ['for less', {}, { waitingCount: 10, oldestWaitingWallMs: NOW_MS - 6 * HOUR_MS + 1 }, false],
    ['in a journal that is nearly full of them', { sizeBytes: 900 }, { waitingCount: 500 }, true],
    ['in one that has room', { sizeBytes: 899 }, { waitingCount: 1_000 }, false],
    // What the city has goes first when room is needed.
    ['in one that is full of what was delivered', { sizeBytes: 1_000 }, { waitingCount: 499 }, false],
    ['for nobody', { sizeBytes: 1_000 }, undefined, false],
  ])('%s', (_what, stats, uplink, isRaised) => {
    for (const to of ['city', 'broker']) {
      expect(raisedOf(stats, uplink, [0], to)).toEqual(isRaised ? [`buffer_filling ${to}`] : []);
    }
  });
});

describe('a disk', () => {
  const failing = { code: 'EROFS', forMs: 1, waitingCount: 0, waitingMax: 100, fromSequence: 1 };

  it.each([
    ['that refuses for a minute', { failing }, [0, 30_000, 60_000], ['disk']],
    ['that refuses for less', { failing }, [0, 59_000], []],
    ['that cannot keep the history', { sealingFailure: 'ENOSPC' }, [0, 60_000], ['disk']],
    ['that does not answer', { slow: { forMs: 1, waitingCount: 1 } }, [0, 60_000], ['disk']],
    ['that is well', {}, [0, 60_000], []],
  ])('%s', (_what, stats, looks, expected) => {
    expect(raisedOf(stats, undefined, looks)).toEqual(expected);
  });
});
