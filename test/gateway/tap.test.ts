import { expect, test } from 'vitest';
import { frameLog, jsonLog } from '../../gateway/log.ts';
import { frames, tappedGpio, tappedI2c, tappedStream } from '../../gateway/tap.ts';
import { FakeByteStream } from '../support/fake-byte-stream.ts';
import { FakeInput, FakeOutput } from '../support/fake-gpio.ts';
import { TestClock } from '../support/test-clock.ts';

const clock = new TestClock({ ms: 0, quality: 'synced' });

function seen() {
  const lines: Record<string, unknown>[] = [];
  const log = jsonLog({ clock, write: (line) => lines.push(JSON.parse(line)), level: 'debug', journald: false });
  return { lines, see: frames('meters', { clock }, frameLog(log)) };
}

test('shows every chunk of a line in both directions and passes it on unchanged', async () => {
  const { lines, see } = seen();
  const line = new FakeByteStream();
  const tapped = tappedStream(line, see);
  const heard: Uint8Array[] = [];
  tapped.onBytes((bytes) => heard.push(bytes));
  await tapped.write(Uint8Array.of(1, 4, 0));
  line.receive(Uint8Array.of(0xab));
  expect(line.written).toEqual([Uint8Array.of(1, 4, 0)]);
  expect(heard).toEqual([Uint8Array.of(0xab)]);
  expect(lines).toMatchObject([
    { code: 'bus-frame', bus: 'meters', direction: 'out', bytes: '010400' },
    { code: 'bus-frame', bus: 'meters', direction: 'in', bytes: 'ab' },
  ]);
});

test('labels I2C frames with the address', async () => {
  const { lines, see } = seen();
  const bus = { transfer: async () => Uint8Array.of(0x60), close: async () => {} };
  await (await tappedI2c(Promise.resolve(bus), see)).transfer(0x76, Uint8Array.of(0xd0), 1);
  expect(lines).toMatchObject([
    { direction: 'out', label: '0x76', bytes: 'd0' },
    { direction: 'in', label: '0x76', bytes: '60' },
  ]);
});

test('labels levels with the line, and passes on that some may have been missed', async () => {
  const { lines, see } = seen();
  const pin = new FakeInput(true);
  const gpio = { input: () => pin, output: () => new FakeOutput(), close: async () => {} };
  const input = await (await tappedGpio(Promise.resolve(gpio), see)).input(17).open({ pull: 'up', debounceMs: 0 });
  let missedCount = 0;
  const onMissed = () => {
    missedCount += 1;
  };
  const first = input.changes(new AbortController().signal, onMissed)[Symbol.asyncIterator]().next();
  pin.missed();
  pin.change(false);
  expect(await first).toEqual({ done: false, value: false });
  expect(missedCount).toBe(1);
  expect(lines).toMatchObject([{ direction: 'in', label: '17', bytes: '00' }]);
});

test('costs nothing when nobody looks', () => {
  const line = new FakeByteStream();
  expect(tappedStream(line, frames('meters', { clock }, undefined))).toBe(line);
});
