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

/** `onChange` is called when the bus becomes saturated, and when it no longer is. */
export function openBusLoad(onChange: (load: BusLoad) => void): BusLoad {
  const devices = new Map<string, Usual>();
  let isSaturated = false;
  const sum = (of: (usual: Usual) => number) => [...devices.values()].reduce((total, usual) => total + of(usual), 0);
  const look = () => {
    const is = load.demand > (isSaturated ? ENOUGH : 1);
    if (is === isSaturated) return;
    isSaturated = is;
    onChange(load);
  };
  const load: BusLoad = {
    get demand() {
      return sum(({ everyMs, tookMs }) => tookMs / everyMs);
    },
    get roundMs() {
      return sum(({ tookMs }) => tookMs);
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
