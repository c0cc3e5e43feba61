import type { Haste } from './modbus.ts';

/** The resistor that holds an input while nothing drives it. */
export type Pull = 'up' | 'down' | 'none';

/** How an input is set up. Edges closer than `debounceMs` to the last accepted one are bounce. */
export interface InputOptions {
  readonly pull: Pull;
  readonly debounceMs: number;
}

/** A wire that hangs free beside a motor makes thousands of edges a second; no contact and no meter makes as many as this. */
const STORM_EDGES_PER_SECOND = 200;
/** The same for a slow contact: a door, a bucket that tips. */
const CONTACT_EDGES_PER_SECOND = 80;
const CONTACT_DEBOUNCE_MS = 20;
/**
 * While the edges of a line are not followed, its level is looked at so often. No multiple of the periods of 50 and 60 Hz: the
 * hum of the mains would show the same level each time.
 */
export const STORM_SAMPLE_MS = 97;
/** A line is quiet when in so long a time at most one look in STORM_LOOKS_PER_CHANGE shows a change: rain may go on falling. */
export const STORM_QUIET_MS = 30_000;
export const STORM_LOOKS_PER_CHANGE = 10;
/** Looks cannot tell a storm from a meter that runs, so the line is also tried so often. */
export const STORM_RETRY_MS = 300_000;

/**
 * More edges than this in one second, bounce included, are a storm. What the debouncing lets through is no storm: a flow meter
 * with 2 ms may have 500 edges a second. What is debounced for as long as a contact of metal has far fewer; the mains, which a
 * loose wire beside a cable follows, have 100 or 120.
 */
export function stormEdgesPerSecond(debounceMs: number): number {
  const least = debounceMs >= CONTACT_DEBOUNCE_MS ? CONTACT_EDGES_PER_SECOND : STORM_EDGES_PER_SECOND;
  return debounceMs > 0 ? Math.max(least, 1000 / debounceMs) : least;
}

/** One digital input, already set up. Levels are electrical: true is high. */
export interface DigitalInput {
  /** @throws BusError `edge-storm` while the edges of the line are not followed */
  read(): Promise<boolean>;
  /**
   * The level after each debounced change, from now on, until `signal` is aborted (then it ends without an error). Two
   * equal levels in a row prove that the change between them was missed.
   *
   * In a storm (`stormEdgesPerSecond`) no edge is followed, so that it costs little: the level is looked at every
   * STORM_SAMPLE_MS until it was quiet for STORM_QUIET_MS, or STORM_RETRY_MS have passed. Then it is given twice, since changes
   * were missed, and followed again.
   * @param onMissed called when changes may have been missed that no two equal levels will show
   * @throws BusError when listening fails; changes from then on are missed until it is called again
   */
  changes(signal: AbortSignal, onMissed?: () => void): AsyncIterable<boolean>;
  close(): Promise<void>;
}

/** One digital output, already set up. Levels are electrical: true is high. */
export interface DigitalOutput {
  /** `haste` is for an output at the end of a bus. */
  write(level: boolean, haste?: Haste): Promise<void>;
  /** The level on the pin now. */
  read(haste?: Haste): Promise<boolean>;
  /** Gives the line back without changing its level. */
  close(): Promise<void>;
}

/** A place where an input can be had: a GPIO pin, or a port of another device. One owner at a time. */
export interface DigitalInputPort {
  open(options: InputOptions): Promise<DigitalInput>;
}

/** A place where an output can be had. It starts at `level` without passing through the other one. */
export interface DigitalOutputPort {
  open(level: boolean): Promise<DigitalOutput>;
}

/** The GPIO lines of the machine, by the number of the chip (BCM numbering on a Raspberry Pi). */
export interface GpioLines {
  input(line: number): DigitalInputPort;
  output(line: number): DigitalOutputPort;
  close(): Promise<void>;
}
