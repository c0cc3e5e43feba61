import { stat } from 'node:fs/promises';
import { BusError, type BusErrorKind } from '../errors.ts';
import type { OpenI2cBus } from './i2c.ts';
import { groupFix } from './linux-group.ts';
import { notLoaded } from './native-package.ts';

/** The most that one "I2C block" of SMBus carries (I2C_SMBUS_BLOCK_MAX of the kernel). */
const BLOCK_BYTES_MAX = 32;

type Callback<T extends unknown[]> = (error: Error | null | undefined, ...result: T) => void;

/** What is used of a bus of the package i2c-bus. */
export interface NativeBus {
  close(done: Callback<[]>): void;
  i2cRead(address: number, length: number, buffer: Buffer, done: Callback<[number, Buffer]>): void;
  i2cWrite(address: number, length: number, buffer: Buffer, done: Callback<[number, Buffer]>): void;
  readI2cBlock(address: number, command: number, length: number, buffer: Buffer, done: Callback<[number, Buffer]>): void;
  writeI2cBlock(address: number, command: number, length: number, buffer: Buffer, done: Callback<[number, Buffer]>): void;
  sendByte(address: number, byte: number, done: Callback<[]>): void;
  receiveByte(address: number, done: Callback<[number]>): void;
  i2cFuncs(done: Callback<[{ readonly i2c: boolean }]>): void;
}

/** What tells the device file of one adapter from that of another under the same name; undefined when there is none. */
export type FileOf = (device: string) => Promise<number | undefined>;

/** Opens the bus with a number: the device file /dev/i2c-<number>. */
export type OpenNative = (number: number, done: Callback<[]>) => NativeBus;

/**
 * Opens an I2C bus of the machine by its device file. How fast it is, the machine's device tree says, not a program.
 * @param device /dev/i2c-<number>
 * @throws BusError: `absent` when there is no such bus, `no-permission`, `unsupported` when the package i2c-bus is not installed
 */
export async function openI2c(
  device: string,
  loadNative: () => Promise<OpenNative> = loadPackage,
  fileOf: FileOf = fileNumber,
): Promise<OpenI2cBus> {
  const number = /^\/dev\/i2c-([0-9]+)$/.exec(device)?.[1];
  if (number === undefined) throw new BusError('absent', `expected a device file such as /dev/i2c-1, found ${device}`);
  const openNative = await loadNative();
  try {
    const file = await fileOf(device);
    const bus = await new Promise<NativeBus>((resolve, reject) => {
      const opened = openNative(Number(number), (error) => {
        // The callback comes later, and then `opened` is there.
        if (error) reject(error);
        else resolve(opened);
      });
    });
    // The package opens the device file at the first use only; this one also says what the adapter can do.
    const { i2c: isPlain } = await called<{ readonly i2c: boolean }>((done) => bus.i2cFuncs(done));
    return over(bus, device, isPlain, async () => file !== undefined && (await fileOf(device)) === file);
  } catch (cause) {
    throw openError(device, cause as NodeJS.ErrnoException);
  }
}

/** The kernel makes the file anew for each adapter. */
async function fileNumber(device: string): Promise<number | undefined> {
  return (await stat(device).catch(() => undefined))?.ino;
}

async function loadPackage(): Promise<OpenNative> {
  try {
    const { default: i2c } = await import('i2c-bus');
    return i2c.open;
  } catch (cause) {
    throw notLoaded('I2C', 'i2c-bus', cause);
  }
}

function over(bus: NativeBus, device: string, isPlain: boolean, isThere: () => Promise<boolean>): OpenI2cBus {
  let isBusy = false;
  let closed: Promise<void> | undefined;
  return {
    async transfer(address, write, readLength) {
      if (closed !== undefined) throw new BusError('closed', `${device} is closed`);
      // A call that hangs in the kernel holds one thread of the pool; another one would take the next.
      if (isBusy) throw new BusError('hung', `${device}: the call before this one has not come back from the kernel`);
      isBusy = true;
      try {
        return Uint8Array.from(await (isPlain ? plain : smbus)(bus, address, Buffer.from(write), readLength));
      } catch (error) {
        if (error instanceof BusError) throw error;
        // An adapter that was pulled out says what a chip does that is not there, and so it does when another has come.
        if (!(await isThere())) throw goneError(device, address, error);
        throw transferError(device, address, error as NodeJS.ErrnoException);
      } finally {
        isBusy = false;
      }
    },
    close: () => {
      closed ??= isBusy ? Promise.resolve() : called<void>((done) => bus.close(done));
      return closed;
    },
  };
}

/**
 * With one byte written, what is read follows after a repeated start: that is what an "I2C block read" is. For more than one
 * the package has no such call, so a stop comes between; chips that take longer commands (Sensirion's) want it that way.
 */
async function plain(bus: NativeBus, address: number, write: Buffer, readLength: number): Promise<Buffer> {
  const [register] = write;
  if (register !== undefined && write.length === 1 && readLength > 0 && readLength <= BLOCK_BYTES_MAX) {
    return readBlock(bus, address, register, readLength);
  }
  // A transfer of nothing asks whether somebody is there: the address alone goes out.
  if (write.length > 0 || readLength === 0) {
    const written = await called<number>((done) => bus.i2cWrite(address, write.length, write, done));
    if (written !== write.length) throw short(address, 'written', write.length, written);
  }
  if (readLength === 0) return Buffer.alloc(0);
  const read = Buffer.alloc(readLength);
  const length = await called<number>((done) => bus.i2cRead(address, readLength, read, done));
  if (length !== readLength) throw short(address, 'read', readLength, length);
  return read;
}

/** The same on an adapter that can do nothing but SMBus: registers of one byte. */
async function smbus(bus: NativeBus, address: number, write: Buffer, readLength: number): Promise<Buffer> {
  const [register, ...data] = write;
  if (register === undefined && readLength === 1) {
    return Buffer.of(await called<number>((done) => bus.receiveByte(address, done)));
  }
  if (
    register === undefined ||
    readLength > BLOCK_BYTES_MAX ||
    data.length > BLOCK_BYTES_MAX ||
    (data.length > 0 && readLength > 0)
  ) {
    const what = `${write.length} bytes written and ${readLength} read in one`;
    throw new BusError('unsupported', `0x${address.toString(16)}: this adapter can only do SMBus, which has no ${what}`);
  }
  if (readLength > 0) return readBlock(bus, address, register, readLength);
  if (data.length === 0) await called<void>((done) => bus.sendByte(address, register, done));
  else await called<number>((done) => bus.writeI2cBlock(address, register, data.length, Buffer.from(data), done));
  return Buffer.alloc(0);
}

async function readBlock(bus: NativeBus, address: number, register: number, length: number): Promise<Buffer> {
  const read = Buffer.alloc(length);
  const got = await called<number>((done) => bus.readI2cBlock(address, register, length, read, done));
  if (got !== length) throw short(address, 'read', length, got);
  return read;
}

function called<T>(call: (done: Callback<[T]> & Callback<[]>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error: Error | null | undefined, result?: T) => {
      if (error) reject(error);
      else resolve(result as T);
    });
  });
}

function short(address: number, what: string, expected: number, found: number): BusError {
  return new BusError('no-answer', `0x${address.toString(16)}: expected ${expected} bytes ${what}, found ${found}`);
}

/**
 * What the kernel's adapters say (Documentation/i2c/fault-codes.rst): ENXIO for an address that nobody acknowledges; those of
 * the Raspberry Pi say EREMOTEIO, the stub ENODEV. EBUSY is an address that a driver of the kernel uses.
 */
const TRANSFER_ERRORS: Readonly<Record<string, readonly [BusErrorKind, string]>> = {
  ENXIO: ['no-answer', 'nobody acknowledges: is it plugged in, is the address right?'],
  EREMOTEIO: ['no-answer', 'nobody acknowledges: is it plugged in, is the address right?'],
  ENODEV: ['no-answer', 'nobody acknowledges: is it plugged in, is the address right?'],
  ETIMEDOUT: ['timeout', 'the bus is stuck: does a chip hold one of its two wires low?'],
  EAGAIN: ['timeout', 'the bus is not free: another master, or a wire that touches ground'],
  EIO: ['timeout', 'the bus does not work: look at its two wires and their resistors'],
  // The package opens the device file once more for each address.
  ENOENT: ['absent', 'the bus is not there any more: was its adapter pulled out?'],
  EBUSY: ['busy', 'a driver of the kernel uses this address; its overlay in the boot settings has to go'],
  EOPNOTSUPP: ['unsupported', 'this adapter cannot do that'],
  ENOTSUP: ['unsupported', 'this adapter cannot do that'],
};

function transferError(device: string, address: number, cause: NodeJS.ErrnoException): BusError {
  const [kind, why] = TRANSFER_ERRORS[cause.code ?? ''] ?? ['timeout', cause.message];
  return new BusError(kind, `${device}, 0x${address.toString(16)}: ${why}`, { cause });
}

function goneError(device: string, address: number, cause: unknown): BusError {
  const why = 'the bus is not the one any more that was opened: was its adapter pulled out?';
  return new BusError('absent', `${device}, 0x${address.toString(16)}: ${why}`, { cause });
}

function openError(device: string, cause: NodeJS.ErrnoException): BusError {
  switch (cause.code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return new BusError('absent', `${device} is not there: switch I2C on in the boot settings of the machine`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new BusError('no-permission', `${device}: this user may not use it; ${groupFix('i2c')}`, { cause });
    default:
      return new BusError('no-answer', `${device} cannot be opened: ${cause.message}`, { cause });
  }
}
