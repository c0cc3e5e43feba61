/** The two tables of 16-bit registers: function codes 4 and 3. */
export type RegisterTable = 'input' | 'holding';

/** The two tables of bits: function codes 2 and 1. */
export type BitTable = 'discrete' | 'coil';

/** The largest request the specification allows (Modbus V1.1b3 §6.1 and §6.3). */
export const REGISTERS_PER_REQUEST_MAX = 125;
export const BITS_PER_REQUEST_MAX = 2000;

/** One Modbus line or connection, whatever its framing (RTU, TCP, RTU over TCP). Addresses are protocol addresses: nothing is subtracted. */
export interface ModbusBus {
  /**
   * Reads `count` (1 to 125) registers of the slave `unit` from `address` on; two bytes a register, high byte first, as
   * they came over the wire.
   * @throws BusError `timeout`, `bad-checksum`, `closed`; DeviceError `refused` with the exception's number for a Modbus exception
   */
  readRegisters(unit: number, table: RegisterTable, address: number, count: number): Promise<Uint8Array>;
  /** Reads `count` (1 to 2000) bits of the slave `unit` from `address` on. Throws as readRegisters. */
  readBits(unit: number, table: BitTable, address: number, count: number): Promise<boolean[]>;
}
