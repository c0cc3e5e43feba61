// Every function of Modbus that we have, against a slave that nobody here wrote: what it then holds is what was written.

import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import { openSerial } from '../../drivers/bus/linux-serial.ts';
import { openTcp } from '../../drivers/bus/linux-tcp.ts';
import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import { openModbusLine } from '../../drivers/bus/modbus-line.ts';
import { busQueue } from '../../gateway/bus-queue.ts';
import { modbusInTurns } from '../../gateway/buses.ts';
import { realClock } from '../../gateway/real-host.ts';
import { cleanUp, freePort, workFolder } from './support/barri.ts';
import { type Memory, readMemory, startLibmodbusPeer } from './support/peers.ts';
import { plugPair } from './support/pty.ts';

const UNIT = 1;
const clock = realClock();
const { signal } = new AbortController();
const open: OpenByteStream[] = [];

afterEach(async () => {
  for (const stream of open.splice(0)) await stream.close();
  await cleanUp();
});

/** A bus with the slave on it, and what the slave holds after the newest write. */
async function withPeer(kind: 'tcp' | 'rtu'): Promise<{ bus: ModbusBus; held: () => Memory | undefined }> {
  const folder = workFolder();
  const log = join(folder, 'served.jsonl');
  const options = { name: kind, framing: kind, timeoutMs: 2000, pauseMs: 0, echo: false };
  let stream: OpenByteStream;
  if (kind === 'tcp') {
    const port = await freePort();
    await startLibmodbusPeer('tcp', String(port), log);
    stream = await openTcp({ host: '127.0.0.1', port }, signal);
  } else {
    const pair = await plugPair(folder, 'line');
    await startLibmodbusPeer('rtu', pair.deviceEnd, log);
    stream = await openSerial({ port: pair.gatewayEnd, baud: 9600, format: '8N1' }, signal);
  }
  open.push(stream);
  const line = openModbusLine(stream, kind === 'tcp' ? options : { ...options, baud: 9600 }, clock);
  const bus = modbusInTurns(line, busQueue(kind, clock), () => ({ rank: 'live', deadlineMs: 5000 }));
  return { bus, held: () => readMemory(log).at(-1) };
}

/** Registers as they go over the wire, high byte first. */
function words(...numbers: readonly number[]): Uint8Array {
  return Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
}

describe.each(['tcp', 'rtu'] as const)('libmodbus over %s', (kind) => {
  it('takes what functions 5, 6, 15, 16, 22 and 23 write, and gives what 1, 3 and 23 read', async () => {
    const { bus, held } = await withPeer(kind);
    const zeros = (count: number) => new Array<number>(count).fill(0);
    // The answer to the read comes after the slave has noted what it held.
    const coilsFrom = async (first: number, count: number) => {
      const read = await bus.readBits(UNIT, 'coil', first, count);
      expect(read.map(Number).join('')).toBe(held()?.coils.slice(first, first + count));
      return read.map(Number).join('');
    };
    const holdingFrom = async (first: number, count: number) => {
      const read = await bus.readRegisters(UNIT, 'holding', first, count);
      const numbers = held()?.holding.slice(first, first + count) ?? [];
      expect(read).toEqual(words(...numbers));
      return numbers;
    };

    await bus.writeBits(UNIT, 3, [true], 'single');
    expect(await coilsFrom(0, 8)).toBe('00010000');
    await bus.writeBits(UNIT, 3, [false], 'single');
    expect(await coilsFrom(0, 8)).toBe('00000000');
    // Ten coils from 19 on: the example of function 15 (V1.1b3 §6.11).
    await bus.writeBits(UNIT, 19, [true, false, true, true, false, false, true, true, true, false], 'multiple');
    expect(await coilsFrom(17, 14)).toBe('00101100111000');

    // The examples of functions 6 (§6.6), 16 (§6.12) and 22 (§6.16).
    await bus.writeRegisters(UNIT, 1, words(0x0003), 'single');
    expect(await holdingFrom(0, 3)).toEqual([0, 3, 0]);
    await bus.writeRegisters(UNIT, 1, words(0x000a, 0x0102), 'multiple');
    expect(await holdingFrom(0, 4)).toEqual([0, 0x0a, 0x0102, 0]);
    await bus.writeRegisters(UNIT, 4, words(0x0012), 'single');
    await bus.maskRegister(UNIT, 4, 0x00f2, 0x0025);
    expect(await holdingFrom(4, 1)).toEqual([0x0017]);
    // Function 23 (§6.17) writes first.
    const read = await bus.readWriteRegisters(UNIT, { address: 3, count: 6 }, { address: 5, registers: words(0xff, 0xfe, 0xfd) });
    expect(read).toEqual(words(0, 0x0017, 0xff, 0xfe, 0xfd, 0));
    expect(held()?.holding.slice(0, 9)).toEqual([0, 0x0a, 0x0102, 0, 0x17, 0xff, 0xfe, 0xfd, 0]);
    expect(held()?.holding.slice(9)).toEqual(zeros(64 - 9));
  });

  it('refuses what it does not have, and answers the next question all the same', async () => {
    const { bus } = await withPeer(kind);
    const illegalAddress = { name: 'DeviceError', kind: 'refused', message: expect.stringMatching(/\b2\b/) };
    await expect(bus.readRegisters(UNIT, 'holding', 60, 10)).rejects.toMatchObject(illegalAddress);
    await expect(bus.writeBits(UNIT, 64, [true], 'single')).rejects.toMatchObject(illegalAddress);
    await expect(bus.maskRegister(UNIT, 64, 0, 0)).rejects.toMatchObject(illegalAddress);
    expect(await bus.readRegisters(UNIT, 'holding', 0, 64)).toEqual(new Uint8Array(128));
  });
});
