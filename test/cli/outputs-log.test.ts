// `barri outputs log` of journals that were kept on the real disk.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { orderTable } from '../../cli/order-table.ts';
import type { JournalRecord, Stamp } from '../../gateway/record.ts';
import { barri } from './in-process.ts';
import { DAY_MS, hall, keep, stateForEach } from './journal-kit.ts';

let state: string;
const ZONE = process.env['TZ'];
beforeEach(() => {
  process.env['TZ'] = 'UTC';
});
afterEach(() => {
  if (ZONE === undefined) delete process.env['TZ'];
  else process.env['TZ'] = ZONE;
});

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
    'time                     output      order  from                     result',
    '2026-11-25 00:00:01 UTC  valve.open  on     sentilo: street-console  done',
    '2026-11-25 00:01:01 UTC  valve.open  off    max_on                   no answer from unit 30',
    '2026-11-25 00:01:02 UTC  valve.open  off    max_on                   none written down',
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
  const sender = { from: 'sentilo: stranger', reason: 'sender: orders_from does not name stranger' };
  await keep(state, [
    ...KEPT,
    refusal(70_000, { ...sender, on: true }),
    refusal(80_000, { from: 'mqtt: broker', reason: 'not-understood: expected on or off', leftOut: 4 }),
  ]);
  const lines = (await log('--last', '2')).out.split('\n');
  expect(lines.slice(1)).toEqual([
    '2026-11-25 00:01:10 UTC  valve.open  on     sentilo: stranger  not allowed: orders_from does not name stranger',
    '2026-11-25 00:01:20 UTC  valve.open  ?      mqtt: broker       after 4 more: not-understood: expected on or off',
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

test('shows the local time of the site, by the zone that holds then', async () => {
  const site = join(state, 'site.gateway.yaml');
  writeFileSync(site, 'schema: gateway/v1\ngateway: { id: trial, timezone: Europe/Madrid }\n');
  const summer = { ...stampAt(0), wallMs: Date.parse('2026-10-24T04:30:00Z') };
  const [early] = ordered(0, 'o0', 'rules: morning', true);
  await keep(state, [{ ...early, ...summer } as JournalRecord, ...ordered(1_000, 'o1', 'local: test', true)]);
  const { out } = await barri(['outputs', 'log', site], { BARRI_STATE_DIR: state });
  const times = out.split('\n').map((line) => line.split('  ')[0]);
  expect(times.slice(1, 3)).toEqual(['2026-10-24 06:30:00 CEST', '2026-11-25 01:00:01 CET']);
});

const LONG = `failed: ${Array.from({ length: 30 }, (_, at) => `word${at}`).join(' ')}`;

test('a reason is whole in a pipe, and broken on a terminal', async () => {
  await keep(state, ordered(1_000, 'o1', 'local: test', true, { done: false, reason: LONG }));
  expect((await log()).out).toContain(`local: test  ${LONG}\n`);
  const row = { wallMs: DAY_MS, about: 'valve.open', order: 'on', from: 'local: test', result: LONG };
  const shown = orderTable([row], 'UTC', { isTerminal: true, columns: 80 });
  expect(shown.join(' ').replaceAll(/\s+/g, ' ')).toContain(LONG);
  for (const line of shown) expect(line.length).toBeLessThanOrEqual(80);
});

test('says for how long it was ordered, what was done of that, and what was expected', async () => {
  const [order, intent, result] = ordered(1_000, 'o1', 'sentilo: app', true, { done: true, reason: 'for 10 min only (max_on)' });
  const problem = 'expected flow.rate above 1 within 10 s, found 0';
  await keep(state, [
    ...([{ ...order, forMs: 1_200_000 }, intent, result] as JournalRecord[]),
    ...ordered(11_000, 'o2', 'expect', false, { done: true, reason: problem }),
  ]);
  expect((await log()).out.split('\n').slice(1, 3)).toEqual([
    '2026-11-25 00:00:01 UTC  valve.open  on for 20 min  sentilo: app  done: for 10 min only (max_on)',
    `2026-11-25 00:00:11 UTC  valve.open  off            expect        done: ${problem}`,
  ]);
  expect(JSON.parse((await log('--json')).out)[0]).toMatchObject({ on: true, forMs: 1_200_000, result: { done: true } });
});
