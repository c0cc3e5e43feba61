import { closest } from '../config/closest.ts';
import type { Config } from '../config/config.ts';
import type { Journal } from '../gateway/journal/journal.ts';
import type { Observation } from '../gateway/record.ts';
import type { Progress } from './journal-progress.ts';

/** Which observations are meant. */
export interface SensorChoice {
  /** What the journal is asked for: undefined for all sensors. */
  readonly sensors?: ReadonlySet<string>;
  /** Whether one of those that the journal gives is meant. */
  includes(observation: Observation): boolean;
}

/** A name that neither the site nor the journal knows, with those that are like it, or some that there are. */
export interface UnknownSensor {
  readonly unknown: string;
  readonly near: readonly string[];
  /** How many there are beside those, where none is like it. */
  readonly otherCount: number;
}

const SHOWN_MAX = 10;

/**
 * Finds the sensors that a person means by their ids or by `<device>.<reading>`. The site's file tells the latter; what
 * stands in neither is looked for in the journal itself, which takes as long as reading it.
 */
export async function chooseSensors(
  names: readonly string[],
  journal: Pick<Journal, 'history'>,
  config: Config | undefined,
  progress: () => Progress,
): Promise<SensorChoice | UnknownSensor> {
  if (names.length === 0) return { includes: () => true };
  const known = sensorsOf(config);
  const sensors = new Set(names.flatMap((name) => (known.ids.has(name) ? name : (known.byChannel.get(name) ?? []))));
  const open = new Set(names.filter((name) => !known.ids.has(name) && !known.byChannel.has(name)));
  // By id the journal finds a sensor without reading much.
  for (const name of open) {
    if (!(await hasSensor(journal, name))) continue;
    sensors.add(name);
    open.delete(name);
  }
  if (open.size === 0) return { sensors, includes: ({ sensor }) => sensors.has(sensor) };
  const seen = await lookThrough(journal, new Set(open), progress());
  const unknown = [...open].find((name) => !seen.has(name));
  if (unknown !== undefined) return { unknown, ...near(unknown, [...known.ids, ...known.byChannel.keys(), ...seen]) };
  // A channel may have had several sensors over time: only the records tell.
  return { includes: ({ sensor, channel }) => sensors.has(sensor) || open.has(channel) };
}

interface SiteSensors {
  readonly ids: ReadonlySet<string>;
  readonly byChannel: ReadonlyMap<string, string>;
}

function sensorsOf(config: Config | undefined): SiteSensors {
  const byChannel = new Map<string, string>();
  for (const device of config?.devices.values() ?? []) {
    for (const { reading, sensor } of device.channels) byChannel.set(`${device.id}.${reading}`, sensor);
  }
  return { ids: new Set(byChannel.values()), byChannel };
}

async function hasSensor(journal: Pick<Journal, 'history'>, sensor: string): Promise<boolean> {
  for await (const records of journal.history({ sensors: new Set([sensor]) })) {
    if (records.some(({ record }) => record.kind === 'observation' && record.sensor === sensor)) return true;
  }
  return false;
}

/** Sensors and channels in the journal; ends early once all of `wanted` were met. */
async function lookThrough(
  journal: Pick<Journal, 'history'>,
  wanted: Set<string>,
  progress: Progress,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  let count = 0;
  for await (const records of journal.history({})) {
    for (const { record } of records) {
      if (record.kind !== 'observation') continue;
      seen.add(record.channel).add(record.sensor);
      wanted.delete(record.channel);
    }
    count += records.length;
    progress.to(count);
    if (wanted.size === 0) break;
  }
  progress.end();
  return seen;
}

function near(name: string, all: readonly string[]): Omit<UnknownSensor, 'unknown'> {
  const names = [...new Set(all)].sort();
  const alike = closest(name, names);
  if (alike.length > 0) return { near: alike, otherCount: 0 };
  const shown = names.slice(0, SHOWN_MAX);
  return { near: shown, otherCount: names.length - shown.length };
}
