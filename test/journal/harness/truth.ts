import type { JournalRecord, Observation } from '../../../gateway/record.ts';

/** Something that a program saw happen. What the journal promises follows from these alone. */
export type Happening =
  /** It was given to the journal. */
  | { readonly what: 'appended'; readonly record: JournalRecord }
  /** It was acknowledged, or read after an opening, under this sequence. */
  | { readonly what: 'acknowledged'; readonly record: JournalRecord; readonly sequence: number }
  /** `begin` was called, or an opening said that it may have been; `begin` ended well. */
  | { readonly what: 'beginning' | 'begun'; readonly sequences: readonly number[] }
  /** The city has `delivered` of these, and the journal was told so. */
  | { readonly what: 'settled'; readonly sequences: readonly number[]; readonly delivered: readonly number[] }
  /** These had been settled before a `begin` or `flush` that ended well. */
  | { readonly what: 'flushed'; readonly sequences: readonly number[] };

/** What must be true of a journal that is opened after all this. */
export interface Truth {
  /** By key (see keyOf), in the order of the calls. */
  readonly appended: ReadonlyMap<string, JournalRecord>;
  /** Keys by sequence. */
  readonly acknowledged: ReadonlyMap<number, string>;
  readonly sequences: ReadonlyMap<string, number>;
  /** What the city has, as the journal was told. */
  readonly settled: ReadonlySet<number>;
  /** The part of it that no crash may undo. */
  readonly flushed: ReadonlySet<number>;
  /** Sending began, durably, and was not ended in vain. */
  readonly begun: ReadonlySet<number>;
  /** Sending may have begun. */
  readonly maybeBegun: ReadonlySet<number>;
  /** A delivery state has become durable. */
  readonly hasState: boolean;
}

/** Everything that happened, in order. It is only ever added to, so that each moment is a length of it. */
export type History = Happening[];

/** Records are told apart by when they were measured: every one of the programs' records has its own moment of its boot. */
export function keyOf({ boot, monotonicMs }: Pick<JournalRecord, 'boot' | 'monotonicMs'>): string {
  return `${boot}/${monotonicMs}`;
}

/** The truth after the first `length` happenings. */
export function truthOf(history: History, length: number = history.length): Truth {
  const appended = new Map<string, JournalRecord>();
  const acknowledged = new Map<number, string>();
  const sequences = new Map<string, number>();
  const settled = new Set<number>();
  const flushed = new Set<number>();
  const begun = new Set<number>();
  const maybeBegun = new Set<number>();
  let hasState = false;
  for (const happening of history.slice(0, length)) {
    if (happening.what === 'appended') appended.set(keyOf(happening.record), happening.record);
    else if (happening.what === 'acknowledged') {
      acknowledged.set(happening.sequence, keyOf(happening.record));
      sequences.set(keyOf(happening.record), happening.sequence);
    } else if (happening.what === 'settled') {
      for (const sequence of happening.delivered) settled.add(sequence);
      for (const sequence of happening.sequences) if (!settled.has(sequence)) begun.delete(sequence);
    } else {
      const { what, sequences: about } = happening;
      const set = { beginning: maybeBegun, begun, flushed }[what];
      for (const sequence of about) set.add(sequence);
      hasState ||= what !== 'beginning';
    }
  }
  return { appended, acknowledged, sequences, settled, flushed, begun, maybeBegun, hasState };
}

/** The observations that a thinned window may stand for: those of its sensor and boot in its time. */
export function membersOf({ appended }: Truth, window: Observation): Observation[] {
  const from = window.window?.fromMonotonicMs ?? window.monotonicMs;
  const members: Observation[] = [];
  for (const record of appended.values()) {
    if (record.kind !== 'observation' || record.sensor !== window.sensor || record.boot !== window.boot) continue;
    if (record.monotonicMs >= from && record.monotonicMs <= window.monotonicMs) members.push(record);
  }
  return members;
}
