import type { Clock } from '../../drivers/clock.ts';
import type { JournalRecord } from '../record.ts';
import type { Chain, ChainFile } from './block-chain.ts';
import type { Chains } from './chains.ts';
import { ignoreFailure } from './disk-tools.ts';

/** Files that are looked through for one sealing: the others wait for the next. */
const LOOKED_THROUGH_MAX = 4;

/** A file that may go for its age. */
export interface Expired {
  readonly chain: Chain;
  readonly file: ChainFile;
}

export interface Expiry {
  /** Delivered files all of whose records are older than they must be. A clock that may be wrong makes nothing old. */
  find(): Promise<readonly Expired[]>;
}

/**
 * A file says when its records were measured as they were stamped. Where the clock was not set that is too early, or nothing:
 * such records are as old as the first one after them that was stamped by a right clock. So a file is looked through, once,
 * before it goes.
 */
export function makeExpiry(
  chains: Chains,
  isDelivered: (file: ChainFile) => boolean,
  { clock, keepMs }: { readonly clock: Clock; readonly keepMs: number },
): Expiry {
  /** Times until which all records of a file were measured. */
  const knownMs = new WeakMap<ChainFile, number>();
  return {
    async find() {
      const { ms, quality } = clock.wall();
      if (!isRight(quality)) return [];
      const expired: Expired[] = [];
      let lookedThroughCount = 0;
      for (const chain of chains.values()) {
        for (const [i, file] of chain.files.slice(0, -1).entries()) {
          const saidMs = file.toWallMs ?? chain.files[i + 1]?.fromWallMs ?? ms;
          if (saidMs >= ms - keepMs || !isDelivered(file)) continue;
          if (!knownMs.has(file)) {
            if (lookedThroughCount >= LOOKED_THROUGH_MAX) continue;
            lookedThroughCount += 1;
            // What cannot be read now is looked at another time.
            const measuredMs = await measuredUntil(chain, file).catch(ignoreFailure);
            if (typeof measuredMs === 'number') knownMs.set(file, measuredMs);
          }
          if ((knownMs.get(file) ?? ms) < ms - keepMs) expired.push({ chain, file });
        }
      }
      return expired;
    },
  };
}

/** The latest right stamp of the file, or the first one after it when its last record has none; undefined when there is none yet. */
async function measuredUntil(chain: Chain, file: ChainFile): Promise<number | undefined> {
  let latestMs = 0;
  let isOpen = true;
  for await (const records of chain.recordsOf(file)) {
    for (const { record } of records) {
      isOpen = !isRight(record.wallQuality);
      if (!isOpen) latestMs = Math.max(latestMs, record.wallMs);
    }
  }
  if (!isOpen) return latestMs;
  for (const later of chain.files.slice(chain.files.indexOf(file) + 1)) {
    for await (const records of chain.recordsOf(later)) {
      const next = records.find(({ record }) => isRight(record.wallQuality));
      if (next !== undefined) return Math.max(latestMs, next.record.wallMs);
    }
  }
  return undefined;
}

function isRight(quality: JournalRecord['wallQuality']): boolean {
  return quality === 'synced' || quality === 'holdover';
}
