import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPortMock } from 'serialport';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SerialOptions } from '../../drivers/bus/byte-stream.ts';
import { openPort, openSerial, type Port, type PortPlace, type PortSettings } from '../../drivers/bus/linux-serial.ts';
import { bytes, hex } from '../support/hex.ts';
import { drain } from '../support/test-clock.ts';
import { outcome } from './support.ts';

const OPTIONS: SerialOptions = { port: '/dev/ttyUSB0', baud: 9600, format: '8N1' };
const PLACE: PortPlace = { resolve: async () => OPTIONS.port, root: '/' };
const NO_ABORT = new AbortController().signal;

beforeEach(() => SerialPortMock.binding.createPort('/dev/ttyUSB0', { record: true }));
afterEach(() => SerialPortMock.binding.reset());

/** What is used of the simulated port behind serialport's mock, which comes without usable types. */
interface Binding {
  readonly openOptions: object;
  readonly recording: Buffer;
  emitData(bytes: Buffer): void;
  write(bytes: Buffer): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Opened {
  readonly stream: Awaited<ReturnType<typeof openPort>>;
  readonly port: SerialPortMock;
  readonly binding: Binding;
}

async function open(options = OPTIONS): Promise<Opened> {
  let port: SerialPortMock | undefined;
  const stream = await openPort(options, PLACE, NO_ABORT, (settings) => {
    port = new SerialPortMock(settings);
    return port;
  });
  if (port?.port === undefined) throw new Error('not opened');
  return { stream, port, binding: port.port };
}

describe('a serial port', () => {
  it('carries bytes both ways', async () => {
    const { stream, binding } = await open();
    const arrived = new Promise<Uint8Array>((resolve) => stream.onBytes(resolve));
    binding.emitData(Buffer.from(bytes('aac0')));
    expect(hex(await arrived)).toBe('aac0');
    await stream.write(bytes('c0ffee'));
    expect(hex(binding.recording)).toBe('c0ffee');
    await stream.close();
  });

  it.each([
    ['8N1', 8, 'none', 1],
    ['8E1', 8, 'even', 1],
    ['7O2', 7, 'odd', 2],
    ['7E1', 7, 'even', 1],
  ] as const)('is set to %s and locked', async (format, dataBits, parity, stopBits) => {
    const { stream, binding } = await open({ ...OPTIONS, format, baud: 2400 });
    expect(binding.openOptions).toMatchObject({ baudRate: 2400, dataBits, parity, stopBits, lock: true });
    await stream.close();
  });

  it('gives each listener bytes of its own', async () => {
    const { stream, binding } = await open();
    stream.onBytes((chunk) => chunk.fill(0));
    const arrived = new Promise<Uint8Array>((resolve) => stream.onBytes(resolve));
    binding.emitData(Buffer.from(bytes('aa')));
    expect(hex(await arrived)).toBe('aa');
    await stream.close();
  });

  it('keeps nothing back that is written while it is closed, to send it after the next opening', async () => {
    const first = await open();
    await first.stream.close();
    await expect(first.stream.write(bytes('dead'))).rejects.toMatchObject({ kind: 'closed' });
    const second = await open();
    await second.stream.write(bytes('01'));
    expect(hex(second.binding.recording)).toBe('01');
    expect(second.port).not.toBe(first.port);
    await second.stream.close();
  });

  it('tells once that it was unplugged, however often serialport does', async () => {
    const { stream, port } = await open();
    const causes: (Error | undefined)[] = [];
    stream.onClose((cause) => causes.push(cause));
    port.emit('error', new Error('EIO'));
    port.emit('close', new Error('bad file descriptor'));
    port.emit('close', null);
    const lost = { name: 'BusError', kind: 'absent', message: '/dev/ttyUSB0 was unplugged' };
    expect(causes).toEqual([expect.objectContaining({ ...lost, cause: expect.objectContaining({ message: 'EIO' }) })]);
    expect(stream.isOpen).toBe(false);
    await expect(stream.write(bytes('00'))).rejects.toMatchObject({ kind: 'closed' });
    await stream.close();
    await stream.close();
    expect(causes.length).toBe(1);
    expect(port.isOpen).toBe(false);
  });

  it('fails a write that a stuck adapter never takes as soon as the port is closed', async () => {
    const { stream, binding } = await open();
    binding.write = () => new Promise(() => {});
    const write = outcome(stream.write(bytes('00')));
    await stream.close();
    expect(await write).toMatchObject({ error: { name: 'BusError', kind: 'closed' } });
  });

  // serialport would keep it and send it hours later, when what hangs comes back: a relay would switch then.
  it('refuses what is written while an earlier write has not been taken', async () => {
    const { stream, binding } = await open();
    const [write, taken] = [binding.write.bind(binding), [] as string[]];
    let comeBack = () => {};
    binding.write = async (chunk) => {
      taken.push(hex(chunk));
      await new Promise<void>((resolve) => {
        comeBack = resolve;
      });
      await write(chunk);
    };
    const first = stream.write(bytes('01'));
    expect(await outcome(stream.write(bytes('02')))).toMatchObject({ error: { name: 'BusError', kind: 'hung' } });
    comeBack();
    await first;
    binding.write = write;
    await stream.write(bytes('03'));
    expect([hex(binding.recording), taken]).toEqual(['0103', ['01']]);
    await stream.close();
  });

  it('fails a write that the adapter refuses', async () => {
    const { stream, binding } = await open();
    binding.write = () => Promise.reject(new Error('EIO'));
    expect(await outcome(stream.write(bytes('00')))).toMatchObject({ error: { kind: 'closed' } });
    expect(stream.isOpen).toBe(false);
    await stream.close();
  });

  it('throws away what was not sent before it closes, so that closing does not wait for it', async () => {
    const { stream, binding } = await open();
    const calls: string[] = [];
    const [flush, close] = [binding.flush.bind(binding), binding.close.bind(binding)];
    binding.flush = () => {
      calls.push('flush');
      return flush();
    };
    binding.close = () => {
      calls.push('close');
      return close();
    };
    await stream.close();
    expect(calls).toEqual(['flush', 'close']);
  });
});

describe('a port that cannot be opened', () => {
  /** A port whose opening ends as the operating system says. */
  function failing(message: string): (settings: PortSettings) => Port {
    return (settings) => {
      const port = new SerialPortMock(settings);
      port.open = (callback) => callback?.(new Error(message));
      return port;
    };
  }

  it.each([
    ['Error: No such file or directory, cannot open /dev/ttyUSB0', 'absent', 'is not plugged in'],
    ['Error: Permission denied, cannot open /dev/ttyUSB0', 'no-permission', 'sudo usermod -aG dialout'],
    ['Error Resource temporarily unavailable Cannot lock port', 'busy', 'is used by'],
    ['Error: Device or resource busy, cannot open /dev/ttyUSB0', 'busy', 'is used by'],
    ['Error: Input/output error, cannot open /dev/ttyUSB0', 'no-answer', 'plug it in again'],
    ['Error: No such device or address, cannot open /dev/ttyUSB0', 'no-answer', 'plug it in again'],
    ['something new', 'no-answer', 'something new'],
  ])('%s', async (message, kind, says) => {
    const result = outcome(openPort(OPTIONS, PLACE, NO_ABORT, failing(message)));
    expect(await result).toMatchObject({ error: { name: 'BusError', kind, message: expect.stringContaining(says) } });
  });

  it('with the real library: a name that does not exist', async () => {
    const result = outcome(openSerial({ ...OPTIONS, port: '/dev/ttyNOPE' }, NO_ABORT));
    expect(await result).toMatchObject({ error: { kind: 'absent', message: '/dev/ttyNOPE is not plugged in' } });
  });

  it('is still being opened when nobody waits any more: it ends when the driver comes back, and is closed then', async () => {
    const abort = new AbortController();
    let opened: (() => void) | undefined;
    let port: SerialPortMock | undefined;
    let isOver = false;
    const attempt = outcome(
      openPort(OPTIONS, PLACE, abort.signal, (settings) => {
        const mock = new SerialPortMock(settings);
        const realOpen = mock.open.bind(mock);
        mock.open = (callback) => {
          opened = () => realOpen(callback);
        };
        port = mock;
        return mock;
      }),
    );
    void attempt.then(() => {
      isOver = true;
    });
    await vi.waitUntil(() => opened !== undefined);
    abort.abort(new Error('deadline'));
    await drain();
    expect(isOver).toBe(false);
    opened?.();
    expect(await attempt).toMatchObject({ error: { message: 'deadline' } });
    expect(port?.isOpen).toBe(false);
  });
});

describe('a port that does not come back from being closed', () => {
  it.each(['flush', 'close'] as const)('is closed when its %s does', async (call) => {
    const { stream, binding } = await open();
    const real = binding[call].bind(binding);
    let comeBack = () => {};
    binding[call] = async () => {
      await new Promise<void>((resolve) => {
        comeBack = resolve;
      });
      await real();
    };
    let closedCount = 0;
    const count = () => {
      closedCount += 1;
    };
    // The owner may close it twice.
    const closings = [stream.close().then(count), stream.close().then(count)];
    await drain();
    expect([stream.isOpen, closedCount]).toEqual([false, 0]);
    comeBack();
    await Promise.all(closings);
  });

  it('is not closed before the driver is done with the end of an unplugging', async () => {
    const { stream, binding, port } = await open();
    let comeBack = () => {};
    binding.close = () =>
      new Promise<void>((resolve) => {
        comeBack = resolve;
      });
    // As serialport does when reading fails: it closes by itself, and says so when that is done.
    port.close(undefined, new Error('EIO'));
    let isClosed = false;
    const closing = stream.close().then(() => {
      isClosed = true;
    });
    await drain();
    expect(isClosed).toBe(false);
    comeBack();
    await closing;
  });
});

describe('a port whose name has come to mean another one while it was opened', () => {
  let folder: string;
  let descriptor: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'barri-serial-'));
    for (const name of ['ttyUSB0', 'ttyUSB1']) writeFileSync(join(folder, name), '');
    descriptor = openSync(join(folder, 'ttyUSB0'), 'r');
  });
  afterEach(() => {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  });

  /** Opens ttyUSB0, and afterwards the name means what `then` says. */
  async function opening(then: () => Promise<string>) {
    let isOpen = false;
    let port: SerialPortMock | undefined;
    const resolve = async () => (isOpen ? await then() : '/dev/ttyUSB0');
    const attempt = openPort({ ...OPTIONS, port: 'usb:0403:6001' }, { resolve, root: '/' }, NO_ABORT, (settings) => {
      isOpen = true;
      port = new SerialPortMock(settings);
      return Object.assign(port, { descriptor: () => descriptor });
    });
    return { result: await outcome(attempt), isLeftOpen: port?.isOpen };
  }

  it('is closed again and counts as not there', async () => {
    const names = [
      async () => join(folder, 'ttyUSB1'),
      async () => join(folder, 'ttyUSB2'),
      () => Promise.reject(new Error('two are alike')),
    ];
    for (const then of names) {
      const { result, isLeftOpen } = await opening(then);
      expect(result).toMatchObject({ error: { name: 'BusError', kind: 'absent' } });
      expect(isLeftOpen).toBe(false);
      SerialPortMock.binding.reset();
      SerialPortMock.binding.createPort('/dev/ttyUSB0', { record: true });
    }
  });

  it('is opened when it still means the same', async () => {
    const { result } = await opening(async () => join(folder, 'ttyUSB0'));
    expect(result).toMatchObject({ value: { isOpen: true } });
  });
});
