import { describe, expect, it } from 'vitest';
import { Ledger } from '../../gateway/uplink/ledger.ts';
import { takeUnresolved } from '../../gateway/uplink/unresolved.ts';
import { Machine, SECOND_MS, START_MS } from '../gateway/machine.ts';
import { MemoryJournal } from './memory-journal.ts';
import { Bench, history } from './support.ts';

/** Where records are large a page has few of them, and more come behind it. */
const PAGE_MAX = 7;

describe('pages that are shorter than what was asked for', () => {
  it('cost the city nothing of a backlog, whatever holes are in it', async () => {
    const bench = new Bench(history('a', 4_000));
    bench.journal.pageMax = PAGE_MAX;
    // A small hole in the middle of a page, one between two pages, and one that is settled on its own.
    const gone = [10, ...Array.from({ length: 9 }, (_, i) => 50 + i), ...Array.from({ length: 1_500 }, (_, i) => 700 + i)];
    for (const sequence of gone) bench.journal.gone.add(sequence);
    await bench.start();
    await bench.clock.advance(600_000);
    const left = history('a', 4_000).filter((_, index) => !bench.journal.gone.has(index + 1));
    expect(bench.values()).toEqual(left.map(({ value }) => String(value)));
    expect(bench.status()).toMatchObject({ waitingCount: 0 });
    await bench.stop();
  });

  it('leave none of what was on its way out of the look-up', async () => {
    const journal = new MemoryJournal(history('a', 30));
    await (await journal.delivery()).begin(Array.from({ length: 20 }, (_, index) => index + 1));
    const next = journal.crashed();
    next.pageMax = PAGE_MAX;
    const ledger = new Ledger(next, await next.delivery(), () => undefined);
    const looked: number[] = [];
    for (;;) {
      const batch = await takeUnresolved(next, ledger, ({ wallMs }) => ({ kind: 'known', ms: wallMs }));
      if (batch === undefined) break;
      expect(batch.covered).toEqual([]);
      looked.push(...batch.entries.map(({ sequence }) => sequence));
    }
    expect(looked).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('leave none of the stragglers where they were', async () => {
    const journal = new MemoryJournal(history('a', 20));
    journal.pageMax = PAGE_MAX;
    const ledger = new Ledger(journal, await journal.delivery(), () => undefined);
    await ledger.makeRoom([{ first: 1, last: 20 }]);
    const copied = journal.records.slice(20).map((record) => (record.kind === 'observation' ? record.heldFrom : undefined));
    expect(copied).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('hide no time anchor', async () => {
    const machine = new Machine();
    machine.journal.pageMax = 2;
    await machine.boot(0, 'none');
    for (let count = 0; count < 5; count++)
      await machine.journal.append({ kind: 'event', code: 'x', fields: {}, ...machine.stamp() });
    await machine.pass(2 * SECOND_MS);
    const measured = machine.stamp();
    machine.step(START_MS, 'synced');
    await machine.pass(10 * SECOND_MS);
    await machine.boot(START_MS, 'synced');
    expect(machine.timeOf(measured)).toBe(2 * SECOND_MS);
  });
});
