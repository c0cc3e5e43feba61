import type { JournalRecord } from '../record.ts';
import { isOfSeries, type SeriesTag } from './series.ts';

/** A record that is to be written. Those with the same tag are of one series; without one they are compared. */
export interface Item {
  readonly record: JournalRecord;
  readonly tag?: SeriesTag | undefined;
}

/** Whether both are observations, and the definition of the one is that of the other too. */
export function isSameSeries(a: Item, b: Item): boolean {
  if (a.tag !== undefined && a.tag === b.tag) return true;
  const { record } = a;
  const { record: other } = b;
  if (record.kind !== 'observation' || other.kind !== 'observation') return false;
  return isOfSeries(record, other);
}

/**
 * The order in which a group of records gets its sequences: the others as they came, then sensor by sensor, each as it came.
 * Series by series would be shorter where a sensor changes between some within the group, but of a text or a state the last
 * one is what counts, and of two the later one. Whatever waits together with its record is arranged with it.
 */
export function arrange<T extends Item>(items: readonly T[]): T[] {
  const bySensor = new Map<string, Group>();
  const groups: (Group | undefined)[] = [];
  let group: Group | undefined;
  let otherCount = 0;
  for (let i = 0; i < items.length; i++) {
    const { record } = items[i] as T;
    if (record.kind !== 'observation') {
      otherCount += 1;
      groups.push(undefined);
      continue;
    }
    if (group?.sensor !== record.sensor) group = groupOf(record.sensor, bySensor);
    group.count += 1;
    groups.push(group);
  }
  let at = otherCount;
  for (const each of bySensor.values()) {
    each.at = at;
    at += each.count;
  }
  const arranged = new Array<T>(items.length);
  let otherAt = 0;
  for (let i = 0; i < items.length; i++) {
    const place = groups[i];
    arranged[place === undefined ? otherAt++ : place.at++] = items[i] as T;
  }
  return arranged;
}

interface Group {
  readonly sensor: string;
  count: number;
  /** Where the next one of them goes. */
  at: number;
}

function groupOf(sensor: string, bySensor: Map<string, Group>): Group {
  const known = bySensor.get(sensor);
  if (known !== undefined) return known;
  const group: Group = { sensor, count: 0, at: 0 };
  bySensor.set(sensor, group);
  return group;
}
