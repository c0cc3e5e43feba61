import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import { LATE_WINDOW_MS, RtuFraming } from '../../drivers/bus/modbus-rtu.ts';
import { BusError } from '../../drivers/errors.ts';
import { bytes, hex } from '../support/hex.ts';
import { vectors } from '../support/vectors.ts';
import { type Answer, type Bench, framed, openRtu, outcome, silent, unnoticed } from './support.ts';

interface Request {
  readonly fc: number;
  readonly address: number;
  readonly quantity: number;
}
interface Response {
  readonly bits?: boolean[];
  readonly registers?: number[];
  readonly exception?: number;
}

const VECTORS = vectors('modbus_rtu');

/** Answers each request text with a line text. */
function scripted(answers: Readonly<Record<string, string>>): Answer {
  return (request, { stream }) => {
    const line = answers[hex(request)];
    if (line !== undefined) stream.receive(bytes(line));
  };
}

async function float(bench: Bench, table: 'input' | 'holding', address: number): Promise<number> {
  const registers = await bench.clock.run(bench.bus.readRegisters(1, table, address, 2));
  return Buffer.from(registers).readFloatBE(0);
}

describe('recorded exchanges', () => {
  const exchanges = VECTORS.filter(({ input }) => input.startsWith('{')).map((vector) => {
    return { id: vector.id, ...(JSON.parse(vector.input) as { request: string; response: string }), expected: vector.expected };
  });
  const reads = exchanges.filter(({ request }) => ['01', '02', '03', '04'].includes(request.slice(2, 4)));

  it.each(reads)('asks and understands $id', async ({ request, response, expected }) => {
    const { clock, bus, stream } = await openRtu(scripted({ [request]: response }));
    const question = expected['request'] as unknown as Request;
    const answer = expected['response'] as unknown as Response;
    const unit = expected['unit'] as number;
    const { fc: code, address, quantity } = question;
    const work: Promise<unknown> =
      code <= 2
        ? bus.readBits(unit, code === 1 ? 'coil' : 'discrete', address, quantity)
        : bus.readRegisters(unit, code === 3 ? 'holding' : 'input', address, quantity);
    const result = await outcome(clock.run(work));
    expect(hex(stream.written[0] as Uint8Array)).toBe(request);
    if (answer.exception !== undefined) expect(result).toMatchObject({ error: { kind: 'refused', code: answer.exception } });
    else if (answer.bits !== undefined) expect(result).toEqual({ value: answer.bits });
    else expect(result).toEqual({ value: bytesOf(answer.registers as number[]) });
    expect(clock.timerCount).toBe(0);
  });

  it('knows at least the exchanges of the specification and of three real devices', () => {
    expect(reads.length).toBeGreaterThan(15);
  });

  it.each(VECTORS.filter(({ expected }) => 'error' in expected))('takes $id for damaged', async ({ input }) => {
    const sent = bytes(input);
    const { clock, bus } = await openRtu((_, { stream }) => stream.receive(sent));
    const work = bus.readRegisters(sent[0] as number, 'holding', 0, 1);
    await expect(clock.run(work)).rejects.toThrow(BusError);
  });
});

describe('what stands around an answer', () => {
  const REQUEST = '01040000000271cb';

  it.each(['1d010404436c3ee83e33', 'ff010404436c3ee83e33', '0101010404436c3ee83e33'])(
    'skips a stray byte before the answer, whole or byte by byte: %s (mb-02)',
    async (line) => {
      const whole = await openRtu(scripted({ [REQUEST]: line }));
      expect(await float(whole, 'input', 0)).toBeCloseTo(236.2457, 4);
      const single = await openRtu((_, { stream }) => {
        for (const byte of bytes(line)) stream.receive(Uint8Array.of(byte));
      });
      expect(await float(single, 'input', 0)).toBeCloseTo(236.2457, 4);
    },
  );

  it.each([false, true])('drops its own echo, and names it only when it was not expected (mb-04), echo: %s', async (echo) => {
    const { clock, bus, stream, line } = await openRtu(() => stream.receive(bytes('0103005e0002a5d9010304436633335b4d')), {
      echo,
    });
    for (let round = 0; round < 3; round++) {
      const registers = await clock.run(bus.readRegisters(1, 'holding', 0x5e, 2));
      expect(Buffer.from(registers).readFloatBE(0)).toBeCloseTo(230.2, 4);
    }
    expect(line.stats().echoNoticed).toBe(!echo);
  });

  it('does not take its own echo for the answer where both look the same', async () => {
    // Function 1, address 0x0300, 17 bits: the request is a well-formed answer to itself, with three bytes of data.
    const answer = framed([1, 1, 3, 0xff, 0x00, 0x01]);
    const { clock, bus } = await openRtu((request, { stream }) => stream.receive(Buffer.concat([request, answer])));
    const bits = await clock.run(bus.readBits(1, 'coil', 0x0300, 17));
    expect(bits).toEqual([...Array(8).fill(true), ...Array(8).fill(false), true]);
  });

  it('goes on waiting while other units answer', async () => {
    const { clock, bus } = await openRtu((_, { stream }) => {
      stream.receive(framed([2, 3, 2, 0, 7]));
      stream.receive(framed([1, 4, 2, 0, 8]));
      clock.timer(100, () => stream.receive(framed([1, 3, 2, 0, 9])));
    });
    expect(await clock.run(bus.readRegisters(1, 'holding', 0, 1))).toEqual(bytes('0009'));
  });

  it('says that bytes came which are no answer', async () => {
    const { clock, bus } = await openRtu((_, { stream }) => stream.receive(bytes('f800f88078f8ff')));
    const result = clock.run(bus.readRegisters(1, 'holding', 0, 1));
    await expect(result).rejects.toMatchObject({ kind: 'bad-checksum', message: expect.stringContaining('baud rate') });
  });

  it('reports a damaged answer as such at the deadline, and the next good one is not taken for it', async () => {
    const lines = [bytes('01030200070000'), framed([1, 3, 2, 0, 8])];
    const { clock, bus, line } = await openRtu((_, { stream }) => stream.receive(lines.shift() as Uint8Array));
    await expect(clock.run(bus.readRegisters(1, 'holding', 0, 1))).rejects.toMatchObject({ kind: 'bad-checksum' });
    expect(await clock.run(bus.readRegisters(1, 'holding', 0, 1))).toEqual(bytes('0008'));
    expect(line.stats()).toMatchObject({ damagedCount: 1, answerCount: 1 });
  });

  it('finds the good answer behind a damaged one', async () => {
    const both = Buffer.concat([bytes('01030200070000'), framed([1, 3, 2, 0, 8])]);
    const { clock, bus } = await openRtu((_, { stream }) => stream.receive(both));
    expect(await clock.run(bus.readRegisters(1, 'holding', 0, 1))).toEqual(bytes('0008'));
  });

  it.each([
    [1, 'illegal function'],
    [2, 'illegal data address'],
    [6, 'server device busy'],
    [9, 'not in the specification'],
  ])('names exception %i', async (code, name) => {
    const { clock, bus, line } = await openRtu((_, { stream }) => stream.receive(framed([1, 0x83, code])));
    const error = await clock.run(bus.readRegisters(1, 'holding', 0, 1)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ModbusException);
    expect(error).toMatchObject({
      kind: 'refused',
      code,
      message: expect.stringContaining(`Modbus exception ${code} (${name})`),
    });
    expect(line.stats()).toMatchObject({ requestCount: 1, answerCount: 0, exceptionCount: 1 });
  });
});

describe('late answers', () => {
  it('never gives the answer of one register to another, in a hundred rounds (mb-01)', async () => {
    const late: Uint8Array[] = [];
    const { clock, bus, line } = await openRtu((request, { stream }) => {
      if (hex(request) === '0103006b0001f5d6') late.push(bytes('010302006ff868'));
      else {
        clock.timer(20, () => stream.receive(late.shift() as Uint8Array));
        clock.timer(25, () => stream.receive(bytes('01030200de381c')));
      }
    });
    for (let round = 0; round < 100; round++) {
      await expect(clock.run(bus.readRegisters(1, 'holding', 0x6b, 1))).rejects.toMatchObject({ kind: 'timeout' });
      expect(await clock.run(bus.readRegisters(1, 'holding', 0x6c, 1))).toEqual(bytes('00de'));
    }
    expect(line.stats()).toMatchObject({ lateCount: 100, answerCount: 100, timeoutCount: 100 });
  });

  it('answers normally as soon as the slave is in time again (mb-01)', async () => {
    let isLate = true;
    const values = { '0103006b0001f5d6': '010302006ff868', '0103006c00014417': '01030200de381c' };
    const { clock, bus } = await openRtu((request, { stream }) => {
      const answer = bytes(values[hex(request) as keyof typeof values]);
      clock.timer(isLate ? 330 : 20, () => stream.receive(answer));
    });
    await expect(clock.run(bus.readRegisters(1, 'holding', 0x6b, 1))).rejects.toMatchObject({ kind: 'timeout' });
    isLate = false;
    await clock.advance(1000);
    expect(await clock.run(bus.readRegisters(1, 'holding', 0x6b, 1))).toEqual(bytes('006f'));
    expect(await clock.run(bus.readRegisters(1, 'holding', 0x6c, 1))).toEqual(bytes('00de'));
  });

  /** Loses the answer to the first request; afterwards every request is answered at once with its address. */
  async function afterALostAnswer(): Promise<Bench> {
    let isLost = true;
    const bench = await openRtu((request, { stream }) => {
      if (!isLost) stream.receive(framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]));
      isLost = false;
    });
    await expect(bench.clock.run(bench.bus.readRegisters(1, 'holding', 1, 1))).rejects.toMatchObject({ kind: 'timeout' });
    return bench;
  }

  it('gives up a question whose answer may belong to an earlier one, and does not ask its like until that is over', async () => {
    const { clock, bus, stream } = await afterALostAnswer();
    const doubtful = clock.run(bus.readRegisters(1, 'holding', 2, 1));
    await expect(doubtful).rejects.toMatchObject({ kind: 'timeout', message: expect.stringContaining('an earlier question') });
    const givenUpMs = clock.monotonicMs();
    const postponed = bus.readRegisters(1, 'holding', 3, 1);
    // Others go first meanwhile.
    expect(await clock.run(bus.readRegisters(2, 'holding', 7, 1))).toEqual(bytes('0007'));
    expect(clock.monotonicMs()).toBeLessThan(givenUpMs + 100);
    const askedCount = stream.written.length;
    await clock.advance(LATE_WINDOW_MS - 200);
    expect(stream.written.length).toBe(askedCount);
    expect(await clock.run(postponed)).toEqual(bytes('0003'));
    expect(clock.monotonicMs()).toBeCloseTo(givenUpMs + LATE_WINDOW_MS, -1);
  });

  it.each([
    ['another unit', 2, 'holding'],
    ['another function', 1, 'input'],
  ] as const)('asks %s as if nothing had happened', async (_, unit, table) => {
    const { clock, bus } = await afterALostAnswer();
    expect(await clock.run(bus.readRegisters(unit, table, 9, 1))).toEqual(bytes('0009'));
  });

  it('expects nothing any more after the late window', async () => {
    const { clock, bus } = await afterALostAnswer();
    await clock.advance(LATE_WINDOW_MS);
    expect(await clock.run(bus.readRegisters(1, 'holding', 5, 1))).toEqual(bytes('0005'));
  });

  it('expects nothing any more after a new opening', async () => {
    const { clock, bus, stream } = await afterALostAnswer();
    stream.unplug();
    stream.isOpen = true;
    expect(await clock.run(bus.readRegisters(1, 'holding', 6, 1))).toEqual(bytes('0006'));
  });

  it('does not take a late exception for the answer to another question of any length', async () => {
    const { clock, bus, stream } = await openRtu(silent);
    await expect(clock.run(bus.readRegisters(1, 'holding', 0, 10))).rejects.toMatchObject({ kind: 'timeout' });
    const next = bus.readRegisters(1, 'holding', 0x40, 1);
    stream.onWrite = () => {
      stream.receive(framed([1, 0x83, 2]));
      stream.receive(framed([1, 3, 2, 0, 5]));
    };
    expect(await clock.run(next)).toEqual(bytes('0005'));
  });
});

describe('any bytes', () => {
  const request = Uint8Array.of(1, 3, 0, 0x6b, 0, 2);
  const question = { unit: 1, code: 3, request, answerStart: Uint8Array.of(1, 3, 4), answerBytes: 7 };
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
  const newFraming = () => {
    const framing = new RtuFraming('fuzz', unnoticed);
    framing.ask(question, 0);
    return framing;
  };

  it('never break the framing, and what is accepted has a right CRC and the right header', () => {
    fc.assert(
      fc.property(chunks, (line) => {
        const framing = newFraming();
        for (const chunk of line) {
          // That its CRC was right the next test shows; here it must be among the bytes as a whole.
          const [answered] = framing.receive(chunk, 1);
          if (answered !== undefined) expect(hex(Buffer.concat(line))).toContain(hex(framed([...answered.answer])));
        }
        expect(framing.giveUp(question, 2)).toBeInstanceOf(BusError);
      }),
    );
  });

  it('a good answer with any bit flipped is never accepted', () => {
    const good = framed([1, 3, 4, 0x43, 0x66, 0x33, 0x33]);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(newFraming().receive(bad, 1)).toEqual([]);
    }
  });

  it('are understood alike however they are cut', () => {
    const noise = fc.uint8Array({ maxLength: 12 });
    fc.assert(
      fc.property(noise, noise, fc.array(fc.nat(30)), (before, after, cuts) => {
        const line = Buffer.concat([before, framed([1, 3, 4, 0xde, 0xad, 0xbe, 0xef]), after]);
        const atOnce = newFraming().receive(line, 1);
        const framing = newFraming();
        const edges = [0, ...cuts.filter((cut) => cut < line.length).sort((a, b) => a - b), line.length];
        const found = edges.slice(1).map((end, index) => framing.receive(line.subarray(edges[index], end), 1));
        expect(found.flat()).toEqual(atOnce);
        expect(atOnce).toHaveLength(1);
      }),
    );
  });
});

function bytesOf(registers: readonly number[]): Uint8Array {
  return Uint8Array.from(registers.flatMap((register) => [register >> 8, register & 0xff]));
}
