/** Changes of one output that are remembered: more than an hour of a relay that chatters with every second. */
const CHANGES_MAX = 4096;

interface Change {
  readonly atMs: number;
  readonly isOn: boolean;
}

/** Which outputs of a simulated world are on, and were: what follows them is asked for moments that have passed, too. */
export interface SwitchedOutputs {
  /**
   * The hardware of an output (`device.output`) takes a state at a monotonic time. What was to come after that is forgotten: it was set
   * ahead, of hardware that goes off by itself.
   */
  set(output: string, isOn: boolean, atMs: number): void;
  /** Off before it was switched for the first time, and before the oldest change that is remembered. */
  isOn(output: string, atMs: number): boolean;
  /** The power is cut: nothing is on any more. */
  allOff(atMs: number): void;
}

/** A world in which nothing has been switched yet. */
export function switchedOutputs(): SwitchedOutputs {
  const changes = new Map<string, Change[]>();
  const set = (output: string, isOn: boolean, atMs: number) => {
    const list = changes.get(output) ?? [];
    changes.set(output, list);
    while ((list.at(-1)?.atMs ?? atMs) > atMs) list.pop();
    if ((list.at(-1)?.isOn ?? false) === isOn) return;
    list.push({ atMs, isOn });
    if (list.length > CHANGES_MAX) list.shift();
  };
  return {
    set,
    isOn: (output, atMs) => changes.get(output)?.findLast((change) => change.atMs <= atMs)?.isOn ?? false,
    allOff: (atMs) => {
      for (const output of changes.keys()) set(output, false, atMs);
    },
  };
}
