import { DeviceError } from '../errors.ts';

/** Names of the exception codes, from the Modbus application protocol V1.1b3 §7. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'server device failure',
  5: 'acknowledge',
  6: 'server device busy',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target device failed to respond',
};

/** The slave understood the request and refused it; `code` is the number of the exception it sent. */
export class ModbusException extends DeviceError {
  readonly code: number;
  constructor(code: number, what: string, options?: ErrorOptions) {
    super('refused', `Modbus exception ${code} (${NAMES[code] ?? 'not in the specification'}): ${what}`, options);
    this.code = code;
  }

  /** The device is there and has something else to do: it asks to be asked again (V1.1b3 §7). */
  get isBusy(): boolean {
    return this.code === 5 || this.code === 6;
  }

  /** A gateway between us and the line answered for a slave that does not: as dead as a timeout. */
  get isFromGateway(): boolean {
    return this.code === 10 || this.code === 11;
  }
}
