// USB adapters that change their places, look alike or are pulled out in the middle of a request: each bus follows what its
// name says, and never sends a byte to another device. The terminals are real; the tree in which they are found is made.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPort, openSerial } from '../../drivers/bus/linux-serial.ts';
import { modbusFunctions } from '../../drivers/bus/modbus-functions.ts';
import { openModbusLine } from '../../drivers/bus/modbus-line.ts';
import { realClock } from '../../gateway/real-host.ts';
import { type ReopeningStream, reopeningStream } from '../../gateway/reopening-stream.ts';
import { type Adapter, Machine } from './support/adapters.ts';
import { cleanUp, workFolder } from './support/barri.ts';
import { eventually } from './support/child.ts';

const FTDI = { vendor: '0403', product: '6001' };
const ANNA: Adapter = { ...FTDI, name: 'a', serial: 'A50285BI' };
const BRUNA: Adapter = { ...FTDI, name: 'b', serial: 'A50999ZZ' };
const CH340 = { vendor: '1a86', product: '7523' };
const LEFT: Adapter = { ...CH340, name: 'l' };
const RIGHT: Adapter = { ...CH340, name: 'r' };
const SWAPS = 4;
const WITHIN_MS = 20_000;

const clock = realClock();
let machine: Machine;
let stop: AbortController;
let running: Promise<void>[];

beforeEach(() => {
  machine = new Machine(workFolder());
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await cleanUp();
});

/** A line as the gateway keeps it open. */
function lineTo(port: string): ReopeningStream {
  const stream = reopeningStream({
    name: port,
    clock,
    random: Math.random,
    open: (signal) => openSerial({ port, baud: 9600, format: '8N1' }, signal, machine.root),
    onChange: () => {},
  });
  running.push(stream.run(stop.signal));
  return stream;
}

/** Sends a letter every few milliseconds, whatever becomes of it. */
async function sendFor(stream: ReopeningStream, letter: string): Promise<void> {
  while (!stop.signal.aborted) {
    // What is refused while the port is closed is just what must not arrive later.
    await stream.write(Buffer.from(letter)).catch(() => {});
    await sleep(3);
  }
}

/** Resolves once a device has got more than it had. */
async function hears(adapter: Adapter): Promise<void> {
  const before = machine.received(adapter).length;
  await eventually(
    () => (machine.received(adapter).length > before ? true : undefined),
    WITHIN_MS,
    () => `${adapter.name} hears nothing`,
  );
}

describe('adapters with serial numbers', () => {
  it('that change their places get what is meant for them, and not a byte of the other', async () => {
    const [first, second] = [lineTo(`usb:0403:6001@${ANNA.serial}`), lineTo(`usb:0403:6001@${BRUNA.serial}`)];
    await machine.plugIn(ANNA, 'ttyUSB0', '1-1');
    await machine.plugIn(BRUNA, 'ttyUSB1', '1-2');
    running.push(sendFor(first, 'a'), sendFor(second, 'b'));
    for (let swap = 1; swap <= SWAPS; swap++) {
      await Promise.all([hears(ANNA), hears(BRUNA)]);
      await Promise.all([machine.pullOut(ANNA), machine.pullOut(BRUNA)]);
      await sleep((swap * 90) % 400);
      const ttys = swap % 2 === 0 ? ['ttyUSB0', 'ttyUSB1'] : ['ttyUSB1', 'ttyUSB0'];
      await machine.plugIn(ANNA, ttys[0] ?? '', '1-1');
      await sleep((swap * 70) % 300);
      await machine.plugIn(BRUNA, ttys[1] ?? '', '1-2');
    }
    await Promise.all([hears(ANNA), hears(BRUNA)]);
    expect(new Set(machine.received(ANNA))).toEqual(new Set('a'));
    expect(new Set(machine.received(BRUNA))).toEqual(new Set('b'));
  });

  it('are found under a new name after a replug, also while the other has taken the old one', async () => {
    const line = lineTo(`usb:0403:6001@${ANNA.serial}`);
    running.push(sendFor(line, 'a'));
    await machine.plugIn(ANNA, 'ttyUSB0', '1-1');
    await hears(ANNA);
    await machine.pullOut(ANNA);
    await machine.plugIn(BRUNA, 'ttyUSB0', '1-1');
    // It is told what is there instead.
    const other = `usb:0403:6001@${BRUNA.serial} (/dev/ttyUSB0`;
    await eventually(() => (line.failure?.message.includes(other) ? true : undefined), WITHIN_MS);
    expect(line.failure).toMatchObject({ kind: 'absent' });
    await machine.plugIn(ANNA, 'ttyUSB7', '1-4');
    await hears(ANNA);
    expect(machine.received(BRUNA)).toBe('');
  });

  it('that change their places between the finding and the opening: nothing is sent, and the port is let go of', async () => {
    await machine.plugIn(ANNA, 'ttyUSB0', '1-1');
    const { SerialPort } = await import('serialport');
    let port: InstanceType<typeof SerialPort> | undefined;
    let hasChanged = false;
    const resolve = async () => {
      const tty = join(machine.root, 'dev', hasChanged ? 'ttyUSB1' : 'ttyUSB0');
      if (hasChanged) return tty;
      hasChanged = true;
      await machine.pullOut(ANNA);
      await machine.plugIn(BRUNA, 'ttyUSB0', '1-1');
      await machine.plugIn(ANNA, 'ttyUSB1', '1-2');
      return tty;
    };
    const options = { port: `usb:0403:6001@${ANNA.serial}`, baud: 9600, format: '8N1' } as const;
    const opening = openPort(options, { resolve, root: machine.root }, stop.signal, (settings) => {
      port = new SerialPort(settings);
      return Object.assign(port, { descriptor: () => (port?.port as { fd?: number } | undefined)?.fd });
    });
    await expect(opening).rejects.toMatchObject({ name: 'BusError', kind: 'absent' });
    expect(port?.isOpen).toBe(false);
    expect([machine.received(ANNA), machine.received(BRUNA)]).toEqual(['', '']);
    // Nothing holds it any more: it can be opened by its own name.
    const other = await openSerial({ ...options, port: `usb:0403:6001@${BRUNA.serial}` }, stop.signal, machine.root);
    await other.close();
  });
});

describe('a link of udev, which follows what the kernel does', () => {
  const BY_ID = 'dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0';

  it('that led to another adapter when it was opened is looked at again, and the port is let go of', async () => {
    await machine.plugIn(BRUNA, 'ttyUSB0', '1-2');
    machine.link(BY_ID, '../../ttyUSB0');
    const line = lineTo(join(machine.root, BY_ID));
    await line.tried;
    expect(line.isOpen).toBe(true);
    rmSync(join(machine.root, BY_ID));
    await eventually(() => (line.failure?.kind === 'absent' ? true : undefined), WITHIN_MS);
    running.push(sendFor(line, 'a'));
    await machine.plugIn(ANNA, 'ttyUSB1', '1-1');
    machine.link(BY_ID, '../../ttyUSB1');
    await hears(ANNA);
    expect(machine.received(BRUNA)).toBe('');
  });
});

describe('adapters that look alike', () => {
  it.each([
    ['without serial numbers', {}, 'usb:1a86:7523'],
    ['with the same one', { serial: '0001' }, 'usb:1a86:7523@0001'],
  ])('%s are both left alone until only one is there, and are told apart by their sockets', async (_, number, port) => {
    const [left, right] = [
      { ...LEFT, ...number },
      { ...RIGHT, ...number },
    ];
    await machine.plugIn(left, 'ttyUSB0', '1-1');
    await machine.plugIn(right, 'ttyUSB1', '1-2');
    const line = lineTo(port);
    running.push(sendFor(line, 'x'));
    await line.tried;
    expect(line.failure).toMatchObject({ kind: 'ambiguous' });
    expect(line.failure?.message).toMatch(/by-path:usb-0:1:1\.0-port0 for \/dev\/ttyUSB0, or by-path:usb-0:2:1\.0-port0/);
    expect(machine.received(left) + machine.received(right)).toBe('');

    running.push(sendFor(lineTo('by-path:usb-0:2:1.0-port0'), 'r'));
    await hears(right);
    expect(machine.received(left)).toBe('');
    await machine.pullOut(right);
    await hears(left);
    expect(new Set(machine.received(left))).toEqual(new Set('x'));
    expect(new Set(machine.received(right))).toEqual(new Set('r'));
  });
});

it('a request whose adapter is pulled out fails at once, and is not sent again to what is plugged in then', async () => {
  await machine.plugIn(ANNA, 'ttyUSB0', '1-1');
  const stream = lineTo('usb:0403:6001');
  const options = { name: 'line', framing: 'rtu', timeoutMs: 600_000, pauseMs: 0, echo: false, baud: 9600 } as const;
  const line = openModbusLine(stream, options, clock);
  const bus = modbusFunctions((question) => line.ask(question));
  await stream.tried;
  const asked = bus.readRegisters(1, 'holding', 0, 1).catch((error: unknown) => error);
  await hears(ANNA);
  await machine.pullOut(ANNA);
  await machine.plugIn(BRUNA, 'ttyUSB0', '1-1');
  expect(await asked).toMatchObject({ name: 'BusError', kind: 'closed' });
  await eventually(() => (stream.isOpen ? true : undefined), WITHIN_MS);
  expect(machine.received(BRUNA)).toBe('');
});
