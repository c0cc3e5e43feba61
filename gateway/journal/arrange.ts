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
  return isOfSeries(record, other, typeof other.value === 'boolean');
}

/**
 * The order in which a group of records gets its sequences: the others as they came, then series by series, each as it
 * came. Whatever waits together with its record is arranged with it.
 */
export function arrange<T extends Item>(items: readonly T[]): T[] {
  const bySensor = new Map<string, Group>();
  const groups: (Group | undefined)[] = [];
  let group: Group | undefined;
  let otherCount = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as T;
    if (item.record.kind !== 'observation') {
      otherCount += 1;
      groups.push(undefined);
      continue;
    }
    if (group === undefined || !isSameSeries(item, group.first)) group = groupOf(item, item.record.sensor, bySensor);
    group.count += 1;
    groups.push(group);
  }
  let at = otherCount;
  for (const first of bySensor.values()) {
    for (let each: Group | undefined = first; each !== undefined; each = each.next) {
      each.at = at;
      at += each.count;
    }
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
  readonly first: Item;
  count: number;
  /** Where the next one of them goes. */
  at: number;
  /** The next series of the same sensor. */
  next: Group | undefined;
}

function groupOf(item: Item, sensor: string, bySensor: Map<string, Group>): Group {
  let last: Group | undefined;
  for (let group = bySensor.get(sensor); group !== undefined; group = group.next) {
    if (isSameSeries(item, group.first)) return group;
    last = group;
  }
  const group: Group = { first: item, count: 0, at: 0, next: undefined };
  if (last === undefined) bySensor.set(sensor, group);
  else last.next = group;
  return group;
}
