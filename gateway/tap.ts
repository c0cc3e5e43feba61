import type { ByteStream } from '../drivers/bus/byte-stream.ts';
import type { DigitalInputPort, DigitalOutputPort, GpioLines } from '../drivers/bus/gpio.ts';
import type { OpenI2cBus } from '../drivers/bus/i2c.ts';
import type { OpenOneWireBus } from '../drivers/bus/onewire.ts';
import type { FrameTap, Host } from './host.ts';

/** Shows one frame of a bus to whoever looks; undefined when nobody does. `label` says which address or line. */
export type SeeFrame = ((direction: 'in' | 'out', label: string, bytes: Uint8Array) => void) | undefined;

export function frames(bus: string, { clock }: Pick<Host, 'clock'>, tap: FrameTap | undefined): SeeFrame {
  if (tap === undefined) return undefined;
  return (direction, label, bytes) => tap({ bus, atMs: clock.monotonicMs(), direction, label, bytes });
}

/** The same line, with every chunk shown. */
export function tappedStream(stream: ByteStream, see: SeeFrame): ByteStream {
  if (see === undefined) return stream;
  stream.onBytes((bytes) => see('in', '', bytes));
  return {
    get isOpen() {
      return stream.isOpen;
    },
    write: (bytes) => {
      see('out', '', bytes);
      return stream.write(bytes);
    },
    onBytes: (listener) => stream.onBytes(listener),
    onClose: (listener) => stream.onClose(listener),
  };
}

/** The same bus, with what is written and read shown, labelled with the address. */
export async function tappedI2c(opening: Promise<OpenI2cBus>, see: SeeFrame): Promise<OpenI2cBus> {
  const bus = await opening;
  if (see === undefined) return bus;
  return {
    transfer: async (address, write, readLength) => {
      const label = `0x${address.toString(16)}`;
      see('out', label, write);
      const read = await bus.transfer(address, write, readLength);
      see('in', label, read);
      return read;
    },
    close: () => bus.close(),
  };
}

/** The same bus, with what the kernel tells of each device shown, labelled with its ROM. */
export async function tappedOneWire(opening: Promise<OpenOneWireBus>, see: SeeFrame): Promise<OpenOneWireBus> {
  const bus = await opening;
  if (see === undefined) return bus;
  return {
    readThermometer: async (rom) => {
      const told = await bus.readThermometer(rom);
      see('in', rom, told);
      return told;
    },
    close: () => bus.close(),
  };
}

/** The same lines, with every level shown as a byte 0 or 1, labelled with the line. */
export async function tappedGpio(opening: Promise<GpioLines>, see: SeeFrame): Promise<GpioLines> {
  const lines = await opening;
  if (see === undefined) return lines;
  const level = (direction: 'in' | 'out', line: number) => (high: boolean) =>
    see(direction, String(line), Uint8Array.of(Number(high)));
  return {
    input: (line) => tappedInput(lines.input(line), level('in', line)),
    output: (line) => tappedOutput(lines.output(line), level('out', line)),
    close: () => lines.close(),
  };
}

function tappedInput(port: DigitalInputPort, see: (level: boolean) => void): DigitalInputPort {
  return {
    open: async (options) => {
      const input = await port.open(options);
      return {
        read: async () => {
          const level = await input.read();
          see(level);
          return level;
        },
        changes: async function* (signal, onMissed) {
          for await (const level of input.changes(signal, onMissed)) {
            see(level);
            yield level;
          }
        },
        close: () => input.close(),
      };
    },
  };
}

function tappedOutput(port: DigitalOutputPort, see: (level: boolean) => void): DigitalOutputPort {
  return {
    open: async (level) => {
      see(level);
      const output = await port.open(level);
      return {
        write: (next) => {
          see(next);
          return output.write(next);
        },
        read: () => output.read(),
        close: () => output.close(),
      };
    },
  };
}
