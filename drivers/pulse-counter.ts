// Counts the pulses of a contact or an open-collector output on a digital input: tipping-bucket rain gauges, water meters,
// flow meters, S0 outputs of electricity meters (IEC 62053-31). There is no chip and no protocol: every fact (what a pulse
// stands for, how long a contact bounces) stands in the board.

import { z } from 'zod';
import type { DigitalInput } from './bus/gpio.ts';
import type { Clock } from './clock.ts';
import type { Device, DeviceSpec, Driver, LastTotal, PulseSpec } from './driver.ts';
import { BusError, DeviceError } from './errors.ts';
import { localDay } from './local-day.ts';
import type { MissingReading, Reading } from './reading.ts';

const options = z
  .object({
    pull: z.enum(['up', 'down', 'none']),
    /** Milliseconds; the port does the debouncing. */
    debounce: z.number().min(0),
    /** What flow meters have printed on them: how many pulses one litre makes. */
    pulses_per_litre: z.number().positive().optional(),
  })
  // Whatever `scale_by` and `starts_at` of the readings name.
  .catchall(z.number());

type PulseOptions = z.infer<typeof options>;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 };
const LITRES: Readonly<Record<string, number>> = { L: 1, m3: 1000 };

/** A counter of pulses. Its readings are what came since the last read (delta), in all (total), or per time (rate). */
export const pulseCounter: Driver<'digital_in', PulseOptions> = {
  id: 'pulse-counter',
  needs: 'digital_in',
  countsPulses: true,
  with: options,
  // Pulses are counted as they come: nothing goes over a wire when they are read.
  plan: (spec) => [{ writeBytes: 0, readBytes: 0, waitMs: 0, readings: spec.readings.map(({ id }) => id) }],
  async open(port, spec, clock) {
    const tallies = spec.readings.map(({ id, pulses }) => {
      if (pulses === undefined) throw new Error(`board ${spec.board}: nothing says what the pulses of ${id} stand for`);
      return tallyOf(id, pulses, spec, clock);
    });
    const { pull, debounce } = spec.with;
    const input = await port.open({ pull, debounceMs: debounce });
    return deviceOn(input, pull === 'down', tallies);
  },
};

function deviceOn(input: DigitalInput, activeLevel: boolean, tallies: readonly Tally[]): Device {
  const closing = new AbortController();
  let isListening = false;
  let failure: unknown;
  let previous: boolean | undefined;
  let isStormTold = false;

  const count = (level: boolean) => {
    // Two equal levels in a row: the change between them was missed. Where both are idle, a pulse was.
    const isMissed = level === previous;
    previous = level;
    for (const tally of tallies) {
      if (level === activeLevel || isMissed) tally.pulse();
      if (isMissed) tally.miss();
    }
  };
  const miss = () => {
    for (const tally of tallies) tally.miss();
  };
  const listen = async () => {
    isListening = true;
    try {
      for await (const level of input.changes(closing.signal, miss)) count(level);
      if (!closing.signal.aborted) throw new BusError('closed', 'the input stopped telling its changes');
    } catch (error) {
      failure = error;
      previous = undefined;
      // Nobody knows what passed from here on until somebody listens again.
      miss();
    } finally {
      isListening = false;
    }
  };
  // Pulses count from now on, whether or not anybody reads. It never rejects: what fails is told by the next read.
  const start = () => {
    failure = undefined;
    listening = listen();
  };
  let listening = Promise.resolve();
  let closed: Promise<void> | undefined;
  start();
  return {
    read: async (signal) => {
      signal.throwIfAborted();
      if (!isListening && !closing.signal.aborted) {
        const reason = failure;
        start();
        throw reason;
      }
      const storm = await stormOn(input);
      signal.throwIfAborted();
      // What was counted until it began is told once: a gateway that is stopped now would forget it.
      if (storm !== undefined && isStormTold) throw storm;
      isStormTold = storm !== undefined;
      if (isStormTold) miss();
      return tallies.map((tally) => tally.take());
    },
    close: () => {
      closing.abort();
      closed ??= input.close().then(() => listening);
      return closed;
    },
  };
}

/** Why a line in a storm refuses to be read; undefined where there is none. */
async function stormOn(input: DigitalInput): Promise<BusError | undefined> {
  try {
    await input.read();
    return undefined;
  } catch (error) {
    if (error instanceof BusError && error.kind === 'edge-storm') return error;
    throw error;
  }
}

type CountReading = Reading & { readonly value: number };

/** The count behind one reading. */
interface Tally<T = Reading | MissingReading> {
  pulse(): void;
  /** Something may have been missed. */
  miss(): void;
  /** The value now; what is told since the last read begins again. */
  take(): T;
}

function tallyOf(id: string, pulses: PulseSpec, spec: DeviceSpec<PulseOptions>, clock: Clock): Tally {
  const scale = scaleOf(id, pulses, spec);
  switch (pulses.kind) {
    case 'delta':
      return deltaTally(id, scale);
    case 'rate':
      return rateTally(id, scale * unitMsOf(id, pulses.unit, spec.board), clock);
    case 'total':
      return pulses.resets === 'daily'
        ? dailyTally(id, scale, spec.timezone ?? 'UTC', spec.lastTotals?.get(id), clock)
        : totalTally(id, scale, Math.max(pulses.startsAt ?? 0, spec.lastTotals?.get(id)?.value ?? 0));
  }
}

function scaleOf(id: string, { scaleBy, unit }: PulseSpec, spec: DeviceSpec<PulseOptions>): number {
  const litres = LITRES[unit.split('/')[0] ?? ''];
  const perLitre = spec.with.pulses_per_litre;
  if (scaleBy !== undefined) return scaleBy;
  if (perLitre !== undefined && litres !== undefined) return 1 / (perLitre * litres);
  throw new Error(`board ${spec.board}: expected scale_by for ${id}, or pulses_per_litre and a unit in litres, found ${unit}`);
}

function unitMsOf(id: string, unit: string, board: string): number {
  const ms = UNIT_MS[unit.split('/')[1] ?? ''];
  if (ms === undefined) throw new Error(`board ${board}: expected a unit per s, min or h for the rate ${id}, found ${unit}`);
  return ms;
}

function deltaTally(id: string, scale: number): Tally<CountReading> {
  let count = 0;
  let isMissed = false;
  return {
    pulse: () => {
      count += 1;
    },
    miss: () => {
      isMissed = true;
    },
    take: () => {
      const reading = marked(id, count * scale, isMissed);
      [count, isMissed] = [0, false];
      return reading;
    },
  };
}

function rateTally(id: string, scaleMs: number, clock: Clock): Tally {
  let sinceMs = clock.monotonicMs();
  const delta = deltaTally(id, 1);
  return {
    ...delta,
    take: () => {
      const nowMs = clock.monotonicMs();
      const forMs = nowMs - sinceMs;
      if (forMs === 0)
        return { id, error: new DeviceError('not-available', `${id}: there is no rate before any time has passed`) };
      sinceMs = nowMs;
      const taken = delta.take();
      return { ...taken, value: (taken.value * scaleMs) / forMs };
    },
  };
}

/**
 * Goes on from `base`. Only the reading after a miss is marked: like a meter that stood still for a while, the total goes on
 * from what it shows, and what is added to it later is exact again.
 */
function totalTally(id: string, scale: number, base: number): Tally {
  const delta = deltaTally(id, 1);
  let count = 0;
  return {
    ...delta,
    take: () => {
      const taken = delta.take();
      count += taken.value;
      return { ...taken, value: base + count * scale };
    },
  };
}

/** Begins again at local midnight, once the clock is set. What was missed counts until then. */
function dailyTally(id: string, scale: number, timeZone: string, last: LastTotal | undefined, clock: Clock): Tally {
  let day = last?.wallMs === undefined ? undefined : localDay(timeZone, last.wallMs);
  // A total of which nobody knows the day may be yesterday's.
  let base = day === undefined ? 0 : (last?.value ?? 0);
  let isMissed = last !== undefined && day === undefined;
  let count = 0;
  let isOurDay = false;
  const turnPage = () => {
    const { ms, quality } = clock.wall();
    if (quality === 'none') return;
    const today = localDay(timeZone, ms);
    // A clock that is put back over midnight must not begin the day a second time.
    if (day !== undefined && today > day) {
      base = 0;
      // What was counted while the clock was not set yet was counted after the start, which is nearer to this day.
      if (isOurDay) [count, isMissed] = [0, false];
    }
    day = Math.max(day ?? today, today);
    isOurDay = true;
  };
  return {
    pulse: () => {
      turnPage();
      count += 1;
    },
    miss: () => {
      isMissed = true;
    },
    take: () => {
      turnPage();
      return marked(id, base + count * scale, isMissed);
    },
  };
}

function marked(id: string, value: number, isMissed: boolean): CountReading {
  return isMissed ? { id, value, atLeast: true } : { id, value };
}
