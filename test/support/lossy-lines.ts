import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import type { Host } from '../../gateway/host.ts';

/** Where the unit stands in a frame of Modbus RTU, and of Modbus TCP behind its header (V1.0b §3.1.3). */
const UNIT_AT = { serial: 0, tcp: 6 } as const;
/** Write single coil, and the first byte of its value for on (V1.1b3 §6.5). */
const WRITE_COIL = 5;
const ON = 0xff;

/** A coil that was written, as the slave got it: at a monotonic time, with what went over its wire. */
export interface CoilWrite {
  readonly atMs: number;
  readonly unit: number;
  readonly coil: number;
  readonly on: boolean;
}

/**
 * The same machine, on whose Modbus lines some questions never reach the slaves: those for which `isLost` says so. `onCoil` is told of
 * each coil that a slave was given, at the moment in which the whole frame was there.
 */
export function lossyLines(host: Host, isLost: (frame: Uint8Array) => boolean, onCoil: (write: CoilWrite) => void): Host {
  const between = (line: OpenByteStream, unitAt: number): OpenByteStream => ({
    get isOpen() {
      return line.isOpen;
    },
    onBytes: (listener) => line.onBytes(listener),
    onClose: (listener) => line.onClose(listener),
    close: () => line.close(),
    write: async (bytes) => {
      if (isLost(bytes)) return;
      const [unit = 0, code, high = 0, low = 0, value] = bytes.slice(unitAt);
      await line.write(bytes);
      if (code === WRITE_COIL) onCoil({ atMs: host.clock.monotonicMs(), unit, coil: 256 * high + low, on: value === ON });
    },
  });
  const buses: Host['buses'] = {
    ...host.buses,
    serial: async (...how) => between(await host.buses.serial(...how), UNIT_AT.serial),
    tcp: async (...how) => between(await host.buses.tcp(...how), UNIT_AT.tcp),
  };
  return { ...host, buses };
}
