/** How much the newest poll counts in the usual time of one. */
const NEWEST_WEIGHT = 0.2;
/** More than all of a bus's time is too much; it is enough again when this share is left. */
const ENOUGH = 0.95;

/** What the devices of one bus ask of it. */
export interface BusLoad {
  /** The share of the bus's time that all polls together need: above 1 they do not fit. */
  readonly demand: number;
  /** How long the bus needs to poll every device once. */
  readonly roundMs: number;
  /** The shortest period for all of them: a round, and a little for those that take longer. */
  readonly shortestPeriodMs: number;
  /** More is asked than the bus can carry: polls come late or are left out. */
  readonly isSaturated: boolean;
  /** A device that is polled every `everyMs` needed the bus for `tookMs`. */
  polled(device: string, everyMs: number, tookMs: number): void;
  /** It is polled no more. */
  left(device: string): void;
}

interface Usual {
  readonly everyMs: number;
  readonly tookMs: number;
}

/**
 * `onChange` is called when the bus becomes saturated, and when it no longer is. On a bus with several slots devices have it
 * at the same time, each for one request after the other.
 */
export function openBusLoad(slotCount: number, onChange: (load: BusLoad) => void): BusLoad {
  const devices = new Map<string, Usual>();
  let isSaturated = false;
  const together = (of: (usual: Usual) => number) => {
    const each = [...devices.values()].map(of);
    return Math.max(0, ...each, each.reduce((total, one) => total + one, 0) / slotCount);
  };
  const look = () => {
    const is = load.demand > (isSaturated ? ENOUGH : 1);
    if (is === isSaturated) return;
    isSaturated = is;
    onChange(load);
  };
  const load: BusLoad = {
    get demand() {
      return together(({ everyMs, tookMs }) => tookMs / everyMs);
    },
    get roundMs() {
      return together(({ tookMs }) => tookMs);
    },
    get shortestPeriodMs() {
      return Math.ceil(load.roundMs / ENOUGH);
    },
    get isSaturated() {
      return isSaturated;
    },
    polled(device, everyMs, tookMs) {
      const before = devices.get(device)?.tookMs ?? tookMs;
      devices.set(device, { everyMs, tookMs: before + NEWEST_WEIGHT * (tookMs - before) });
      look();
    },
    left(device) {
      if (devices.delete(device)) look();
    },
  };
  return load;
}
