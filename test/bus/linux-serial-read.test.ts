import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type NativePort, readUntilHungUp } from '../../drivers/bus/linux-serial-read.ts';

// A named pipe gives what a terminal gives: its bytes, EAGAIN while there are none, and nothing once its other end is gone.

let folder: string;
let pipe: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-read-'));
  pipe = join(folder, 'pipe');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The end that is read, and what it does when it is asked to wait. */
function opened(onWait: (ready: (error: Error | null) => void) => void) {
  const port: { fd: number | null } & Omit<NativePort, 'fd'> = {
    fd: openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK),
    poller: { once: (_, listener) => onWait(listener) },
    read: () => Promise.reject(new Error('serialport has tried by itself')),
  };
  return port;
}

async function read(port: NativePort) {
  const { buffer, bytesRead } = await readUntilHungUp(port)(Buffer.alloc(16), 2, 8);
  return buffer.toString('latin1', 2, 2 + bytesRead);
}

test('gives what is there, and waits for it', async () => {
  const port = opened((ready) => {
    writeSync(writer, 'late');
    ready(null);
  });
  const writer = openSync(pipe, 'w');
  writeSync(writer, 'early');
  expect(await read(port)).toBe('early');
  expect(await read(port)).toBe('late');
  closeSync(writer);
  closeSync(port.fd as number);
});

test('a port that gives nothing was hung up: reading fails and is not tried again', async () => {
  const port = opened(() => {
    throw new Error('it waits');
  });
  const writer = openSync(pipe, 'w');
  writeSync(writer, 'x');
  closeSync(writer);
  expect(await read(port)).toBe('x');
  await expect(read(port)).rejects.toThrow('hung up');
  closeSync(port.fd as number);
});

test('a port that was closed is no error, and neither is waiting for one that is being closed', async () => {
  const canceled = Object.assign(new Error('Canceled'), { canceled: true });
  const port = opened((ready) => ready(canceled));
  const writer = openSync(pipe, 'w');
  await expect(read(port)).rejects.toBe(canceled);
  const { fd } = port;
  port.fd = null;
  await expect(read(port)).rejects.toMatchObject({ canceled: true });
  closeSync(fd as number);
  closeSync(writer);
});

test('a port that is closed while it is read is not waited for: its poller is gone, and touching it ends the program', async () => {
  const port = opened(() => {
    throw new Error('the poller was touched');
  });
  const writer = openSync(pipe, 'w');
  const { fd } = port;
  const reading = read(port);
  port.fd = null;
  await expect(reading).rejects.toMatchObject({ canceled: true });
  closeSync(fd as number);
  closeSync(writer);
});
