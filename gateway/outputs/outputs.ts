import type { OrderSource } from '../../config/config.ts';
import { sleepUntil, withDeadline } from '../../drivers/clock.ts';
import { BusError, type DeviceError } from '../../drivers/errors.ts';
import { ownSignals } from '../own-signals.ts';
import { stampAt } from '../stamp.ts';
import { type BoardTries, nextTryMs, openBoardTries } from './board-tries.ts';
import { LATER_TRY, type OrderRecords, openOrderRecords, THE_STOP } from './order-records.ts';
import {
  lapsed,
  type NotDone,
  type OrderOutcome,
  type OrderRequest,
  type OutputState,
  type Outputs,
  type OutputsSurroundings,
  type Placed,
  refused,
  STRAYED,
  WAS_MADE_SAFE,
} from './output.ts';
import { openRefusals } from './refusals.ts';
import {
  type Before,
  backOf,
  END_OF_TIME,
  leftOf,
  letGo,
  notTaken,
  overtaken,
  type Running,
  restOf,
  runningOutputs,
  type Switchable,
  shortened,
  stateObservation,
  stateOf,
} from './running.ts';
import { watchCity, watchReading } from './watches.ts';

/** An order that leads away from what is safe waits so long for the journal; a disk that takes longer takes nothing. */
const DURABLE_MS_MAX = 5_000;
/** Between the last of those that are switched off and the one that is switched on, for contacts and valves that are slow. */
const BREAK_MS = 500;
/** What is safe waits no longer for being kept: done twice it does no harm. */
const SAFE_KEPT_MS_MAX = 500;
const TOO_SHORT = 'its time was over before it was known to be there: give it more';
const STOPPING = 'the gateway stops';

export function openOutputs(devices: readonly Switchable[], around: OutputsSurroundings): Outputs {
  return new Manager(devices, around);
}

class Manager implements Outputs {
  readonly #around: OutputsSurroundings;
  readonly #outputs: ReadonlyMap<string, Running>;
  readonly #stopping = new AbortController();
  readonly #untilStop = ownSignals(this.#stopping.signal);
  readonly #tries: BoardTries;
  readonly #records: OrderRecords;
  readonly refused: Outputs['refused'];

  constructor(devices: readonly Switchable[], around: OutputsSurroundings) {
    this.#around = around;
    this.refused = openRefusals(around);
    this.#tries = openBoardTries(around.clock);
    this.#records = openOrderRecords(around);
    this.#outputs = runningOutputs(devices, around.clock.monotonicMs());
  }

  async order(request: OrderRequest): Promise<OrderOutcome> {
    const output = this.#outputs.get(request.output);
    if (output === undefined) return refused('unknown-output', `there is no output ${request.output}`);
    const { on, forMs, untilMs, gone, source, kept } = request;
    const from = `${source}: ${request.by}`;
    const refusal = notTaken(output, request, this.#around);
    if (refusal !== undefined) {
      this.refused({ output: output.id, on, from, reason: `${refusal.reason}: ${refusal.message}` });
      return refusal;
    }
    return this.#place(output, { on, forMs, untilMs, gone, source, kept }, from);
  }

  newest(id: string): string | undefined {
    return this.#outputs.get(id)?.newest;
  }

  states(): readonly OutputState[] {
    const nowMs = this.#around.clock.monotonicMs();
    return [...this.#outputs.values()].map((output) => stateOf(output, nowMs));
  }

  opened(device: string, problem: DeviceError | undefined): void {
    // Which of them it is about is not known; each order tells.
    if (problem !== undefined) return;
    for (const output of this.#outputs.values()) {
      if (output.device.config.id !== device || output.asked !== undefined) continue;
      // A process that was killed may have left it on: the order log has to tell when it went off.
      if (output.heardCount === 0) this.#records.safeAtStart(output);
      this.#isAt(output, output.config.safe);
    }
  }

  strayed(device: string, { message, outputs }: DeviceError): void {
    for (const output of this.#outputs.values()) {
      if (output.device.config.id !== device || outputs?.includes(output.config.id) === false) continue;
      if (output.fault !== message) this.#records.fault(output, 'strayed', message);
      output.fault = message;
      // What belongs to its safe state its device has driven there again.
      if (output.seen === output.config.safe || output.asked === undefined) continue;
      output.seen = undefined;
      this.#goBack(output, STRAYED);
    }
  }

  isSafe(id: string): void {
    const output = this.#outputs.get(id);
    if (output === undefined || output.seen === output.config.safe) return;
    this.#isAt(output, output.config.safe);
    this.#records.own(output, THE_STOP, { done: true });
  }

  isNotSafe(id: string): void {
    const output = this.#outputs.get(id);
    if (output !== undefined) this.#records.own(output, THE_STOP, refused('failed', 'it is not known to be safe'));
  }

  stop(): void {
    this.#stopping.abort(new Error('the gateway stops'));
    for (const output of this.#outputs.values()) letGo(output);
  }

  /** Keeps the order and carries it out in its turn. */
  #place(output: Running, what: Omit<Placed, 'id' | 'from' | 'journaled'>, from: string): Promise<OrderOutcome> {
    const { on, forMs, why } = what;
    const id = this.#records.nextId();
    output.newest = id;
    output.newestFrom = from;
    const journaled = this.#records.order(output, { id, on, from, forMs });
    const carryOut = async () => {
      const outcome = await this.#carryOut(output, { id, ...what, from, journaled });
      this.#records.result(output, { id, on, from, forMs, why }, outcome);
      return outcome;
    };
    // What is safe waits for nothing: neither for others of its group nor for the disk.
    if (on === output.config.safe) return carryOut();
    return output.turns.take(carryOut);
  }

  async #carryOut(output: Running, order: Placed): Promise<OrderOutcome> {
    const { config } = output;
    const isToSafe = order.on === config.safe;
    const { signal } = this.#stopping;
    if (isToSafe && order.kept !== undefined) {
      const { asked } = output;
      await this.#isDurable(order.kept, SAFE_KEPT_MS_MAX);
      // What began meanwhile is newer.
      if (output.asked !== asked) return overtaken(output, output.asked?.from);
    }
    if (signal.aborted) return refused('stopping', STOPPING);
    let switchedOff: readonly string[] = [];
    if (!isToSafe) {
      const refusal = this.#refusal(output, order);
      if (refusal !== undefined) return refusal;
      const cleared = order.on ? await this.#clear(output) : [];
      if ('done' in cleared) return cleared;
      switchedOff = cleared;
      const kept = Promise.all([order.journaled, order.kept ?? true]).then((all) => all.every(Boolean));
      if (!(await this.#isDurable(kept))) return this.#notDurable('the journal cannot keep the order');
    }
    const { clock } = this.#around;
    const intent = this.#records.intent(output, order);
    if (!isToSafe) {
      if (!(await this.#isDurable(intent))) return this.#notDurable('the journal cannot keep what is about to be done');
      if (signal.aborted) return refused('stopping', STOPPING);
      // An older order to safe that waited to be kept may have switched it off meanwhile.
      const late = this.#refusal(output, order);
      if (late !== undefined) return late;
    }
    // What is safe is done, whoever has gone.
    const isOver = () => lapsed(isToSafe ? { untilMs: order.untilMs } : order, clock.monotonicMs());
    const over = isOver();
    if (over !== undefined) return over;
    const before = { ...output };
    output.asked = { on: order.on, from: order.from, atMs: clock.monotonicMs() };
    const outcome = await this.#drive(output, { ...order, isOver }, before);
    return outcome.done && switchedOff.length > 0 ? { ...outcome, switchedOff } : outcome;
  }

  /** Why an order that leads away from what is safe is not carried out now. */
  #refusal(output: Running, order: Placed): OrderOutcome | undefined {
    const nowMs = this.#around.clock.monotonicMs();
    if (output.newest !== order.id) return overtaken(output, output.newestFrom);
    // While it is being switched off it counts as off.
    const isOn = output.seen === true && output.asked?.on !== false;
    return lapsed(order, nowMs) ?? (order.on && !isOn ? restOf(output, nowMs) : undefined);
  }

  /** Switches off what may not be on with it, and gives that time to come to rest. Resolves with what was on until then. */
  async #clear(output: Running): Promise<NotDone | readonly string[]> {
    const { clock } = this.#around;
    const switchedOff: string[] = [];
    const others = output.config.neverWith.flatMap((id) => this.#outputs.get(id) ?? []);
    for (const other of others) {
      if (other.seen === false) continue;
      if (other.seen === true) switchedOff.push(other.id);
      const outcome = await this.#off(other, `never_with: ${output.id}`);
      if (!outcome.done) return refused('never-with', `${other.id} cannot be switched off: ${outcome.message}`);
    }
    // Whoever switched it off, and be it just now.
    const restedMs = Math.max(...others.map(({ offSinceMs }) => offSinceMs + BREAK_MS));
    if (restedMs > clock.monotonicMs()) await this.#untilStop((signal) => sleepUntil(clock, restedMs, signal)).catch(() => {});
    return switchedOff;
  }

  /** Within the turn of another output of its group. */
  async #off(output: Running, from: string): Promise<OrderOutcome> {
    const order = { id: this.#records.nextId(), on: false, from, forMs: undefined };
    this.#records.order(output, order).catch(() => {});
    this.#records.intent(output, order).catch(() => {});
    output.asked = { on: false, from, atMs: this.#around.clock.monotonicMs() };
    const outcome = await this.#drive(output, order);
    this.#records.result(output, order, outcome);
    return outcome;
  }

  /** Moves the output and looks whether it did. What failed is driven to safe, as nobody knows where it stands. */
  async #drive(
    output: Running,
    { on, forMs, source, isOver }: Pick<Placed, 'on' | 'forMs' | 'source'> & { readonly isOver?: () => OrderOutcome | undefined },
    before: Before = output,
  ): Promise<OrderOutcome> {
    const { clock } = this.#around;
    const { config, device, asked } = output;
    // A newer order that has begun meanwhile decides, and its limit must stay.
    const isNewest = () => output.asked === asked;
    const beganMs = clock.monotonicMs();
    // Before it moves: what may be on is counted from the first moment in which it can be.
    // One that is on already goes back when it was to, until this order was sent: it may never be.
    const leftMs = before.seen === on && before.backAtMs !== undefined ? before.backAtMs - beganMs : Number.POSITIVE_INFINITY;
    if (on !== config.safe) this.#limit(output, beganMs, Math.min(forMs ?? Number.POSITIVE_INFINITY, leftMs));
    // It may be off from now on, whatever is heard of that.
    if (!on && output.seen !== false) output.offSinceMs = beganMs;
    // It may be there from now on: whoever overtakes this before its answer comes has to know that.
    if (on !== config.safe && output.seen !== on) output.seen = undefined;
    const error = await device.switchTo(config.id, on, () => isOver?.() === undefined, leftOf(output, before, clock, forMs));
    // The newer one decides, and tells what it found.
    if (error instanceof BusError && error.kind === 'superseded')
      return output.asked?.from === END_OF_TIME
        ? refused('superseded', TOO_SHORT)
        : overtaken(output, this.#stopping.signal.aborted ? THE_STOP : output.asked?.from);
    if (error instanceof BusError && error.kind === 'expired') {
      if (isNewest()) this.#notBegun(output, before);
      return isOver?.() ?? refused('expired', error.message);
    }
    output.problem = error?.message;
    if (error === undefined) {
      output.switchMs = clock.monotonicMs() - beganMs;
      if (on !== config.safe && isNewest()) this.#watch(output, beganMs, source);
      this.#isAt(output, on, isNewest());
      if (on === config.safe || !isNewest()) return { done: true };
      this.#limit(output, beganMs, forMs);
      return { done: true, ...shortened(output, beganMs, forMs) };
    }
    output.seen = undefined;
    output.heardCount += 1;
    if (on === config.safe) {
      if (isNewest()) this.#tryAgain(output);
      return refused('failed', error.message);
    }
    // Each of these may switch it off although nothing is heard of that: `min_off` counts from the last.
    if (!config.safe) output.offSinceMs = clock.monotonicMs();
    const second = await device.switchTo(config.id, config.safe);
    if (second === undefined) this.#isAt(output, config.safe, isNewest());
    else if (isNewest()) this.#tryAgain(output);
    const ended = second === undefined ? WAS_MADE_SAFE : `it could not be made safe: ${second.message}`;
    return refused('failed', `${error.message}; ${ended}`);
  }

  /** Nothing was sent: it is as it was before, and goes back when it was to go back. */
  #notBegun(output: Running, before: Before): void {
    output.cancelBack();
    output.release();
    const { asked, backAtMs, heardCount } = before;
    // An order to safe that was under way may have ended meanwhile, and left the rest to this one.
    const { seen, onSinceMs } = output.heardCount === heardCount ? before : output;
    Object.assign(output, { asked, seen, onSinceMs, backAtMs: undefined });
    const nowMs = this.#around.clock.monotonicMs();
    if (seen === undefined) this.#tryAgain(output);
    else if (seen !== output.config.safe) this.#limit(output, nowMs, backAtMs === undefined ? undefined : backAtMs - nowMs);
  }

  /** It was switched away from safe, at `sinceMs` or after: waits for what is to come of that, and for the city where that asked for it. */
  #watch(output: Running, sinceMs: number, source: OrderSource | undefined): void {
    const { config } = output;
    if (config.expect !== undefined && output.seen !== !config.safe) {
      output.cancelExpected();
      output.isAwaited = true;
      const cancel = watchReading(config.expect, sinceMs, this.#around, (problem) => {
        output.isAwaited = false;
        output.fault = problem;
        if (problem === undefined) return;
        this.#records.fault(output, 'not-as-expected', problem);
        this.#goBack(output, 'expect', problem);
      });
      output.cancelExpected = () => {
        output.isAwaited = false;
        cancel();
      };
    } else if (config.expect === undefined) output.fault = undefined;
    output.cancelCity();
    if (source !== 'sentilo' && source !== 'mqtt') return;
    const around = { clock: this.#around.clock, heardMs: () => this.#around.lastHeardMs(source) };
    output.cancelCity = watchCity(sinceMs, config.onLostCityMs, around, () => this.#goBack(output, 'on_lost_city'));
  }

  /** It resolves also when the hardware does not follow, which is told. */
  #goBack(output: Running, from: string, why?: string): void {
    this.#place(output, { on: output.config.safe, forMs: undefined, why }, from).catch(this.#around.fatal);
  }

  /** `isNewest`: no newer order has begun, which has set limits of its own. */
  #isAt(output: Running, on: boolean, isNewest = true): void {
    const { clock, bootId, keep } = this.#around;
    const nowMs = clock.monotonicMs();
    if (!on && output.seen !== false) output.offSinceMs = nowMs;
    output.seen = on;
    output.heardCount += 1;
    if (on === output.config.safe) {
      output.onSinceMs = undefined;
      if (isNewest) letGo(output);
      if (isNewest) output.backAtMs = undefined;
    }
    keep([stateObservation(output, on, stampAt(clock, bootId))]);
  }

  /** What could not be made safe is tried again at once, then ever more rarely, until it is or a newer order for it has begun. */
  #tryAgain(output: Running, triedCount = 0, inMs = 0): void {
    const { clock, log } = this.#around;
    const { config, device, id } = output;
    const board = device.board ?? device.config.id;
    output.cancelBack();
    if (this.#stopping.signal.aborted) return;
    output.cancelBack = this.#tries.later(board, inMs, () => {
      const { asked } = output;
      if (!config.safe) output.offSinceMs = clock.monotonicMs();
      // It may have waited for another output of its board: an order that has begun meanwhile decides.
      const drive = async () => (output.asked === asked ? await device.switchTo(config.id, config.safe) : undefined);
      this.#tries.ask(board, inMs / 2, drive).then((error) => {
        // An order that has begun meanwhile decides.
        if (output.asked !== asked) return;
        output.problem = error?.message;
        if (error !== undefined) return this.#tryAgain(output, triedCount + 1, nextTryMs(triedCount, inMs));
        this.#isAt(output, config.safe);
        log('info', 'output-made-safe', { output: id });
        this.#records.own(output, LATER_TRY, { done: true });
      }, this.#around.fatal);
    });
  }

  /**
   * Lets it go back to its safe state when its time is over: what was ordered counts from now, what it may be on at most from when
   * it went on, however often that is ordered again.
   */
  #limit(output: Running, nowMs: number, forMs = Number.POSITIVE_INFINITY): void {
    output.cancelBack();
    output.release();
    output.onSinceMs ??= nowMs;
    const back = backOf(output, output.onSinceMs, nowMs + forMs);
    output.backAtMs = back?.atMs;
    if (back === undefined) return;
    output.release = output.device.holdFor(back.atMs);
    output.cancelBack = this.#around.clock.timer(Math.max(0, back.atMs - this.#around.clock.monotonicMs()), () => {
      this.#goBack(output, back.from);
    });
  }

  #isDurable(kept: Promise<boolean>, forMsMax = DURABLE_MS_MAX): Promise<boolean> {
    const late = () => new Error('late');
    return this.#untilStop((signal) => withDeadline(this.#around.clock, forMsMax, signal, late, () => kept)).catch(() => false);
  }

  /** Nobody waits for the journal when the gateway stops. */
  #notDurable(message: string): OrderOutcome {
    return this.#stopping.signal.aborted ? refused('stopping', STOPPING) : refused('not-durable', message);
  }
}
