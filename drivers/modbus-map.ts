import { z } from 'zod';
import type { ModbusBus } from './bus/modbus.ts';
import { readExchange, USUAL_TURNAROUND_MS } from './bus/modbus-timing.ts';
import type { Clock } from './clock.ts';
import type { Device, DeviceSpec, Driver, Learned, ModbusSpec, SwitchSpec } from './driver.ts';
import { type BusError, DeviceError, isHardwareError } from './errors.ts';
import { learnedCuts } from './modbus-learned.ts';
import { readSwitch, setSwitch } from './modbus-output.ts';
import { type Block, type Field, fieldOf, isBits, keyOf, placeOf, planBlocks, readingsOf, spansOf } from './modbus-plan.ts';
import { modbusPorts } from './modbus-ports.ts';
import { type Got, ModbusReader, type Round } from './modbus-reader.ts';
import { SafeStates } from './modbus-safe-states.ts';
import { endsTheRound, isAnswer } from './modbus-silence.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { MissingReading, Reading, Value } from './reading.ts';
import { decodeExponent, decodeRegisters } from './registers.ts';

type With = { readonly unit: number };
type Result = Reading | MissingReading;

/**
 * Any Modbus device that can be described as a table of registers: meters, inverters, I/O modules. The board says which
 * register holds what and which one switches an output; protocol addresses, nothing is subtracted. Opening it switches all
 * its outputs to their safe states (modbus-safe-states.ts).
 *
 * A device that does not take a request for several readings because some of its registers do not exist is asked in
 * smaller pieces (modbus-reader.ts); where it has to be cut is kept among what is learned of the device, until it takes it as
 * a whole again.
 */
export const modbusMap: Driver<'modbus', With> = {
  id: 'modbus-map',
  needs: 'modbus',
  // 0 and 255 are how some TCP devices are addressed; on a serial line the checker of the site allows 1 to 247.
  with: z.strictObject({ unit: z.int().min(0).max(255) }),

  plan(spec) {
    const { fields, blocks } = planOf(spec);
    return blocks.map((block) => {
      const { requestBytes, answerBytes } = readExchange(isBits(block.table), block.count);
      const readings = readingsOf(block, fields);
      return { writeBytes: requestBytes, readBytes: answerBytes, waitMs: USUAL_TURNAROUND_MS, readings };
    });
  },

  async open(bus, spec, clock, learned) {
    return openDevice(bus, spec, clock, learned);
  },

  ports: modbusPorts,

  proposals(spec, learned) {
    const holes = learnedCuts(spec.board, learned).holes(planOf(spec).blocks);
    const known = spec.modbus?.holes ?? [];
    if (holes.length === 0) return [];
    const all = [...known, ...holes].toSorted(([a], [b]) => a - b);
    return [`holes: [${all.map(([first, last]) => `[${first}, ${last}]`).join(', ')}]`];
  },
};

async function openDevice(bus: ModbusBus, spec: DeviceSpec<With>, clock: Clock, learned: Learned | undefined): Promise<Device> {
  const { fields, blocks } = planOf(spec);
  const cuts = learnedCuts(spec.board, learned);
  const reader = new ModbusReader(bus, clock, { unit: spec.with.unit, blocks, cuts });
  const at = (place: SwitchSpec) => ({ bus, unit: spec.with.unit, place, writeWith: spec.modbus?.writeWith });
  const states = new SafeStates(spec, {
    set: (output, on, haste) => setSwitch(at(output), on, haste),
    look: (output, haste) => readSwitch(at(output), haste),
  });
  const refusal = await states.open();
  // Where nothing is measured there is nothing to open it for: it is tried again at the next poll.
  if (refusal !== undefined && fields.length === 0) throw refusal;
  return {
    read: oneAtATime(async (signal: AbortSignal) => {
      states.begin();
      const round = await reader.round(signal);
      const got = [...round.got.values()];
      const isThere = got.some((one) => !isHardwareError(one) || isAnswer(one));
      if (isThere && !signal.aborted) await states.tryAgain();
      else if (got.every((one) => isHardwareError(one) && endsTheRound(one))) states.silent();
      return resultsOf(fields, round, states.strayed);
    }),
    ...(spec.outputs.length > 0 && {
      write: (id: string, on: boolean, isInTime?: () => boolean, leftMs?: () => number) => states.write(id, on, isInTime, leftMs),
    }),
    get problem() {
      return states.strayed ?? states.problem;
    },
    async close() {},
  };
}

/**
 * One result for each reading. Nothing at all is a failed read: that an output has `strayed`, as the next read tells the rest, or the
 * first reason that the device gave itself, or else the first.
 */
function resultsOf(fields: readonly Field[], { got, hasData }: Round, strayed: DeviceError | undefined): Result[] {
  const results = fields.map((field) => resultOf(field, got));
  const errors = results.flatMap((result) => ('error' in result ? [result.error] : []));
  if (results.length > 0 && errors.length === results.length) throw strayed ?? reasonOf(errors);
  // Of a device that only switches, whether it answers is all that was asked.
  const reasons = [...got.values()].filter(isHardwareError);
  if (results.length === 0 && !hasData && reasons.length > 0) throw strayed ?? reasonOf(reasons);
  return results;
}

/** A device that refuses or has no value now is there, whatever of it stays silent. */
function reasonOf(errors: readonly (BusError | DeviceError)[]): BusError | DeviceError | undefined {
  return errors.find((error) => error instanceof DeviceError && !endsTheRound(error)) ?? errors[0];
}

/** A value that cannot be used is missing; the others of the same answer are good. */
function resultOf(field: Field, got: ReadonlyMap<string, Got>): Result {
  const { id, span, factor } = field;
  const raw = got.get(keyOf(span));
  const exponent = factor === undefined ? undefined : got.get(keyOf(factor));
  if (raw instanceof Error) return { id, error: raw };
  if (exponent instanceof Error) return { id, error: exponent };
  try {
    return { id, value: decoded(field, raw, exponent) };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return { id, error: new DeviceError(error.kind, `${id} at ${placeOf(span)}: ${error.message}`, { cause: error }) };
  }
}

function decoded(field: Field, raw: Bytes, exponent: Bytes): Value {
  if (typeof raw === 'boolean') return raw;
  if (raw === undefined || typeof exponent === 'boolean') throw new Error(`${field.id}: nobody asked for its registers`);
  if (exponent === undefined) return decodeRegisters(raw, field);
  return decodeRegisters(raw, field, decodeExponent(exponent, field.byteOrder));
}

type Bytes = Exclude<Got, BusError | DeviceError> | undefined;

function planOf({ board, readings, outputs, modbus }: DeviceSpec<With>): { fields: readonly Field[]; blocks: readonly Block[] } {
  if (modbus === undefined) throw new Error(`board ${board} has no modbus: part`);
  const spec: ModbusSpec = modbus;
  const fields = readings.map((reading) => fieldOf(reading, spec));
  return { fields, blocks: planBlocks(spansOf(fields, outputs), spec) };
}
