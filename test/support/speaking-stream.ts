import type { Unsubscribe } from '../../drivers/bus/byte-stream.ts';
import { FakeByteStream } from './fake-byte-stream.ts';
import type { TestClock } from './test-clock.ts';

/**
 * A serial line whose other end speaks by itself: from the moment somebody listens, the chunks arrive a millisecond apart.
 * Nothing is sent any more once nobody listens.
 */
export class SpeakingStream extends FakeByteStream {
  readonly #clock: TestClock;
  #chunks: readonly Uint8Array[];

  constructor(clock: TestClock, chunks: readonly Uint8Array[]) {
    super();
    this.#clock = clock;
    this.#chunks = chunks;
  }

  /** What the next listener hears. */
  say(chunks: readonly Uint8Array[]): void {
    this.#chunks = chunks;
  }

  override onBytes(listener: (bytes: Uint8Array) => void): Unsubscribe {
    const stop = super.onBytes(listener);
    const cancels = this.#chunks.map((chunk, index) => this.#clock.timer(index + 1, () => this.receive(chunk)));
    return () => {
      stop();
      for (const cancel of cancels) cancel();
    };
  }
}

/** The same bytes in chunks of this length. */
export function cut(data: Uint8Array, chunkLength: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += chunkLength) chunks.push(data.subarray(at, at + chunkLength));
  return chunks;
}
