/** One observation as the city keeps it. */
export interface StoredObservation {
  readonly provider: string;
  readonly sensor: string;
  readonly value: string;
  /** Milliseconds since 1970: what the client sent, or the arrival. */
  readonly timestampMs: number;
  readonly arrivalMs: number;
  readonly location?: string;
  /** Counts up over all sensors in order of arrival; the client never sees it. */
  readonly id: number;
}

/**
 * Observations by provider and sensor, each sensor's sorted as Redis sorts them: by timestamp, and among equal timestamps
 * by the id compared as text, so that 9 stands above 10 (sentilo.md §1.5.6).
 */
export class ObservationStore {
  readonly #sensors = new Map<string, Map<string, StoredObservation[]>>();
  /** Sensors that share one number, by provider. */
  readonly #mixed = new Map<string, readonly string[]>();
  #lastId = 0;
  #size = 0;

  /** How many observations are kept. */
  get size(): number {
    return this.#size;
  }

  add(observation: Omit<StoredObservation, 'id'>): void {
    const provider = this.#sensors.get(observation.provider) ?? new Map<string, StoredObservation[]>();
    this.#sensors.set(observation.provider, provider);
    const sorted = provider.get(observation.sensor) ?? [];
    provider.set(observation.sensor, sorted);
    this.#lastId += 1;
    const stored = { ...observation, id: this.#lastId };
    sorted.splice(
      firstIndex(sorted, (other) => compare(other, stored) > 0),
      0,
      stored,
    );
    this.#size += 1;
  }

  /** Names of a provider's sensors that have been written to. */
  sensorsOf(provider: string): string[] {
    return [...(this.#sensors.get(provider)?.keys() ?? [])];
  }

  /** Everything of one sensor, oldest first. */
  all(provider: string, sensor: string): readonly StoredObservation[] {
    return this.#sensors.get(provider)?.get(sensor) ?? [];
  }

  /** From now on these sensors of a provider share one number, and what is kept of each is read under all of them; none: no more. */
  mixUp(provider: string, sensors: readonly string[]): void {
    this.#mixed.set(provider, sensors);
  }

  /** At most `limit` observations with fromMs ≤ timestamp ≤ toMs, newest first. */
  newest(provider: string, sensor: string, fromMs: number, toMs: number, limit: number): StoredObservation[] {
    const sorted = this.#readUnder(provider, sensor);
    const end = firstIndex(sorted, (other) => other.timestampMs > toMs);
    const start = firstIndex(sorted, (other) => other.timestampMs >= fromMs);
    return sorted.slice(Math.max(start, end - limit), Math.max(start, end)).reverse();
  }

  #readUnder(provider: string, sensor: string): readonly StoredObservation[] {
    const mixed = this.#mixed.get(provider) ?? [];
    if (!mixed.includes(sensor)) return this.all(provider, sensor);
    return mixed.flatMap((one) => this.all(provider, one)).sort(compare);
  }

  /** Removes the observation with the latest timestamp, whether or not its time has come. */
  deleteNewest(provider: string, sensor: string): void {
    if (this.#sensors.get(provider)?.get(sensor)?.pop()) this.#size -= 1;
  }

  /** Removes everything of a sensor. */
  deleteSensor(provider: string, sensor: string): void {
    this.#size -= this.all(provider, sensor).length;
    this.#sensors.get(provider)?.delete(sensor);
  }
}

function compare(a: StoredObservation, b: StoredObservation): number {
  return a.timestampMs - b.timestampMs || (String(a.id) < String(b.id) ? -1 : 1);
}

/** Index of the first element for which `isPast` holds in a list where it holds for all that follow. */
function firstIndex(list: readonly StoredObservation[], isPast: (observation: StoredObservation) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const element = list[middle];
    if (element === undefined || isPast(element)) high = middle;
    else low = middle + 1;
  }
  return low;
}
