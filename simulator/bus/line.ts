import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import { BusError } from '../../drivers/errors.ts';
import { onFaultEdges } from '../faults.ts';
import { busFault, never, passFault } from './bus-fault.ts';
import type { World } from './world.ts';

/** Bytes reach the listener in pieces of at most this many, cut anywhere, as a UART's buffer hands them over. */
const CHUNK_BYTES_MAX = 32;
/** A device that has this much waiting for a slow line loses what it would send beyond. */
const BACKLOG_MS_MAX = 5000;

/** The device's side of a line while it is open. */
export interface FarEnd {
  /** Bytes that have arrived, at the time of the last one. */
  receive(bytes: Uint8Array): void;
  /** The line was closed. */
  close?(): void;
}

/** What the device's side has of the wire. */
export interface Wire {
  /** Puts bytes on the line, after those that are on it already. */
  send(bytes: Uint8Array): void;
  /** Whether bytes for the device are under way at this moment. */
  isReceiving(): boolean;
}

export interface LineOptions {
  /** The id of the bus, which faults and frames name. */
  readonly bus: string;
  /** The port or address, for messages. */
  readonly name: string;
  /** Time that one byte takes on the wire. */
  readonly byteMs: number;
  /** Time from one end to the other, besides. */
  readonly latencyMs: number;
  /** The adapter sends back what is written, as some RS-485 adapters do. */
  readonly echo: boolean;
  /** What is at the other end, made anew at each opening. */
  readonly attach: (wire: Wire) => FarEnd;
}

/** A simulated line for bytes. One may have it open at a time. */
export interface Line {
  /** @throws BusError `busy`, `no-answer` */
  open(): Promise<OpenByteStream>;
}

export function simulatedLine(options: LineOptions, world: World): Line {
  const { bus, name } = options;
  let session: Session | undefined;
  onFaultEdges(world.clock, world.faults, (fault, begins) => {
    if (begins && fault.at === 'bus' && fault.bus === bus && fault.kind === 'unplugged') {
      session?.end(new BusError('closed', `${name} was unplugged`));
    }
  });
  return {
    open: async () => {
      const says = { busy: `${name} is in use by another program`, absent: `${name} is not there` };
      await passFault(world, bus, says);
      if (session?.isOpen === true) throw new BusError('busy', says.busy);
      session = new Session(options, world);
      return session;
    },
  };
}

class Session implements OpenByteStream {
  readonly #options: LineOptions;
  readonly #world: World;
  readonly #random: () => number;
  readonly #farEnd: FarEnd;
  readonly #byteListeners = new Set<(bytes: Uint8Array) => void>();
  readonly #closeListeners = new Set<(cause: Error | undefined) => void>();
  #isOpen = true;
  /** When the wire is free again, in each direction. */
  #outFreeMs = 0;
  #inFreeMs = 0;
  /** Sent by the far end and not yet here, the oldest first. */
  readonly #underWay: Uint8Array[] = [];

  constructor(options: LineOptions, world: World) {
    this.#options = options;
    this.#world = world;
    this.#random = world.random.fork(`line/${options.bus}/${world.clock.monotonicMs()}`);
    this.#farEnd = options.attach({
      send: (bytes) => this.#arrive(bytes),
      isReceiving: () => world.clock.monotonicMs() < this.#outFreeMs,
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { bus, name, byteMs, latencyMs, echo } = this.#options;
    if (!this.#isOpen) throw new BusError('closed', `${name} is closed`);
    if (busFault(this.#world, bus)?.kind === 'hang') return never();
    const sent = bytes.slice();
    this.#tap('out', sent);
    const nowMs = this.#world.clock.monotonicMs();
    this.#outFreeMs = Math.max(nowMs, this.#outFreeMs) + sent.length * byteMs;
    await this.#after(this.#outFreeMs + latencyMs - nowMs);
    if (!this.#isOpen) throw new BusError('closed', `${name} was closed while it sent`);
    if (busFault(this.#world, bus)?.kind === 'stuck') return;
    if (echo) this.#deliver(sent.slice());
    this.#farEnd.receive(sent);
  }

  onBytes(listener: (bytes: Uint8Array) => void): () => void {
    this.#byteListeners.add(listener);
    return () => this.#byteListeners.delete(listener);
  }

  onClose(listener: (cause: Error | undefined) => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.end(undefined);
  }

  end(cause: Error | undefined): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#farEnd.close?.();
    for (const listener of this.#closeListeners) listener(cause);
  }

  /** Puts the far end's bytes on the wire after what it is sending already; each piece is there when its last byte is. */
  #arrive(bytes: Uint8Array): void {
    const { byteMs, latencyMs } = this.#options;
    const nowMs = this.#world.clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#inFreeMs);
    if (!this.#isOpen || startMs - nowMs > BACKLOG_MS_MAX) return;
    this.#inFreeMs = startMs + bytes.length * byteMs;
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + 1 + Math.floor(this.#random() * CHUNK_BYTES_MAX));
      const chunk = bytes.slice(from, to);
      this.#underWay.push(chunk);
      // A clock of a busy machine may turn two timers round, which no line does with what it carries.
      this.#world.clock.timer(startMs + to * byteMs + latencyMs - nowMs, () => this.#deliver(this.#underWay.shift() ?? chunk));
      from = to;
    }
  }

  #deliver(chunk: Uint8Array): void {
    // What is under way when the line is closed is lost; a port that hangs hands nothing over, and nothing passes a held wire.
    const fault = busFault(this.#world, this.#options.bus)?.kind;
    if (!this.#isOpen || fault === 'hang' || fault === 'stuck') return;
    this.#tap('in', chunk);
    for (const listener of this.#byteListeners) listener(chunk);
  }

  #after(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.clock.timer(delayMs, resolve));
  }

  #tap(direction: 'in' | 'out', bytes: Uint8Array): void {
    const { bus, name } = this.#options;
    this.#world.tap?.({ bus, atMs: this.#world.clock.monotonicMs(), direction, label: name, bytes });
  }
}
