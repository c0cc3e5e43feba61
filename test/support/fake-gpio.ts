import type { DigitalInputPort, DigitalOutputPort, InputOptions } from '../../drivers/bus/gpio.ts';

/**
 * An input that the test drives. It promises as little as a port may: a change that comes while nobody waits for the
 * next one is lost.
 */
export class FakeInput implements DigitalInputPort {
  level: boolean;
  options: InputOptions | undefined;
  closeCount = 0;
  /** Changes may have been missed of which no level tells. */
  missed = () => {};
  #waiting: { resolve(level: boolean | undefined): void; reject(error: unknown): void } | undefined;

  constructor(level: boolean) {
    this.level = level;
  }

  async open(options: InputOptions) {
    this.options = options;
    return {
      read: async () => this.level,
      changes: (signal: AbortSignal, onMissed = () => {}) => {
        this.missed = onMissed;
        return this.#changes(signal);
      },
      close: async () => {
        this.closeCount += 1;
      },
    };
  }

  /** The pin changes. */
  change(level: boolean): void {
    this.level = level;
    this.#waiting?.resolve(level);
    this.#waiting = undefined;
  }

  /** Listening to the pin fails. */
  fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  async *#changes(signal: AbortSignal): AsyncIterable<boolean> {
    signal.addEventListener('abort', () => this.#waiting?.resolve(undefined), { once: true });
    while (!signal.aborted) {
      const level = await new Promise<boolean | undefined>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
      if (level !== undefined) yield level;
    }
  }
}

/** An output that remembers every level it had, and can be stuck at one or take no other. */
export class FakeOutput implements DigitalOutputPort {
  /** The level it was opened at, then every level written. */
  readonly levels: boolean[] = [];
  stuckAt: boolean | undefined;
  /** What writing fails with. */
  failure: Error | undefined;
  /** How long a write takes to be answered. */
  pause: () => Promise<void> = () => Promise.resolve();
  closeCount = 0;

  async open(level: boolean) {
    this.levels.push(level);
    return {
      write: async (next: boolean) => {
        if (this.failure !== undefined) throw this.failure;
        this.levels.push(next);
        await this.pause();
      },
      read: async () => this.stuckAt ?? this.levels.at(-1) === true,
      close: async () => {
        this.closeCount += 1;
      },
    };
  }
}
