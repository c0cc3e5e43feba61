import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TcpFraming } from '../../drivers/bus/modbus-tcp.ts';
import { BusError } from '../../drivers/errors.ts';
import { bytes, hex } from '../support/hex.ts';
import { drain } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';
import { type Answer, framed, openRtuOverTcp, openTcpModbus, outcome, silent, unnoticed } from './support.ts';

/** Header and body: transaction, protocol 0, length, and what follows. */
function mbap(transaction: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([transaction >> 8, transaction & 0xff, 0, 0, 0, body.length, ...body]);
}

/** One holding register of unit 1. */
const QUESTION = {
  ...{ unit: 1, code: 3, request: Uint8Array.of(1, 3, 0, 0, 0, 1) },
  ...{ answerStart: Uint8Array.of(1, 3, 2), answerBytes: 5 },
};

/** Answers every request for one register with the request's number, or with what `when` makes of it. */
function numbered(when: (count: number, send: () => void) => void): Answer {
  let count = 0;
  return (request, { stream }) => {
    const value = ++count;
    const transaction = (request[0] as number) * 256 + (request[1] as number);
    when(value, () => stream.receive(mbap(transaction, [request[6] as number, 3, 2, value >> 8, value & 0xff])));
  };
}

describe('recorded exchanges', () => {
  const reads = vectors('modbus_tcp').filter(({ input, expected }) => {
    return input.startsWith('{') && typeof expected['request'] === 'object' && (expected['request'] as { fc: number }).fc <= 4;
  });

  it.each(reads)('asks and understands $id', async ({ input, expected }) => {
    const { request, response } = JSON.parse(input) as { request: string; response: string };
    // Our transaction ids count from 1; the recording's are put into ours.
    const { clock, bus, stream } = await openTcpModbus((sent, bench) => {
      bench.stream.receive(Buffer.concat([sent.subarray(0, 2), bytes(response).subarray(2)]));
    });
    const { fc: code, address, quantity } = expected['request'] as unknown as { fc: number; address: number; quantity: number };
    const { bits, registers } = expected['response'] as unknown as { bits?: boolean[]; registers?: number[] };
    const unit = bytes(request)[6] as number;
    const work: Promise<unknown> =
      code <= 2
        ? bus.readBits(unit, code === 1 ? 'coil' : 'discrete', address, quantity)
        : bus.readRegisters(unit, code === 3 ? 'holding' : 'input', address, quantity);
    const expectedBytes = Uint8Array.from((registers ?? []).flatMap((register) => [register >> 8, register & 0xff]));
    expect(await clock.run(work)).toEqual(bits ?? expectedBytes);
    expect(hex(stream.written[0] as Uint8Array)).toBe(`0001${request.slice(4)}`);
  });

  it('there are some', () => {
    expect(reads.length).toBeGreaterThan(3);
  });
});

describe('transaction ids', () => {
  it('a late answer and the right one in one segment: the right one counts at once (mb-06)', async () => {
    const { clock, bus, stream, line } = await openTcpModbus((request) => {
      const transaction = request[1] as number;
      if (transaction === 28) stream.receive(bytes('001b000000050004020000001c000000050004020002'));
      else if (transaction !== 27) stream.receive(mbap(transaction, [0, 4, 2, 0, 0]));
    });
    for (let i = 1; i <= 26; i++) await clock.run(bus.readRegisters(0, 'input', 0, 1));
    await expect(clock.run(bus.readRegisters(0, 'input', 0, 1))).rejects.toMatchObject({ kind: 'timeout' });
    const askedMs = clock.monotonicMs();
    expect(hex(await clock.run(bus.readRegisters(0, 'input', 0, 1)))).toBe('0002');
    expect(clock.monotonicMs()).toBe(askedMs);
    expect(line.stats().lateCount).toBe(1);
  });

  it('answers that come one request too late cost those requests and nothing more (mb-08)', async () => {
    let kept: (() => void) | undefined;
    const answer = numbered((count, send) => {
      kept?.();
      kept = undefined;
      if (count >= 10 && count <= 12) kept = send;
      else send();
    });
    const { clock, bus } = await openTcpModbus(answer);
    const values: (number | undefined)[] = [];
    for (let poll = 1; poll <= 20; poll++) {
      const result = await clock.run(outcome(bus.readRegisters(1, 'holding', 0, 1)));
      values.push('value' in result ? Buffer.from(result.value).readUInt16BE(0) : undefined);
    }
    expect(values).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, undefined, undefined, undefined, 13, 14, 15, 16, 17, 18, 19, 20]);
  });

  it('go on beyond 65535', async () => {
    const framing = new TcpFraming('long', unnoticed);
    let wire = framing.ask(QUESTION, 0);
    for (let i = 0; i < 65_536; i++) {
      framing.giveUp(QUESTION, 0);
      wire = framing.ask(QUESTION, 0);
    }
    expect(hex(wire.subarray(0, 2))).toBe('0001');
    const [answered] = framing.receive(mbap(1, [1, 3, 2, 0, 9]), 1);
    expect(answered).toEqual({ question: QUESTION, answer: Uint8Array.of(1, 3, 2, 0, 9) });
  });
});

describe('answers that contradict themselves', () => {
  it.each(['000100000000010302002a', '000100001000010302002a', '000100010005010302002a'])(
    'give no value, and the owner is told to open a new connection: %s (mb-27)',
    async (bad) => {
      const broken: BusError[] = [];
      const { clock, bus, stream } = await openTcpModbus(() => stream.receive(bytes(bad)), {
        onBroken: (cause) => broken.push(cause),
      });
      await expect(clock.run(bus.readRegisters(1, 'holding', 0, 1))).rejects.toMatchObject({ kind: 'bad-checksum' });
      expect(broken).toEqual([expect.objectContaining({ kind: 'bad-checksum' })]);
      // Who comes now waits for the next connection, and fails when there is none.
      await expect(clock.run(bus.readRegisters(1, 'holding', 0, 1))).rejects.toBe(broken[0]);
      expect(stream.written.length).toBe(1);

      stream.unplug();
      stream.isOpen = true;
      stream.onWrite = (request) => stream.receive(Buffer.concat([request.subarray(0, 2), bytes('00000005010302002a')]));
      expect(hex(await clock.run(bus.readRegisters(1, 'holding', 0, 1)))).toBe('002a');
    },
  );

  it('also when the length is a lie that asks for more than comes', async () => {
    const { clock, bus, stream } = await openTcpModbus(() => stream.receive(bytes('000100000010010302002a')));
    const result = clock.run(bus.readRegisters(1, 'holding', 0, 1));
    await expect(result).rejects.toMatchObject({ kind: 'bad-checksum', message: expect.stringContaining('part of an answer') });
  });

  it('an answer of another unit is not ours, and the error names it', async () => {
    const { clock, bus, stream } = await openTcpModbus((request) =>
      stream.receive(mbap(request[1] as number, [255, 3, 2, 0, 9])),
    );
    const result = clock.run(bus.readRegisters(1, 'holding', 0, 1));
    await expect(result).rejects.toMatchObject({ kind: 'timeout', message: expect.stringContaining('unit 255') });
  });

  it("an exception is the device's refusal", async () => {
    const { clock, bus, stream } = await openTcpModbus((request) => stream.receive(mbap(request[1] as number, [1, 0x83, 11])));
    const result = clock.run(bus.readRegisters(1, 'holding', 0, 1));
    await expect(result).rejects.toMatchObject({ kind: 'refused', code: 11, message: expect.stringContaining('gateway') });
  });
});

describe('the line', () => {
  it('half an answer and then the end fails at once, not at the deadline', async () => {
    const { clock, bus, stream } = await openTcpModbus(silent);
    const read = outcome(bus.readRegisters(1, 'holding', 0, 1));
    await drain();
    stream.receive(bytes('0001000000050103'));
    stream.unplug();
    expect(await read).toMatchObject({ error: { kind: 'closed' } });
    expect(clock.monotonicMs()).toBe(0);
  });

  it('says what a peer says that is no Modbus device, where to look, and not so of one that had been understood', async () => {
    const greeting = Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n');
    const stranger = await openTcpModbus((_, { stream }) => stream.receive(greeting));
    expect(await stranger.clock.run(outcome(stranger.bus.readRegisters(1, 'holding', 0, 1)))).toMatchObject({
      error: { isStranger: true, message: expect.stringMatching(/"SSH-2\.0-OpenSSH_".*`host:` and `tcp_port:`/) },
    });
    const device = await openTcpModbus(
      numbered((count, send) => {
        send();
        if (count === 2) device.stream.receive(greeting);
      }),
    );
    await device.clock.run(device.bus.readRegisters(1, 'holding', 0, 1));
    await device.clock.run(outcome(device.bus.readRegisters(1, 'holding', 0, 1)));
    expect(await device.clock.run(outcome(device.bus.readRegisters(1, 'holding', 0, 1)))).toMatchObject({
      error: { isStranger: false, message: expect.stringContaining('not a Modbus TCP header') },
    });
  });

  it('is opened again when nothing at all has been heard after three questions, and not when one unit answers', async () => {
    let brokenCount = 0;
    const onBroken = () => {
      brokenCount += 1;
    };
    const { clock, bus } = await openTcpModbus(
      (request, { stream }) => {
        // Unit 2 of a converter with two.
        if (request[6] === 2) stream.receive(Uint8Array.of(...request.subarray(0, 5), 5, 2, 3, 2, 0, 42));
      },
      { onBroken },
    );
    const ask = (unit: number) => clock.run(outcome(bus.readRegisters(unit, 'holding', 0, 1)));
    for (const unit of [1, 1, 2, 1, 1, 2, 1]) await ask(unit);
    expect(brokenCount).toBe(0);
    await ask(1);
    await ask(1);
    expect(brokenCount).toBe(1);
  });

  it('RTU frames inside TCP have no header and no line time', async () => {
    const { clock, bus, stream } = await openRtuOverTcp(silent, { timeoutMs: 100 });
    stream.onWrite = () => clock.timer(90, () => stream.receive(framed([1, 3, 2, 0, 9])));
    expect(hex(await clock.run(bus.readRegisters(1, 'holding', 0, 1)))).toBe('0009');
    expect(hex(stream.written[0] as Uint8Array)).toBe('010300000001840a');
  });
});

describe('any bytes', () => {
  it('never break the framing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (line) => {
        const framing = new TcpFraming('fuzz', unnoticed);
        framing.ask(QUESTION, 0);
        for (const chunk of line) framing.receive(chunk, 1);
        expect(framing.giveUp(QUESTION, 0)).toBeInstanceOf(BusError);
      }),
    );
  });

  it('are understood alike however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(33)), (cuts) => {
        const line = Buffer.concat([mbap(7, [1, 3, 2, 0, 1]), mbap(1, [9, 3, 2, 0, 1]), mbap(1, [1, 3, 2, 0, 9])]);
        const framing = new TcpFraming('cut', unnoticed);
        framing.ask(QUESTION, 0);
        const edges = [0, ...cuts.sort((a, b) => a - b), line.length];
        const found = edges.slice(1).map((end, index) => framing.receive(line.subarray(edges[index], end), 1));
        expect(found.flat()).toEqual([{ question: QUESTION, answer: Uint8Array.of(1, 3, 2, 0, 9) }]);
      }),
    );
  });
});

describe('units that do not answer, behind a host that does', () => {
  it('do not end its connection, as long as others are heard in between', async () => {
    const broken: BusError[] = [];
    const answer: Answer = (request, { stream }) => {
      if (request[6] === 1) stream.receive(mbap(256 * (request[0] as number) + (request[1] as number), [1, 3, 2, 0, 7]));
    };
    const { clock, bus } = await openTcpModbus(answer, { onBroken: (cause) => broken.push(cause) });
    const ask = (unit: number) => clock.run(outcome(bus.readRegisters(unit, 'holding', 0, 1)));
    for (const unit of [2, 1, 3, 1, 4]) await ask(unit);
    for (let i = 0; i < 10; i++) {
      await ask(1);
      for (const unit of [2, 3, 4]) await ask(unit);
    }
    expect(broken).toEqual([]);
    // Now the host itself is not heard any more.
    for (const unit of [2, 3, 4]) await ask(unit);
    expect(broken).toHaveLength(1);
  });
});
