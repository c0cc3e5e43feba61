import type { BitTable, ModbusBus, RegisterTable } from '../../drivers/bus/modbus.ts';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';

/** A request as `table:address+count`. */
export type Asked = string;

/** A Modbus slave that has the registers and bits it is given, and refuses every request that touches another one. */
export class FakeModbus implements ModbusBus {
  readonly asked: Asked[] = [];
  readonly registers = new Map<string, number>();
  readonly bits = new Map<string, boolean>();
  /** Called before each request is answered; throws what the request shall fail with. */
  before: (asked: Asked, unit: number) => void = () => {};
  exceptionCode = 2;

  /** Puts big-endian bytes from `address` on. */
  put(table: RegisterTable, address: number, bytes: Uint8Array): this {
    for (let i = 0; i < bytes.length; i += 2) {
      this.registers.set(`${table}:${address + i / 2}`, Buffer.from(bytes).readUInt16BE(i));
    }
    return this;
  }

  async readRegisters(unit: number, table: RegisterTable, address: number, count: number): Promise<Uint8Array> {
    const registers = this.#answer(this.registers, unit, table, address, count);
    return Uint8Array.from(registers.flatMap((register) => [register >> 8, register & 0xff]));
  }

  async readBits(unit: number, table: BitTable, address: number, count: number): Promise<boolean[]> {
    return this.#answer(this.bits, unit, table, address, count);
  }

  #answer<T>(from: ReadonlyMap<string, T>, unit: number, table: string, address: number, count: number): T[] {
    const asked = `${table}:${address}+${count}`;
    this.asked.push(asked);
    this.before(asked, unit);
    return Array.from({ length: count }, (_, index) => {
      const value = from.get(`${table}:${address + index}`);
      if (value === undefined) throw new ModbusException(this.exceptionCode, asked);
      return value;
    });
  }
}
