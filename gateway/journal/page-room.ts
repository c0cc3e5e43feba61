import type { JournalRecord } from '../record.ts';
import type { StoredRecord } from './journal.ts';

/** What the records of one page may take in memory, as reckoned here: two thousand readings a third of it, the largest records sixty-four. */
const PAGE_HELD_BYTES_MAX = 2 << 20;
/** An observation, whose texts are those of its series and stand in memory once. */
const OBSERVATION_HELD_BYTES = 300;
/** Any other record, without its texts. */
const OTHER_HELD_BYTES = 200;
/** A number, or what a text or an object takes besides its content. */
const VALUE_HELD_BYTES = 24;
/** Of a character: texts beyond Latin-1 take two. */
const CHARACTER_BYTES = 2;

/**
 * Room for one page of records: for so many, and for so many bytes. A limit of records alone says little about memory,
 * since one may have 16 KiB and another has 2 bytes on the card.
 */
export class PageRoom {
  #count: number;
  #bytes = PAGE_HELD_BYTES_MAX;

  constructor(limit: number) {
    this.#count = limit;
  }

  get isFull(): boolean {
    return this.#count <= 0 || this.#bytes <= 0;
  }

  /** The first ones from place `start` on that find room, and takes it. At least one as long as it is not full. */
  take(records: readonly StoredRecord[], start = 0): readonly StoredRecord[] {
    let end = start;
    for (; end < records.length && this.#count > 0 && this.#bytes > 0; end++) {
      this.#count -= 1;
      this.#bytes -= heldBytes((records[end] as StoredRecord).record);
    }
    return start === 0 && end === records.length ? records : records.slice(start, end);
  }
}

/** About what a record takes in memory once it is decoded. */
function heldBytes(record: JournalRecord): number {
  if (record.kind !== 'observation') return OTHER_HELD_BYTES + valueBytes(record);
  const { reason, location, value } = record;
  if (reason === undefined && location === undefined && typeof value !== 'string') return OBSERVATION_HELD_BYTES;
  const text = typeof value === 'string' ? value : '';
  return OBSERVATION_HELD_BYTES + CHARACTER_BYTES * ((reason?.length ?? 0) + (location?.length ?? 0) + text.length);
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return VALUE_HELD_BYTES + CHARACTER_BYTES * value.length;
  if (typeof value !== 'object' || value === null) return VALUE_HELD_BYTES;
  let bytes = VALUE_HELD_BYTES;
  for (const [key, each] of Object.entries(value)) bytes += CHARACTER_BYTES * key.length + valueBytes(each);
  return bytes;
}
