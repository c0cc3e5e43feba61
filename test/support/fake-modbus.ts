import type { BitTable, ModbusBus, RegisterTable, WriteWith } from '../../drivers/bus/modbus.ts';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';

/** A request as `table:address+count`, or for a write `table:address=data`. */
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

  async writeRegisters(unit: number, address: number, registers: Uint8Array, writeWith: WriteWith): Promise<void> {
    this.#take(`holding:${address}=${Buffer.from(registers).toString('hex')} ${writeWith}`, unit);
    this.put('holding', address, registers);
  }

  async writeBits(unit: number, address: number, bits: readonly boolean[], writeWith: WriteWith): Promise<void> {
    this.#take(`coil:${address}=${bits.map(Number).join('')} ${writeWith}`, unit);
    for (const [i, bit] of bits.entries()) this.bits.set(`coil:${address + i}`, bit);
  }

  /** What it does is the test's: see `before`. */
  async writeCoilValue(unit: number, address: number, value: number): Promise<void> {
    this.#take(`coil:${address}:=${value}`, unit);
  }

  async maskRegister(): Promise<void> {
    throw new ModbusException(1, 'mask');
  }

  async readWriteRegisters(): Promise<Uint8Array> {
    throw new ModbusException(1, 'read and write');
  }

  #take(asked: Asked, unit: number): void {
    this.asked.push(asked);
    this.before(asked, unit);
  }

  #answer<T>(from: ReadonlyMap<string, T>, unit: number, table: string, address: number, count: number): T[] {
    const asked = `${table}:${address}+${count}`;
    this.#take(asked, unit);
    return Array.from({ length: count }, (_, index) => {
      const value = from.get(`${table}:${address + index}`);
      if (value === undefined) throw new ModbusException(this.exceptionCode, asked);
      return value;
    });
  }
}
