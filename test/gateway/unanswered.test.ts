// Which orders of a life that is over get the result `unknown`.

import { expect, test } from 'vitest';
import { JournalError } from '../../gateway/journal/journal.ts';
import { answerUnanswered } from '../../gateway/outputs/unanswered.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';
import { Machine } from './machine.ts';

async function journalOf(...records: readonly Omit<JournalRecord, 'boot' | 'monotonicMs' | 'wallMs' | 'wallQuality'>[]) {
  const machine = new Machine();
  const journal = new MemoryJournal();
  for (const record of records) await journal.append({ ...record, ...machine.stamp() } as JournalRecord);
  return { journal, machine };
}

const order = (id: string) => ({ kind: 'order', id, output: 'pump.switch', on: true, from: 'local: test' }) as const;
const intent = (id: string) => ({ kind: 'intent', order: id, output: 'pump.switch', on: true }) as const;
const result = (id: string) => ({ kind: 'result', order: id, output: 'pump.switch', done: true }) as const;

test('those without one, in their order, and each once', async () => {
  const records = [order('a'), intent('a'), result('a'), order('b'), intent('b'), order('c'), intent('d')];
  const { journal, machine } = await journalOf(...records);
  await answerUnanswered(journal, machine.host);
  await answerUnanswered(journal, machine.host);
  const added = journal.records.slice(records.length);
  expect(added).toEqual([
    expect.objectContaining({
      kind: 'result',
      order: 'b',
      done: false,
      reason: expect.stringMatching(/^unknown: .* may have moved/),
    }),
    expect.objectContaining({ kind: 'result', order: 'c', done: false, reason: expect.stringMatching(/^unknown: .* before it/) }),
    expect.objectContaining({ kind: 'result', order: 'd', done: false }),
  ]);
  expect(machine.log).toEqual(['order-outcome-unknown', 'order-outcome-unknown', 'order-outcome-unknown']);
});

test('only the newest records are looked through', async () => {
  const { journal, machine } = await journalOf(order('a'));
  const asked: number[] = [];
  const long = {
    lastSequence: 1_000_000,
    append: journal.append.bind(journal),
    read: async (from: number) => {
      asked.push(from);
      return [];
    },
  };
  await answerUnanswered(long, machine.host);
  expect(asked).toEqual([1_000_000 - 65_536]);
});

test('what the disk refuses to read is said, and ends nothing', async () => {
  const { journal, machine } = await journalOf(order('a'));
  const read = () => Promise.reject(new JournalError('slot-1: EIO'));
  await answerUnanswered({ lastSequence: 1, append: journal.append.bind(journal), read }, machine.host);
  expect(machine.log).toEqual(['orders-not-answered']);
});
