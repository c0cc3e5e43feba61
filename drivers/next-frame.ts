import type { ByteStream } from './bus/byte-stream.ts';
import type { Clock } from './clock.ts';
import { withDeadline } from './clock.ts';
import { BusError } from './errors.ts';

/** Finds a frame in bytes that arrive cut anywhere. Holds no more than one unfinished frame. */
export interface FrameScanner<Frame> {
  /** Takes the bytes that arrived and returns the frame that is wanted, as soon as there is one. */
  push(bytes: Uint8Array): Frame | undefined;
  /** Why there is no frame after all the time there was. */
  failure(): BusError;
}

/** What is awaited, for how long at most, and what is sent to get it; nothing where the device speaks by itself. */
export interface AwaitedFrame<Frame> {
  readonly scanner: FrameScanner<Frame>;
  readonly withinMs: number;
  readonly question?: Uint8Array;
}

/**
 * Resolves with the next frame on the line, once the question has gone out. Listens only from the question on, so that
 * nothing that waited in a buffer since the last read is taken for the answer. On a line that is closed nobody is silent: it
 * fails at once, and not as a device that does not answer.
 * @throws BusError `closed` when the line is closed or lost meanwhile, the scanner's failure at the deadline, or the reason
 *   of `signal`
 */
export async function nextFrame<Frame>(
  line: ByteStream,
  clock: Clock,
  signal: AbortSignal,
  { scanner, withinMs, question }: AwaitedFrame<Frame>,
): Promise<Frame> {
  if (!line.isOpen) throw new BusError('closed', 'the port is closed');
  const answer = (inner: AbortSignal) =>
    new Promise<Frame>((resolve, reject) => {
      let sent = Promise.resolve();
      const stop = () => {
        stopBytes();
        stopClose();
      };
      const fail = (error: unknown) => {
        stop();
        reject(error);
      };
      const stopBytes = line.onBytes((bytes) => {
        const frame = scanner.push(bytes);
        if (frame === undefined) return;
        stop();
        sent.then(() => resolve(frame), fail);
      });
      const stopClose = line.onClose((cause) => {
        fail(new BusError('closed', 'the port was closed while the answer was awaited', { cause }));
      });
      inner.addEventListener('abort', () => fail(inner.reason), { once: true });
      if (question === undefined) return;
      sent = line.write(question);
      sent.catch(fail);
    });
  return await withDeadline(clock, withinMs, signal, () => scanner.failure(), answer);
}
