/** A callback that is due at a moment. `place` is its index in the heap, -1 once it has fired or was cancelled. */
export interface PendingTimer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
  place: number;
}

/**
 * Pending timers as a binary heap, ordered by time and, within one instant, by the order in which they were set.
 * Each timer knows its own place, so that a cancelled one leaves at once: a deadline that is set and cancelled for
 * every transaction would otherwise fill the heap with the dead.
 */
export class TimerHeap {
  readonly #timers: PendingTimer[] = [];
  #nextOrder = 0;

  get size(): number {
    return this.#timers.length;
  }

  /** The timer that is due first. */
  first(): PendingTimer | undefined {
    return this.#timers[0];
  }

  add(atMs: number, callback: () => void): PendingTimer {
    const timer: PendingTimer = { atMs, order: this.#nextOrder++, callback, place: this.#timers.length };
    this.#timers.push(timer);
    this.#rise(timer);
    return timer;
  }

  /** Takes a timer out; nothing happens when it has fired already. */
  remove(timer: PendingTimer): void {
    if (timer.place < 0) return;
    const last = this.#timers.pop();
    if (last !== undefined && last !== timer) {
      this.#put(last, timer.place);
      this.#rise(last);
      this.#sink(last);
    }
    timer.place = -1;
  }

  #put(timer: PendingTimer, place: number): void {
    this.#timers[place] = timer;
    timer.place = place;
  }

  #rise(timer: PendingTimer): void {
    while (timer.place > 0) {
      const parent = this.#timers[(timer.place - 1) >> 1];
      if (parent === undefined || isBefore(parent, timer)) return;
      const place = parent.place;
      this.#put(parent, timer.place);
      this.#put(timer, place);
    }
  }

  #sink(timer: PendingTimer): void {
    for (;;) {
      const left = this.#timers[2 * timer.place + 1];
      const right = this.#timers[2 * timer.place + 2];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(timer, child)) return;
      const place = child.place;
      this.#put(child, timer.place);
      this.#put(timer, place);
    }
  }
}

function isBefore(a: PendingTimer, b: PendingTimer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
