/** Why a bus could not carry a transaction. */
export type BusErrorKind =
  /** Nobody acknowledged, as an I2C NACK tells. */
  | 'no-answer'
  /** There is no connection: the host is not there or does not take it, or the port does not open. Nothing was sent. */
  | 'unreachable'
  /** The port is not there: not plugged in, or named wrongly. */
  | 'absent'
  /** The name of the port fits more than one. */
  | 'ambiguous'
  /** The answer did not come within the transaction's deadline. */
  | 'timeout'
  /** A call into the driver has not come back, and until it does the bus gets no other. */
  | 'hung'
  /** A wire of the bus is held: transfers to whomever come to no end. */
  | 'stuck'
  /** Bytes came, but their checksum, length or framing is wrong. */
  | 'bad-checksum'
  /** Another program holds the port. */
  | 'busy'
  /** An input changes so often that its edges are not followed for now: a loose wire, or an input that nothing drives. */
  | 'edge-storm'
  /** The port is closed: unplugged, or not opened yet. Nothing was sent. */
  | 'closed'
  /** Something newer was asked of the output before this was sent. Nothing was sent, and nothing is wrong. */
  | 'superseded'
  /** It may not be sent any more, as it is too old. Nothing was sent, and nothing is wrong. */
  | 'expired'
  /** The operating system refuses this user. */
  | 'no-permission'
  /** This version cannot drive this kind of bus on this machine. */
  | 'unsupported';

interface BusErrorOptions extends ErrorOptions {
  readonly isStranger?: boolean;
}

/** The wiring, the port or the cable has to be looked at. The message names the port or address. */
export class BusError extends Error {
  override readonly name = 'BusError';
  readonly kind: BusErrorKind;
  /** Nothing that came over the connection was understood: something else answers there than was meant. */
  readonly isStranger: boolean;
  constructor(kind: BusErrorKind, message: string, { isStranger = false, ...options }: BusErrorOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.isStranger = isStranger;
  }
}

/** Why a device's answer gives no reading although the bus carried it. */
export type DeviceErrorKind =
  /** The answer contradicts itself or the data sheet: wrong chip id, all zero, impossible value. */
  | 'implausible'
  /** An output is not where it was driven: a board that has started anew, or somebody else has moved it. */
  | 'strayed'
  /** The device says that it has no value for this reading (sentinel, warm-up). */
  | 'not-available'
  /** The device refused the request (a Modbus exception, a status bit). */
  | 'refused';

interface DeviceErrorOptions extends ErrorOptions {
  readonly outputs?: readonly string[];
}

/** The device reports a fault or contradicts itself. The message shows what was expected and what was found. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly kind: DeviceErrorKind;
  /** Ids of the outputs of the device that it is about, where it is not about all of them. */
  readonly outputs: readonly string[] | undefined;
  constructor(kind: DeviceErrorKind, message: string, { outputs, ...options }: DeviceErrorOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.outputs = outputs;
  }
}

/** True for the two failures that a device or its wiring can cause; anything else is a bug of ours. */
export function isHardwareError(error: unknown): error is BusError | DeviceError {
  return error instanceof BusError || error instanceof DeviceError;
}
