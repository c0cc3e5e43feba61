import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { ANSWER_MS_MAX, mhz19, mhz19Frames, PREHEAT_MS } from '../../drivers/mhz19.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { FakeByteStream } from '../support/fake-byte-stream.ts';
import { bytes, hex } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated } from '../support/mutated.ts';
import { cut } from '../support/speaking-stream.ts';
import { TestClock } from '../support/test-clock.ts';
import { csvRows, vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const QUESTION = 'ff0186000000000079';
const GOOD = 'ff86027c42000000ba';
const ZERO = 'ff8600003e0000003c';
const NOT_AVAILABLE = { name: 'DeviceError', kind: 'not-available' };

/** A sensor that answers the question with what `answer` holds now, cut into chunks; opened at 0 and not yet preheated. */
async function opened({ answer = GOOD, chunkLength = 100, self_calibration = true, range = 5000 as const } = {}) {
  const [line, clock] = [new FakeByteStream(), new TestClock()];
  const sensor = { answer };
  line.onWrite = (question) => {
    if (hex(question) !== QUESTION) return;
    for (const [index, chunk] of cut(bytes(sensor.answer), chunkLength).entries()) {
      clock.timer(5 + index, () => line.receive(chunk));
    }
  };
  const device = await mhz19.open(line, deviceSpec('mhz19', { self_calibration, range }, ['co2']), clock);
  const read = (signal = NO_ABORT) => clock.run(device.read?.(signal) ?? Promise.reject(new Error('no read')));
  const advanceTo = (atMs: number) => clock.advance(atMs - clock.monotonicMs());
  return { line, clock, device, read, sensor, advanceTo };
}

/** The same, on for long enough, and its settings sent. */
async function preheated(options: NonNullable<Parameters<typeof opened>[0]> = {}) {
  const all = await opened({ ...options, answer: GOOD });
  await all.read().catch(() => {});
  await all.clock.advance(PREHEAT_MS);
  all.line.written.length = 0;
  all.sensor.answer = options.answer ?? GOOD;
  return all;
}

describe('good answers', () => {
  const known = vectors('mhz19b').filter(({ kind }) => kind === 'capture' || kind === 'unit-test');
  test.each(known)('gives the value of $id', async ({ input, expected }) => {
    const { read } = await preheated({ answer: input });
    expect(await read()).toEqual([{ id: 'co2', value: Number(expected['CO2']) }]);
  });

  test('gives what the recording was decoded to, frame by frame', async () => {
    const frames = csvRows('../serial_sensors/pypms_captured_frames.csv').filter(([, name]) => name === 'MHZ19B');
    const decoded = csvRows('../serial_sensors/pypms_MHZ19B.expected.csv');
    expect(frames.length).toBe(decoded.length);
    for (const [index, [time, , frame = '']] of frames.entries()) {
      expect(decoded[index]?.[0]).toBe(time);
      const { read } = await preheated({ answer: frame });
      expect(await read()).toEqual([{ id: 'co2', value: Number(decoded[index]?.[1]) }]);
    }
  });

  test('asks with the command of the data sheet', async () => {
    const { read, line } = await preheated();
    await read();
    expect(line.written.map(hex)).toEqual([vectors('mhz19b').find(({ kind }) => kind === 'command')?.input]);
  });

  test('finds the answer behind noise and half answers, however the bytes are cut', async () => {
    const noise = fc.uint8Array({ maxLength: 40 }).map((data) => data.map((byte) => (byte === 0xff ? 0 : byte)));
    const half = fc.nat({ max: 8 }).map((count) => bytes(GOOD).subarray(0, count));
    await fc.assert(
      fc.asyncProperty(noise, half, fc.integer({ min: 1, max: 30 }), async (before, begun, chunkLength) => {
        const { read } = await preheated({ answer: hex(before) + hex(begun) + GOOD, chunkLength });
        expect(await read()).toEqual([{ id: 'co2', value: 636 }]);
      }),
      { numRuns: 50 },
    );
  });

  test('passes over answers to settings', async () => {
    const { read } = await preheated({ answer: `ff79010000000000${'86'}${GOOD}` });
    expect(await read()).toEqual([{ id: 'co2', value: 636 }]);
  });
});

describe('preheating', () => {
  test('delivers nothing of the first three minutes, and never 0 ppm (the log of WifWaf/MH-Z19#6)', async () => {
    const { read, sensor, advanceTo } = await opened();
    const seen = [
      [1, 'ff8601903e000000ab', undefined],
      [10, ZERO, undefined],
      [60, ZERO, undefined],
      [120, ZERO, undefined],
      [190, 'ff86026c3e000000ce', 620],
      [200, 'ff86026e3e000000cc', 622],
    ] as const;
    for (const [atS, answer, ppm] of seen) {
      await advanceTo(atS * 1000);
      sensor.answer = answer;
      if (ppm === undefined) await expect(read(), `at ${atS} s`).rejects.toMatchObject(NOT_AVAILABLE);
      else expect(await read()).toEqual([{ id: 'co2', value: ppm }]);
    }
  });

  test('tells how long it has been on', async () => {
    const { read, advanceTo } = await opened();
    await advanceTo(100_000);
    await expect(read()).rejects.toThrow(/expected to be on for 180 s, found 100 s; its 636 ppm are no measurement/);
  });

  test('begins again when the sensor shows 0 ppm: it has been without power', async () => {
    const { read, sensor, clock } = await preheated({ answer: ZERO });
    await expect(read()).rejects.toMatchObject({ ...NOT_AVAILABLE, message: expect.stringMatching(/found 0/) });
    sensor.answer = GOOD;
    await expect(read()).rejects.toMatchObject(NOT_AVAILABLE);
    await clock.advance(PREHEAT_MS);
    expect(await read()).toEqual([{ id: 'co2', value: 636 }]);
  });

  test('begins again when the sensor was silent', async () => {
    const { read, sensor, clock } = await preheated({ answer: '' });
    await expect(read()).rejects.toMatchObject({ kind: 'timeout', message: expect.stringMatching(/found silence/) });
    sensor.answer = GOOD;
    await expect(read()).rejects.toMatchObject(NOT_AVAILABLE);
    await clock.advance(PREHEAT_MS);
    expect(await read()).toEqual([{ id: 'co2', value: 636 }]);
  });

  test('begins again when the port was lost, and not for a damaged answer', async () => {
    const { read, sensor, line } = await preheated({ answer: 'ff86027c42000000bb' });
    await expect(read()).rejects.toMatchObject({ kind: 'bad-checksum' });
    sensor.answer = GOOD;
    expect(await read()).toEqual([{ id: 'co2', value: 636 }]);
    line.unplug();
    line.isOpen = true;
    await expect(read()).rejects.toMatchObject(NOT_AVAILABLE);
  });
});

describe('settings', () => {
  test.each([
    [{ self_calibration: true, range: 5000 }, ['ff0179a000000000e6', 'ff01990000001388cb']],
    [{ self_calibration: false, range: 2000 }, ['ff0179000000000086', 'ff019900000007d08f']],
    [{ self_calibration: true, range: 10_000 }, ['ff0179a000000000e6', 'ff019900000027102f']],
  ])('are sent before the first question: %o', async (options, commands) => {
    // The commands as ESPHome and ESPEasy send them.
    const { read, line } = await opened(options as Parameters<typeof opened>[0]);
    await read().catch(() => {});
    await read().catch(() => {});
    expect(line.written.map(hex)).toEqual([...commands, QUESTION, QUESTION]);
  });

  test('are all sent again when the port is lost between two of them', async () => {
    const { read, line, clock } = await opened();
    clock.timer(50, () => line.unplug());
    await expect(read()).rejects.toMatchObject({ kind: 'closed' });
    line.isOpen = true;
    line.written.length = 0;
    await read().catch(() => {});
    expect(line.written.map(hex)).toEqual(['ff0179a000000000e6', 'ff01990000001388cb', QUESTION]);
  });

  test('are sent again to a sensor that may have been without power', async () => {
    const { read, line, sensor } = await preheated({ answer: '' });
    await read().catch(() => {});
    sensor.answer = GOOD;
    await read().catch(() => {});
    expect(line.written.map(hex)).toEqual([QUESTION, 'ff0179a000000000e6', 'ff01990000001388cb', QUESTION]);
  });

  test('are of the kind and the ranges that the sensor has', () => {
    expect(mhz19.with.safeParse({ self_calibration: true, range: 3000 }).success).toBe(false);
    expect(mhz19.with.safeParse({ self_calibration: true, range: 2000 }).success).toBe(true);
  });
});

describe('failures', () => {
  const fault = (name: string) => vectors('mhz19b').find(({ id }) => id.endsWith(`fault-${name}`))?.input ?? '';
  test.each([
    ['a short answer', fault('short'), 'timeout', /found 4 other bytes/],
    ['a wrong check byte', fault('wrong-checksum'), 'bad-checksum', /whose sum should be 85/],
    ['an answer to another question', 'ff79010000000000' + '86', 'timeout', /found 9 other bytes/],
  ])('says what came instead: %s', async (_, answer, kind, message) => {
    const { read, line, clock } = await preheated({ answer });
    const listenerCount = line.listenerCount;
    const beganMs = clock.monotonicMs();
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind, message: expect.stringMatching(message) });
    expect([clock.monotonicMs() - beganMs, line.listenerCount]).toEqual([ANSWER_MS_MAX, listenerCount]);
  });

  test('ends at once when the port is unplugged', async () => {
    const { line, read, clock } = await preheated({ answer: '' });
    const cause = new Error('EIO');
    clock.timer(5, () => line.unplug(cause));
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'closed', cause });
    expect(clock.timerCount).toBe(0);
  });

  test('leaves nothing behind when it is aborted, also between two settings, and when it is closed', async () => {
    for (const abortMs of [50, 205]) {
      const { line, read, clock, device } = await opened({ answer: '' });
      const controller = new AbortController();
      const reason = new BusError('timeout', 'the deadline of the round');
      clock.timer(abortMs, () => controller.abort(reason));
      await expect(read(controller.signal)).rejects.toBe(reason);
      await device.close();
      expect([line.listenerCount, clock.timerCount]).toEqual([0, 0]);
    }
  });
});

test(
  'takes no mutated answer whose check byte is wrong',
  () => {
    const frames = vectors('mhz19b').map(({ input }) => bytes(input));
    fc.assert(
      fc.property(mutated([...frames, bytes(GOOD + ZERO)]), (stream) => {
        const frame = mhz19Frames().push(stream);
        if (frame === undefined) return;
        let sum = 0;
        for (const byte of frame.slice(1)) sum += byte;
        expect([hex(frame.slice(0, 2)), frame.length, sum % 256]).toEqual(['ff86', 9, 0]);
      }),
      { numRuns: MUTATED_COUNT },
    );
  },
  MUTATED_MS_MAX,
);
