// Answers that went wrong on the way, cut anywhere, early, late and unasked: what is accepted was sent, whole and right, to the
// question that was asked.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import type { Framing, Question } from '../../drivers/bus/modbus-frame.ts';
import { modbusFunctions } from '../../drivers/bus/modbus-functions.ts';
import { RtuFraming } from '../../drivers/bus/modbus-rtu.ts';
import { TcpFraming } from '../../drivers/bus/modbus-tcp.ts';
import { BusError, isHardwareError } from '../../drivers/errors.ts';
import { CRC_MODBUS, crcOf } from '../support/crc.ts';
import { bytes, hex } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated, untraced } from '../support/mutated.ts';
import { vectors } from '../support/vectors.ts';
import { type Bench, framed, openRtu, openTcpModbus, outcome, unnoticed } from './support.ts';

const TIMEOUT_MS = 300;
/** So many questions are asked on each line: what one bad answer leaves behind must not harm the next. */
const ASKED_COUNT = 4;
/** The part of them that goes through the whole line, which takes far longer than the framing alone. */
const LINE_SHARE = 0.01;

const UNIT = 0x11;
const bitsIn = (count: number) => (data: Uint8Array) =>
  Array.from({ length: count }, (_, at) => Math.floor((data[Math.floor(at / 8)] ?? 0) / 2 ** (at % 8)) % 2 === 1);
const registersIn = (data: Uint8Array) => data;

/**
 * The examples of Modbus V1.1b3 §6: function, request and answer as they are printed, and what the data of an answer means.
 * Without that the answer must be this one: it repeats what was written.
 */
const EXAMPLES = [
  example('0100130013', '0103cd6b05', (bus) => bus.readBits(UNIT, 'coil', 19, 19), bitsIn(19)),
  example('0200c40016', '0203acdb35', (bus) => bus.readBits(UNIT, 'discrete', 196, 22), bitsIn(22)),
  example('03006b0003', '0306022b00000064', (bus) => bus.readRegisters(UNIT, 'holding', 107, 3), registersIn),
  example('0400080001', '0402000a', (bus) => bus.readRegisters(UNIT, 'input', 8, 1), registersIn),
  example('0500acff00', '0500acff00', (bus) => bus.writeBits(UNIT, 172, [true], 'single')),
  example('0600010003', '0600010003', (bus) => bus.writeRegisters(UNIT, 1, bytes('0003'), 'single')),
  example('0f0013000a02cd01', '0f0013000a', (bus) => bus.writeBits(UNIT, 19, bitsIn(10)(bytes('cd01')), 'multiple')),
  example('100001000204000a0102', '1000010002', (bus) => bus.writeRegisters(UNIT, 1, bytes('000a0102'), 'multiple')),
  example('16000400f20025', '16000400f20025', (bus) => bus.maskRegister(UNIT, 4, 0xf2, 0x25)),
  example(
    '1700030006000e00030600ff00ff00ff',
    '170c00fe0acd00010003000d00ff',
    (bus) => bus.readWriteRegisters(UNIT, { address: 3, count: 6 }, { address: 14, registers: bytes('00ff00ff00ff') }),
    registersIn,
  ),
];

interface Example {
  /** Both with the unit before them. */
  readonly request: Uint8Array;
  readonly answer: Uint8Array;
  readonly ask: (bus: ModbusBus) => Promise<unknown>;
  readonly means: ((data: Uint8Array) => unknown) | undefined;
}

function example(request: string, answer: string, ask: Example['ask'], means?: (data: Uint8Array) => unknown): Example {
  return { request: withUnit(request), answer: withUnit(answer), ask, means };
}

function withUnit(data: string): Uint8Array {
  return Uint8Array.of(UNIT, ...bytes(data));
}

/** How the examples go over one kind of wire. */
interface Wire {
  /** With its checksum or header; `count` questions were asked on the line, this one included. */
  put(body: Uint8Array, count: number): Uint8Array;
  readonly newFraming: () => Framing;
  readonly open: () => Promise<Bench>;
  /** What came before a question can be the beginning of its answer. */
  readonly keepsBytes: boolean;
}

const RTU: Wire = {
  put: framed,
  newFraming: () => new RtuFraming('rtu', unnoticed),
  open: () => openRtu(() => {}, { timeoutMs: TIMEOUT_MS }),
  keepsBytes: false,
};

const TCP: Wire = {
  put: (body, count) => Uint8Array.of(0, count, 0, 0, 0, body.length, ...body),
  newFraming: () => new TcpFraming('tcp', unnoticed),
  open: () => openTcpModbus(() => {}, { timeoutMs: TIMEOUT_MS }),
  keepsBytes: true,
};

const WIRES = [
  { name: 'RTU', wire: RTU },
  { name: 'TCP', wire: TCP },
];

/** One question, what comes over the line around it, and how that is cut. */
interface Step {
  readonly example: Example;
  /** Before it is asked. */
  readonly early: Uint8Array;
  readonly pieces: readonly { readonly afterMs: number; readonly bytes: Uint8Array }[];
}

/** Up to three quarters of the time that there is, or none at all. */
const GAPS_MS = [0, 0, 0, 2, 100, 225];

function steps(wire: Wire): fc.Arbitrary<readonly Step[]> {
  return fc.tuple(...Array.from({ length: ASKED_COUNT }, (_, index) => step(wire, index + 1)));
}

function step(wire: Wire, count: number): fc.Arbitrary<Step> {
  const streams = EXAMPLES.map((each) => {
    const { request, answer } = each;
    const good = wire.put(answer, count);
    const refused = wire.put(Uint8Array.of(UNIT, (answer[1] ?? 0) + 0x80, 2), count);
    const ofAnother = wire.put(Uint8Array.of(UNIT + 1, ...answer.subarray(1)), count);
    const ofOtherData = wire.put(answer.with(-1, 0x2a), count);
    const late = wire.put(answer, count - 1);
    const glued = [
      [good, good],
      [ofAnother, good],
      [ofOtherData],
      [wire.put(request, count), good],
      [late, refused],
      [good.subarray(0, 4), good],
    ];
    return mutated([good, good, refused, ...glued.map((parts) => Buffer.concat(parts))]).map((stream) => ({ each, stream }));
  });
  return fc.tuple(fc.oneof(...streams), fc.nat()).map(([{ each, stream }, cutting]) => {
    // In one of four cases a part of it comes before anybody asks.
    const earlyBytes = cutting % 4 === 0 ? (cutting >> 2) % (stream.length + 1) : 0;
    const pieceBytes = 1 + ((cutting >> 7) % 16);
    const pieces: { afterMs: number; bytes: Uint8Array }[] = [];
    for (let at = earlyBytes; at < stream.length; at += pieceBytes) {
      const afterMs = GAPS_MS[((cutting >> 11) + at) % GAPS_MS.length] ?? 0;
      pieces.push({ afterMs, bytes: stream.slice(at, at + pieceBytes) });
    }
    return { example: each, early: stream.slice(0, earlyBytes), pieces };
  });
}

/** Whether this is an answer to the example's question: of its unit, function and length, and with what a write repeats. */
function isAnswer({ answer, means }: Example, found: Uint8Array): boolean {
  const fixed = means === undefined ? answer : answer.subarray(0, 3);
  return found.length === answer.length && fixed.every((byte, at) => found[at] === byte);
}

function isRefusal({ answer }: Example, found: Uint8Array): boolean {
  return found.length === 3 && found[0] === UNIT && found[1] === (answer[1] ?? 0) + 0x80;
}

const QUESTIONS = new Map<Example, Question>();
for (const each of EXAMPLES) {
  const take = (question: Question) => {
    QUESTIONS.set(each, question);
    return new Promise<never>(() => {});
  };
  void each.ask(modbusFunctions(take));
}

/** Asks all questions on one line. Undefined when all that was accepted was right, otherwise what was not. */
function wrongIn(wire: Wire, all: readonly Step[]): string | undefined {
  const framing = wire.newFraming();
  let nowMs = 0;
  let heard: number[] = [];
  for (const [index, { example: each, early, pieces }] of all.entries()) {
    const question = QUESTIONS.get(each) as Question;
    heard.push(...early);
    if (framing.receive(early, nowMs).length > 0) return 'an answer before the question';
    nowMs = Math.max(nowMs, framing.readyMs(question, nowMs) ?? 0);
    if (!wire.keepsBytes) heard = [];
    if (!isAsked(framing, question, nowMs)) continue;
    const askedMs = nowMs;
    let isWaiting = true;
    const giveUp = () => {
      isWaiting = false;
      return isHardwareError(framing.giveUp(question, askedMs + TIMEOUT_MS));
    };
    for (const { afterMs, bytes: piece } of pieces) {
      nowMs += afterMs;
      if (isWaiting && nowMs >= askedMs + TIMEOUT_MS && !giveUp()) return 'given up without a reason';
      heard.push(...piece);
      for (const { question: answered, answer } of framing.receive(piece, nowMs)) {
        const found = answer instanceof BusError ? answer.message : hex(answer);
        if (!isWaiting || answered !== question) return `${found}, which was not asked for`;
        isWaiting = false;
        if (answer instanceof BusError) continue;
        if (!isAnswer(each, answer) && !isRefusal(each, answer)) return `${found}, which is no answer`;
        if (!Buffer.from(heard).includes(Buffer.from(wire.put(answer, index + 1)))) return `${found}, which nobody sent so`;
      }
    }
    if (isWaiting && !giveUp()) return 'given up without a reason';
    if (framing.broken !== undefined) {
      framing.forget(nowMs);
      heard = [];
    }
  }
  return undefined;
}

/** False where the framing does not ask because an older answer could be taken for the one to this question. */
function isAsked(framing: Framing, question: Question, nowMs: number): boolean {
  try {
    framing.ask(question, nowMs);
    return true;
  } catch (error) {
    if (!isHardwareError(error)) throw error;
    return false;
  }
}

/** The same through the line, with its deadlines. */
async function wrongOnLine(wire: Wire, all: readonly Step[]): Promise<string | undefined> {
  const { clock, stream, bus } = await wire.open();
  let heard: number[] = [];
  let askedCount = 0;
  stream.onBytes((chunk) => heard.push(...chunk));
  for (const { example: each, early, pieces } of all) {
    stream.receive(early);
    stream.onWrite = () => {
      askedCount += 1;
      if (!wire.keepsBytes) heard = [];
      let afterMs = 0;
      for (const piece of pieces) {
        afterMs += piece.afterMs;
        clock.timer(afterMs, () => stream.receive(piece.bytes));
      }
    };
    const result = await clock.run(outcome(each.ask(bus)));
    const understood = understoodOf(result);
    if (understood !== undefined && !rightIn(wire, each, heard, askedCount).has(understood)) return understood;
    // Whoever owns the line opens a new one when it says that it is lost.
    await clock.advance(10 * TIMEOUT_MS);
    stream.unplug();
    stream.isOpen = true;
    heard = [];
  }
  return undefined;
}

/** Everything that may be understood of these bytes. */
function rightIn(wire: Wire, each: Example, heard: readonly number[], count: number): ReadonlySet<string> {
  const line = Buffer.from(heard);
  const understood = new Set<string>();
  for (const at of line.keys()) {
    for (const length of [3, each.answer.length]) {
      const body = Uint8Array.from(line.subarray(at, at + length));
      if (!line.includes(Buffer.from(wire.put(body, count)))) continue;
      if (isRefusal(each, body)) understood.add(`exception ${body[2]}`);
      if (isAnswer(each, body)) understood.add(`value ${textOf(each.means?.(body.slice(3)))}`);
    }
  }
  return understood;
}

/** Undefined where the answer was refused; anything but a refusal is a crash. */
function understoodOf(result: Awaited<ReturnType<typeof outcome>>): string | undefined {
  if ('value' in result) return `value ${textOf(result.value)}`;
  if (result.error instanceof ModbusException) return `exception ${result.error.code}`;
  if (!isHardwareError(result.error)) throw result.error;
  return undefined;
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? hex(value) : String(value);
}

test.each(EXAMPLES.map((each) => ({ each, name: hex(each.request) })))(
  'asks as the specification prints it: $name',
  ({ each }) => {
    expect(hex(QUESTIONS.get(each)?.request ?? Uint8Array.of())).toBe(hex(each.request));
  },
);

test.each(vectors('modbus_rtu').filter(({ expected }) => 'crc16' in expected))('the CRC that judges is that of $id', (vector) => {
  expect(crcOf(bytes(vector.input), CRC_MODBUS)).toBe(vector.expected['crc16']);
});

describe.each(WIRES)('Modbus $name', ({ wire }) => {
  test('understands what is right', () => {
    for (const each of EXAMPLES) {
      const framing = wire.newFraming();
      const question = QUESTIONS.get(each) as Question;
      framing.ask(question, 0);
      expect(framing.receive(wire.put(each.answer, 1), 1)).toEqual([{ question, answer: each.answer }]);
    }
  });

  test(
    'takes no mutated answer for a right one',
    () => {
      const property = fc.property(steps(wire), (all) => {
        const wrong = wrongIn(wire, all);
        if (wrong !== undefined) throw new Error(`accepted ${wrong}`);
      });
      return untraced(() => fc.assert(property, { numRuns: MUTATED_COUNT / ASKED_COUNT }));
    },
    MUTATED_MS_MAX,
  );

  test(
    'takes none on a line with its deadlines, and always comes to an end',
    () => {
      const property = fc.asyncProperty(steps(wire), async (all) => {
        const wrong = await wrongOnLine(wire, all);
        if (wrong !== undefined) throw new Error(`accepted ${wrong}`);
      });
      return untraced(() => fc.assert(property, { numRuns: (LINE_SHARE * MUTATED_COUNT) / ASKED_COUNT }));
    },
    MUTATED_MS_MAX,
  );
});
