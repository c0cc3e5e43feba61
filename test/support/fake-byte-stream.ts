import type { ByteStream, Unsubscribe } from '../../drivers/bus/byte-stream.ts';
import { BusError } from '../../drivers/errors.ts';

/** A serial line whose other end is the test. */
export class FakeByteStream implements ByteStream {
  isOpen = true;
  /** Everything that was written, in order. */
  readonly written: Uint8Array[] = [];
  /** What the other end does when it is written to. */
  onWrite: (bytes: Uint8Array) => void = () => {};
  readonly #byteListeners = new Set<(bytes: Uint8Array) => void>();
  readonly #closeListeners = new Set<(cause: Error | undefined) => void>();

  /** How many listeners there are: a driver that has finished leaves none behind. */
  get listenerCount(): number {
    return this.#byteListeners.size + this.#closeListeners.size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.isOpen) throw new BusError('closed', 'the fake port is closed');
    this.written.push(bytes);
    this.onWrite(bytes);
  }

  onBytes(listener: (bytes: Uint8Array) => void): Unsubscribe {
    this.#byteListeners.add(listener);
    return () => this.#byteListeners.delete(listener);
  }

  onClose(listener: (cause: Error | undefined) => void): Unsubscribe {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** Bytes arrive. */
  receive(bytes: Uint8Array): void {
    for (const listener of [...this.#byteListeners]) listener(Uint8Array.from(bytes));
  }

  unplug(cause?: Error): void {
    this.isOpen = false;
    for (const listener of [...this.#closeListeners]) listener(cause);
  }
}
