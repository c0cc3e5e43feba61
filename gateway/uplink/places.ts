import type { Entry } from './entry.ts';

const NONE: readonly Entry[] = [];

/** Entries by what the city cannot tell apart, one sensor in one second. Two of them share a place when the wall clock was set back. */
export class Places {
  readonly #sensors = new Map<string, Map<number, Entry[]>>();

  at({ sensor, second }: Entry): readonly Entry[] {
    return this.#sensors.get(sensor)?.get(second) ?? NONE;
  }

  add(entry: Entry): void {
    const seconds = this.#sensors.get(entry.sensor);
    const known = seconds?.get(entry.second);
    if (known !== undefined) known.push(entry);
    else if (seconds !== undefined) seconds.set(entry.second, [entry]);
    else this.#sensors.set(entry.sensor, new Map([[entry.second, [entry]]]));
  }

  remove(entry: Entry): void {
    const known = this.#sensors.get(entry.sensor)?.get(entry.second);
    known?.splice(known.indexOf(entry), 1);
  }
}
