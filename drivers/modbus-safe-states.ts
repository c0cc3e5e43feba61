import { ModbusException } from './bus/modbus-exception.ts';
import type { DeviceSpec, OutputSpec } from './driver.ts';
import { type BusError, DeviceError, isHardwareError } from './errors.ts';
import { endsTheRound } from './modbus-silence.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** A safe state that was refused is written again after 1, 2, 4 … reads, at most so many. */
const READS_BETWEEN_MAX = 64;
/** So many outputs stay silent before any is answered until nobody is there: each costs its deadline, at each opening. */
const SILENT_MAX = 2;

/** An output that refused its safe state, or did not follow. */
interface Refused {
  readonly error: DeviceError;
  readonly readsLeft: number;
  readonly readsBetween: number;
}

type Outputs = Pick<DeviceSpec, 'board' | 'outputs'>;

/**
 * The outputs of a Modbus device, and which of them are not known to be in their safe state because the device refused it or
 * they read back another. Such a device can still measure; it is written again now and then, until the output takes that or an
 * order.
 */
export class SafeStates {
  readonly #board: string;
  readonly #outputs: readonly OutputSpec[];
  readonly #refused = new Map<string, Refused>();
  /** Switches an output; with `afresh` to its safe state, if that is what it still refuses. */
  readonly #switch: (output: OutputSpec, on: boolean, afresh?: 'afresh') => Promise<void>;

  /** @param set switches an output and reads it back */
  constructor({ board, outputs }: Outputs, set: (output: OutputSpec, on: boolean) => Promise<void>) {
    this.#board = board;
    this.#outputs = outputs;
    // Checked in turn with the orders: one of them may have moved the output meanwhile.
    this.#switch = oneAtATime(async (output, on, afresh) => {
      if (afresh !== undefined && !this.#refused.has(output.id)) return;
      await set(output, on);
      this.#refused.delete(output.id);
    });
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
      const error = await this.#switch(output, output.safe).catch(hardwareErrorOf);
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

  /** Called after each read that the device answered: writes again what is due. A failure changes nothing of what is known. */
  async tryAgain(): Promise<void> {
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
      await this.#switch(output, output.safe, 'afresh').catch(hardwareErrorOf);
    }
  }

  /** @throws as setSwitch does */
  async write(id: string, on: boolean): Promise<void> {
    const output = this.#outputs.find((each) => each.id === id);
    if (output === undefined) throw new Error(`board ${this.#board} has no output that is called ${id}`);
    await this.#switch(output, on);
  }
}

function unsafe({ id, safe }: OutputSpec, error: DeviceError): DeviceError {
  const message = `${id} is not known to be in its safe state, ${safe ? 'on' : 'off'}: ${error.message}`;
  return new DeviceError(error.kind, message, { cause: error });
}

/** The slave itself refused, or the output reads back another state. What a gateway says for a slave that does not answer is neither. */
function isAnswered(error: BusError | DeviceError): error is DeviceError {
  return error instanceof DeviceError && !(error instanceof ModbusException && error.isFromGateway);
}

function hardwareErrorOf(error: unknown): BusError | DeviceError {
  if (!isHardwareError(error)) throw error;
  return error;
}
