import { join } from 'node:path';
import modbusSerial from 'modbus-serial';
import { start } from '../../interop/support/child.ts';
import { built } from '../built.ts';
import type { Row } from '../row.ts';

const SECONDS = 3;
const ROUNDS = 3;
const IN_FLIGHT = 8;
const COUNTS = [10, 125] as const;

const { openTcp } = await built<typeof import('../../../drivers/bus/linux-tcp.ts')>('drivers/bus/linux-tcp.ts');
const functions = await built<typeof import('../../../drivers/bus/modbus-functions.ts')>('drivers/bus/modbus-functions.ts');
const lines = await built<typeof import('../../../drivers/bus/modbus-line.ts')>('drivers/bus/modbus-line.ts');
const { realClock } = await built<typeof import('../../../gateway/real-host.ts')>('gateway/real-host.ts');

type Read = (address: number, count: number) => Promise<unknown>;

/** Reads of neighbouring registers from a slave in another process, one and eight at once, beside modbus-serial alone. */
export async function benchTcp(): Promise<Row[]> {
  const slave = start(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'tcp-slave.ts')]);
  const port = Number((await slave.waitFor(/port (\d+)/))[1]);
  const ours = await openOurs(port);
  const library = await openLibrary(port);
  const rows: Row[] = [];
  for (const count of COUNTS) {
    const best = { one: 0, many: 0, libraryOne: 0, libraryMany: 0 };
    // In turns, so that a slow moment of the machine meets all.
    for (let round = 0; round < ROUNDS; round++) {
      best.one = Math.max(best.one, await rate(ours.read, count, 1));
      best.libraryOne = Math.max(best.libraryOne, await rate(library.read, count, 1));
      best.many = Math.max(best.many, await rate(ours.read, count, IN_FLIGHT));
      best.libraryMany = Math.max(best.libraryMany, await rate(library.read, count, IN_FLIGHT));
    }
    rows.push(
      row(`${count} registers, one request at a time`, best.one, 'modbus-serial, the same', best.libraryOne, 1.1),
      row(`${count} registers, ${IN_FLIGHT} requests at once`, best.many, 'modbus-serial, the same', best.libraryMany, 1.1),
      row(`${count} registers, ${IN_FLIGHT} requests at once`, best.many, 'modbus-serial, one at a time', best.libraryOne, 3),
    );
  }
  await ours.close();
  await library.close();
  slave.kill();
  await slave.ended;
  return rows;
}

function row(what: string, value: number, against: string, baseline: number, goal: number): Row {
  return { name: `Modbus TCP, ${what}`, value, unit: 'requests/s', against, baseline, goal, goalFor: 'ratio', bound: 'at least' };
}

async function openOurs(port: number): Promise<{ read: Read; close: () => Promise<void> }> {
  const stream = await openTcp({ host: '127.0.0.1', port }, new AbortController().signal);
  const options = { framing: 'tcp', timeoutMs: 2_000, pauseMs: 0, echo: false, name: 'bench' } as const;
  const line = lines.openModbusLine(stream, options, realClock());
  const bus = functions.modbusFunctions((question) => line.ask(question));
  return {
    read: async (address, count) => {
      const bytes = await bus.readRegisters(1, 'holding', address, count);
      if (((bytes[0] as number) << 8) + (bytes[1] as number) !== address) throw new Error(`register ${address} is wrong`);
    },
    close: async () => {
      line.close();
      await stream.close();
    },
  };
}

async function openLibrary(port: number): Promise<{ read: Read; close: () => Promise<void> }> {
  const client = new modbusSerial.default();
  await client.connectTCP('127.0.0.1', { port });
  client.setID(1);
  client.setTimeout(2_000);
  return {
    read: async (address, count) => {
      const { data } = await client.readHoldingRegisters(address, count);
      if (data[0] !== address) throw new Error(`register ${address} is wrong`);
    },
    close: () => new Promise((resolve) => client.close(() => resolve())),
  };
}

/** Requests a second with so many always under way. */
async function rate(read: Read, count: number, inFlight: number): Promise<number> {
  const startedMs = performance.now();
  const untilMs = startedMs + SECONDS * 1_000;
  let done = 0;
  const ask = async () => {
    while (performance.now() < untilMs) {
      await read(done & 0x0fff, count);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, ask));
  return (done * 1_000) / (performance.now() - startedMs);
}
