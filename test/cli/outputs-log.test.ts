// `barri outputs log` of journals that were kept on the real disk.

import { expect, test } from 'vitest';
import type { JournalRecord, Stamp } from '../../gateway/record.ts';
import { barri } from './in-process.ts';
import { DAY_MS, hall, keep, stateForEach } from './journal-kit.ts';

let state: string;
stateForEach((folder) => {
  state = folder;
});

const stampAt = (ms: number): Stamp => ({ boot: 'b', monotonicMs: ms, wallMs: DAY_MS + ms, wallQuality: 'synced' });

/** An order, its intent, and what became of it half a second later: undefined when nobody wrote it down. */
function ordered(
  ms: number,
  id: string,
  from: string,
  on: boolean,
  result?: { done: boolean; reason?: string },
): JournalRecord[] {
  const about = { order: id, output: 'valve.open' };
  return [
    { kind: 'order', ...stampAt(ms), id, output: 'valve.open', on, from },
    { kind: 'intent', ...stampAt(ms), ...about, on },
    ...(result === undefined ? [] : [{ kind: 'result', ...stampAt(ms + 500), ...about, ...result } as const]),
  ];
}

const KEPT: readonly JournalRecord[] = [
  ...ordered(1_000, 'o1', 'sentilo: street-console', true, { done: true }),
  hall(1),
  ...ordered(61_000, 'o2', 'max_on', false, { done: false, reason: 'no answer from unit 30' }),
  ...ordered(62_000, 'o3', 'max_on', false),
];

const log = (...args: string[]) => barri(['outputs', 'log', '--state', state, ...args]);

test('shows when, by whom, and what became of each', async () => {
  await keep(state, KEPT);
  const { out, code } = await log();
  expect(out.split('\n')).toEqual([
    'time (UTC)           output      order  from                     result',
    '2026-11-25 00:00:01  valve.open  on     sentilo: street-console  done',
    '2026-11-25 00:01:01  valve.open  off    max_on                   no answer from unit 30',
    '2026-11-25 00:01:02  valve.open  off    max_on                   none written down',
    '',
  ]);
  expect(code).toBe(0);
});

test('gives the newest ones, as JSON too', async () => {
  await keep(state, KEPT);
  expect(JSON.parse((await log('--last', '2', '--json')).out)).toEqual([
    {
      time: '2026-11-25T00:01:01.000Z',
      output: 'valve.open',
      on: false,
      from: 'max_on',
      result: { done: false, reason: 'no answer from unit 30' },
    },
    { time: '2026-11-25T00:01:02.000Z', output: 'valve.open', on: false, from: 'max_on' },
  ]);
});

test('an order from before the clock was set has no time', async () => {
  const [order] = ordered(1_000, 'o1', 'local: test', true);
  await keep(state, [{ ...order, wallMs: 5, wallQuality: 'none' } as JournalRecord]);
  expect((await log()).out).toMatch(/^not known {2,}valve\.open/m);
  expect(JSON.parse((await log('--json')).out)[0]).not.toHaveProperty('time');
});

test('says that there is none, and what a wrong count should be', async () => {
  await keep(state, [hall(1)]);
  expect((await log()).out).toBe('No output was ordered anything.\n');
  expect((await log('--json')).out).toBe('[]\n');
  const wrong = await log('--last', 'all');
  expect(wrong.err).toContain('Give a whole number from 1 to 100000.');
  expect(wrong.code).toBe(2);
});

test('shows what was refused before it became an order, and how many more', async () => {
  const refusal = (ms: number, fields: Record<string, string | number | boolean>) =>
    ({ kind: 'event', ...stampAt(ms), code: 'order-refused', fields: { output: 'valve.open', ...fields } }) as const;
  const sender = { from: 'sentilo: stranger', reason: 'sender: orders_from does not name it' };
  await keep(state, [
    ...KEPT,
    refusal(70_000, { ...sender, on: true }),
    refusal(80_000, { from: 'mqtt: broker', reason: 'not-understood: expected on or off', leftOut: 4 }),
  ]);
  const lines = (await log('--last', '2')).out.split('\n');
  expect(lines.slice(1)).toEqual([
    '2026-11-25 00:01:10  valve.open  on     sentilo: stranger  sender: orders_from does not name it',
    '2026-11-25 00:01:20  valve.open  ?      mqtt: broker       after 4 more: not-understood: expected on or off',
    '',
  ]);
  expect(JSON.parse((await log('--last', '1', '--json')).out)).toEqual([
    {
      time: '2026-11-25T00:01:20.000Z',
      output: 'valve.open',
      from: 'mqtt: broker',
      result: { done: false, reason: 'not-understood: expected on or off' },
      leftOut: 4,
    },
  ]);
});
