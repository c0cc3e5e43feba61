// Polls the Modbus RTU slave at the other end of a pty: with a bare loop, and with Barri's client. Arguments: the pty, baud
// rate, registers per request, milliseconds of silence between frames. Prints the polls a second as JSON.

import { closeSync, openSync, read, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { openSerial } from '../../../drivers/bus/linux-serial.ts';
import { withCrc } from '../../../drivers/bus/modbus-frame.ts';
import { modbusFunctions } from '../../../drivers/bus/modbus-functions.ts';
import { openModbusLine } from '../../../drivers/bus/modbus-line.ts';
import { realClock } from '../../../gateway/real-host.ts';
import type { RtuFigures } from './rtu.ts';

const [path = '', ...numbers] = process.argv.slice(2);
const [baud = 0, registers = 0, silenceMs = 0] = numbers.map(Number);
const SECONDS = 3;
const ROUNDS = 2;
const ANSWER_BYTES = 5 + 2 * registers;

type Poll = (address: number) => Promise<unknown>;

const best = { ours: 0, bare: 0 };
// In turns, so that a slow moment of the machine meets both.
for (let round = 0; round < ROUNDS; round++) {
  best.bare = Math.max(best.bare, await bareRate());
  best.ours = Math.max(best.ours, await ourRate());
}
process.stdout.write(`${JSON.stringify(best satisfies RtuFigures)}\n`);
process.exit(0);

async function ourRate(): Promise<number> {
  const stream = await openSerial({ port: path, baud, format: '8N1' }, new AbortController().signal);
  const options = { framing: 'rtu', timeoutMs: 1_000, pauseMs: 0, echo: false, baud, name: 'bench' } as const;
  const line = openModbusLine(stream, options, realClock());
  const bus = modbusFunctions((question) => line.ask(question));
  const polls = await rate((address) => bus.readRegisters(1, 'holding', address, registers));
  line.close();
  await stream.close();
  return polls;
}

/** Writes, reads until the answer is whole, and lets the silence pass without giving up the processor. Nothing is checked. */
async function bareRate(): Promise<number> {
  const file = openSync(path, 'r+');
  const readSome = promisify(read);
  const chunk = Buffer.alloc(256);
  const polls = await rate(async (address) => {
    writeSync(file, withCrc(Uint8Array.of(1, 3, address >> 8, address & 0xff, 0, registers)));
    for (let got = 0; got < ANSWER_BYTES; ) got += (await readSome(file, chunk, 0, chunk.length, null)).bytesRead;
    const silentMs = performance.now() + silenceMs;
    while (performance.now() < silentMs);
  });
  closeSync(file);
  return polls;
}

async function rate(poll: Poll): Promise<number> {
  await poll(0);
  const startedMs = performance.now();
  let count = 0;
  for (; performance.now() < startedMs + SECONDS * 1_000; count++) await poll(count);
  return (count * 1_000) / (performance.now() - startedMs);
}
