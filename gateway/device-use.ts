import type { BusError, DeviceError } from '../drivers/errors.ts';
import { NewestTimes } from '../drivers/newest-times.ts';
import { RecentCounts } from '../drivers/recent-counts.ts';
import { DAMAGED, problemCode } from './problem-code.ts';

/** So many polls tell how a device is now. */
const RECENT_POLLS = 400;

/** Counters over all polls since the start that are over. */
export interface PollCounts {
  readonly pollCount: number;
  readonly failedCount: number;
  /** Ticks of the grid that passed while the device was still busy. */
  readonly skippedCount: number;
}

/** How the polls of one device went since the start. */
export class DeviceUse implements PollCounts {
  /** Polls that failed, by the code of the problem (D2xx). */
  readonly failures = new Map<string, number>();
  /** How long the newest good ones took, from the first turn on the bus to the last value. */
  readonly times = new NewestTimes();
  readonly recent = new RecentCounts<'poll' | 'damaged'>('poll', RECENT_POLLS);
  pollCount = 0;
  failedCount = 0;
  skippedCount = 0;

  get counts(): PollCounts {
    const { pollCount, failedCount, skippedCount } = this;
    return { pollCount, failedCount, skippedCount };
  }

  succeeded(tookMs: number): void {
    this.pollCount += 1;
    this.recent.add('poll');
    this.times.add(tookMs);
  }

  failed(error: BusError | DeviceError): void {
    this.pollCount += 1;
    this.failedCount += 1;
    this.recent.add('poll');
    const code = problemCode(error);
    if (code === DAMAGED) this.recent.add('damaged');
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }

  skipped(count: number): void {
    this.skippedCount += count;
  }
}
