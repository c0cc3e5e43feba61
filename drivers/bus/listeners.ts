import type { Unsubscribe } from './byte-stream.ts';

/** Those who want to hear of something. One who is added or taken back during a call counts from the next one on. */
export class Listeners<T> {
  readonly #listeners = new Set<{ readonly call: (value: T) => void }>();

  add(call: (value: T) => void): Unsubscribe {
    const listener = { call };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls each with its own value, so that a listener may keep or change what it is given. */
  call(makeValue: () => T): void {
    for (const { call } of [...this.#listeners]) call(makeValue());
  }
}
