import type * as library from 'modbus-serial';
import { type Clock, sleep, withDeadline } from '../clock.ts';
import { BusError } from '../errors.ts';
import type { ByteStream, Unsubscribe } from './byte-stream.ts';
import { BITS_PER_REQUEST_MAX, type BitTable, type ModbusBus, REGISTERS_PER_REQUEST_MAX, type RegisterTable } from './modbus.ts';
import { ModbusException } from './modbus-exception.ts';
import { dataBytesOf, type Frame, type Framing, type ModbusStats, questionOf } from './modbus-frame.ts';
import { RtuFraming } from './modbus-rtu.ts';
import { TcpFraming } from './modbus-tcp.ts';
import { deadlineMs, lineMs, silenceMs } from './modbus-timing.ts';

/** Requests that may wait for the line, the one in flight included. */
const QUEUE_MAX = 64;
/** A line on which bytes never stop for this long belongs to another master, or is noise. */
const SILENCE_WAIT_MAX_MS = 1000;
/** Differences of the clock below this are rounding. */
const CLOCK_STEP_MS = 0.001;

/** What modbus-serial gives for an answer: one element for each register or bit, and the data bytes. */
interface Answer {
  readonly data: readonly unknown[];
  readonly buffer: Uint8Array;
}

/** How a line is used for Modbus. */
export interface ModbusOptions {
  /** `rtu` also over a TCP stream, where a gateway passes the frames on as they are. */
  readonly framing: 'rtu' | 'tcp';
  /** From the end of the request until the whole answer must be there; lengthened where the line itself needs more. */
  readonly timeoutMs: number;
  /** Beside the silence that the baud rate asks for, before each request. */
  readonly pauseMs: number;
  /** The line is known to return what is sent on it. */
  readonly echo: boolean;
  /** Of a serial line; without it bytes are taken to need no time. */
  readonly baud?: number;
  /** For messages. */
  readonly name: string;
  /** Called once when only a new connection helps: the owner should close the stream and open it again. */
  readonly onBroken?: (cause: BusError) => void;
}

/** What the owner of the line sees. */
export interface OpenModbusBus extends ModbusBus {
  /** Fails what waits and lets go of the stream, which stays open. May be called twice. */
  close(): void;
  stats(): Readonly<ModbusStats>;
}

/**
 * Speaks Modbus over a stream that somebody else opens, closes and opens again; when it closes, all requests fail at once
 * with BusError `closed`. One request is in flight at a time, the others wait in order.
 *
 * modbus-serial builds the requests and reads the answers. It gets its frames from us and no timeout of its own, because
 * its timers are real ones and it has one transaction on a serial line, which an answer that comes late would fulfil.
 * @throws nothing of its own; requests fail as ModbusBus says, and with BusError `busy` when too many wait
 */
export type OpenModbus = (stream: ByteStream, options: ModbusOptions, clock: Clock) => OpenModbusBus;

/** Loads the library. A gateway does so before it starts, because nothing may be imported while simulated time runs. */
export async function loadModbus(): Promise<OpenModbus> {
  const { default: library } = await import('modbus-serial');
  const Library = library.default;
  return (stream, options, clock) => new ModbusLine(stream, options, clock, (port) => new Library(port));
}

/** What is used of modbus-serial's client. */
type Client = Pick<InstanceType<typeof library.default.default>, 'open' | 'writeFC1' | 'writeFC2' | 'writeFC3' | 'writeFC4'>;
/** What modbus-serial hands over, which its types do not tell: the exception's number. */
type LibraryError = Error & { readonly modbusCode?: number };

/** One request in the words of the protocol. */
interface ReadRequest {
  readonly unit: number;
  readonly code: 1 | 2 | 3 | 4;
  readonly address: number;
  readonly count: number;
}

class ModbusLine implements OpenModbusBus {
  readonly #stream: ByteStream;
  readonly #options: ModbusOptions;
  readonly #clock: Clock;
  readonly #makeClient: (port: object) => Client;
  readonly #framing: Framing;
  readonly #stats: ModbusStats;
  readonly #subscriptions: readonly Unsubscribe[];
  /** Ends with the connection. */
  #session = new AbortController();
  #client: Client | undefined;
  /** Hands a frame to the client. */
  #deliver: (frame: Buffer) => void = () => {};
  /** Fails the request in flight. */
  #fail: (reason: Error) => void = () => {};
  #queue: Promise<unknown> = Promise.resolve();
  #queuedCount = 0;
  /** When the last byte, of whomever, was or will be over. */
  #busyUntilMs = Number.NEGATIVE_INFINITY;

  constructor(stream: ByteStream, options: ModbusOptions, clock: Clock, makeClient: (port: object) => Client) {
    this.#stream = stream;
    this.#options = options;
    this.#clock = clock;
    this.#makeClient = makeClient;
    this.#stats = newStats();
    this.#framing =
      options.framing === 'tcp'
        ? new TcpFraming(options.name, this.#stats)
        : new RtuFraming(options.name, this.#stats, options.echo);
    this.#subscriptions = [
      stream.onBytes((bytes) => this.#receive(bytes)),
      stream.onClose((cause) => this.#startAnew(this.#closed(cause))),
    ];
  }

  async readRegisters(unit: number, table: RegisterTable, address: number, count: number): Promise<Uint8Array> {
    checkRange(count, REGISTERS_PER_REQUEST_MAX);
    const { buffer } = await this.#enqueue({ unit, code: table === 'holding' ? 3 : 4, address, count });
    return Uint8Array.from(buffer);
  }

  async readBits(unit: number, table: BitTable, address: number, count: number): Promise<boolean[]> {
    checkRange(count, BITS_PER_REQUEST_MAX);
    const { data } = await this.#enqueue({ unit, code: table === 'coil' ? 1 : 2, address, count });
    // The last byte is filled up with zeros (V1.1b3 §6.1).
    return (data as readonly boolean[]).slice(0, count);
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#session.abort(this.#closed(undefined));
  }

  stats(): Readonly<ModbusStats> {
    return { ...this.#stats };
  }

  async #enqueue(request: ReadRequest): Promise<Answer> {
    if (!this.#stream.isOpen) throw this.#closed(undefined);
    // The request belongs to the connection that it was made for, and fails with it, also while it waits for its turn.
    const { signal } = this.#session;
    signal.throwIfAborted();
    if (this.#queuedCount >= QUEUE_MAX) throw new BusError('busy', `${this.#options.name}: ${QUEUE_MAX} requests wait already`);
    this.#queuedCount++;
    const turn = this.#queue.then(() => this.#transact(request, signal)).finally(() => this.#queuedCount--);
    // Its failure is for the caller; the next in the queue only needs to know that it is over.
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #transact(request: ReadRequest, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    await this.#waitForSilence(signal);
    const onDeadline = () => {
      const error = this.#framing.giveUp(this.#clock.monotonicMs());
      this.#reportBroken();
      return error;
    };
    const { timeoutMs, baud } = this.#options;
    const delayMs = deadlineMs(dataBytesOf(request.code, request.count), timeoutMs, baud);
    this.#stats.requestCount++;
    try {
      const answer = await withDeadline(this.#clock, delayMs, signal, onDeadline, () => this.#exchange(request));
      this.#stats.answerCount++;
      return answer;
    } catch (error) {
      if (error instanceof ModbusException) this.#stats.exceptionCount++;
      // A client whose request was not answered still waits for it: the next request gets a new one.
      else this.#client = undefined;
      throw error;
    }
  }

  #exchange({ unit, code, address, count }: ReadRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      const client = this.#connectedClient();
      const next = (error: LibraryError | null, answer: Answer) => {
        if (error === null) resolve(answer);
        else reject(this.#translate(error, `unit ${unit}, function ${code}, address ${address}, count ${count}`));
      };
      if (code === 1) client.writeFC1(unit, address, count, next);
      else if (code === 2) client.writeFC2(unit, address, count, next);
      else if (code === 3) client.writeFC3(unit, address, count, next);
      else client.writeFC4(unit, address, count, next);
    });
  }

  /** The client of this connection, on a port that is us. It opens at once, since the stream is open. */
  #connectedClient(): Client {
    if (this.#client !== undefined) return this.#client;
    const port = {
      isOpen: true,
      open: (done: () => void) => done(),
      on: (event: string, listener: (frame: Buffer) => void) => {
        if (event === 'data') this.#deliver = listener;
      },
      // The stream's end does not go through modbus-serial, which would leave its requests waiting.
      once: () => {},
      removeListener: () => {},
      write: (frame: Frame) => this.#send(frame),
    };
    const client = this.#makeClient(port);
    client.open(() => {});
    this.#client = client;
    return client;
  }

  #send(frame: Frame): void {
    const now = this.#clock.monotonicMs();
    const wire = this.#framing.ask(questionOf(frame), now);
    this.#busyUntilMs = now + lineMs(wire.length, this.#options.baud);
    this.#stream.write(wire).catch(this.#fail);
  }

  #receive(bytes: Uint8Array): void {
    const now = this.#clock.monotonicMs();
    this.#busyUntilMs = Math.max(this.#busyUntilMs, now);
    const answer = this.#framing.receive(bytes, now);
    if (answer !== undefined) this.#deliver(Buffer.from(answer));
    this.#reportBroken();
  }

  #reportBroken(): void {
    const cause = this.#framing.broken;
    // The session ends with the report, so that it is made once and nobody else waits for a line that is lost.
    if (cause === undefined || this.#session.signal.reason === cause) return;
    this.#session.abort(cause);
    this.#options.onBroken?.(cause);
  }

  /** Nothing of the old connection counts on the next one: neither questions nor bytes nor what was owed. */
  #startAnew(reason: BusError): void {
    this.#session.abort(reason);
    this.#session = new AbortController();
    this.#client = undefined;
    this.#framing.forget();
  }

  async #waitForSilence(signal: AbortSignal): Promise<void> {
    const giveUpMs = this.#clock.monotonicMs() + SILENCE_WAIT_MAX_MS;
    const { baud, pauseMs } = this.#options;
    const quietMs = silenceMs(baud) + pauseMs;
    for (;;) {
      const now = this.#clock.monotonicMs();
      const leftMs = this.#busyUntilMs + quietMs - now;
      if (leftMs < CLOCK_STEP_MS) return;
      if (now >= giveUpMs + quietMs) {
        const why = 'bytes have been coming without a pause: another master, or noise';
        throw new BusError('timeout', `${this.#options.name}: ${why}; nothing was asked`);
      }
      await sleep(this.#clock, leftMs, signal);
    }
  }

  #translate(error: LibraryError, what: string): Error {
    const where = `${this.#options.name}, ${what}`;
    if (error instanceof BusError) return error;
    if (error.modbusCode !== undefined) return new ModbusException(error.modbusCode, where, { cause: error });
    return new BusError('bad-checksum', `${where}: ${error.message}`, { cause: error });
  }

  #closed(cause: Error | undefined): BusError {
    return new BusError('closed', `${this.#options.name} is not open`, cause === undefined ? undefined : { cause });
  }
}

function checkRange(count: number, countMax: number): void {
  if (count < 1 || count > countMax) throw new RangeError(`${count} at once, 1 to ${countMax} are allowed`);
}

function newStats(): ModbusStats {
  return {
    requestCount: 0,
    answerCount: 0,
    timeoutCount: 0,
    damagedCount: 0,
    exceptionCount: 0,
    lateCount: 0,
    echoNoticed: false,
  };
}
