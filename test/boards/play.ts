// Plays what others recorded or printed to a device as the site's loader makes it of a board of the library.

import { join } from 'node:path';
import { loadBoardFile } from '../../config/board-library.ts';
import type { BoardFile } from '../../config/schema-board.ts';
import type { Connections, DeviceSpec, Driver, Need } from '../../drivers/driver.ts';
import { isHardwareError } from '../../drivers/errors.ts';
import type { MissingReading, Reading } from '../../drivers/reading.ts';
import { loadDriver } from '../../drivers/registry.ts';
import { framed, openRtu } from '../bus/support.ts';
import { loadText, options, ROOT } from '../config/site-files.ts';
import type { DriverFixture } from '../contract/fixture.ts';
import { bytes, hex } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';
import type { Vector } from '../support/vectors.ts';
import { playPort } from './play-port.ts';

const NO_ABORT = new AbortController().signal;

type Results = readonly (Reading | MissingReading)[];

/** A bus of each kind, by what a board needs. */
const BUSES: Readonly<Record<string, string>> = {
  i2c: 'i2c1: { type: i2c }',
  serial: 'line: { type: serial, port: /dev/ttyUSB0 }',
  modbus: 'meters: { type: modbus-rtu, port: /dev/ttyUSB1, baud: 9600 }',
  onewire: 'w1: { type: onewire, pin: gpio.pin7 }',
};
/** What boards cannot know of a single piece. */
const PARAMETERS: Readonly<Record<string, string>> = { ds18b20: 'rom: 28-0316a2799dff' };

/** What the device says of a vector, or the error with which it gives nothing. `wanted`: these readings; otherwise all. */
export async function play(id: string, vector: Vector, wanted?: readonly string[]): Promise<Results | Error> {
  const { board } = await loadBoardFile(join(ROOT, `boards/${id}.board.yaml`), options());
  if (board === undefined) throw new Error(`the board ${id} has errors`);
  try {
    if (board.provides !== undefined) return await playPort(board, vector);
    return board.needs === 'modbus' ? await playModbus(board, vector, wanted) : await playAnswers(board, vector, wanted);
  } catch (error) {
    if (isHardwareError(error)) return error;
    throw error;
  }
}

/** The device as the site's loader makes it of the board. */
async function specOf({ id, needs }: BoardFile, values: string, wanted?: readonly string[]): Promise<DeviceSpec> {
  const bus = BUSES[needs] ?? '';
  const readings = (wanted ?? []).map((reading) => `${reading}: { enabled: true }`).join(', ');
  const entry = `{ board: ${id}@1, via: ${bus.split(':')[0]}, with: { ${values} }, readings: { ${readings} } }`;
  const text = `schema: gateway/v1\ngateway: { id: trial }\nbuses: { ${bus} }\ndevices: { thing: ${entry} }\n`;
  const { config, problems } = await loadText(text);
  const spec = config?.devices.get('thing')?.spec;
  if (spec === undefined) throw new Error(`the board ${id} does not run: ${JSON.stringify(problems)}`);
  return { ...spec, readings: spec.readings.filter((each) => wanted?.includes(each.id) ?? true) };
}

async function read(driver: string, connection: Connections[Need], spec: DeviceSpec, clock: TestClock, readyAfterMs = 0) {
  const device = await clock.run(((await loadDriver(driver)) as Driver).open(connection, spec, clock));
  await clock.advance(readyAfterMs);
  return await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error(`${spec.board} cannot be read`)));
}

// ------------------------------------------------------------------------------------- chips and serial devices

const fromHex = ({ input }: Vector) => [bytes(input)];
const fromText = ({ input }: Vector) => [Uint8Array.from(Buffer.from(input, 'latin1'))];

/** The answers of a device as its fixture of the contract suite takes them, with those of the vector. */
const ANSWERS: Readonly<Record<string, (vector: Vector) => readonly Uint8Array[]>> = {
  bh1750: fromHex,
  bme280: ({ input, context }) => {
    if (!input.startsWith('{')) return [bytes(input)];
    const { 'calib_0x88..': first, 'calib_0xE1..0xE7': second, 'data_0xF7..': data } = JSON.parse(input);
    const id = String(context['chip_id(0xD0)']).slice(2);
    return [id, '00', first, second ?? '', data].map((each) => bytes(each));
  },
  'dsmr-p1': fromText,
  mhz19: fromHex,
  nmea: fromText,
  pms5003: fromHex,
  scd4x: ({ input }) => [bytes('800604'), bytes(input)],
  sds011: fromHex,
  sht3x: fromHex,
  w1_therm: ({ input, expected }) => {
    if (input.includes(':')) return [new TextEncoder().encode(`${input.trimEnd()}\n`)];
    const text = input.match(/../g)?.join(' ');
    const milli = Math.trunc(1000 * Number(expected['temperature']));
    return [new TextEncoder().encode(`${text} : crc=${input.slice(-2)} YES\n${text} t=${milli}\n`)];
  },
};

async function playAnswers(board: BoardFile, vector: Vector, wanted?: readonly string[]): Promise<Results> {
  const { id, driver } = board;
  const answers = ANSWERS[driver];
  if (answers === undefined) throw new Error(`nothing says how ${driver} is answered: add it to ANSWERS`);
  const { fixture } = (await import(`../contract/fixtures/${driver}.ts`)) as { fixture: DriverFixture };
  const clock = new TestClock();
  const spec = await specOf(board, PARAMETERS[id] ?? '', wanted);
  return await read(driver, fixture.connect(answers(vector), clock), spec, clock, fixture.readyAfterMs);
}

// ----------------------------------------------------------------------------------------------------- Modbus

/** Question and answer as frames. Where the vector does not know the question, the answer is one to any. */
function exchangeOf({ input, context }: Vector): { readonly request?: string; readonly response: string } {
  if (input.startsWith('{')) return JSON.parse(input);
  const { request, unit, fc, register, count } = context as Record<string, number | string | undefined>;
  if (typeof register === 'number') {
    const [head, data] = [[Number(unit), Number(fc)], bytes(input)];
    const question = hex(framed([...head, 0, register, 0, Number(count)]));
    return { request: question, response: hex(framed([...head, data.length, ...data])) };
  }
  if (typeof request !== 'string') return { response: input };
  // The same question to whichever unit has answered.
  const question = bytes(request.replaceAll(' ', ''));
  return { request: hex(framed([bytes(input)[0] ?? 0, ...question.subarray(1, -2)])), response: input };
}

/** A slave that has the registers of the vector and no others; to the vector's own question it gives the vector's answer. */
async function playModbus(board: BoardFile, vector: Vector, wanted?: readonly string[]): Promise<Results> {
  const { request, response } = exchangeOf(vector);
  const answer = bytes(response);
  const { bus, clock } = await openRtu((frame, { stream }) => {
    if (request === undefined || hex(frame) === request) return stream.receive(answer);
    const part = partOf(Buffer.from(frame), Buffer.from(bytes(request)), answer);
    if (part !== undefined) stream.receive(part);
  });
  return await read('modbus-map', bus, await specOf(board, `unit: ${answer[0]}`, wanted), clock);
}

/** The answer to a question for a part of the recorded registers. */
function partOf(asked: Buffer, recorded: Buffer, answer: Uint8Array): Uint8Array | undefined {
  const from = asked.readUInt16BE(2) - recorded.readUInt16BE(2);
  const count = asked.readUInt16BE(4);
  const isWithin = from >= 0 && from + count <= recorded.readUInt16BE(4);
  if (asked[0] !== recorded[0] || asked[1] !== recorded[1] || !isWithin) return undefined;
  const data = answer.subarray(3 + 2 * from, 3 + 2 * (from + count));
  return framed([...answer.subarray(0, 2), data.length, ...data]);
}
