import type { ModbusBus } from './bus/modbus.ts';
import { ModbusException } from './bus/modbus-exception.ts';
import { type Clock, sleep } from './clock.ts';
import { BusError, type DeviceError, isHardwareError } from './errors.ts';
import { type Block, isBits, keyOf, type Span, splitBlock } from './modbus-plan.ts';

/** How often one round may cut a refused request in two. What is left is learned by the next rounds. */
const SPLITS_PER_ROUND_MAX = 16;
const REGISTER_BYTES = 2;
/** What a device that is busy refused is asked once more in the same round, so long after all the rest. */
const BUSY_RETRY_MS = 100;
/** A request that was never answered is asked as a whole, once more, and then its first and its second part. */
const ATTEMPTS: readonly ('whole' | 'first' | 'second')[] = ['whole', 'whole', 'first', 'second'];
/** Of which no part is ever answered, a request rests for 2, 4, 8 … rounds, at most 2^6: it costs its deadline each time. */
const REST_DOUBLINGS_MAX = 6;
/** One that was answered before rests for at most 2^3: what it gave is missed, and its silence will pass. */
const ANSWERED_REST_DOUBLINGS_MAX = 3;
/** So many rounds in a row must a block be refused that was given before, while parts of it are given, until it is cut for good. */
const REFUSALS_UNTIL_CUT = 3;
/** Of which no part is given either, its parts are asked in the 1st, 2nd, 4th, 8th … refused round in a row, and in every 64th. */
const PARTS_EVERY_MAX = 64;
/** Of a request that was given as a whole. */
const NOTHING_AMISS = {
  unansweredCount: 0,
  silentCount: 0,
  refusedCount: 0,
  partsDueCount: 1,
  givesParts: false,
  givenPartsCount: 0,
};

/** What came of one span: its registers as they came over the wire, or its bit, or why there is nothing. */
export type Got = Uint8Array | boolean | BusError | DeviceError;

/** What one round brought. */
export interface Round {
  /** By keyOf, for every span. */
  readonly got: ReadonlyMap<string, Got>;
  /** The device gave what at least one request asked for; a refusal gives nothing. */
  readonly hasData: boolean;
}

/** One request that is made in every round, and what is known of it. */
interface Request {
  readonly block: Block;
  /** The device has answered it, with data or an exception. If it stays silent later, that is not because of its addresses. */
  wasAnswered: boolean;
  /** It has given all of its registers. When it refuses them later, that may pass, as with an inverter at night. */
  hasGiven: boolean;
  /** Rounds in a row in which it refused them all the same. */
  refusedCount: number;
  /** The first of those rounds in which it is asked in parts, though none was given when it was last. */
  partsDueCount: number;
  /** When it was last asked in parts because of that, a part was answered. */
  givesParts: boolean;
  /** How often in a row. */
  givenPartsCount: number;
  /** Of a part that is asked in this round only: the request that it is a part of. */
  readonly partOf?: Request;
  /** Rounds in a row in which no answer came. */
  unansweredCount: number;
  /** Rounds in a row in which it stayed silent while others were answered. */
  silentCount: number;
  /** Rounds in which it is not asked. */
  restRounds: number;
  /** Of the newest attempt. */
  error: BusError | DeviceError | undefined;
}

/** A round in the making. */
interface Run {
  readonly signal: AbortSignal;
  readonly got: Map<string, Got>;
  readonly queue: Request[];
  /** Whose newest attempt ended the round: asked after all others, so that they keep back none, in the order of their failing. */
  readonly doubtful: Request[];
  /** For the next round, in its order. */
  readonly kept: Request[];
  readonly silent: Request[];
  /** What the device was too busy for, and what it was asked again since. */
  readonly busy: Request[];
  readonly retried: Set<Request>;
  readonly cuts: Span[];
  splitsLeft: number;
  hasData: boolean;
}

/**
 * Asks a slave for blocks of registers, and learns which of them it does not take as a whole.
 *
 * A request that it refuses because some of its registers do not exist is asked in smaller pieces within the same round. One
 * that it has answered before is asked as a whole again in the next.
 * Some slaves stay silent instead. A request that was never answered is tried in two parts; when a part is answered and the
 * whole still is not, the cut holds. When no part is, nobody is there, and the whole is asked again.
 */
export class ModbusReader {
  readonly #bus: ModbusBus;
  readonly #clock: Clock;
  readonly #unit: number;
  readonly #onCuts: (cuts: readonly Span[]) => void;
  #requests: readonly Request[];

  /** @param onCuts is told before which spans a request must end from now on */
  constructor(
    bus: ModbusBus,
    clock: Clock,
    { unit, blocks, onCuts }: { unit: number; blocks: readonly Block[]; onCuts: (cuts: readonly Span[]) => void },
  ) {
    this.#bus = bus;
    this.#clock = clock;
    this.#unit = unit;
    this.#requests = blocks.map((block) => requestOf(block));
    this.#onCuts = onCuts;
  }

  /** Asks for everything once. Throws only the reason of `signal` and bugs. */
  async round(signal: AbortSignal): Promise<Round> {
    const requests = this.#requests;
    const run: Run = {
      signal,
      got: new Map(),
      queue: [],
      doubtful: [],
      kept: [],
      silent: [],
      busy: [],
      retried: new Set(),
      cuts: [],
      splitsLeft: SPLITS_PER_ROUND_MAX,
      hasData: false,
    };
    queueUp(run, requests);
    for (let request = await this.#next(run); request !== undefined; request = await this.#next(run)) {
      signal.throwIfAborted();
      await this.#step(run, request);
    }
    this.#learn(run);
    return run;
  }

  async #next(run: Run): Promise<Request | undefined> {
    const first = run.queue.shift();
    if (first !== undefined) return first;
    if (run.busy.length === 0) return run.doubtful.shift();
    await sleep(this.#clock, BUSY_RETRY_MS, run.signal);
    run.queue.push(...run.busy.splice(0));
    return run.queue.shift();
  }

  /** A device that answers nothing is not ready, or is another one: that says nothing about its registers. */
  #learn(run: Run): void {
    if (run.hasData) {
      this.#requests = [...run.kept, ...run.silent];
      for (const request of run.silent) rest(request);
      if (run.cuts.length > 0) this.#onCuts(run.cuts);
      return;
    }
    const silent = this.#requests.filter((request) => run.silent.includes(request));
    this.#requests = [...this.#requests.filter((request) => !silent.includes(request)), ...silent];
  }

  async #step(run: Run, request: Request): Promise<void> {
    const attempt = request.wasAnswered ? 'whole' : ATTEMPTS[request.unansweredCount % ATTEMPTS.length];
    const parts = attempt === 'whole' ? undefined : splitBlock(request.block);
    if (parts === undefined) return this.#settle(run, request, await this.#ask(run, request.block));
    const [tried, other] = attempt === 'first' ? parts : [parts[1], parts[0]];
    const error = await this.#ask(run, tried);
    if (error !== undefined) return this.#settle(run, request, error);
    // A part is answered. It may be that the device has just come back: then it answers the whole too.
    run.signal.throwIfAborted();
    const again = await this.#ask(run, request.block);
    if (again === undefined || !isUnanswered(again)) return this.#settle(run, request, again);
    miss(run, other, again);
    run.cuts.push(cutOf(parts));
    run.kept.push({ ...requestOf(tried), wasAnswered: true });
    run.silent.push({ ...requestOf(other), error: again });
  }

  /** @param error of the newest attempt, undefined when all of the block was answered */
  #settle(run: Run, request: Request, error: BusError | DeviceError | undefined): void {
    const { block } = request;
    request.error = error;
    if (error === undefined) {
      Object.assign(request, { wasAnswered: true, hasGiven: true, ...NOTHING_AMISS });
      if (request.partOf !== undefined) request.partOf.givesParts = true;
      keep(run.kept, request);
      return;
    }
    const parts = isRefusal(error) ? splitBlock(block) : undefined;
    if (parts !== undefined && request.hasGiven) request.refusedCount += 1;
    if (parts !== undefined && run.splitsLeft > 0 && isWorthParts(request)) {
      run.splitsLeft -= 1;
      askParts(run, request, parts);
      return;
    }
    if (error instanceof ModbusException && error.isBusy && !run.retried.has(request)) {
      run.retried.add(request);
      run.busy.push(request);
      return;
    }
    miss(run, block, error);
    if (isUnanswered(error)) request.unansweredCount += 1;
    else request.wasAnswered ||= error instanceof ModbusException && !error.isFromGateway;
    keep(isUnanswered(error) || endsTheRound(error) ? run.silent : run.kept, request);
    if (!endsTheRound(error)) {
      request.silentCount = 0;
      return;
    }
    // Nobody is there: asking for the rest would cost one deadline for each request.
    const unasked = [run.queue, run.busy, run.doubtful].flatMap((requests) => requests.splice(0));
    for (const request of unasked) {
      miss(run, request.block, error);
      keep(run.kept, request);
    }
  }

  /** Asks for one block; what comes is kept. Returns why nothing came. */
  async #ask(run: Run, { table, at, count, spans }: Block): Promise<BusError | DeviceError | undefined> {
    try {
      if (isBits(table)) {
        const bits = await this.#bus.readBits(this.#unit, table, at, count);
        checkLength(bits.length, count, `bits of ${table} ${at}`);
        for (const span of spans) run.got.set(keyOf(span), bits[span.at - at] === true);
      } else {
        const bytes = await this.#bus.readRegisters(this.#unit, table, at, count);
        checkLength(bytes.length, count * REGISTER_BYTES, `bytes of ${table} ${at}`);
        for (const span of spans) {
          const start = (span.at - at) * REGISTER_BYTES;
          run.got.set(keyOf(span), bytes.subarray(start, start + span.count * REGISTER_BYTES));
        }
      }
    } catch (error) {
      if (!isHardwareError(error)) throw error;
      return error;
    }
    run.hasData = true;
    return undefined;
  }
}

function requestOf(block: Block): Request {
  return { block, wasAnswered: false, hasGiven: false, restRounds: 0, error: undefined, ...NOTHING_AMISS };
}

/** Puts those that do not rest in the order in which they are asked: what ends the round comes last. */
function queueUp(run: Run, requests: readonly Request[]): void {
  const mayRest = requests.some(({ wasAnswered }) => wasAnswered);
  const ready: Request[] = [];
  for (const request of requests) {
    const { block, error, restRounds } = request;
    if (mayRest && restRounds > 0 && error !== undefined) {
      request.restRounds -= 1;
      miss(run, block, error);
      run.kept.push(request);
    } else if (error !== undefined && endsTheRound(error)) run.doubtful.push(request);
    else ready.push(request);
  }
  run.queue.push(...ready.filter(({ wasAnswered }) => wasAnswered), ...ready.filter(({ wasAnswered }) => !wasAnswered));
}

/** A part is asked for in its round only. */
function keep(list: Request[], request: Request): void {
  if (request.partOf === undefined) list.push(request);
}

/** Whether a refused request is asked in parts: one that has given all before more and more rarely where no part is given either. */
function isWorthParts({ hasGiven, givesParts, refusedCount, partsDueCount }: Request): boolean {
  return !hasGiven || givesParts || refusedCount >= partsDueCount;
}

/** Asks a refused request in two parts: from now on, or, where it may be given as a whole again, in this round. */
function askParts(run: Run, request: Request, parts: readonly [Block, Block]): void {
  request.givenPartsCount = request.givesParts ? request.givenPartsCount + 1 : 0;
  const isLasting = !request.hasGiven || request.givenPartsCount + 1 >= REFUSALS_UNTIL_CUT;
  const isForGood = request.partOf === undefined && isLasting;
  if (isForGood) {
    run.cuts.push(cutOf(parts));
    run.queue.push(...parts.map(requestOf));
    return;
  }
  const whole = request.partOf ?? request;
  if (whole === request) {
    request.givesParts = false;
    request.partsDueCount = request.refusedCount + Math.min(request.refusedCount, PARTS_EVERY_MAX);
    run.kept.push(request);
  }
  run.queue.push(...parts.map((part) => ({ ...requestOf(part), partOf: whole })));
}

function cutOf([, second]: readonly [Block, Block]): Span {
  return second.spans[0] as Span;
}

function miss({ got }: Run, { spans }: Block, error: BusError | DeviceError): void {
  for (const span of spans) got.set(keyOf(span), error);
}

/** The device answers others and not this one: it is asked more and more rarely. */
function rest(request: Request): void {
  if (request.wasAnswered) restAnswered(request);
  else restUnanswered(request);
}

function restAnswered(request: Request): void {
  // A damaged answer costs no deadline.
  if (request.error === undefined || !endsTheRound(request.error)) return;
  request.silentCount += 1;
  // A single answer may get lost on its way.
  if (request.silentCount > 1) request.restRounds = 1 << Math.min(request.silentCount - 1, ANSWERED_REST_DOUBLINGS_MAX);
}

function restUnanswered(request: Request): void {
  if (request.unansweredCount === 0 || request.unansweredCount % ATTEMPTS.length !== 0) return;
  request.restRounds = 1 << Math.min(request.unansweredCount / ATTEMPTS.length, REST_DOUBLINGS_MAX);
}

/** No answer, or one that never comes through as a whole: a converter's buffer can be too small for it. */
function isUnanswered(error: BusError | DeviceError): boolean {
  return error instanceof BusError && (error.kind === 'timeout' || error.kind === 'bad-checksum');
}

/**
 * The slave does not give what was asked for. Most say of registers that they do not have that the address is illegal (exception
 * 2), others that the value is (3), that they failed (4) or that they lack the function (1).
 */
function isRefusal(error: BusError | DeviceError): boolean {
  return error instanceof ModbusException && !error.isBusy && !error.isFromGateway;
}

/** A damaged answer or a refused request concerns the readings it was for; everything else the device or the line. */
function endsTheRound(error: BusError | DeviceError): boolean {
  if (error instanceof BusError) return error.kind !== 'bad-checksum';
  return error instanceof ModbusException && error.isFromGateway;
}

function checkLength(found: number, expected: number, what: string): void {
  if (found !== expected) throw new BusError('bad-checksum', `expected ${expected} ${what}, found ${found}`);
}
