import { expect } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import type { FakeByteStream } from './fake-byte-stream.ts';
import type { TestClock } from './test-clock.ts';

/** A driver that listens to a silent line. */
interface Listening {
  readonly line: FakeByteStream;
  readonly clock: TestClock;
  readonly read: (signal?: AbortSignal) => Promise<unknown>;
}

/** A read ends at once when the port is or was unplugged, or the read is aborted, and leaves nothing behind. */
export async function expectEndsAtOnce({ line, clock, read }: Listening): Promise<void> {
  const cause = new Error('EIO');
  clock.timer(5, () => line.unplug(cause));
  await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'closed', cause });
  await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'closed' });
  expect(clock.monotonicMs()).toBe(5);
  line.isOpen = true;
  const controller = new AbortController();
  const reason = new BusError('timeout', 'the deadline of the round');
  clock.timer(20, () => controller.abort(reason));
  await expect(read(controller.signal)).rejects.toBe(reason);
  expect([line.listenerCount, clock.timerCount]).toEqual([0, 0]);
}
