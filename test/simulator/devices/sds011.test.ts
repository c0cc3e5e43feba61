import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/sds011.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

// Commands as the protocol document V1.3 prints them.
const QUERY = 'aab404000000000000000000000000ffff02ab';
const SLEEP = 'aab406010000000000000000000000ffff05ab';
const WORK = 'aab406010100000000000000000000ffff06ab';
const QUERY_MODE = 'aab402010100000000000000000000ffff02ab';
const ACTIVE_MODE = 'aab402010000000000000000000000ffff01ab';

function sensor(values: Readonly<Record<string, number>>, board = 'sds011') {
  const simulated = model(context({ driver: 'sds011', board }, values));
  const ask = (command: string, atMs: number) => simulated.receive(bytes(command), atMs).map((answer) => hex(answer.bytes));
  const unasked = (atMs: number) => hex(simulated.unasked?.frame(atMs) ?? new Uint8Array(0));
  return { simulated, ask, unasked };
}

// The frames of the sensor whose id the model has taken over.
const captures = vectors('sds011').filter(({ kind, input }) => kind === 'capture' && input.startsWith('aac0'));

test.each(captures)('sends the captured frame $input for its values', ({ expected, input }) => {
  const { unasked, ask } = sensor({ pm2_5: Number(expected['pm25']), pm10: Number(expected['pm10']) });
  expect(unasked(5000)).toBe(input);
  expect(ask(QUERY, 5000)).toEqual([input]);
});

test('an SDS198 sends its value in the second pair, as the captured one does', () => {
  const capture = vectors('sds011').find(({ id }) => id.endsWith('1599656320'));
  const { unasked } = sensor({ pm100: Number(capture?.expected['pm100']) }, 'sds198');
  const [frame, captured] = [unasked(5000), capture?.input ?? ''];
  // Head, kind and values; then comes the id of another sensor, and the checksum over it.
  expect(frame.slice(0, 12)).toBe(captured.slice(0, 12));
  expect(frame.slice(-2)).toBe('ab');
});

test('sends zeros in good frames for the first two seconds after it was woken', () => {
  const { ask, unasked } = sensor({ pm2_5: 12, pm10: 30 });
  expect(unasked(1000)).not.toBe('aac00000000058d931ab');
  ask(SLEEP, 10_000);
  ask(WORK, 20_000);
  expect(ask(QUERY, 21_999)).toEqual(['aac00000000058d931ab']);
  expect(ask(QUERY, 22_000)).not.toEqual(['aac00000000058d931ab']);
});

test('hears nothing but the command to work while it sleeps', () => {
  const { ask, unasked } = sensor({ pm2_5: 12, pm10: 30 });
  expect(ask(SLEEP, 5000)).toEqual(['aac50601000058d938ab']);
  expect(unasked(6000)).toBe('');
  expect(ask(QUERY, 6000)).toEqual([]);
  expect(ask(WORK, 7000)).toEqual(['aac50601010058d939ab']);
  expect(unasked(10_000)).not.toBe('');
});

test('reports by itself only in the active mode', () => {
  const { ask, unasked } = sensor({ pm2_5: 12, pm10: 30 });
  expect(ask(QUERY_MODE, 5000)).toEqual(['aac50201010058d935ab']);
  expect(unasked(6000)).toBe('');
  expect(ask(QUERY, 6000)).toHaveLength(1);
  ask(ACTIVE_MODE, 7000);
  expect(unasked(8000)).not.toBe('');
});

test('takes a command in pieces and after noise, and none with a wrong checksum or for another sensor', () => {
  const { simulated, ask } = sensor({ pm2_5: 12, pm10: 30 });
  expect(ask(`ffaab4${QUERY.slice(0, 20)}`, 5000)).toEqual([]);
  expect(simulated.receive(bytes(QUERY.slice(20)), 5001)).toHaveLength(1);
  expect(ask(QUERY.replace('02ab', '03ab'), 6000)).toEqual([]);
  expect(ask('aab404000000000000000000000000123450ab', 6000)).toEqual([]);
  expect(ask(QUERY + QUERY, 7000)).toHaveLength(2);
});
