// Reads registers of the Modbus TCP slave at a port of this machine, one request at a time and then many at once. Arguments:
// `ours` or `library` (modbus-serial), the port, registers per request, requests at once. Prints rates and processor time as JSON. One
// client a process: beside modbus-serial, which has used it before, ours is slower by a third.

import modbusSerial from 'modbus-serial';
import { openTcp } from '../../../drivers/bus/linux-tcp.ts';
import { modbusFunctions } from '../../../drivers/bus/modbus-functions.ts';
import { openModbusLine } from '../../../drivers/bus/modbus-line.ts';
import { realClock } from '../../../gateway/real-host.ts';
import type { TcpFigures, TcpRate } from './tcp.ts';

const [who = '', ...numbers] = process.argv.slice(2);
const [port = 0, count = 0, inFlight = 0] = numbers.map(Number);
const SECONDS = 2;
const WARM_UP_SECONDS = 0.5;

type Read = (address: number) => Promise<unknown>;

const read = await (who === 'ours' ? openOurs() : openLibrary());
await rate(1, WARM_UP_SECONDS);
const one = await rate(1, SECONDS);
await rate(inFlight, WARM_UP_SECONDS);
const many = await rate(inFlight, SECONDS);
process.stdout.write(`${JSON.stringify({ one, many } satisfies TcpFigures)}\n`);
process.exit(0);

async function openOurs(): Promise<Read> {
  const stream = await openTcp({ host: '127.0.0.1', port }, new AbortController().signal);
  const options = { framing: 'tcp', timeoutMs: 2_000, pauseMs: 0, echo: false, name: 'bench' } as const;
  const line = openModbusLine(stream, options, realClock());
  const bus = modbusFunctions((question) => line.ask(question));
  return async (address) => {
    const bytes = await bus.readRegisters(1, 'holding', address, count);
    if (((bytes[0] as number) << 8) + (bytes[1] as number) !== address) throw new Error(`register ${address} is wrong`);
  };
}

async function openLibrary(): Promise<Read> {
  const client = new modbusSerial.default();
  await client.connectTCP('127.0.0.1', { port });
  client.setID(1);
  client.setTimeout(2_000);
  return async (address) => {
    const { data } = await client.readHoldingRegisters(address, count);
    if (data[0] !== address) throw new Error(`register ${address} is wrong`);
  };
}

/** Answers a second with so many requests always under way. One that fails, as on a busy machine, counts for nothing. */
async function rate(atOnce: number, seconds: number): Promise<TcpRate> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const untilMs = startedMs + seconds * 1_000;
  let asked = 0;
  let failed = 0;
  const ask = async () => {
    while (performance.now() < untilMs) {
      try {
        await read(asked++ & 0x0fff);
      } catch {
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  const { user, system } = process.cpuUsage(before);
  return { perSecond: ((asked - failed) * 1_000) / (performance.now() - startedMs), cpuUs: (user + system) / asked };
}
