import { z } from 'zod';
import type { ModbusBus } from './bus/modbus.ts';
import { ModbusException } from './bus/modbus-exception.ts';
import { readExchange } from './bus/modbus-timing.ts';
import type { Device, DeviceSpec, Driver, ModbusSpec } from './driver.ts';
import { BusError, DeviceError, isHardwareError } from './errors.ts';
import { type Block, type Field, fieldOf, isBits, planBlocks, splitBlock } from './modbus-plan.ts';
import type { MissingReading, Reading, Value } from './reading.ts';
import { decodeRegisters } from './registers.ts';

/** What meters take between question and answer: 3 ms for a fast one (sigrok's captures), 50 ms for slow ones. */
const TURNAROUND_MS = 50;
/** How often one read may cut a refused request in two. What is left is learned by the next reads. */
const SPLITS_PER_READ_MAX = 16;
const REGISTER_BYTES = 2;

type With = { readonly unit: number };
type Result = Reading | MissingReading;

/**
 * Any Modbus device that can be described as a table of registers: meters, inverters, I/O modules. The board says which
 * register holds what; protocol addresses, nothing is subtracted. Reads only.
 *
 * A device that refuses a request for several readings because some of its registers do not exist is asked in smaller
 * pieces within the same read, and what was learned holds until the device is opened again.
 */
export const modbusMap: Driver<'modbus', With> = {
  id: 'modbus-map',
  needs: 'modbus',
  // 0 and 255 are how some TCP devices are addressed; on a serial line the checker of the site allows 1 to 247.
  with: z.strictObject({ unit: z.int().min(0).max(255) }),

  plan(spec) {
    return blocksOf(spec).map(({ table, count, fields }) => {
      const { requestBytes, answerBytes } = readExchange(isBits(table), count);
      const readings = fields.map(({ id }) => id);
      return { writeBytes: requestBytes, readBytes: answerBytes, waitMs: TURNAROUND_MS, readings };
    });
  },

  async open(bus, spec) {
    return openDevice(bus, spec);
  },
};

function openDevice(bus: ModbusBus, spec: DeviceSpec<With>): Device {
  let blocks: readonly Block[] = blocksOf(spec);
  return {
    async read(signal) {
      const round = await readBlocks(bus, spec.with.unit, blocks, signal);
      // A device that refuses everything is not ready, or is another one: that says nothing about its registers.
      if (round.isAnswered) blocks = round.blocks;
      if (!round.isAnswered && round.firstError !== undefined) throw round.firstError;
      return spec.readings.flatMap(({ id }) => round.results.get(id) ?? []);
    },
    async close() {},
  };
}

interface Round {
  readonly results: ReadonlyMap<string, Result>;
  /** The requests to make next time. */
  readonly blocks: readonly Block[];
  /** At least one reading has a value. */
  readonly isAnswered: boolean;
  readonly firstError: BusError | DeviceError | undefined;
}

async function readBlocks(bus: ModbusBus, unit: number, planned: readonly Block[], signal: AbortSignal): Promise<Round> {
  const results = new Map<string, Result>();
  const asked: Block[] = [];
  const queue = [...planned];
  let splitsLeft = SPLITS_PER_READ_MAX;
  let isAnswered = false;
  let firstError: BusError | DeviceError | undefined;
  const miss = ({ fields }: Block, error: BusError | DeviceError) => {
    firstError ??= error;
    for (const { id } of fields) results.set(id, { id, error });
  };

  for (let block = queue.shift(); block !== undefined; block = queue.shift()) {
    signal.throwIfAborted();
    try {
      for (const result of await readBlock(bus, unit, block)) {
        results.set(result.id, result);
        if ('error' in result) firstError ??= result.error;
        else isAnswered = true;
      }
      asked.push(block);
    } catch (error) {
      if (!isHardwareError(error)) throw error;
      const parts = error instanceof ModbusException && error.isAboutAddresses ? splitBlock(block) : undefined;
      if (parts !== undefined && splitsLeft > 0) {
        splitsLeft--;
        queue.push(...parts);
        continue;
      }
      asked.push(block);
      miss(block, error);
      if (!endsTheRead(error)) continue;
      // Nobody is there: asking for the rest would cost one deadline for each request.
      for (const unasked of queue) miss(unasked, error);
      asked.push(...queue.splice(0));
    }
  }
  return { results, blocks: asked, isAnswered, firstError };
}

/** A damaged answer or a refused request concerns the readings it was for; everything else the device or the line. */
function endsTheRead(error: BusError | DeviceError): boolean {
  if (error instanceof BusError) return error.kind !== 'bad-checksum';
  return error instanceof ModbusException && error.isFromGateway;
}

async function readBlock(bus: ModbusBus, unit: number, { table, at, count, fields }: Block): Promise<Result[]> {
  if (isBits(table)) {
    const bits = await bus.readBits(unit, table, at, count);
    checkLength(bits.length, count, `bits of ${table} ${at}`);
    return fields.map((field) => resultOf(field, () => bits[field.at - at] === true));
  }
  const bytes = await bus.readRegisters(unit, table, at, count);
  checkLength(bytes.length, count * REGISTER_BYTES, `bytes of ${table} ${at}`);
  return fields.map((field) => {
    const start = (field.at - at) * REGISTER_BYTES;
    return resultOf(field, () => decodeRegisters(bytes.subarray(start, start + field.count * REGISTER_BYTES), field));
  });
}

function checkLength(found: number, expected: number, what: string): void {
  if (found !== expected) throw new BusError('bad-checksum', `expected ${expected} ${what}, found ${found}`);
}

/** A value that cannot be used is missing; the others of the same answer are good. */
function resultOf(field: Field, decode: () => Value): Result {
  try {
    return { id: field.id, value: decode() };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const where = `${field.id} at ${field.table} 0x${field.at.toString(16).padStart(4, '0')}`;
    return { id: field.id, error: new DeviceError(error.kind, `${where}: ${error.message}`, { cause: error }) };
  }
}

function blocksOf({ board, readings, modbus }: DeviceSpec<With>): Block[] {
  if (modbus === undefined) throw new Error(`board ${board} has no modbus: part`);
  const spec: ModbusSpec = modbus;
  return planBlocks(
    readings.map((reading) => fieldOf(reading, spec)),
    spec,
  );
}
