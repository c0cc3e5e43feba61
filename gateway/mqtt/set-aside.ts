import type { Host } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { Event, Observation } from '../record.ts';
import { stampAt } from '../stamp.ts';
import type { UnfitReason } from './message.ts';

/** Channels whose first observation that was set aside was told about; later ones are counted only. */
const TOLD_MAX = 1_000;

/** Counts the observations that are set aside for good, and tells of the first of every channel and reason. */
export interface SetAside {
  readonly counts: Readonly<Record<string, number>>;
  /** Resolves when it is durable. */
  unfit(sequence: number, observation: Observation, reason: UnfitReason): Promise<void>;
  /** The broker refuses this very message. */
  refused(sequence: number, channel: string, words: string): Promise<void>;
}

export function openSetAside(
  { clock, bootId, log }: Pick<Host, 'clock' | 'bootId' | 'log'>,
  journal: Pick<Journal, 'append'>,
): SetAside {
  const counts: Record<string, number> = {};
  const told = new Set<string>();
  const tell = async (key: string, reason: string, fields: Event['fields']) => {
    const name = `${reason} ${key}`;
    if (!told.has(name) && told.size < TOLD_MAX) {
      // At once: a second one may come before this one is durable.
      told.add(name);
      const code = 'observation-set-aside';
      const all = { uplink: 'mqtt', reason, ...fields };
      await journal.append({ kind: 'event', code, ...stampAt(clock, bootId), fields: all }, true).catch((error: unknown) => {
        told.delete(name);
        throw error;
      });
      log('warning', code, all);
    }
    counts[reason] = (counts[reason] ?? 0) + 1;
  };
  return {
    counts,
    unfit: (sequence, { channel, value, boot }, reason) =>
      // Nothing of a boot without a time is sent: one line says it of all.
      tell(reason === 'no-time' ? boot : channel, reason, { channel, sequence, value: String(value), boot }),
    refused: (sequence, channel, words) => tell(channel, 'refused', { channel, sequence, words }),
  };
}
