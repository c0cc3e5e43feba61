import type { Socket } from 'node:net';
import type { Clock } from '../../drivers/clock.ts';

/** Bytes that may wait unread before the peer is slowed down. */
const WAITING_BYTES_MAX = 1024 * 1024;

/** Why a connection gave no more bytes: nothing came for the time allowed, the peer ended its side, or the connection broke. */
export class InputEnded extends Error {
  override readonly name = 'InputEnded';
  readonly kind: 'timeout' | 'closed';
  constructor(kind: 'timeout' | 'closed') {
    super(kind === 'timeout' ? 'no byte came in time' : 'the peer closed the connection');
    this.kind = kind;
  }
}

/**
 * Reads a socket in sequence, as a server with one thread for each connection does. Each wait for bytes is limited by
 * `readTimeoutMs`, so that a slow peer is served as long as something comes.
 */
export class ConnectionInput {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #readTimeoutMs: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isClosed = false;
  #wake = () => {};

  constructor(socket: Socket, clock: Clock, readTimeoutMs: number) {
    this.#socket = socket;
    this.#clock = clock;
    this.#readTimeoutMs = readTimeoutMs;
    socket.on('data', (bytes: Buffer) => {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
      if (this.#waitingBytes > WAITING_BYTES_MAX) socket.pause();
      this.#wake();
    });
    const close = () => {
      this.#isClosed = true;
      this.#wake();
    };
    socket.on('end', close);
    socket.on('close', close);
    socket.resume();
  }

  /** From 1 to `max` bytes, as they come. Rejects with InputEnded. */
  async some(max: number): Promise<Buffer> {
    if (this.#waiting.length === 0 && !this.#isClosed) await this.#arrival();
    const [first] = this.#waiting;
    if (first === undefined) throw new InputEnded(this.#isClosed ? 'closed' : 'timeout');
    const taken = first.subarray(0, max);
    if (taken.length < first.length) this.#waiting[0] = first.subarray(max);
    else this.#waiting.shift();
    this.#waitingBytes -= taken.length;
    if (this.#waitingBytes <= WAITING_BYTES_MAX) this.#socket.resume();
    return taken;
  }

  /** The text up to the next line feed, without its line end, one character for each byte. Undefined when it is longer than `max`. */
  async line(max: number): Promise<string | undefined> {
    const parts: Buffer[] = [];
    for (let length = 0; length <= max; ) {
      const bytes = await this.some(max + 1);
      const end = bytes.indexOf(0x0a);
      const part = end < 0 ? bytes : bytes.subarray(0, end);
      parts.push(part);
      length += part.length;
      if (end < 0) continue;
      this.#putBack(bytes.subarray(end + 1));
      const text = Buffer.concat(parts).toString('latin1');
      return text.endsWith('\r') ? text.slice(0, -1) : text;
    }
    return undefined;
  }

  /** From now on what comes is thrown away, so that the peer can finish sending and take its answer. */
  discard(): void {
    this.#socket.removeAllListeners('data');
    this.#waiting = [];
    this.#socket.resume();
  }

  #putBack(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#waiting.unshift(bytes);
    this.#waitingBytes += bytes.length;
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.timer(this.#readTimeoutMs, () => this.#wake());
      this.#wake = () => {
        this.#wake = () => {};
        cancel();
        resolve();
      };
    });
  }
}
