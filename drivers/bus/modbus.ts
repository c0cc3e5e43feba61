/** The two tables of 16-bit registers: function codes 4 and 3. */
export type RegisterTable = 'input' | 'holding';

/** The two tables of bits: function codes 2 and 1. */
export type BitTable = 'discrete' | 'coil';

/** Whether one register or bit is written by its own function (6, 5) or as a list of one (16, 15): some devices know only one of the two. */
export type WriteWith = 'single' | 'multiple';

/** The largest requests the specification allows (Modbus V1.1b3 §6.1, §6.3, §6.11, §6.12 and §6.17). */
export const REGISTERS_PER_REQUEST_MAX = 125;
export const BITS_PER_REQUEST_MAX = 2000;
export const BITS_PER_WRITE_MAX = 1968;
export const REGISTERS_PER_WRITE_MAX = 123;
export const REGISTERS_PER_READ_WRITE_MAX = 121;

/** What a request about an output may say beside itself. */
export interface Haste {
  /**
   * It makes an output safe: it goes before everything else on the bus, and a write is sent again and again until it is answered or
   * its time is over. Whoever answers has taken it, and taking it twice changes nothing.
   */
  readonly isUrgent?: boolean;
  /** Asked when its turn has come: where something newer was asked of the output meanwhile nothing is sent. */
  readonly isWanted?: () => boolean;
  /** Asked of a write when its turn has come: one that is too old is not sent. */
  readonly isInTime?: () => boolean;
  /**
   * Of a write away from the safe state: how long the output may stay there from now on at most, milliseconds, when it is asked;
   * Infinity where nothing ends it. A board with a time-out of its own is given it (modbus-on-for.ts).
   */
  readonly leftMs?: (() => number) | undefined;
}

/**
 * One Modbus line or connection, whatever its framing (RTU, TCP, RTU over TCP). Addresses are protocol addresses: nothing is
 * subtracted. Registers are two bytes each, high byte first, as they go over the wire.
 *
 * Every function throws BusError `timeout`, `bad-checksum`, `closed`, `hung`; DeviceError `refused` with the exception's number for
 * a Modbus exception; BusError `superseded` or `expired` where it is not wanted any more; RangeError for more than a request can carry. A write that resolves was confirmed by the slave with
 * the address and the value, or count, of the request; what it did with them only reading back tells.
 */
export interface ModbusBus {
  /** Reads `count` (1 to 125) registers of the slave `unit` from `address` on (functions 3 and 4). */
  readRegisters(unit: number, table: RegisterTable, address: number, count: number, haste?: Haste): Promise<Uint8Array>;
  /** Reads `count` (1 to 2000) bits of the slave `unit` from `address` on (functions 1 and 2). */
  readBits(unit: number, table: BitTable, address: number, count: number, haste?: Haste): Promise<boolean[]>;
  /** Writes 1 to 123 holding registers from `address` on (function 16), or one of them (function 6). */
  writeRegisters(unit: number, address: number, registers: Uint8Array, writeWith: WriteWith, haste?: Haste): Promise<void>;
  /** Writes 1 to 1968 coils from `address` on (function 15), or one of them (function 5). */
  writeBits(unit: number, address: number, bits: readonly boolean[], writeWith: WriteWith, haste?: Haste): Promise<void>;
  /** Writes a number (16 bits) with function 5, where on and off stand otherwise, for devices that take one at addresses of their own. */
  writeCoilValue(unit: number, address: number, value: number, haste?: Haste): Promise<void>;
  /** register = (register AND `and`) OR (`or` AND NOT `and`), done by the slave in one step (function 22). */
  maskRegister(unit: number, address: number, and: number, or: number): Promise<void>;
  /** Writes 1 to 121 holding registers and then reads `count` (1 to 125) in one request (function 23). */
  readWriteRegisters(
    unit: number,
    read: { readonly address: number; readonly count: number },
    write: { readonly address: number; readonly registers: Uint8Array },
  ): Promise<Uint8Array>;
}
