import type { Haste } from './bus/modbus.ts';
import { ModbusException } from './bus/modbus-exception.ts';
import type { DeviceSpec, OutputSpec } from './driver.ts';
import { BusError, DeviceError, isHardwareError } from './errors.ts';
import { onOff } from './modbus-output.ts';
import { endsTheRound } from './modbus-silence.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** A safe state that was refused is written again after 1, 2, 4 … reads, at most so many. */
const READS_BETWEEN_MAX = 64;
/** So many outputs stay silent before any is answered until nobody is there: each costs its deadline, at each opening. */
const SILENT_MAX = 2;

/**
 * So many reads in a row must stay silent until the device may have started anew. One answer may get lost on its way; to look changes
 * nothing, so it need not be certain.
 */
const SILENT_UNTIL_UNKNOWN = 2;

/** An output that refused its safe state, or did not follow, or of which nothing is known. */
interface Refused {
  readonly error: DeviceError;
  readonly readsLeft: number;
  readonly readsBetween: number;
}

type Outputs = Pick<DeviceSpec, 'board' | 'outputs'>;

/** How outputs are switched and seen. */
export interface Switches {
  /** Switches an output and reads it back. */
  readonly set: (output: OutputSpec, on: boolean, haste: Haste) => Promise<void>;
  /** Reads it back. @throws DeviceError `implausible` when it is neither on nor off */
  readonly look: (output: OutputSpec, haste: Haste) => Promise<boolean>;
}

/**
 * The outputs of a Modbus device, and which of them are not known to be in their safe state because the device refused it or
 * they read back another, or as it was silent. Such a device can still measure; it is looked at or written again now and then, until
 * the output is known to be where it belongs or takes an order.
 */
export class SafeStates {
  readonly #board: string;
  readonly #outputs: readonly OutputSpec[];
  readonly #refused = new Map<string, Refused>();
  /** What the newest order for an output was, where that was taken. */
  readonly #ordered = new Map<string, boolean>();
  /** Reads that stayed silent since one was answered. */
  #silentCount = 0;
  /** How often an output was ordered to its safe state. */
  readonly #safeCounts = new Map<string, number>();
  /** The newest of them, until it is carried out or has failed. */
  readonly #makingSafe = new Map<string, Promise<void>>();
  /** What was found, at the newest read, of the outputs that were not as they were ordered. */
  readonly #strayed = new Map<string, string>();
  /** They are being looked at: what of them has strayed nobody has been told yet. */
  #isLooking = false;
  readonly #switches: Switches;
  /** Switches an output when those before have ended; with `afresh` to where it belongs, if it is still not known to be there. */
  readonly #inTurn: (output: OutputSpec, on: boolean, haste: Haste, afresh?: 'afresh') => Promise<void>;

  constructor({ board, outputs }: Outputs, switches: Switches) {
    this.#board = board;
    this.#outputs = outputs;
    this.#switches = switches;
    // Checked in turn with the orders: one of them may have moved the output meanwhile.
    this.#inTurn = oneAtATime(
      async (output, on, haste, afresh) => {
        await this.#makingSafe.get(output.id)?.catch(() => {});
        if (afresh !== undefined) return await this.#makeKnown(output, haste);
        // Of an order of which nobody knows whether it was taken nothing can be expected, nor of the one before it.
        this.#ordered.delete(output.id);
        await this.#switch(output, on, haste);
      },
      // Each may be asked for at once, beside what is written afresh.
      outputs.length + 1,
    );
  }

  /** Which outputs were found elsewhere than they were ordered, at the newest read. */
  get strayed(): DeviceError | undefined {
    if (this.#strayed.size === 0) return undefined;
    return new DeviceError('strayed', [...this.#strayed.values()].join('; '), { outputs: [...this.#strayed.keys()] });
  }

  /** Of the first output that refused its safe state and has taken nothing since. */
  get problem(): DeviceError | undefined {
    return this.#refused.values().next().value?.error;
  }

  /**
   * Switches all outputs to their safe states: nobody knows what they were left at. One that fails keeps back no other.
   * @returns why the first was refused or did not follow, when one was
   * @throws BusError, or what a gateway says for a slave that is not there, of the first output that nobody answered for
   */
  async open(): Promise<DeviceError | undefined> {
    const refusals: DeviceError[] = [];
    const unanswered: (BusError | DeviceError)[] = [];
    let silentMax = SILENT_MAX;
    for (const output of this.#outputs) {
      const error = await this.#inTurn(output, output.safe, this.#untilSafe(output)).catch(hardwareErrorOf);
      // Damaged or not, something answered.
      if (error === undefined || !endsTheRound(error)) silentMax = Number.POSITIVE_INFINITY;
      if (error === undefined) continue;
      if (isAnswered(error)) {
        refusals.push(error);
        this.#refused.set(output.id, { error: unsafe(output, error), readsLeft: 1, readsBetween: 1 });
      } else if (unanswered.push(error) >= silentMax) break;
    }
    if (unanswered[0] !== undefined) throw unanswered[0];
    return refusals[0];
  }

  /** Called before each read. */
  begin(): void {
    this.#strayed.clear();
  }

  /** Called after each read in which nobody answered. */
  silent(): void {
    this.#silentCount += 1;
  }

  /**
   * Called after each read that the device answered: makes safe what is due. After a silence everything is looked at, as a board that
   * starts anew may have moved its outputs. What is not as it was ordered goes to its safe state, whatever that order was: how long it
   * was off, and who still wants it on, others know.
   */
  async tryAgain(): Promise<void> {
    this.#isLooking = true;
    await this.#tryAll().finally(() => {
      this.#isLooking = false;
    });
  }

  async #tryAll(): Promise<void> {
    if (this.#silentCount >= SILENT_UNTIL_UNKNOWN)
      for (const output of this.#outputs) this.#refused.set(output.id, { error: unknown(output), readsLeft: 1, readsBetween: 1 });
    this.#silentCount = 0;
    for (const output of this.#outputs) {
      const refused = this.#refused.get(output.id);
      if (refused === undefined) continue;
      const { readsLeft, readsBetween } = refused;
      if (readsLeft > 1) {
        this.#refused.set(output.id, { ...refused, readsLeft: readsLeft - 1 });
        continue;
      }
      const next = Math.min(2 * readsBetween, READS_BETWEEN_MAX);
      this.#refused.set(output.id, { ...refused, readsLeft: next, readsBetween: next });
      const error = await this.#inTurn(output, output.safe, this.#untilSafe(output), 'afresh').catch(hardwareErrorOf);
      if (error === undefined) continue;
      const left = this.#refused.get(output.id);
      if (left !== undefined && isAnswered(error)) this.#refused.set(output.id, { ...left, error: unsafe(output, error) });
      // Each of the others would cost its deadline too: they are due at the next read.
      if (endsTheRound(error)) return;
    }
  }

  /**
   * Switches one. What is safe waits for no other call, and overtakes what has not been sent.
   * @throws as setSwitch does; BusError `superseded` when something newer was asked of it meanwhile, `expired` when it came too late
   */
  async write(id: string, on: boolean, isInTime: () => boolean = () => true, leftMs?: () => number): Promise<void> {
    const output = this.#outputs.find((each) => each.id === id);
    if (output === undefined) throw new Error(`board ${this.#board} has no output that is called ${id}`);
    // How long it was off, and who still wants it on, others decide when they have been told.
    if (on !== output.safe && this.#isLooking && this.#strayed.has(id)) throw superseded(output);
    if (on !== output.safe) return await this.#inTurn(output, on, { ...this.#untilSafe(output), isInTime, leftMs });
    this.#safeCounts.set(id, this.#safeCountOf(output) + 1);
    this.#ordered.delete(id);
    const making = this.#switch(output, on, { isUrgent: true });
    this.#makingSafe.set(id, making);
    await making;
  }

  /** Leaves an output that is as it was ordered; any other is made safe, and what waits to lead it away from there is not wanted any more. */
  async #makeKnown(output: OutputSpec, haste: Haste): Promise<void> {
    if (!this.#refused.has(output.id)) return;
    const ordered = this.#ordered.get(output.id);
    if (ordered === undefined) return await this.#switch(output, output.safe, haste);
    const found = await this.#found(output, ordered, haste);
    checkWanted(output, haste);
    if (found === undefined) {
      this.#refused.delete(output.id);
      return;
    }
    this.#strayed.set(output.id, found);
    this.#safeCounts.set(output.id, this.#safeCountOf(output) + 1);
    this.#ordered.delete(output.id);
    await this.#switch(output, output.safe, this.#untilSafe(output));
  }

  /** What an output shows that is not as it was ordered; undefined where it is. */
  async #found(output: OutputSpec, ordered: boolean, haste: Haste): Promise<string | undefined> {
    checkWanted(output, haste);
    try {
      const isOn = await this.#switches.look(output, haste);
      return isOn === ordered ? undefined : `${output.id}: expected ${onOff(ordered)}, found ${onOff(isOn)}`;
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== 'implausible') throw error;
      return error.message;
    }
  }

  async #switch(output: OutputSpec, on: boolean, haste: Haste): Promise<void> {
    checkWanted(output, haste);
    await this.#switches.set(output, on, haste);
    checkWanted(output, haste);
    this.#ordered.set(output.id, on);
    this.#refused.delete(output.id);
  }

  #safeCountOf({ id }: OutputSpec): number {
    return this.#safeCounts.get(id) ?? 0;
  }

  /** Wanted while it has not been ordered to its safe state since now. */
  #untilSafe(output: OutputSpec): Haste {
    const before = this.#safeCountOf(output);
    return { isWanted: () => this.#safeCountOf(output) === before };
  }
}

/** @throws BusError `superseded` when something newer was asked of the output */
function checkWanted(output: OutputSpec, { isWanted }: Haste): void {
  if (isWanted?.() === false) throw superseded(output);
}

function superseded({ id }: OutputSpec): BusError {
  return new BusError('superseded', `${id}: it was ordered to its safe state meanwhile`);
}

function unsafe({ id, safe }: OutputSpec, error: DeviceError): DeviceError {
  const message = `${id} is not known to be in its safe state, ${onOff(safe)}: ${error.message}`;
  return new DeviceError(error.kind, message, { cause: error });
}

function unknown(output: OutputSpec): DeviceError {
  return unsafe(output, new DeviceError('refused', 'the device was silent, and may have started anew'));
}

/** The slave itself refused, or the output reads back another state. What a gateway says for a slave that does not answer is neither. */
function isAnswered(error: BusError | DeviceError): error is DeviceError {
  return error instanceof DeviceError && !(error instanceof ModbusException && error.isFromGateway);
}

function hardwareErrorOf(error: unknown): BusError | DeviceError {
  if (!isHardwareError(error)) throw error;
  return error;
}
