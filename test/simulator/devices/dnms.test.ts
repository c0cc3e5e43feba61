import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/dnms.ts';
import { bytes, hex } from '../../support/hex.ts';
import { context } from '../site.ts';

const NOTHING = new Uint8Array(0);

function board(values: Readonly<Record<string, number>> = {}) {
  const simulated = model(context({ driver: 'dnms', address: 0x55 }, values));
  const send = (command: string, atMs: number) => simulated.transfer(bytes(command), 0, atMs) !== undefined;
  const read = (length: number, atMs: number) => {
    const answer = simulated.transfer(NOTHING, length, atMs);
    return answer && hex(answer);
  };
  return { send, read, ask: (command: string, length: number, atMs: number) => send(command, atMs) && read(length, atMs) };
}

test('says its version as the firmware does', () => {
  expect(board().ask('0002', 27, 0)).toBe('444ea94d53652056856572397369a46f6ee92032fa2e30f52e3431');
});

test('has its levels at the end of the block of sound, in the layout of the firmware, and gives them once', () => {
  const simulated = board({ laeq: 54.52, la_min: 43.09, la_max: 75.97 });
  expect(simulated.ask('0004', 3, 0)).toBe('000081');
  simulated.send('0003', 1_000);
  expect(simulated.ask('0004', 3, 1_014)).toBe('000081');
  // 29 blocks of 35 ms.
  expect(simulated.ask('0004', 3, 1_015)).toBe('0001b0');
  expect(simulated.ask('0005', 18, 1_020)).toBe('425a74147b7e422c2a5c29dc42977ff0a4a1');
  expect(simulated.ask('0004', 3, 1_021)).toBe('000081');
  expect(simulated.ask('0005', 18, 1_022)).toBe('000081'.repeat(6));
});

test('acknowledges everything, and lets the line high where it has nothing to say', () => {
  const simulated = board();
  expect(simulated.read(3, 0)).toBe('ffffff');
  expect(simulated.ask('0099', 3, 1)).toBe('ffffff');
  simulated.send('0004', 2);
  expect(simulated.read(5, 3)).toBe('000081ffff');
  expect(simulated.read(3, 4)).toBe('ffffff');
});

test('is deaf for half a second after a reset, and has no levels until it has heard something', () => {
  const simulated = board({ laeq: 50, la_min: 40, la_max: 60 });
  simulated.send('0003', 0);
  simulated.send('0001', 100);
  expect(simulated.send('0004', 599)).toBe(false);
  expect(simulated.ask('0005', 18, 600)).toBe('000081'.repeat(6));
  simulated.send('0003', 610);
  expect(simulated.ask('0004', 3, 1_190)).toBe('000081');
  expect(simulated.ask('0004', 3, 1_195)).toBe('0001b0');
});
