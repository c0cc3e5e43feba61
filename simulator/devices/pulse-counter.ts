import type { LineModel, ModelContext } from './model.ts';

/** What flows is taken as even for so long; the shapes of the simulator begin and end on this grid. */
const STEP_MS = 10_000;
/** How long a reed contact stays closed while a bucket tips or a magnet passes; half of the time where pulses come faster. */
const CLOSED_MS = 100;
/** How long a contact takes to close and to open for good. A transistor, which nobody debounces for long, does it at once. */
const BOUNCE_MS = 1.5;
const BOUNCES_FROM_DEBOUNCE_MS = 10;
/** What an amount of which a pulse is made may lack for want of digits. */
const EPSILON = 1e-9;

interface Edge {
  readonly atMs: number;
  readonly isClosed: boolean;
}

/**
 * A contact that closes once for every so much rain, water or energy that has flowed since monotonic 0, and bounces as
 * contacts do. What flows is the reading that is no sum of another; rain, which is measured in tips, by its rate an hour.
 */
export function model({ device, signal, nextChangeMs }: ModelContext): LineModel {
  const options = device.spec.with as Readonly<Record<string, number | string>>;
  const reading = [...device.simulate].find(([, { type }]) => type !== 'integrate')?.[0];
  if (reading === undefined) throw new Error(`nothing says what flows through ${device.id}: add it to simulate:`);
  const perPulse = options['pulses_per_litre'] === undefined ? amountOf(options) : 1 / Number(options['pulses_per_litre']);
  const stepHours = STEP_MS / (options['pulses_per_litre'] === undefined ? 3_600_000 : 60_000);
  const debounceMs = Number(options['debounce']);
  const isIdleHigh = options['pull'] !== 'down';

  const edges: Edge[] = [];
  let isClosed = false;
  let step = 0;
  let flowed = 0;
  let lastEdgeMs = 0;

  const add = (fromMs: number, forMs: number) => {
    // Where the flow grows all of a sudden, a pulse may come before the one before it has ended.
    const startMs = Math.max(fromMs, lastEdgeMs + 1);
    const bounces = debounceMs >= BOUNCES_FROM_DEBOUNCE_MS && forMs > 4 * BOUNCE_MS;
    const closing = bounces ? [0, BOUNCE_MS / 3, BOUNCE_MS] : [0];
    edges.push(...closing.map((atMs, i) => ({ atMs: startMs + atMs, isClosed: i % 2 === 0 })));
    edges.push(...closing.map((atMs, i) => ({ atMs: startMs + forMs + atMs, isClosed: i % 2 === 1 })));
    lastEdgeMs = edges.at(-1)?.atMs ?? startMs;
  };
  /** Puts the edges of all steps up to the one that a moment is in into the list. */
  const goTo = (atMs: number) => {
    for (; step * STEP_MS <= atMs; step++) {
      const pulses = (Math.max(0, signal(reading, step * STEP_MS)) * stepHours) / perPulse;
      const forMs = Math.min(Math.max(CLOSED_MS, 2 * debounceMs), STEP_MS / pulses / 2);
      const last = Math.floor(flowed + pulses + EPSILON);
      for (let nth = Math.floor(flowed + EPSILON) + 1; nth <= last; nth++) {
        add((step + Math.min(1, (nth - flowed) / pulses)) * STEP_MS, forMs);
      }
      flowed += pulses;
    }
  };
  return {
    kind: 'line',
    drives: {
      level: (atMs) => {
        goTo(atMs);
        while (edges[0] !== undefined && edges[0].atMs <= atMs) isClosed = edges.shift()?.isClosed ?? isClosed;
        return isClosed !== isIdleHigh;
      },
      nextChangeMs: (atMs) => {
        goTo(atMs);
        const next = edges.find((edge) => edge.atMs > atMs)?.atMs;
        // Nothing flows: until it does, there is nothing to look for.
        const isDry = signal(reading, (step - 1) * STEP_MS) === 0;
        return next ?? Math.max(step * STEP_MS, (isDry ? nextChangeMs(reading, atMs) : undefined) ?? 0);
      },
    },
  };
}

/** What one pulse stands for: the one number of the options that is neither about the pin nor where the total begins. */
function amountOf(options: Readonly<Record<string, number | string>>): number {
  const perTip = options['per_tip'] ?? options['per_pulse'];
  return typeof perTip === 'number' ? perTip : 1;
}
