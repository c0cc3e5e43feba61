import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { FRAME_MS_MAX, pms5003, pms5003Frames } from '../../drivers/pms5003.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { bytes, hex } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, mutated } from '../support/mutated.ts';
import { cut, SpeakingStream } from '../support/speaking-stream.ts';
import { TestClock } from '../support/test-clock.ts';
import { csvRows, vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const ALL = ['pm1', 'pm2_5', 'pm10'];
const GOOD = '424d001c0015002400240014002100240dc8041f00e4000e00d400e09a000599';
const GOOD_READINGS = readings(20, 33, 36);
/** A good frame in which nothing was measured. */
const ALL_ZERO = `424d001c${'00'.repeat(26)}00ab`;

function readings(pm1: number, pm25: number, pm10: number) {
  return [
    { id: 'pm1', value: pm1 },
    { id: 'pm2_5', value: pm25 },
    { id: 'pm10', value: pm10 },
  ];
}

/** A sensor that sends these bytes by itself, cut into chunks of `chunkLength`. */
async function sending(stream: string, { wanted = ALL, chunkLength = 1000 } = {}) {
  const clock = new TestClock();
  const line = new SpeakingStream(clock, cut(bytes(stream), chunkLength));
  const device = await pms5003.open(line, deviceSpec('pms5003', {}, wanted), clock);
  const read = (signal = NO_ABORT) => clock.run(device.read?.(signal) ?? Promise.reject(new Error('no read')));
  return { line, clock, device, read };
}

describe('good frames', () => {
  const captured = vectors('pms5003_7003').filter(({ input, kind }) => kind === 'capture' && input.startsWith('424d001c'));
  test.each(captured)('gives the atmospheric values of $id', async ({ input, expected }) => {
    const { read } = await sending(input);
    expect(await read()).toEqual(readings(Number(expected['pm01']), Number(expected['pm25']), Number(expected['pm10'])));
  });

  test.each(['PMSx003', 'PMS5003T'])('gives what the recording of the %s was decoded to, frame by frame', async (sensor) => {
    const frames = csvRows('../serial_sensors/pypms_captured_frames.csv').filter(([, name]) => name === sensor);
    const decoded = csvRows(`../serial_sensors/pypms_${sensor}.expected.csv`);
    expect(frames.length).toBe(decoded.length);
    for (const [index, [time, , frame = '']] of frames.entries()) {
      const [decodedTime, , , , ...values] = decoded[index] ?? [];
      expect(decodedTime).toBe(time);
      const { read } = await sending(frame);
      expect((await read()).map((result) => 'value' in result && result.value)).toEqual(values.slice(0, 3).map(Number));
    }
  });

  test('gives only what is wanted', async () => {
    const { read } = await sending(GOOD, { wanted: ['pm10'] });
    expect(await read()).toEqual([{ id: 'pm10', value: 36 }]);
  });

  test('gives zero when small particles were counted: the air is clean', async () => {
    const { read } = await sending('424d001c00000000000000000000000000b4003c00000000000000009700' + '0232');
    expect(await read()).toEqual(readings(0, 0, 0));
  });
});

describe('finding the frame', () => {
  test('takes the value behind forty zero bytes (esphome/esphome#13081)', async () => {
    const frame = '424d001c00050009000c00050009000c0384012c003c000c0004000197000277';
    const { read, line } = await sending('00'.repeat(40) + frame);
    expect(await read()).toEqual(readings(5, 9, 12));
    expect(line.written).toEqual([]);
  });

  test('finds a frame behind any noise, however the bytes are cut', async () => {
    // Noise without the first byte of a frame holds none, so the first one there is must be found.
    const noise = fc.uint8Array({ maxLength: 80 }).map((data) => data.map((byte) => (byte === 0x42 ? 0 : byte)));
    await fc.assert(
      fc.asyncProperty(noise, fc.integer({ min: 1, max: 40 }), async (before, chunkLength) => {
        const { read } = await sending(hex(before) + GOOD, { chunkLength });
        expect(await read()).toEqual(GOOD_READINGS);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['a frame of the sensor that was reset in its middle', GOOD.slice(0, 30)],
    ['a frame that begins within what looks like a head', '424d001c'],
    ['a frame with a wrong sum', GOOD.replace('0599', '0598')],
    ['a confirmation of a command', '424d0004e4000177'],
    ['a frame of a PMS3003', vectors('pms5003_7003').find(({ id }) => id.includes('PMS3003'))?.input ?? ''],
  ])('passes over %s', async (_, before) => {
    const { read } = await sending(before + GOOD);
    expect(await read()).toEqual(GOOD_READINGS);
  });

  test('takes only what arrives after the read began', async () => {
    const { line, read } = await sending(GOOD);
    line.receive(bytes('424d001c00050009000c00050009000c0384012c003c000c0004000197000277'));
    expect(await read()).toEqual(GOOD_READINGS);
  });
});

describe('failures', () => {
  const [short, wrongSum] = ['short', 'wrong-checksum'].map(
    (name) => vectors('pms5003_7003').find(({ id }) => id.endsWith(`fault-${name}`))?.input ?? '',
  ) as [string, string];
  test.each([
    ['silence', '', 'timeout', /found silence.*SET/],
    ['a short frame', short, 'timeout', /found 10 other bytes/],
    ['a wrong sum', wrongSum, 'bad-checksum', /whose sum should be 03c5/],
    ['a sum whose low byte alone is right', GOOD.replace('0599', '0499'), 'bad-checksum', /whose sum should be 0599/],
  ])('says what came instead of a frame: %s', async (_, stream, kind, message) => {
    const { read, clock, line } = await sending(stream);
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind, message: expect.stringMatching(message) });
    expect(clock.monotonicMs()).toBe(FRAME_MS_MAX);
    expect(line.listenerCount).toBe(0);
  });

  test('gives no value for a frame without a measurement', async () => {
    const { read } = await sending(ALL_ZERO);
    await expect(read()).rejects.toMatchObject({
      name: 'DeviceError',
      kind: 'not-available',
      message: expect.stringMatching(/warming up/),
    });
  });

  test('ends at once when the port is unplugged', async () => {
    const { line, read, clock } = await sending('');
    const cause = new Error('EIO');
    clock.timer(5, () => line.unplug(cause));
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'closed', cause });
    expect([line.listenerCount, clock.timerCount, clock.monotonicMs()]).toEqual([0, 0, 5]);
  });

  test('leaves nothing behind when it is aborted', async () => {
    const { line, read, clock } = await sending('');
    const controller = new AbortController();
    const reason = new BusError('timeout', 'the deadline of the round');
    clock.timer(20, () => controller.abort(reason));
    await expect(read(controller.signal)).rejects.toBe(reason);
    expect([line.listenerCount, clock.timerCount]).toEqual([0, 0]);
  });

  test('refuses a board that wants another reading', async () => {
    await expect(sending(GOOD, { wanted: ['pm4'] })).rejects.toThrow(/pm4/);
  });
});

test('wakes the sensor and puts it to sleep with the commands of the data manual', async () => {
  const { device, line } = await sending('');
  await device.wake?.();
  await device.sleep?.();
  // As PyPMS sends them, a second implementation of the protocol.
  expect(line.written.map(hex)).toEqual(['424de400010174', '424de400000173']);
});

test(
  'takes no mutated frame whose sum is wrong',
  () => {
    const frames = vectors('pms5003_7003').map(({ input }) => bytes(input));
    fc.assert(
      fc.property(mutated([...frames, bytes(GOOD + GOOD)]), (stream) => {
        const frame = pms5003Frames().push(stream);
        if (frame === undefined) return;
        let rest = 256 * (frame[30] ?? 0) + (frame[31] ?? 0);
        for (const byte of frame.slice(0, 30)) rest -= byte;
        expect([hex(frame.slice(0, 4)), frame.length, rest]).toEqual(['424d001c', 32, 0]);
      }),
      { numRuns: MUTATED_COUNT },
    );
  },
  MUTATED_MS_MAX,
);
