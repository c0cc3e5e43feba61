import type { JournalRecord, Observation } from '../record.ts';
import { unpackSteps } from './column-codec.ts';
import type { StoredRecord } from './journal.ts';
import { type OtherRecord, packRecord, unpackRecord } from './record-codec.ts';

/** Whether its value is a text: what a release before texts takes for `true` (frame.ts). */
export function isOfText({ record }: { readonly record: JournalRecord }): boolean {
  return record.kind === 'observation' && typeof record.value === 'string';
}

/** Records by the way in which they are stored, and where the others stood. */
export function splitRecords(items: readonly { readonly record: JournalRecord }[]) {
  const observations: Observation[] = [];
  const others: OtherRecord[] = [];
  const otherPlaces: number[] = [];
  for (let place = 0; place < items.length; place++) {
    const { record } = items[place] as { readonly record: JournalRecord };
    if (record.kind === 'observation') observations.push(record);
    else {
      others.push(record);
      otherPlaces.push(place);
    }
  }
  return { observations, others, otherPlaces };
}

/** The other records of a payload as one CBOR item; null when there are none. */
export function packOtherRecords(records: readonly OtherRecord[]): unknown {
  return records.length === 0 ? null : records.map(packRecord);
}

function unpackRecords(items: unknown): OtherRecord[] | undefined {
  if (items === null) return [];
  if (!Array.isArray(items)) return undefined;
  const records = items.map(unpackRecord);
  return records.includes(undefined) ? undefined : (records as OtherRecord[]);
}

/** With their sequences: steps from `firstSequence` on, or consecutive where those are null; undefined when the items are no records. */
export function unpackOtherRecords(items: unknown, sequenceSteps: unknown, firstSequence: number): StoredRecord[] | undefined {
  const others = unpackRecords(items);
  if (others === undefined || others.length === 0) return others && [];
  if (sequenceSteps === null) return others.map((record, i) => ({ sequence: firstSequence + i, record }));
  const sequences = unpackSteps(sequenceSteps, [others.length], others.length, { first: firstSequence, interval: 0 });
  return sequences && others.map((record, i) => ({ sequence: sequences[i] as number, record }));
}
