import type { ModbusBus } from './bus/modbus.ts';
import { ModbusException } from './bus/modbus-exception.ts';
import { type Clock, sleep } from './clock.ts';
import { BusError, type DeviceError, isHardwareError } from './errors.ts';
import type { LearnedCuts } from './modbus-learned.ts';
import { type Block, cutBlock, isBits, keyOf, type Span, splitBlock } from './modbus-plan.ts';
import { isRefusal, Refusals } from './modbus-refusals.ts';
import { endsTheRound, isAnswer, isUnanswered, Silence } from './modbus-silence.ts';
import { Trials } from './modbus-trials.ts';

/** How often one round may split refused blocks in two. What is left is asked in the next rounds. */
const SPLITS_PER_ROUND_MAX = 16;
const REGISTER_BYTES = 2;
/** What a device that is busy refused is asked once more in the same round, so long after all the rest. */
const BUSY_RETRY_MS = 100;

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
  /** What it consisted of until it was asked for as one again: all of these were given. */
  readonly pieces?: readonly Block[];
  readonly silence: Silence;
  readonly refusals: Refusals;
  /** Of the newest attempt. */
  error: BusError | DeviceError | undefined;
}

/** A request that was refused, and the blocks whose parts are to be asked because of that. */
interface Refused {
  readonly request: Request;
  readonly blocks: readonly Block[];
}

/** A round in the making. */
interface Run {
  readonly signal: AbortSignal;
  /** When it began, monotonic. */
  readonly nowMs: number;
  readonly got: Map<string, Got>;
  readonly queue: Request[];
  /** Asked in parts after all of the queue: a part that fails keeps back nothing that was answered before. */
  readonly refused: Refused[];
  /** What the device was too busy for, and what it was asked again since. */
  readonly busy: Request[];
  readonly retried: Set<Request>;
  /** Whose newest attempt ended the round: asked after all others, so that they keep back none, in the order of their failing. */
  readonly doubtful: Request[];
  /** For the next round, in its order: first these, then those of which no answer came. */
  readonly kept: Request[];
  readonly silent: Request[];
  /** What is not asked for in this round, with an error of its newest attempt. */
  readonly resting: Block[];
  readonly cuts: Span[];
  splitsLeft: number;
  hasData: boolean;
  /** Something came: data, a refusal or a damaged answer. */
  wasHeard: boolean;
  /** Not all was asked for. */
  wasEnded: boolean;
}

type Cuts = Pick<LearnedCuts, 'apply' | 'add' | 'forget'>;

/**
 * Asks a slave for blocks of registers, and learns which of them it does not take as a whole.
 *
 * A block that it refuses because some of its registers do not exist is asked in smaller pieces within the same round
 * (modbus-refusals.ts says when). The cut holds where a piece was given.
 * Some slaves stay silent instead. A request that was never given, or not for some rounds, is tried in parts; when one is
 * answered and the whole still is not, the cut holds. When no part is, nobody is there, and the whole is asked again
 * (modbus-silence.ts).
 * Whether a cut still has a reason is tried now and then (modbus-trials.ts). Where it still had, the same cuts are put back.
 */
export class ModbusReader {
  readonly #bus: ModbusBus;
  readonly #clock: Clock;
  readonly #unit: number;
  readonly #cuts: Cuts;
  readonly #trials: Trials;
  /** So many requests there are where nothing is cut. */
  readonly #blockCount: number;
  #requests: readonly Request[];

  /** @param cuts where blocks are known to be cut, and is told what is learned of that */
  constructor(bus: ModbusBus, clock: Clock, { unit, blocks, cuts }: { unit: number; blocks: readonly Block[]; cuts: Cuts }) {
    this.#bus = bus;
    this.#clock = clock;
    this.#unit = unit;
    this.#cuts = cuts;
    this.#trials = new Trials(blocks);
    this.#blockCount = blocks.length;
    this.#requests = cuts.apply(blocks).map((block) => requestOf(block));
  }

  /** Asks for everything once. Throws only the reason of `signal` and bugs. */
  async round(signal: AbortSignal): Promise<Round> {
    const run = newRun(this.#requests, signal, this.#clock.monotonicMs());
    while (await this.#next(run));
    this.#requests = [...run.kept, ...run.silent];
    // A device that gives nothing is not ready, or is another one: that says nothing about its registers.
    if (!run.hasData) return run;
    for (const { silence, error } of run.silent) if (error !== undefined) silence.othersGiven(error, run.nowMs);
    if (run.cuts.length > 0) {
      this.#cuts.add(run.cuts);
      this.#trials.cut();
    } else if (this.#requests.length > this.#blockCount && !run.wasEnded) await this.#tryWhole(run);
    return run;
  }

  /** Does what is next in the round; false when nothing is left. */
  async #next(run: Run): Promise<boolean> {
    const { queue, refused, busy, doubtful } = run;
    if (queue.length > 0) await this.#step(run, queue.shift() as Request);
    else if (refused.length > 0) await this.#askParts(run, refused.shift() as Refused);
    else if (busy.length > 0) {
      await sleep(this.#clock, BUSY_RETRY_MS, run.signal);
      queue.push(...busy.splice(0));
    } else if (doubtful.length > 0) queue.push(doubtful.shift() as Request);
    else return false;
    return true;
  }

  async #step(run: Run, request: Request): Promise<void> {
    const { block, pieces } = request;
    const part = request.silence.partOf(block, pieces);
    if (part === undefined) return this.#settle(run, request, await this.#ask(run, block));
    const error = await this.#ask(run, part);
    if (error !== undefined) return this.#settle(run, request, error);
    // A part is answered. It may be that the device has just come back: then it answers the whole too.
    const again = await this.#ask(run, request.block);
    if (again === undefined || !isUnanswered(again)) return this.#settle(run, request, again);
    miss(run, { ...block, spans: block.spans.filter((span) => !part.spans.includes(span)) }, again);
    cutAround(run, block, pieces?.includes(part) ? pieces : [part]);
  }

  /** @param error of the newest attempt, undefined when all of the block was given */
  #settle(run: Run, request: Request, error: BusError | DeviceError | undefined): void {
    const { block, silence, refusals } = request;
    request.error = error;
    if (error === undefined) {
      silence.given();
      refusals.given();
      run.kept.push(request);
      return;
    }
    if (isBusy(error) && !run.retried.has(request)) {
      run.retried.add(request);
      run.busy.push(request);
      return;
    }
    miss(run, block, error);
    if (isAnswer(error)) {
      silence.answered();
      const blocks = isRefusal(error) && isSplittable(block) ? refusals.refused(block, run.nowMs) : [];
      if (blocks.length > 0) run.refused.push({ request, blocks });
      else run.kept.push(request);
      return;
    }
    silence.failed(error);
    run.silent.push(request);
    if (endsTheRound(error)) endRound(run, error);
  }

  /** Asks for the parts of what was refused, for the parts of those that are refused too, and so on. */
  async #askParts(run: Run, { request, blocks }: Refused): Promise<void> {
    if (run.splitsLeft === 0) {
      run.kept.push(request);
      return;
    }
    const toSplit = [...blocks];
    const given: Block[] = [];
    while (run.splitsLeft > 0 && toSplit.length > 0) {
      run.splitsLeft -= 1;
      for (const part of splitBlock(toSplit.shift() as Block) ?? []) {
        const error = await this.#askPatiently(run, part);
        if (error === undefined) given.push(part);
        else {
          miss(run, part, error);
          if (endsTheRound(error)) {
            conclude(run, request, given, []);
            return endRound(run, error);
          }
          if (!isBusy(error) && isSplittable(part)) toSplit.push(part);
        }
      }
    }
    conclude(run, request, given, toSplit);
  }

  /** Asks for one part; a device that is busy once more. */
  async #askPatiently(run: Run, part: Block): Promise<BusError | DeviceError | undefined> {
    const error = await this.#ask(run, part);
    if (error === undefined || !isBusy(error)) return error;
    await sleep(this.#clock, BUSY_RETRY_MS, run.signal);
    return this.#ask(run, part);
  }

  /** Asks for pieces of a block as one again, where that is due. A failure is that of the trial alone: what the round brought stays. */
  async #tryWhole(run: Run): Promise<void> {
    const given = this.#requests.filter(({ error }) => error === undefined).map(({ block }) => block);
    const trial = this.#trials.next(given);
    if (trial === undefined) return;
    const error = await this.#ask(run, trial.whole);
    if (!this.#trials.tried(trial, error === undefined)) return;
    const isPiece = ({ block }: Request) => trial.pieces.includes(block);
    const pieces = this.#requests.filter(isPiece).flatMap((request) => request.pieces ?? [request.block]);
    const others = this.#requests.filter((request) => !isPiece(request));
    this.#requests = [...others, { ...requestOf(trial.whole, 'given'), pieces }];
    this.#cuts.forget(trial.pieces.slice(1).map(({ spans }) => spans[0] as Span));
  }

  /** Asks for one block; what comes is kept. Returns why nothing came. */
  async #ask(run: Run, { table, at, count, spans }: Block): Promise<BusError | DeviceError | undefined> {
    run.signal.throwIfAborted();
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
      if (!endsTheRound(error)) run.wasHeard = true;
      return error;
    }
    run.wasHeard = true;
    run.hasData = true;
    return undefined;
  }
}

/** A request of which nothing is known, or that it was given, or why it failed. */
function requestOf(block: Block, outcome?: 'given' | BusError | DeviceError): Request {
  const request = { block, silence: new Silence(), refusals: new Refusals(), error: undefined };
  if (outcome !== 'given') return { ...request, error: outcome };
  request.silence.given();
  request.refusals.given();
  return request;
}

/** Puts the requests that do not rest in the order in which they are asked: what ends the round comes last. */
function newRun(requests: readonly Request[], signal: AbortSignal, nowMs: number): Run {
  const run: Run = {
    signal,
    nowMs,
    got: new Map(),
    queue: [],
    refused: [],
    busy: [],
    retried: new Set(),
    doubtful: [],
    kept: [],
    silent: [],
    resting: [],
    cuts: [],
    splitsLeft: SPLITS_PER_ROUND_MAX,
    hasData: false,
    wasHeard: false,
    wasEnded: false,
  };
  const mayRest = requests.some(({ silence }) => silence.wasAnswered);
  const ready: Request[] = [];
  for (const request of requests) {
    const { block, error, silence } = request;
    if (mayRest && error !== undefined && silence.rests(nowMs)) {
      miss(run, block, error);
      run.resting.push(block);
      run.kept.push(request);
    } else if (error !== undefined && endsTheRound(error)) run.doubtful.push(request);
    else ready.push(request);
  }
  for (const wasAnswered of [true, false]) run.queue.push(...ready.filter(({ silence }) => silence.wasAnswered === wasAnswered));
  return run;
}

/** Nobody is there: asking for the rest would cost one deadline for each request. */
function endRound(run: Run, error: BusError | DeviceError): void {
  run.wasEnded = true;
  // What is known of those that rest is old: a damaged answer among it would say that somebody is there.
  if (!run.wasHeard) for (const block of run.resting) miss(run, block, error);
  run.kept.push(...run.refused.splice(0).map(({ request }) => request));
  for (const request of [run.queue, run.busy, run.doubtful].flatMap((requests) => requests.splice(0))) {
    miss(run, request.block, error);
    run.kept.push(request);
  }
}

/** A refused request was asked in parts. */
function conclude(run: Run, request: Request, given: readonly Block[], left: readonly Block[]): void {
  if (request.refusals.partsAsked(given.length > 0, left, run.nowMs)) cutAround(run, request.block, given);
  else run.kept.push(request);
}

/**
 * Cuts a block for good: each part that was given becomes a request, and so does all that lies between two of them, as nothing
 * shows that it would help to cut that too.
 */
function cutAround(run: Run, block: Block, given: readonly Block[]): void {
  const partOf = (span: Span | undefined) => given.find(({ spans }) => spans.some((one) => one === span));
  const cuts = block.spans.filter((span, i) => i > 0 && partOf(span) !== partOf(block.spans[i - 1]));
  run.cuts.push(...cuts);
  for (const piece of cutBlock(block, (span) => cuts.includes(span))) {
    const errors = piece.spans.map((span) => run.got.get(keyOf(span))).filter(isHardwareError);
    const error = errors.find(endsTheRound) ?? errors[0];
    (error !== undefined && endsTheRound(error) ? run.silent : run.kept).push(requestOf(piece, error ?? 'given'));
  }
}

function miss({ got }: Run, { spans }: Block, error: BusError | DeviceError): void {
  for (const span of spans) got.set(keyOf(span), error);
}

function isSplittable(block: Block): boolean {
  return splitBlock(block) !== undefined;
}

function isBusy(error: BusError | DeviceError): boolean {
  return error instanceof ModbusException && error.isBusy;
}

function checkLength(found: number, expected: number, what: string): void {
  if (found !== expected) throw new BusError('bad-checksum', `expected ${expected} ${what}, found ${found}`);
}
