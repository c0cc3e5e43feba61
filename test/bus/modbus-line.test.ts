import { describe, expect, it } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { hex } from '../support/hex.ts';
import { drain, TickingClock } from '../support/test-clock.ts';
import { type Answer, framed, openRtu, outcome, silent } from './support.ts';

/** Answers every request for one register with the register's address, after `afterMs`. */
function addressAfter(afterMs: number): Answer {
  return (request, { clock, stream }) => {
    const frame = framed([request[0] as number, request[1] as number, 2, ...request.subarray(2, 4)]);
    clock.timer(afterMs, () => stream.receive(frame));
  };
}

describe('one request at a time', () => {
  it('keeps five requests made at once apart', async () => {
    const { clock, bus, stream } = await openRtu(addressAfter(30));
    const reads = [1, 2, 3, 4, 5].map((address) => bus.readRegisters(1, 'holding', address, 1));
    await drain();
    expect(stream.written.length).toBe(1);
    expect((await clock.run(Promise.all(reads))).map(hex)).toEqual(['0001', '0002', '0003', '0004', '0005']);
  });

  it('goes on after a request that failed', async () => {
    let isFirst = true;
    const { clock, bus } = await openRtu((request, bench) => {
      if (!isFirst) addressAfter(1)(request, bench);
      isFirst = false;
    });
    const [lost, good] = [outcome(bus.readRegisters(1, 'holding', 1, 1)), outcome(bus.readRegisters(2, 'holding', 2, 1))];
    expect(await clock.run(lost)).toMatchObject({ error: { kind: 'timeout' } });
    expect(await clock.run(good)).toMatchObject({ value: Uint8Array.of(0, 2) });
  });

  it.each([0, 126])('refuses %i registers, which the protocol cannot carry', async (count) => {
    const { bus } = await openRtu(silent);
    await expect(bus.readRegisters(1, 'input', 0, count)).rejects.toThrow(RangeError);
  });
});

describe('time', () => {
  /** When each request went out, and when the read was over. */
  async function timesOf(answer: Answer, options: Parameters<typeof openRtu>[1], units: readonly number[]) {
    const asked: number[] = [];
    const { clock, bus } = await openRtu((request, bench) => {
      asked.push(bench.clock.monotonicMs());
      answer(request, bench);
    }, options);
    const ended: number[] = [];
    for (const unit of units) {
      await clock.run(outcome(bus.readRegisters(unit, 'holding', 0, 1)));
      ended.push(clock.monotonicMs());
    }
    expect(clock.timerCount).toBe(0);
    return { asked, ended };
  }

  it.each([
    // Eight characters of eleven bits, then the timeout.
    [9600, 300, (8 * 11) / 9.6 + 300],
    [2400, 300, (8 * 11) / 2.4 + 300],
    // The timeout is shorter than the seven characters of the answer and the time that any slave needs.
    [1200, 10, (8 * 11) / 1.2 + 50 + (7 * 11) / 1.2],
  ])('at %i baud a timeout of %i ms ends after %f ms', async (baud, timeoutMs, expected) => {
    const { ended } = await timesOf(silent, { timeoutMs, baud }, [1]);
    expect(ended[0]).toBeCloseTo(expected, 6);
  });

  it('waits shorter for one that never answered, and as long as ever once it sends a byte', async () => {
    let answer: Answer = silent;
    const { clock, bus } = await openRtu((request, bench) => answer(request, bench), { timeoutMs: 2000 });
    const askedMs = (8 * 11) / 9.6;
    const tookMs = async () => {
      const startedMs = clock.monotonicMs();
      const result = await clock.run(outcome(bus.readRegisters(1, 'holding', 0, 60)));
      return { result, ms: clock.monotonicMs() - startedMs };
    };
    for (let i = 0; i < 3; i++) expect((await tookMs()).ms).toBeGreaterThan(2000);
    const { ms } = await tookMs();
    expect(ms).toBeGreaterThan(askedMs + 100);
    // Less than what one that is away may take of a minute, with the silence before the question.
    expect(ms).toBeLessThan(1200);

    // 125 bytes at 9600 baud take 143 ms: begun in the last moment, the answer is whole when the sign was long due.
    const frame = framed([1, 3, 120, ...Array.from({ length: 120 }, (_, i) => i)]);
    answer = (_request, { clock: on, stream }) => {
      on.timer(ms - 20, () => stream.receive(frame.subarray(0, 10)));
      on.timer(ms + 123, () => stream.receive(frame.subarray(10)));
    };
    // What was asked before is not answered any more.
    await clock.advance(5000);
    expect((await tookMs()).result).toEqual({ value: frame.slice(3, -2) });
  });

  describe('waits no longer for one that is away', () => {
    /** How long a try takes on a line where none of three units ever answered. */
    async function tryMs(answer: Answer, options: Parameters<typeof openRtu>[1] = {}, write = false): Promise<number> {
      const { clock, bus } = await openRtu(answer, { timeoutMs: 1000, ...options });
      const ask = (unit: number) => {
        const asked: Promise<unknown> = write
          ? bus.writeBits(unit, 5, [false], 'single')
          : bus.readRegisters(unit, 'holding', 0, 1);
        return clock.run(outcome(asked));
      };
      for (let i = 0; i < 9; i++) await ask(1 + (i % 3));
      await clock.advance(5000);
      const startedMs = clock.monotonicMs();
      await ask(1);
      return clock.monotonicMs() - startedMs;
    }
    const back: Answer = (request, { clock, stream }) => clock.timer(12, () => stream.receive(request));

    it.each([
      ['on a quiet line', silent, {}],
      ['on a line that returns what is sent', back, { echo: true }],
      [
        'where the turn of the line makes a stray byte',
        (_request, { clock, stream }) => clock.timer(12, () => stream.receive(Uint8Array.of(0))),
        {},
      ],
    ] satisfies [string, Answer, object][])('%s', async (_title, answer, options) => {
      expect(await tryMs(answer, options)).toBeLessThan(330);
    });

    it('with an order, as relays are tried first', async () => {
      expect(await tryMs(silent, {}, true)).toBeLessThan(330);
    });
  });

  it('sees one that was quick and returns slower, although its late answers are lost', async () => {
    let answerMs: number | undefined = 20;
    const { clock, bus } = await openRtu((request, { clock: on, stream }) => {
      const afterMs = request[0] === 2 ? 20 : answerMs;
      const count = stream.written.length;
      // Who is late speaks while another one is asked.
      if (afterMs !== undefined)
        on.timer(afterMs, () => {
          if (stream.written.length === count) stream.receive(framed([request[0] as number, 3, 2, 0, 7]));
        });
    });
    const read = (unit: number) => outcome(bus.readRegisters(unit, 'holding', 0, 1));
    for (let i = 0; i < 15; i++) await clock.run(read(1));
    answerMs = undefined;
    for (let i = 0; i < 10; i++) await clock.run(read(1));
    answerMs = 180;
    const tries: boolean[] = [];
    for (let i = 0; i < 15; i++) {
      const [one, neighbour] = [read(1), read(2)];
      tries.push('value' in (await clock.run(one)));
      await clock.run(neighbour);
      await clock.advance(60_000);
    }
    expect(tries).toContain(true);
  });

  it.each([
    [9600, 0, (3.5 * 11) / 9.6],
    [9600, 20, (3.5 * 11) / 9.6 + 20],
    [19_200, 0, (3.5 * 11) / 19.2],
    [115_200, 0, 1.75],
  ])(
    'at %i baud with a pause of %i ms the line is silent for %f ms between answer and request',
    async (baud, pauseMs, expected) => {
      const { asked } = await timesOf(addressAfter(100), { baud, pauseMs }, [1, 2]);
      expect((asked[1] as number) - 100).toBeCloseTo(expected, 6);
    },
  );

  it('waits until the line is silent, whoever is speaking', async () => {
    const { clock, bus, stream } = await openRtu(addressAfter(10));
    for (let atMs = 0; atMs < 50; atMs += 2) clock.timer(atMs, () => stream.receive(Uint8Array.of(0xff)));
    await clock.advance(1);
    await clock.run(bus.readRegisters(1, 'holding', 1, 1));
    expect(clock.monotonicMs()).toBeCloseTo(48 + (3.5 * 11) / 9.6 + 10, 6);
  });

  it('gives up on a line that is never silent, and asks nothing', async () => {
    const { clock, bus, stream } = await openRtu(silent);
    const babble = () => {
      stream.receive(Uint8Array.of(0xff));
      clock.timer(2, babble);
    };
    babble();
    await expect(clock.run(bus.readRegisters(1, 'holding', 1, 1))).rejects.toMatchObject({ kind: 'timeout' });
    expect(stream.written).toEqual([]);
    expect(clock.monotonicMs()).toBeLessThan(1100);
  });

  it('asks on a clock that goes on between two looks at it, as a real one does', async () => {
    const { clock, bus, stream } = await openRtu(silent, { clock: new TickingClock() });
    stream.onWrite = () => stream.receive(framed([1, 3, 2, 0, 7]));
    expect(hex(await clock.run(bus.readRegisters(1, 'holding', 0, 1)))).toBe('0007');
    expect(clock.timerCount).toBe(0);
  });

  it('makes no timer of its own that the clock does not know', async () => {
    const { clock, bus } = await openRtu(addressAfter(1));
    for (let round = 0; round < 50; round++) await clock.run(bus.readRegisters(1, 'holding', round, 1));
    const timerCount = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timerCount();
    const pending = bus.readRegisters(1, 'holding', 1, 1);
    await drain();
    expect(timerCount()).toBe(before);
    await clock.run(pending);
  });
});

describe('the end of the connection', () => {
  it('fails what is in flight and what waits, at once', async () => {
    const { clock, bus, stream } = await openRtu(silent);
    const reads = [1, 2, 3].map((unit) => outcome(bus.readRegisters(unit, 'holding', 0, 1)));
    await drain();
    stream.unplug(new Error('unplugged'));
    for (const read of reads) {
      expect(await read).toMatchObject({ error: { kind: 'closed', cause: { message: 'unplugged' } } });
    }
    expect(clock.monotonicMs()).toBe(0);
    expect(clock.timerCount).toBe(0);
    expect(stream.written.length).toBe(1);
  });

  it('sends nothing while the line is closed, and reads again on the same object when it is back', async () => {
    const { clock, bus, stream } = await openRtu(addressAfter(5));
    stream.unplug();
    await expect(bus.readRegisters(1, 'holding', 7, 1)).rejects.toMatchObject({ kind: 'closed' });
    stream.isOpen = true;
    expect(stream.written).toEqual([]);
    expect(hex(await clock.run(bus.readRegisters(1, 'holding', 7, 1)))).toBe('0007');
  });

  it('forgets half an answer of the old connection', async () => {
    const { clock, bus, stream } = await openRtu(silent);
    const lost = outcome(bus.readRegisters(1, 'holding', 7, 1));
    await drain();
    stream.receive(framed([1, 3, 2, 0, 7]).subarray(0, 6));
    stream.unplug();
    expect(await lost).toMatchObject({ error: { kind: 'closed' } });
    stream.isOpen = true;
    stream.onWrite = () => stream.receive(framed([1, 3, 2, 0, 7]).subarray(6));
    await expect(clock.run(bus.readRegisters(1, 'holding', 7, 1))).rejects.toBeInstanceOf(BusError);
  });

  it('passes on why a request could not be sent', async () => {
    const { clock, bus, stream } = await openRtu(silent);
    const cause = new BusError('closed', 'lost while sending');
    stream.write = () => Promise.reject(cause);
    await expect(clock.run(bus.readRegisters(1, 'holding', 0, 1))).rejects.toBe(cause);
    expect(clock.timerCount).toBe(0);
  });

  it('lets go of the stream when it is closed, and fails what waits', async () => {
    const { clock, bus, line, stream } = await openRtu(silent);
    const waiting = outcome(bus.readRegisters(1, 'holding', 0, 1));
    await drain();
    line.close();
    line.close();
    expect(await waiting).toMatchObject({ error: { kind: 'closed' } });
    await expect(bus.readRegisters(1, 'holding', 0, 1)).rejects.toMatchObject({ kind: 'closed' });
    expect(stream.listenerCount).toBe(0);
    expect(stream.isOpen).toBe(true);
    expect(clock.timerCount).toBe(0);
  });
});
