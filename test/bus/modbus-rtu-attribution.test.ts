// Frames that fit a question and are no answer to it: copies, what comes far too late, and what damage leaves of the order.

import { describe, expect, it } from 'vitest';
import { bytes } from '../support/hex.ts';
import { type Answer, type Bench, framed, openRtu, openRtuOverTcp, outcome, silent } from './support.ts';

describe('a unit that answers twice', () => {
  /** Each question is answered with its address, and once more `copyMs` later. */
  function doubling(copyMs: number): Promise<Bench> {
    return openRtu((request, { clock, stream }) => {
      const answer = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
      for (const afterMs of [10, 10 + copyMs]) clock.timer(afterMs, () => stream.receive(answer));
    });
  }

  it('is not asked the like of it again before the copy has come, and others go first meanwhile', async () => {
    const { clock, bus, line, stream } = await doubling(40);
    expect(await clock.run(bus.readRegisters(1, 'holding', 1, 1))).toEqual(bytes('0001'));
    const postponed = bus.readRegisters(1, 'holding', 2, 1);
    expect(await clock.run(bus.readRegisters(2, 'holding', 7, 1))).toEqual(bytes('0007'));
    expect(stream.written).toHaveLength(2);
    expect(await clock.run(postponed)).toEqual(bytes('0002'));
    expect(line.stats()).toMatchObject({ answerCount: 3, timeoutCount: 0 });
  });

  it.each([1, 3, 10, 20, 30, 45, 60, 100, 150, 210, 300, 450])(
    'gives no register the value of another, the copy %i ms later',
    async (copyMs) => {
      const { clock, bus } = await doubling(copyMs);
      for (let address = 1; address < 50; address++) {
        const expected = Uint8Array.of(0, address);
        expect(await clock.run(bus.readRegisters(1, 'holding', address, 1))).toEqual(expected);
      }
    },
  );

  /** Each question is answered after 10 ms with the registers' addresses, and once more `copyMs` later. */
  function blocksDoubling(copyMs: number): Promise<Bench> {
    return openRtu((request, { clock, stream }) => {
      const [unit = 0, code = 0, high = 0, low = 0, , count = 0] = request;
      const registers = Array.from({ length: count }, (_, i) => [high, low + i]).flat();
      const answer = framed([unit, code, registers.length, ...registers]);
      for (const afterMs of [10, 10 + copyMs]) clock.timer(afterMs, () => stream.receive(answer));
    });
  }

  it.each([3, 15, 30, 60])(
    'gives no block the value of another, where two lengths take turns, the copy %i ms later',
    async (copyMs) => {
      const { clock, bus } = await blocksDoubling(copyMs);
      const blocks = [
        [10, 1],
        [20, 2],
        [30, 1],
      ] as const;
      for (let round = 0; round < 20; round++) {
        for (const [address, count] of blocks) {
          const read = await clock.run(bus.readRegisters(1, 'holding', address, count));
          expect(read[1]).toBe(address);
        }
        await clock.advance(5000);
      }
    },
  );

  it('is seen to, also by copies that come while a neighbour is waited for that is not there', async () => {
    const { clock, bus } = await openRtu((request, { clock: on, stream }) => {
      if (request[0] === 2) return;
      const answer = framed([1, request[1] as number, 2, ...request.subarray(2, 4)]);
      for (const afterMs of [10, 60]) on.timer(afterMs, () => stream.receive(answer));
    });
    for (let address = 1; address < 5; address++) {
      const [first, second] = [bus.readRegisters(1, 'holding', address, 1), bus.readRegisters(2, 'holding', address, 1)];
      const neighbour = outcome(second);
      expect(await clock.run(first)).toEqual(Uint8Array.of(0, address));
      await clock.run(neighbour);
    }
    for (let address = 10; address < 20; address++)
      expect(await clock.run(bus.readRegisters(1, 'holding', address, 1))).toEqual(Uint8Array.of(0, address));
  });

  it('gives the same value twice to whoever asks again without waiting', async () => {
    const { clock, line } = await openRtu((_request, { clock: on, stream }) => {
      on.timer(10, () => stream.receive(framed([1, 3, 2, 0, 7])));
    });
    const question = { unit: 1, code: 3, request: bytes('010300000001'), answerStart: bytes('010302'), answerBytes: 5 };
    for (let i = 0; i < 5; i++) expect(await clock.run(line.ask({ ...question }))).toEqual(bytes('0103020007'));
  });

  it('does so with late answers as well', async () => {
    let isLate = false;
    const { clock, bus } = await openRtu((request, { clock: on, stream }) => {
      const answer = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
      for (const afterMs of isLate ? [450, 453] : [80, 83]) on.timer(afterMs, () => stream.receive(answer));
    });
    await clock.run(bus.readRegisters(1, 'holding', 1, 1));
    await clock.advance(5000);
    isLate = true;
    await outcome(clock.run(bus.readRegisters(1, 'holding', 2, 1)));
    isLate = false;
    await clock.advance(90);
    const result = await outcome(clock.run(bus.readRegisters(1, 'holding', 3, 1)));
    if ('value' in result) expect(result.value).toEqual(bytes('0003'));
  });

  it('is noticed too when it begins later, by the answer that comes when the copy was taken for it', async () => {
    let copyMs: number | undefined;
    const { clock, bus } = await openRtu((request, { clock: on, stream }) => {
      const answer = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
      on.timer(10, () => stream.receive(answer));
      if (copyMs !== undefined) on.timer(10 + copyMs, () => stream.receive(answer));
    });
    const wrongOf = async (addresses: readonly number[]) => {
      let wrong = 0;
      for (const address of addresses) {
        const [high, low] = await clock.run(bus.readRegisters(1, 'holding', address, 1));
        if (high !== 0 || low !== address) wrong += 1;
      }
      await clock.advance(5000);
      return wrong;
    };
    expect(await wrongOf([1, 2, 3])).toBe(0);
    copyMs = 12;
    // Nothing tells the first copy from the answer that it comes before. A round later all is right.
    await wrongOf([4, 5]);
    expect(await wrongOf(Array.from({ length: 50 }, (_, i) => 10 + i))).toBe(0);
  });

  it.each([
    ['a stray byte behind each answer', [0], false],
    ['a neighbour that is waited for', [], true],
    ['both', [0], true],
  ])('is noticed when it begins later, also with %s', async (_title, stray, hasNeighbour) => {
    let isDoubled = false;
    const { clock, bus, line } = await openRtu((request, { clock: on, stream }) => {
      const answer = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
      on.timer(request[0] === 2 ? 120 : 30, () => stream.receive(Uint8Array.of(...answer, ...stray)));
      if (isDoubled && request[0] === 1) on.timer(45, () => stream.receive(answer));
    });
    const round = async () => {
      const read: number[] = [];
      for (const address of [11, 12, 13]) read.push((await clock.run(bus.readRegisters(1, 'holding', address, 1)))[1] as number);
      if (hasNeighbour) await clock.run(outcome(bus.readRegisters(2, 'holding', 1, 1)));
      await clock.advance(5000);
      return read;
    };
    for (let i = 0; i < 3; i++) expect(await round()).toEqual([11, 12, 13]);
    isDoubled = true;
    await round();
    for (let i = 0; i < 20; i++) expect(await round()).toEqual([11, 12, 13]);
    expect(line.stats().repeatedCount).toBeGreaterThan(10);
  });

  it.each([
    ['serial line', openRtu],
    ['converter', openRtuOverTcp],
  ])('is seen to where the copies first come with the answers, on a %s', async (_title, open) => {
    let count = 0;
    const { clock, bus } = await open((request, { clock: on, stream }) => {
      const answer = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
      count += 1;
      if (count < 5) on.timer(10, () => stream.receive(Uint8Array.of(...answer, ...answer)));
      else for (const afterMs of [10, 20]) on.timer(afterMs, () => stream.receive(answer));
    });
    for (let address = 1; address < 20; address++)
      expect(await clock.run(bus.readRegisters(1, 'holding', address, 1))).toEqual(Uint8Array.of(0, address));
  });

  it('gives no other block its refusal', async () => {
    const { clock, bus } = await openRtu((request, { clock: on, stream }) => {
      const answer = request[3] === 100 ? framed([1, 0x83, 2]) : framed([1, 3, 4, 0, 7, 0, 8]);
      for (const afterMs of [30, 50]) on.timer(afterMs, () => stream.receive(answer));
    });
    await expect(clock.run(bus.readRegisters(1, 'holding', 100, 4))).rejects.toMatchObject({ code: 2 });
    expect(await clock.run(bus.readRegisters(1, 'holding', 10, 2))).toEqual(bytes('00070008'));
  });

  it.each(['a copy', 'a frame of another master'])('is not believed for ever: %s came once', async (what) => {
    let isDoubled = false;
    const { clock, bus, stream } = await openRtu((request, { clock: on, stream: line }) => {
      const answer = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
      on.timer(20, () => line.receive(answer));
      if (isDoubled) on.timer(60, () => line.receive(answer));
    });
    const read = (address: number) => clock.run(bus.readRegisters(1, 'holding', address, 1));
    for (let address = 1; address < 5; address++) await read(address);
    await clock.advance(2000);
    isDoubled = what === 'a copy';
    await read(5);
    if (!isDoubled) stream.receive(framed([1, 3, 2, 0, 99]));
    await clock.advance(1000);
    isDoubled = false;
    for (let i = 0; i < 20; i++) {
      await read(6);
      await clock.advance(1000);
    }
    const startedMs = clock.monotonicMs();
    for (let address = 1; address < 11; address++) await read(address);
    // 20 ms for the answer, and what eight and seven bytes take at 9600 baud; with a wait for copies 500 ms each.
    expect(clock.monotonicMs() - startedMs).toBeLessThan(10 * 50);
  });

  it('is no reason to wait for one that answers once', async () => {
    const { clock, bus } = await openRtu((request, { stream }) => {
      stream.receive(framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]));
    });
    for (let address = 1; address < 20; address++) await clock.run(bus.readRegisters(1, 'holding', address, 1));
    // Once, to see that it does: 200 ms.
    expect(clock.monotonicMs()).toBeLessThan(200 + 19 * 40);
  });
});

describe('answers that come later than a slave on a wire can make them', () => {
  /** The first answer comes after `firstMs`, the others after 40 ms; each is the address that was asked for. */
  const firstLate =
    (firstMs: number): Answer =>
    (request, { clock, stream }) => {
      const afterMs = stream.written.length === 1 ? firstMs : 40;
      clock.timer(afterMs, () => stream.receive(framed([request[0] as number, 3, 2, ...request.subarray(2, 4)])));
    };

  it('through a converter are nobody else’s value for ten seconds', async () => {
    const { clock, bus } = await openRtuOverTcp(firstLate(5000), { timeoutMs: 1000 });
    await expect(clock.run(bus.readRegisters(1, 'holding', 111, 1))).rejects.toMatchObject({ kind: 'timeout' });
    await clock.advance(3980);
    expect(await outcome(clock.run(bus.readRegisters(1, 'holding', 222, 1)))).toEqual({ value: bytes('00de') });
  });

  it('over a connection that was made anew are waited for before the like of their question is asked', async () => {
    const { clock, bus, stream } = await openRtuOverTcp(firstLate(900), { timeoutMs: 1000 });
    const first = outcome(bus.readRegisters(1, 'holding', 111, 1));
    await clock.advance(300);
    stream.unplug();
    expect(await first).toMatchObject({ error: { kind: 'closed' } });
    await clock.advance(560);
    stream.isOpen = true;
    expect(await outcome(clock.run(bus.readRegisters(1, 'holding', 222, 1)))).toEqual({ value: bytes('00de') });
  });

  it('are waited for from then on, where one was seen', async () => {
    let isLate = true;
    const { clock, bus, line } = await openRtu((request, { clock: on, stream }) => {
      const answer = framed([request[0] as number, 3, 2, ...request.subarray(2, 4)]);
      on.timer(isLate ? 4800 : 40, () => stream.receive(answer));
    });
    const read = (address: number) => outcome(clock.run(bus.readRegisters(1, 'holding', address, 1)));
    expect(await read(1)).toMatchObject({ error: { kind: 'timeout' } });
    await clock.advance(10_000);
    expect(line.stats()).toMatchObject({ lateCount: 1, unaskedCount: 0 });

    expect(await read(111)).toMatchObject({ error: { kind: 'timeout' } });
    isLate = false;
    await clock.advance(4480);
    expect(await read(222)).toEqual({ value: bytes('00de') });
  });
});

describe('refusals', () => {
  it('of blocks of two lengths are the right ones again after one answer was lost', async () => {
    const { clock, bus } = await openRtuOverTcp((request, { clock: on, stream }) => {
      if (stream.written.length > 1) on.timer(20, () => stream.receive(framed([1, 0x83, request[5] as number])));
    });
    const ended: unknown[] = [];
    for (let i = 0; i < 30; i++) {
      ended.push(await outcome(clock.run(bus.readRegisters(1, 'holding', 10, 1 + (i % 2)))));
      await clock.advance(1000);
    }
    // For a window of ten seconds nobody can tell whose they are.
    for (const [i, one] of ended.entries()) if (i > 13) expect(one).toMatchObject({ error: { code: 1 + (i % 2) } });
  });
});

describe('an echo', () => {
  it('that came once is not waited for in vain with each order', async () => {
    let hasEcho = true;
    const { clock, bus, line } = await openRtu((request, { clock: on, stream }) => {
      if (hasEcho) stream.receive(request);
      on.timer(20, () => stream.receive(request[1] === 5 ? request : framed([1, 3, 2, 0, 7])));
    });
    await clock.run(bus.readRegisters(1, 'holding', 10, 1));
    expect(line.stats().echoNoticed).toBe(true);
    hasEcho = false;
    for (let i = 0; i < 3; i++) await clock.run(bus.readRegisters(1, 'holding', 10, 1));
    expect(line.stats().echoNoticed).toBe(false);
    await clock.run(bus.writeBits(1, 5, [true], 'single'));
  });

  it('that comes damaged is not taken for the answer, which comes late', async () => {
    let isDamaged = false;
    const { clock, bus } = await openRtu(
      (request, { clock: on, stream }) => {
        // Address 0x0210: its question begins like an answer of two bytes.
        stream.receive(isDamaged ? request.with(5, 0x41) : request);
        on.timer(isDamaged ? 450 : 20, () => stream.receive(framed([1, 3, 2, ...request.subarray(2, 4)])));
        isDamaged = false;
      },
      { echo: true },
    );
    for (let i = 0; i < 20; i++) await clock.run(bus.readRegisters(1, 'holding', 0x0210, 1));
    await clock.advance(2000);
    isDamaged = true;
    const startedMs = clock.monotonicMs();
    expect(await outcome(clock.run(bus.readRegisters(1, 'holding', 0x0210, 1)))).toMatchObject({ error: { name: 'BusError' } });
    await clock.advance(440 - (clock.monotonicMs() - startedMs));
    expect(await clock.run(bus.readRegisters(1, 'holding', 1, 1))).toEqual(bytes('0001'));
  });
});

describe('an order', () => {
  it.each(['single', 'multiple'] as const)('is not held back by an older one whose answer may still come: %s', async (how) => {
    const { clock, bus, stream } = await openRtuOverTcp((request, { clock: on, stream: line }) => {
      // The first answer is lost.
      const answer = how === 'single' ? request : framed(request.subarray(0, 6));
      if (line.written.length > 1) on.timer(20, () => line.receive(answer));
    });
    const switchOff = () => outcome(bus.writeBits(1, 5, [false], how));
    await clock.run(switchOff());
    // What the relay repeats may be the first order's: the second is in doubt.
    await clock.run(switchOff());
    const sentCount = stream.written.length;
    const third = switchOff();
    await clock.advance(50);
    expect(stream.written.length).toBe(sentCount + 1);
    await clock.run(third);
  });

  it('is answered by what comes behind it, although an older one like it has lost its answer', async () => {
    const { clock, bus, line } = await openRtu((request, { clock: on, stream }) => {
      if (stream.written.length > 1) on.timer(20, () => stream.receive(request));
    });
    const switchOff = () => outcome(clock.run(bus.writeBits(1, 5, [false], 'single')));
    expect(await switchOff()).toMatchObject({ error: { kind: 'timeout' } });
    for (let i = 0; i < 5; i++) {
      await clock.advance(1000);
      expect(await switchOff()).toEqual({ value: undefined });
    }
    expect(line.stats()).toMatchObject({ answerCount: 5, lateCount: 0 });
  });

  it.each(['single', 'multiple'] as const)('is not refused by the late refusal of the one before: %s', async (how) => {
    const { clock, bus, line } = await openRtu((request, { clock: on, stream }) => {
      const isFirst = stream.written.length === 1;
      const answer = isFirst ? [1, (request[1] as number) | 0x80, 2] : request.subarray(0, 6);
      on.timer(isFirst ? 400 : 150, () => stream.receive(framed(answer)));
    });
    const first = outcome(bus.writeBits(1, 9, [false], how));
    const second = outcome(bus.writeBits(1, 5, [true], how));
    expect(await clock.run(first)).toMatchObject({ error: { kind: 'timeout' } });
    expect(await clock.run(second)).toEqual({ value: undefined });
    expect(line.stats()).toMatchObject({ answerCount: 1, exceptionCount: 0, lateCount: 1 });
  });

  it('is understood after a read whose answer is the very bytes of its question', async () => {
    const { clock, bus, line } = await openRtu((request, { clock: on, stream }) => {
      on.timer(20, () => stream.receive(request));
    });
    // Function 1, address 0x0300, 24 coils: as an answer it is three bytes, 00 00 18, coils 19 and 20.
    await clock.run(outcome(bus.readBits(1, 'coil', 0x0300, 24)));
    expect(line.stats().echoNoticed).toBe(false);
    await clock.advance(5000);
    await clock.run(bus.writeBits(1, 5, [true], 'single'));
  });
});

describe('damage while an older answer may still come', () => {
  it('does not make the older one the answer to the younger question', async () => {
    const { clock, bus, stream } = await openRtu(silent);
    await expect(clock.run(bus.readRegisters(1, 'holding', 1, 1))).rejects.toMatchObject({ kind: 'timeout' });
    // The younger question's answer comes first, damaged, and then the older one's.
    stream.onWrite = () => {
      stream.receive(framed([1, 3, 2, 0, 2]).with(4, 0xff));
      clock.timer(20, () => stream.receive(framed([1, 3, 2, 0, 1])));
    };
    const result = await outcome(clock.run(bus.readRegisters(1, 'holding', 2, 1)));
    expect(result).toMatchObject({ error: { name: 'BusError' } });
  });
});
