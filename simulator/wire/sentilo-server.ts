import type { Socket } from 'node:net';
import { type Clock, sleep } from '../../drivers/clock.ts';
import type { Fault } from '../faults.ts';
import type { CityAnswer } from '../sentilo/answer.ts';
import type { City } from '../sentilo/city.ts';
import { type CityFault, delayOf, faultOfRequest, GARBAGE_PAGE, mishapOf, spoiled } from '../sentilo/city-faults.ts';
import { ConnectionInput, InputEnded } from './connection-input.ts';
import { followRefusals, openDoor } from './door.ts';
import { BeyondMemory, hasBody, headerOf, NotHttp, type RequestHead, readBody, readHead } from './http-request.ts';
import type { Place } from './listen.ts';

/** `sentilo.server.api.socket.timeout-ms`: the longest wait for the next bytes of a request. */
const READ_TIMEOUT_MS = 5_000;
/** Connections that are served at the same time, and that wait for their turn, in the released configuration. */
const WORKERS_MAX = 10;
const QUEUE_MAX = 100;
/** A connection beyond both is never answered; the real server's garbage collector resets it about so much later. */
const OVERFLOW_RESET_MS = 3_000;
/** After its answer a connection is read on for so long, lest bytes still on their way destroy the answer (RFC 9112 §9.6). */
const LINGER_MS = 1_000;
/** A peer without a timeout of its own is let go of after so long. */
const HANG_MS_MAX = 600_000;
/** What is taken of a request's body before the connection breaks in the middle of it. */
const CUT_REQUEST_BYTES = 20;
const NO_TROUBLE = { faults: [], random: () => 0 };
/** These answers say that the connection ends, whatever the client asked for (HttpCore 4.4, ResponseConnControl). */
const CLOSE_ANNOUNCED: readonly number[] = [400, 501, 503];

/** One request that was answered, for a log. It has no header and no body, so never a token. */
export interface ServedRequest {
  /** When its head had come: the city's wall clock, milliseconds since 1970. */
  readonly wallMs: number;
  /** From then to the answer. */
  readonly tookMs: number;
  readonly method: string;
  readonly target: string;
  /** Undefined when a fault kept the answer back. */
  readonly status?: number;
  readonly bodyBytes: number;
  /** Whose token came with it; undefined for one that nobody has. */
  readonly entity?: string;
  readonly fault?: CityFault['kind'];
  /** The service asked for, when the real server has it and this one has not. */
  readonly notSimulated?: string;
}

export interface ServeOptions extends Place {
  /** Every timeout goes through it; its wall clock is the city's. */
  readonly clock: Clock;
  /** What goes wrong, and the chance that decides it. Active by the clock's monotonic time; the caller may change the list. */
  readonly trouble?: { readonly faults: readonly Fault[]; readonly random: () => number };
  readonly log?: (request: ServedRequest) => void;
}

export interface CityServer {
  readonly port: number;
  /**
   * Lets connections be refused while the fault `refuse` is certain, now and at each of its edges to come: then nobody listens
   * at the port. To be called after each change of the faults. Without it, and where the fault is not certain, a connection
   * is taken and reset before its request is read.
   */
  followFaults(): void;
  /** Stops listening and breaks off what is still being served. */
  close(): Promise<void>;
}

/** What every connection is served with. */
interface Serving {
  readonly city: City;
  readonly options: ServeOptions;
  readonly closing: AbortSignal;
}

/**
 * Serves a city over TCP as the real server behaves on the socket (sentilo.md §1.1): one request for each connection, ten
 * workers, its own timeouts. Rejects with the listen error (EADDRINUSE, EACCES …).
 */
export async function serveCity(city: City, options: ServeOptions): Promise<CityServer> {
  const { clock } = options;
  const open = new Set<Socket>();
  const workers = new WorkerPool(clock);
  const closing = new AbortController();
  const serving = { city, options, closing: closing.signal };
  const accept = (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A broken connection shows as the end of the input; there is nothing more to do about it.
    socket.on('error', () => {});
    workers.run(socket, () => serveConnection(serving, socket));
  };
  const door = await openDoor(accept, options);
  const followed = followRefusals(door, options);
  return {
    port: door.port,
    followFaults: followed.again,
    close: async () => {
      followed.end();
      closing.abort();
      const closed = door.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** A connection holds a worker from the moment it is accepted, request or not. */
class WorkerPool {
  readonly #clock: Clock;
  readonly #queue: { socket: Socket; serve: () => Promise<void> }[] = [];
  #busyCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run(socket: Socket, serve: () => Promise<void>): void {
    if (this.#busyCount < WORKERS_MAX) this.#start(serve);
    else if (this.#queue.length < QUEUE_MAX) this.#queue.push({ socket, serve });
    else {
      const cancel = this.#clock.timer(OVERFLOW_RESET_MS, () => socket.resetAndDestroy());
      socket.on('close', cancel);
    }
  }

  #start(serve: () => Promise<void>): void {
    this.#busyCount += 1;
    const next = () => {
      this.#busyCount -= 1;
      const waiting = this.#queue.shift();
      if (waiting) this.#start(waiting.serve);
    };
    serve().then(next, (error: unknown) => {
      // A bug of ours must end the program: thrown here it would vanish in the promise.
      setImmediate(() => {
        throw error;
      });
    });
  }
}

async function serveConnection(serving: Serving, socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const { options, closing } = serving;
  const input = new ConnectionInput(socket, options.clock, READ_TIMEOUT_MS);
  try {
    const head = await readHead(input);
    await serveRequest(serving, socket, input, head);
  } catch (error) {
    if (closing.aborted) return;
    // An unfinished head is dropped without an answer.
    if (error instanceof InputEnded) socket.destroy();
    else if (error instanceof BeyondMemory) socket.resetAndDestroy();
    else if (error instanceof NotHttp) finish(socket, input, options.clock, plainText(error, options.clock.wall().ms));
    else throw error;
  }
}

async function serveRequest(serving: Serving, socket: Socket, input: ConnectionInput, head: RequestHead): Promise<void> {
  const { city, options, closing } = serving;
  const { clock } = options;
  const { faults, random } = options.trouble ?? NO_TROUBLE;
  const [wallMs, sinceMs] = [clock.wall().ms, clock.monotonicMs()];
  const fault = faultOfRequest(faults, sinceMs, random);
  const seen = { wallMs, method: head.method, target: head.target, ...(fault ? { fault: fault.kind } : {}) };
  const log = (bodyBytes: number, more: Partial<ServedRequest> = {}) =>
    options.log?.({ ...seen, bodyBytes, tookMs: Math.round(clock.monotonicMs() - sinceMs), ...more });
  const breakOff = (bodyBytes: number) => {
    log(bodyBytes);
    socket.resetAndDestroy();
  };
  if (fault?.kind === 'refuse') return breakOff(0);
  if (hasBody(head) && /100-continue/i.test(headerOf(head, 'expect') ?? '')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  if (fault?.kind === 'cut-request') return breakOff(hasBody(head) ? (await input.some(CUT_REQUEST_BYTES)).length : 0);
  const body = hasBody(head) ? await readBody(input, head) : { bytes: new Uint8Array() };
  const { length } = body.bytes;
  if (fault?.kind === 'timeout') {
    log(length);
    return await hang(socket, input, clock);
  }
  if (fault?.kind === 'garbage') {
    log(length);
    return finish(socket, input, clock, random() < 0.5 ? Buffer.from(GARBAGE_PAGE) : garbagePage(clock));
  }
  // A client that has gone meanwhile has published all the same (sentilo.md §1.5.6).
  const linger = async () => {
    if (fault?.kind === 'slow') await sleep(clock, delayOf(fault) / 2, closing);
  };
  await linger();
  const request = { method: head.method, target: head.target, headers: head.headers, body: body.bytes };
  const handled = city.handle(
    body.failure === undefined ? request : { ...request, bodyFailure: body.failure },
    clock.wall().ms,
    mishapOf(fault, random),
  );
  const answer = spoiled(handled, fault);
  await linger();
  const { status, entity, notSimulated } = answer;
  const by = entity === undefined ? {} : { entity };
  if (fault?.kind === 'drop-answer') {
    log(length, by);
    socket.resetAndDestroy();
    return;
  }
  log(length, { status, ...by, ...(notSimulated === undefined ? {} : { notSimulated }) });
  const bytes = answerBytes(head, answer, clock.wall().ms);
  finish(socket, input, clock, fault?.kind === 'cut-answer' ? bytes.subarray(0, bytes.length / 2) : bytes);
}

/** Keeps the peer waiting for an answer that does not come, and the worker with it, until the peer gives up. */
function hang(socket: Socket, input: ConnectionInput, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.timer(HANG_MS_MAX, () => socket.destroy());
    socket.on('close', () => {
      cancel();
      resolve();
    });
    socket.on('end', () => socket.destroy());
    input.discard();
    // A peer that ended its side before this moment will not do so again.
    if (socket.readableEnded || socket.destroyed) socket.destroy();
  });
}

function finish(socket: Socket, input: ConnectionInput, clock: Clock, bytes: Uint8Array): void {
  input.discard();
  socket.end(bytes);
  const cancel = clock.timer(LINGER_MS, () => socket.destroy());
  socket.on('close', cancel);
}

function answerBytes(head: RequestHead, answer: CityAnswer, wallMs: number): Buffer {
  const connection = connectionHeader(head, answer.status);
  const headers = { ...answer.headers, ...(connection === undefined ? {} : { Connection: connection }) };
  // A HEAD is answered by the head that a GET would get.
  const body = head.method.toUpperCase() === 'HEAD' ? new Uint8Array() : answer.body;
  return Buffer.concat([headBytes(answer.status, headers, answer.body.length, wallMs), body]);
}

/** Most answers repeat what the client said about the connection, and end it without a word when it said nothing. */
function connectionHeader(head: RequestHead, status: number): string | undefined {
  if (CLOSE_ANNOUNCED.includes(status)) return 'Close';
  return headerOf(head, 'connection') ?? (head.version === 'HTTP/1.0' ? 'Close' : undefined);
}

/** HttpCore's own refusals, unlike every other answer, are HTTP/1.0 (HttpCore 4.4, HttpService). */
function plainText(refusal: NotHttp, wallMs: number): Buffer {
  const body = Buffer.from(refusal.message, 'latin1');
  const headers = { 'Content-Type': 'text/plain; charset=US-ASCII', Connection: 'Close' };
  return Buffer.concat([headBytes(refusal.status, headers, body.length, wallMs, 'HTTP/1.0'), body]);
}

function garbagePage(clock: Clock): Buffer {
  const body = Buffer.from(GARBAGE_PAGE);
  return Buffer.concat([headBytes(200, { 'Content-Type': 'text/html' }, body.length, clock.wall().ms), body]);
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

function headBytes(
  status: number,
  headers: Readonly<Record<string, string>>,
  bodyBytes: number,
  wallMs: number,
  protocol = 'HTTP/1.1',
): Buffer {
  const lines = [
    `${protocol} ${status} ${REASONS[status] ?? ''}`,
    `Date: ${new Date(wallMs).toUTCString()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${bodyBytes}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
