import type { DeviceSpec, ModbusSpec } from '../../../drivers/driver.ts';
import { modbusMap } from '../../../drivers/modbus-map.ts';
import { framed, openRtu } from '../../bus/support.ts';
import type { Row } from '../row.ts';

const BAUDS = [9_600, 19_200, 115_200] as const;
const TURN_MS = 5;
const REGISTERS = 50;
const BITS_PER_CHARACTER = 11;
/** Every tenth address is not asked for. It is filled by the slave, or does not exist. */
const ADDRESSES = Array.from({ length: REGISTERS }, (_, i) => i + Math.floor(i / 9));

/** Rounds until it is learned which registers a slave refuses. */
const LEARNING_ROUNDS = 20;
const ROUNDS = 10;
const EXCEPTION_ILLEGAL_ADDRESS = 2;

/**
 * One round of a device with 50 readings, with the gaps between them, beside asking for each reading by itself: of a slave that
 * fills the gaps, and of one that refuses each request that touches one, once that is learned. In simulated time.
 */
export async function benchCoalescing(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [gaps, refusesGaps] of [
    ['gaps', false],
    ['holes', true],
  ] as const) {
    for (const baud of BAUDS) {
      const together = await roundMs(baud, [ADDRESSES], refusesGaps);
      const alone = await roundMs(
        baud,
        ADDRESSES.map((at) => [at]),
        refusesGaps,
      );
      rows.push({
        name: `${REGISTERS} readings with ${gaps}, one round at ${baud} baud (simulated time)`,
        value: 1_000 / together,
        unit: 'rounds/s',
        against: 'one request for each reading',
        baseline: 1_000 / alone,
        goal: 10,
        goalFor: 'ratio',
        bound: 'at least',
      });
    }
  }
  return rows;
}

/** How long it takes to read all devices once, each with its readings at these addresses, when all is learned. */
async function roundMs(baud: number, devices: readonly (readonly number[])[], refusesGaps: boolean): Promise<number> {
  const characterMs = (BITS_PER_CHARACTER * 1_000) / baud;
  const silenceMs = baud > 19_200 ? 1.75 : 3.5 * characterMs;
  const { bus, clock } = await openRtu(
    (request, { clock, stream }) => {
      const [first, count] = [Buffer.from(request).readUInt16BE(2), Buffer.from(request).readUInt16BE(4)];
      const isRefused = refusesGaps && Array.from({ length: count }, (_, i) => first + i).some((at) => !ADDRESSES.includes(at));
      const data = Array.from({ length: count }, (_, i) => [(first + i) >> 8, (first + i) & 0xff]).flat();
      const [unit = 0, code = 0] = request;
      const answer = framed(isRefused ? [unit, code | 0x80, EXCEPTION_ILLEGAL_ADDRESS] : [unit, code, data.length, ...data]);
      const afterMs = (request.length + answer.length) * characterMs + silenceMs + TURN_MS;
      clock.timer(afterMs, () => stream.receive(answer));
    },
    { baud, timeoutMs: 1_000 },
  );
  const modbus: ModbusSpec = { readWith: 'holding', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [], baud };
  const { signal } = new AbortController();
  let tookMs = 0;
  for (const addresses of devices) {
    const readings = addresses.map((at) => ({ id: `r${at}`, at }));
    const spec: DeviceSpec<{ unit: number }> = { board: 'bench', with: { unit: 1 }, readings, outputs: [], modbus };
    const device = await clock.run(modbusMap.open(bus, spec, clock));
    const read = () => clock.run(device.read?.(signal) ?? Promise.resolve([]));
    for (let i = 0; i < LEARNING_ROUNDS; i++) await read();
    const startedMs = clock.monotonicMs();
    for (let i = 0; i < ROUNDS; i++) {
      const results = await read();
      if (results.some((result) => !('value' in result) || `r${result.value}` !== result.id)) throw new Error('a value is wrong');
    }
    tookMs += (clock.monotonicMs() - startedMs) / ROUNDS;
  }
  return tookMs;
}
