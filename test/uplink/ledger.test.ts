import { describe, expect, it } from 'vitest';
import type { Entry } from '../../gateway/uplink/entry.ts';
import { Ledger } from '../../gateway/uplink/ledger.ts';
import { MemoryJournal } from './memory-journal.ts';
import { history } from './support.ts';

const entry = (sequence: number): Entry => ({
  sequence,
  sensor: 'a',
  second: sequence,
  value: '1',
  boot: 'boot',
  monotonicMs: sequence * 1000,
});

async function ledgerOf(journal: MemoryJournal): Promise<Ledger> {
  return new Ledger(journal, await journal.delivery(), () => undefined);
}

describe('the ledger', () => {
  it('makes durable what was settled while the disk was at work on the next batch', async () => {
    const journal = new MemoryJournal(history('a', 3));
    const ledger = await ledgerOf(journal);
    await ledger.begin([entry(1)]);
    let goOn = () => {};
    // The disk has taken the state and has not answered yet.
    journal.afterWrite = () => new Promise((resolve) => (goOn = resolve));
    const beginning = ledger.begin([entry(2)]);
    await Promise.resolve();
    await ledger.finish({ entries: [entry(1)], covered: [] }, [1]);
    goOn();
    await beginning;
    journal.afterWrite = () => Promise.resolve();
    await ledger.flush();
    const next = await journal.crashed().delivery();
    expect(next.isDelivered(1)).toBe(true);
    expect(next.unresolved).toEqual([{ first: 2, last: 2 }]);
  });

  it('keeps the first place of what is appended again more than once', async () => {
    const journal = new MemoryJournal(history('a', 1));
    const ledger = await ledgerOf(journal);
    for (const first of [1, 2, 3]) await ledger.makeRoom([{ first, last: first }]);
    const places = journal.records.map((record) => (record.kind === 'observation' ? [record.heldFrom, record.firstPlace] : []));
    expect(places).toEqual([
      [undefined, undefined],
      [1, undefined],
      [2, 1],
      [3, 1],
    ]);
  });

  it('still has to make durable what a failed write was to carry', async () => {
    const journal = new MemoryJournal(history('a', 3));
    const ledger = await ledgerOf(journal);
    await ledger.begin([entry(1)]);
    await ledger.finish({ entries: [entry(1)], covered: [] }, [1]);
    journal.failing = true;
    await expect(ledger.begin([entry(2)])).rejects.toThrow('ENOSPC');
    journal.failing = false;
    await ledger.flush();
    expect((await journal.crashed().delivery()).isDelivered(1)).toBe(true);
  });
});
