/** The resistor that holds an input while nothing drives it. */
export type Pull = 'up' | 'down' | 'none';

/** How an input is set up. Edges closer than `debounceMs` to the last accepted one are bounce. */
export interface InputOptions {
  readonly pull: Pull;
  readonly debounceMs: number;
}

/** One digital input, already set up. Levels are electrical: true is high. */
export interface DigitalInput {
  read(): Promise<boolean>;
  /** The level after each debounced change, from now on, until `signal` is aborted (then it ends without an error). */
  changes(signal: AbortSignal): AsyncIterable<boolean>;
  close(): Promise<void>;
}

/** One digital output, already set up. Levels are electrical: true is high. */
export interface DigitalOutput {
  write(level: boolean): Promise<void>;
  /** The level on the pin now. */
  read(): Promise<boolean>;
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
