import { expect, test } from 'vitest';
import type { BusConfig } from '../../../config/config.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { bytes } from '../../support/hex.ts';
import { RTU, TCP } from '../site.ts';
import { ANSWER, deviceFault, listen, meter, QUESTION, signal, world } from './test-world.ts';

async function askRtu(faults: readonly Fault[], questions: readonly string[], bus: BusConfig = RTU) {
  const { clock, buses } = await world([bus], [meter('flat_1', 'meters', 1), meter('flat_2', 'meters', 2)], faults);
  const stream = await buses.serial(RTU, signal);
  const heard = listen(stream, clock);
  for (const question of questions) await clock.run(stream.write(bytes(question)));
  await clock.runUntil(clock.monotonicMs() + 900);
  return heard;
}

test('a slave answers byte for byte as in the manual, after silence, turnaround and the time of the line', async () => {
  const heard = await askRtu([], [QUESTION]);
  expect(heard.hex).toBe(ANSWER);
  const byteMs = 10 / 9.6;
  expect(heard.atMs).toBeGreaterThanOrEqual((8 + 3.5 + 9) * byteMs + 5);
  expect(heard.atMs).toBeLessThanOrEqual((8 + 3.5 + 9) * byteMs + 20);
});

test.each([
  ['a wrong checksum', ['01040006000291cb']],
  ['another unit', ['0304000600029028']],
  ['half a question', ['01040006']],
  ['a question with noise in front that nothing separates', [`ff${QUESTION}`]],
])('no slave answers %s', async (_, questions) => {
  expect((await askRtu([], questions)).hex).toBe('');
});

test('a question in two pieces is one question', async () => {
  expect((await askRtu([], [QUESTION.slice(0, 6), QUESTION.slice(6)])).hex).toBe(ANSWER);
});

test('an adapter with echo sends back what it is given, before the answer', async () => {
  expect((await askRtu([], [QUESTION], { ...RTU, echo: true })).hex).toBe(QUESTION + ANSWER);
});

test('a fault hits its device and no other', async () => {
  const otherUnit = '02040006000291f9';
  const heard = await askRtu([deviceFault('silent', 'flat_1')], [QUESTION]);
  expect(heard.hex).toBe('');
  const both = await askRtu([deviceFault('silent', 'flat_1')], [otherUnit]);
  expect(both.hex).toMatch(/^0204043f99999a/);
});

test('a corrupt answer differs in one bit, half an answer is its first half, noise comes before it', async () => {
  const corrupt = await askRtu([deviceFault('corrupt', 'flat_1')], [QUESTION]);
  const flipped = bytes(corrupt.hex).map((byte, i) => byte ^ (bytes(ANSWER)[i] ?? 0));
  expect([...flipped].map((byte) => byte.toString(2).replaceAll('0', '').length).reduce((a, b) => a + b)).toBe(1);
  expect((await askRtu([deviceFault('cut', 'flat_1')], [QUESTION])).hex).toBe(ANSWER.slice(0, 8));
  const noisy = await askRtu([deviceFault('noise', 'flat_1')], [QUESTION]);
  expect(noisy.hex.endsWith(ANSWER)).toBe(true);
  expect(noisy.hex.length).toBeGreaterThan(ANSWER.length);
});

test('a late answer comes as late as is said', async () => {
  const { atMs } = await askRtu([], [QUESTION]);
  const late = await askRtu([deviceFault('late', 'flat_1', { byMs: 500 })], [QUESTION]);
  expect(late.hex).toBe(ANSWER);
  expect(late.atMs - atMs).toBeCloseTo(500, 6);
});

test('a fault with a rate hits about that part of the answers', async () => {
  const { clock, buses } = await world([RTU], [meter('flat_1', 'meters', 1)], [deviceFault('silent', 'flat_1', { rate: 0.3 })]);
  const stream = await buses.serial(RTU, signal);
  let answers = 0;
  for (let i = 0; i < 400; i += 1) {
    const heard = listen(stream, clock);
    await clock.run(stream.write(bytes(QUESTION)));
    await clock.runUntil((i + 1) * 100);
    if (heard.hex === ANSWER) answers += 1;
  }
  expect(Math.abs(answers - 280)).toBeLessThan(40);
});

test('over TCP, transaction and unit come back as they were asked (si-05)', async () => {
  const { clock, buses } = await world([TCP], [meter('plc', 'plant', 0x11)]);
  const stream = await buses.tcp({ host: '10.0.0.5', port: 502 }, signal);
  const heard = listen(stream, clock);
  // Two questions in one piece; the second in two.
  await clock.run(stream.write(bytes('00070000000611040006000212340000')));
  await clock.run(stream.write(bytes('0006ff0400060002')));
  await clock.runUntil(1000);
  expect(heard.hex.length).toBe((13 + 9) * 2);
  expect(heard.hex).toContain('0007000000071104043f99999a');
  expect(heard.hex).toContain('123400000003ff840b');
});

test('over TCP, what is not Modbus gets no answer, and the next question does', async () => {
  const { clock, buses } = await world([TCP], [meter('plc', 'plant', 1)]);
  const stream = await buses.tcp({ host: '10.0.0.5', port: 502 }, signal);
  const heard = listen(stream, clock);
  await clock.run(stream.write(bytes('474554202f20485454502f312e31')));
  await clock.run(stream.write(bytes('000100000006010400060002')));
  await clock.runUntil(1000);
  expect(heard.hex).toBe('0001000000070104043f99999a');
});

test('RTU frames go over TCP where the site says so', async () => {
  const { clock, buses } = await world([{ ...TCP, framing: 'rtu' }], [meter('plc', 'plant', 1)]);
  const stream = await buses.tcp({ host: '10.0.0.5', port: 502 }, signal);
  const heard = listen(stream, clock);
  await clock.run(stream.write(bytes(QUESTION)));
  await clock.runUntil(1000);
  expect(heard.hex).toBe(ANSWER);
});
