/** Takes back a listener. Calling it twice does nothing. */
export type Unsubscribe = () => void;

/**
 * A line that carries bytes both ways: a serial port, or a TCP connection. What a driver sees of it. A driver uses it
 * and never opens or closes it; after an unplugging the same object carries on once the port is back.
 */
export interface ByteStream {
  readonly isOpen: boolean;
  /**
   * Sends all bytes, in order. Rejects with BusError `closed` while the port is closed, and `hung` where the other end takes
   * nothing: nothing is ever kept back and sent after a reopening, because a stale command could reach another device.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Calls `listener` with every chunk that arrives, in order, cut anywhere. The chunk belongs to the listener. */
  onBytes(listener: (bytes: Uint8Array) => void): Unsubscribe;
  /** Calls `listener` when the line is lost or closed. */
  onClose(listener: (cause: Error | undefined) => void): Unsubscribe;
}

/** What the owner of a line (the gateway's bus runtime) sees: it opens and closes, once each. */
export interface OpenByteStream extends ByteStream {
  close(): Promise<void>;
}

/** Data bits, parity (N none, E even, O odd) and stop bits of a serial line. */
export type SerialFormat = '8N1' | '8N2' | '8E1' | '8E2' | '8O1' | '8O2' | '7E1' | '7E2' | '7O1' | '7O2' | '7N2';

/** How a serial port is opened. */
export interface SerialOptions {
  /** `usb:VID:PID`, `usb:VID:PID@serial`, `by-path:…`, `header`, or an absolute path such as /dev/ttyUSB0. */
  readonly port: string;
  readonly baud: number;
  readonly format: SerialFormat;
}

/** How a TCP connection is opened. */
export interface TcpOptions {
  readonly host: string;
  readonly port: number;
}
