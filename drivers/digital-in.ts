import { z } from 'zod';
import type { Driver } from './driver.ts';
import { onlyReading } from './produced-readings.ts';
import { pushedItems } from './pushed-items.ts';
import type { Reading } from './reading.ts';

const options = z.strictObject({
  pull: z.enum(['up', 'down', 'none']),
  /** The electrical level that means true. */
  active: z.enum(['low', 'high']),
  /** Milliseconds; the port does the debouncing. */
  debounce: z.number().min(0),
});

type DigitalInOptions = z.infer<typeof options>;

/** The most changes that may wait for a consumer that is busy; beyond it only the latest one is kept. */
export const CHANGES_WAITING_MAX = 256;

/** One contact, button or detector on a digital input: its state when asked, and each change at once. */
export const digitalIn: Driver<'digital_in', DigitalInOptions> = {
  id: 'digital-in',
  needs: 'digital_in',
  with: options,
  // A level is read from the machine itself: nothing goes over a wire.
  plan: (spec) => [{ writeBytes: 0, readBytes: 0, waitMs: 0, readings: spec.readings.map(({ id }) => id) }],
  async open(port, spec) {
    const id = onlyReading(spec);
    const { pull, active, debounce } = spec.with;
    const input = await port.open({ pull, debounceMs: debounce });
    const toReading = (level: boolean): Reading => ({ id, value: level === (active === 'high') });
    let closed: Promise<void> | undefined;
    return {
      read: async (signal) => {
        signal.throwIfAborted();
        return [toReading(await input.read())];
      },
      async *watch(signal) {
        for await (const level of held(input.changes(signal))) yield toReading(level);
      },
      close: () => {
        closed ??= input.close();
        return closed;
      },
    };
  },
};

/** The same items, taken from `source` as soon as they come, and held while the consumer is busy. */
async function* held<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  const collect = async (push: (item: T) => void) => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) push(next.value);
  };
  try {
    yield* pushedItems(collect, CHANGES_WAITING_MAX);
  } finally {
    // A consumer that stops early must not leave the source running. Not awaited: the source may be waiting for an edge.
    iterator.return?.().catch(() => undefined);
  }
}
