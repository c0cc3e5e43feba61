import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { ANSWER_MS_MAX, sds011, sds011Frames } from '../../drivers/sds011.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { FakeByteStream } from '../support/fake-byte-stream.ts';
import { bytes, hex } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated } from '../support/mutated.ts';
import { TestClock } from '../support/test-clock.ts';
import { csvRows, vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const SDS011 = ['pm2_5', 'pm10'];
const SDS198 = ['pm100'];
// Commands as PyPMS sends them, a second implementation of the protocol.
const QUERY = 'aab404000000000000000000000000ffff02ab';
const GOOD = 'aac0d4043a0aa1601dab';
const GOOD_READINGS = [
  { id: 'pm2_5', value: 123.6 },
  { id: 'pm10', value: 261.8 },
];

async function open(readings: readonly string[] = SDS011) {
  const [line, clock] = [new FakeByteStream(), new TestClock()];
  const device = await sds011.open(line, deviceSpec('sds011', {}, readings), clock);
  const read = (signal = NO_ABORT) => clock.run(device.read?.(signal) ?? Promise.reject(new Error('no read')));
  return { line, clock, device, read };
}

/** A sensor that answers the query with these bytes, cut into chunks of `chunkLength`. */
async function answered(answer: string, readings?: readonly string[], chunkLength = 100) {
  const all = bytes(answer);
  const opened = await open(readings);
  opened.line.onWrite = () => {
    for (let at = 0; at < all.length; at += chunkLength) {
      opened.clock.timer(at + 1, () => opened.line.receive(all.subarray(at, at + chunkLength)));
    }
  };
  return opened;
}

/** The board's ids of the values in vectors and recordings. */
function expectedReadings(expected: Readonly<Record<string, unknown>>) {
  const ids: Record<string, string> = { pm25: 'pm2_5', pm10: 'pm10', pm100: 'pm100' };
  return Object.entries(expected).map(([name, value]) => ({ id: ids[name], value: Number(value) }));
}

describe('good frames', () => {
  const captured = vectors('sds011').filter(({ kind }) => kind === 'capture' || kind === 'datasheet-example');
  test.each(captured)('gives the values of $id', async ({ input, expected }) => {
    const { read } = await answered(input, 'pm100' in expected ? SDS198 : SDS011);
    expect(await read()).toEqual(expectedReadings(expected));
  });

  test.each([
    ['SDS01x', SDS011],
    ['SDS198', SDS198],
  ])('gives what the recording of the %s was decoded to, frame by frame', async (sensor, readings) => {
    const frames = csvRows('pypms_sds_frames.csv').filter(([, name]) => name === sensor);
    const decoded = csvRows(`pypms_${sensor}.expected.csv`);
    expect(frames.length).toBe(decoded.length);
    for (const [index, [time, , frame = '']] of frames.entries()) {
      const [decodedTime, ...values] = decoded[index] ?? [];
      expect(decodedTime).toBe(time);
      const { read } = await answered(frame, readings);
      expect((await read()).map((result) => 'value' in result && result.value)).toEqual(values.map(Number));
    }
  });

  test('compares only the low byte of the sum (esphome/issues#4572)', async () => {
    const { read } = await answered('aac02c003700a1b2b6ab');
    expect(await read()).toEqual([
      { id: 'pm2_5', value: 4.4 },
      { id: 'pm10', value: 5.5 },
    ]);
  });

  test('gives only what is wanted', async () => {
    const { read } = await answered(GOOD, ['pm10']);
    expect(await read()).toEqual([{ id: 'pm10', value: 261.8 }]);
  });
});

describe('finding the frame', () => {
  const resync = vectors('sds011').find(({ kind }) => kind === 'stream')?.input ?? '';

  test('finds both frames between garbage and half frames', async () => {
    const { read } = await answered(resync);
    expect(await read()).toEqual([
      { id: 'pm2_5', value: 0.9 },
      { id: 'pm10', value: 0.9 },
    ]);
    const afterFirst = resync.slice(resync.indexOf('aac00900090058d943ab') + 20);
    const { read: readRest } = await answered(afterFirst);
    expect(await readRest()).toEqual([
      { id: 'pm2_5', value: 0.8 },
      { id: 'pm10', value: 0.8 },
    ]);
  });

  test('finds a frame behind any noise, however the bytes are cut', async () => {
    const noise = fc.uint8Array({ maxLength: 60 }).map((data) => data.map((byte) => (byte === 0xab ? 0 : byte)));
    await fc.assert(
      fc.asyncProperty(noise, fc.integer({ min: 1, max: 30 }), async (before, chunkLength) => {
        const { read } = await answered(hex(before) + GOOD, SDS011, chunkLength);
        // Noise without the tail byte holds no frame, so the first one there is must be found.
        expect(await read()).toEqual(GOOD_READINGS);
      }),
      { numRuns: 50 },
    );
  });

  test('takes only what arrives after the query', async () => {
    const { line, read, clock } = await open();
    line.receive(bytes('aac00900090058d943ab'));
    line.onWrite = () => clock.timer(5, () => line.receive(bytes(GOOD)));
    expect(await read()).toEqual(GOOD_READINGS);
    expect(line.written.map(hex)).toEqual([QUERY]);
  });

  // A line takes one write at a time: putting the sensor to sleep right after would be refused.
  test('is not done before its question has gone out, although the sensor has sent a frame by itself', async () => {
    const { line, device, clock } = await open();
    let sent = () => {};
    line.write = () =>
      new Promise((resolve) => {
        sent = resolve;
        clock.timer(5, () => line.receive(bytes(GOOD)));
      });
    let isDone = false;
    const reading = device.read?.(NO_ABORT).then((results) => {
      isDone = true;
      return results;
    });
    await clock.advance(100);
    expect(isDone).toBe(false);
    sent();
    expect(await reading).toEqual(GOOD_READINGS);
  });

  test('passes over frames of other kinds: confirmations, and data of the other sensor', async () => {
    const { read } = await answered(`aac50601010058d939abaacf0e001300e9050fab${GOOD}`);
    expect(await read()).toEqual(GOOD_READINGS);
  });

  test('passes over a frame with a wrong sum when a good one follows', async () => {
    const { read } = await answered(`aac0d4043a0aa1601eab${GOOD}`);
    expect(await read()).toEqual(GOOD_READINGS);
  });
});

describe('failures', () => {
  test.each([
    ['silence', '', 'timeout', /found silence/],
    ['a short frame', 'aac0d4041dab', 'timeout', /found 6 other bytes/],
    ['a wrong tail', 'aac0d4043a0aa1601daa', 'timeout', /found 10 other bytes/],
    ['a wrong sum', 'aac0d4043a0aa1601eab', 'bad-checksum', /found aac0d4043a0aa1601eab, whose sum should be 1d/],
  ])('says what came instead of a frame: %s', async (_, answer, kind, message) => {
    const { read, clock, line } = await answered(answer);
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind, message: expect.stringMatching(message) });
    expect(clock.monotonicMs()).toBe(ANSWER_MS_MAX);
    expect(line.listenerCount).toBe(0);
  });

  test.each(['aac000000000000000ab', 'aac00000000058d931ab', 'aacf00000000e905eeab'])(
    'gives no value for a frame without a measurement: %s',
    async (frame) => {
      const { read } = await answered(frame, frame.startsWith('aacf') ? SDS198 : SDS011);
      await expect(read()).rejects.toMatchObject({
        name: 'DeviceError',
        kind: 'not-available',
        message: expect.stringMatching(/warming up/),
      });
    },
  );

  test('lets the failure out when the query cannot be sent', async () => {
    const { line, read } = await open();
    line.isOpen = false;
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'closed' });
    expect(line.listenerCount).toBe(0);
  });

  test('ends at once when the port is unplugged', async () => {
    const { line, read, clock } = await open();
    const cause = new Error('EIO');
    line.onWrite = () => clock.timer(5, () => line.unplug(cause));
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'closed', cause });
    expect(clock.monotonicMs()).toBe(5);
    expect([line.listenerCount, clock.timerCount]).toEqual([0, 0]);
  });

  test('leaves nothing behind when it is aborted', async () => {
    const { line, read, clock } = await open();
    const controller = new AbortController();
    const reason = new BusError('timeout', 'the deadline of the round');
    clock.timer(20, () => controller.abort(reason));
    await expect(read(controller.signal)).rejects.toBe(reason);
    expect([line.listenerCount, clock.timerCount]).toEqual([0, 0]);
  });

  test('refuses a board that wants readings of two sensors', async () => {
    await expect(open(['pm10', 'pm100'])).rejects.toThrow(/no sensor sends pm10, pm100 in one frame/);
  });
});

test('wakes the sensor and puts it to sleep with the commands of the protocol', async () => {
  const { device, line } = await open();
  await device.wake?.();
  await device.sleep?.();
  expect(line.written.map(hex)).toEqual(['aab406010100000000000000000000ffff06ab', 'aab406010000000000000000000000ffff05ab']);
});

test(
  'takes no mutated frame whose sum is wrong',
  () => {
    const frames = vectors('sds011').map(({ input }) => bytes(input));
    const glued = bytes(`${GOOD}aacf0e001300e9050fab${GOOD}`);
    fc.assert(
      fc.property(mutated([...frames, bytes(GOOD), glued]), fc.constantFrom(0xc0, 0xcf), (stream, type) => {
        const frame = sds011Frames(type).push(stream);
        if (frame === undefined) return;
        let rest = frame[8] ?? 0;
        for (const byte of frame.slice(2, 8)) rest -= byte;
        const found = { marks: [frame[0], frame[1], frame[9]], length: frame.length, rest: Math.abs(rest % 256) };
        expect(found).toEqual({ marks: [0xaa, type, 0xab], length: 10, rest: 0 });
      }),
      { numRuns: MUTATED_COUNT },
    );
  },
  MUTATED_MS_MAX,
);
