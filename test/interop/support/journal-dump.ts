import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** An observation as it stands in a journal's files. */
export interface Dumped {
  readonly sequence: number;
  readonly sensor: string;
  readonly wallMs: number;
  readonly value: number | boolean;
  readonly precision: number;
  /** Set on a record that repeats an earlier one. */
  readonly heldFrom: number | null;
}

/** What a journal holds. */
export interface Dump {
  /** Of every record, of whatever kind. */
  readonly sequences: ReadonlySet<number>;
  /** Without those that repeat an earlier one. */
  readonly observations: readonly Dumped[];
}

/** What the journal in a state folder holds, read by a program that shares no code with the gateway. */
export function dumpJournal(stateFolder: string): Dump {
  const script = join(import.meta.dirname, '../peers/journal_dump.py');
  const text = execFileSync('/usr/bin/python3', [script, join(stateFolder, 'journal')], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const records = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Dumped | { readonly sequence: number });
  return {
    sequences: new Set(records.map(({ sequence }) => sequence)),
    observations: records.filter((record) => 'sensor' in record).filter(({ heldFrom }) => heldFrom === null),
  };
}
