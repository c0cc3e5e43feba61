import type { Observation } from '../../../gateway/record.ts';

/** A store that keeps readings: the journal, or what a gateway might use instead. */
export interface Contender {
  /** Resolves when these are durable, with one commit for all of them. */
  commit(readings: readonly Observation[]): Promise<void>;
  /** Says that everything up to the last commit has been delivered. */
  acknowledge?(): Promise<void>;
  /** How many bytes on disk each reading takes that has left the journal's slots, or that is in the database. */
  densityBytes?(): Promise<number>;
  /** Whether anything has been sealed so far. */
  hasSealed?(): boolean;
  close(): Promise<void>;
}

export interface ContenderOptions {
  /** Exists and is empty. */
  readonly folder: string;
  /** Position of a sensor, by its name. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Of `raw`: what it writes with each commit. */
  readonly commitBytes?: number;
  /** Of the journal, when its slots are to be larger than usual. */
  readonly slotBytes?: number;
  /** What the sync of each commit takes longer than the disk needs. */
  readonly slowMs?: number;
}
