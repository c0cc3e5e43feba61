import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { StoredRecord } from '../../../gateway/journal/journal.ts';
import type { Observation } from '../../../gateway/record.ts';

/** An observation as it stands in a journal's files. */
export interface Dumped extends Pick<Observation, 'sensor' | 'wallMs' | 'value' | 'precision'> {
  readonly sequence: number;
}

/** What a journal holds. */
export interface Dump {
  /** Of every record, of whatever kind. */
  readonly sequences: ReadonlySet<number>;
  /** Without those that repeat an earlier one. */
  readonly observations: readonly Dumped[];
}

/**
 * Every record in a journal's folder, by sequence, read by a program that shares no code with the gateway.
 * @throws Error with what that program says when a right frame is not what the layouts say
 */
export function dumpRecords(folder: string): StoredRecord[] {
  const script = join(import.meta.dirname, '../peers/journal_dump.py');
  const text = execFileSync('/usr/bin/python3', ['-B', script, folder], { encoding: 'utf8', maxBuffer: 256 << 20 });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StoredRecord);
}

/** What the journal in a state folder holds, read by the same program. */
export function dumpJournal(stateFolder: string): Dump {
  const records = dumpRecords(join(stateFolder, 'journal'));
  return {
    sequences: new Set(records.map(({ sequence }) => sequence)),
    observations: records.flatMap(({ sequence, record }) =>
      record.kind === 'observation' && record.heldFrom === undefined ? [{ sequence, ...record }] : [],
    ),
  };
}
