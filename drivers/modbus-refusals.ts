import { ModbusException } from './bus/modbus-exception.ts';
import type { BusError, DeviceError } from './errors.ts';
import type { Block } from './modbus-plan.ts';

/** So many rounds in a row must a block be refused that was given before, while parts of it are given, until it is cut for good. */
const REFUSALS_UNTIL_CUT = 3;
/** Of which no part is given, a block is asked in parts in the 1st, 2nd, 4th, 8th … refused round in a row, and in every 64th. */
const PARTS_EVERY_MAX = 64;
/** Or when this has passed, where rounds are long: so long a part that is given again is missed at most. */
const PARTS_EVERY_MS_MAX = 10 * 60_000;

/**
 * When one block that the device refuses is asked in parts, and when it is cut for good. A part that is given shows that the
 * device does not take the whole. Where none is, as of an inverter at night, nothing is known of its registers.
 */
export class Refusals {
  /** It has given all of its registers. When it refuses them later, that may pass. */
  #hasGiven = false;
  /** Rounds in a row in which it was refused. */
  #refusedCount = 0;
  /** The first of those rounds in which it is asked in parts. */
  #dueCount = 1;
  #dueMs = 0;
  /** Rounds in a row in which parts of it were given. */
  #givingCount = 0;
  /** Refused parts of it that are to be split further in the next round; no part was given yet. */
  #left: readonly Block[] = [];

  /** All of it was given. */
  given(): void {
    this.#hasGiven = true;
    this.#refusedCount = 0;
    this.#dueCount = 1;
    this.#givingCount = 0;
    this.#left = [];
  }

  /** It was refused in this round. Returns the blocks of which the parts are to be asked: none, itself, or what was left. */
  refused(block: Block, nowMs: number): readonly Block[] {
    this.#refusedCount += 1;
    if (this.#left.length > 0) return this.#left;
    const isDue = this.#refusedCount >= this.#dueCount || nowMs >= this.#dueMs;
    return this.#givingCount > 0 || isDue ? [block] : [];
  }

  /**
   * Its parts were asked.
   * @param areGiven one of them was given, or more
   * @param left what there was no room for in this round
   * @returns whether it is cut for good
   */
  partsAsked(areGiven: boolean, left: readonly Block[], nowMs: number): boolean {
    this.#left = areGiven ? [] : left;
    this.#givingCount = areGiven ? this.#givingCount + 1 : 0;
    if (areGiven) return !this.#hasGiven || this.#givingCount >= REFUSALS_UNTIL_CUT;
    if (left.length > 0) return false;
    this.#dueCount = this.#refusedCount + Math.min(this.#refusedCount, PARTS_EVERY_MAX);
    this.#dueMs = nowMs + PARTS_EVERY_MS_MAX;
    return false;
  }
}

/**
 * The slave does not give what was asked for. Most say of registers that they do not have that the address is illegal (exception
 * 2), others that the value is (3), that they failed (4) or that they lack the function (1).
 */
export function isRefusal(error: BusError | DeviceError): boolean {
  return error instanceof ModbusException && !error.isBusy && !error.isFromGateway;
}
