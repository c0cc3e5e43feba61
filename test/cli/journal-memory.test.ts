import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalRecord } from '../../gateway/record.ts';
import { seeded } from '../journal/kit.ts';
import { ROOT } from './in-process.ts';
import { hall, keep, temporaryState } from './journal-kit.ts';

/** Less than what all the events take together, and enough for the program. */
const HEAP_MB = 40;
const EVENT_COUNT = 3_000;
const PARTS_PER_EVENT = 1_400;

const { state, remove } = temporaryState();
afterAll(remove);

beforeAll(async () => {
  const random = seeded(1);
  const records = Array.from({ length: EVENT_COUNT }, (_, minute): JournalRecord[] => {
    const { boot, monotonicMs, wallMs, wallQuality } = hall(minute);
    const text = Array.from({ length: PARTS_PER_EVENT }, () => random().toString(36).slice(2, 10)).join('');
    return [{ kind: 'event', boot, monotonicMs, wallMs, wallQuality, code: 'note', fields: { text } }, hall(minute)];
  }).flat();
  await keep(state, records, { slotBytes: 1 << 20, slotCount: 8 });
}, 60_000);

test.each([
  ['journal', 'inspect', '--state', state],
  ['journal', 'verify', '--state', state],
  ['journal', 'export', '--format', 'jsonl', '--state', state, '--out', join(state, 'records.jsonl')],
  ['journal', 'salvage', state, '--format', 'cbor', '--out', join(state, 'records.cbor')],
  ['status', '--state', state],
])(
  'barri %s %s finishes in less memory than the records take',
  (...args) => {
    const node = [`--max-old-space-size=${HEAP_MB}`, '--import', 'tsx', 'cli/main.ts'];
    const { status, stderr } = spawnSync(process.execPath, [...node, ...args], { cwd: ROOT, encoding: 'utf8' });
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  },
  60_000,
);
