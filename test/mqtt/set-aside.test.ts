// What is set aside is told once, also where the journal could not keep that at first.

import { expect, it } from 'vitest';
import { JournalError } from '../../gateway/journal/journal.ts';
import { openSetAside } from '../../gateway/mqtt/set-aside.ts';
import { VirtualClock } from '../../simulator/clock.ts';

it('is told when the journal takes it at last', async () => {
  const told: string[] = [];
  const logged: string[] = [];
  let isFull = true;
  const journal = {
    append: async () => {
      if (isFull) throw new JournalError('no space left');
      told.push('event');
      return told.length;
    },
  };
  const clock = new VirtualClock(1_795_608_000_000, async () => {});
  const aside = openSetAside({ clock, bootId: 'boot', log: (_level, code) => logged.push(code) }, journal);
  await expect(aside.refused(1, 'air.t', 'too long')).rejects.toThrow(JournalError);
  expect(aside.counts).toEqual({});
  isFull = false;
  await aside.refused(1, 'air.t', 'too long');
  await aside.refused(2, 'air.t', 'too long');
  expect(told).toEqual(['event']);
  expect(logged).toEqual(['observation-set-aside']);
  expect(aside.counts).toEqual({ refused: 2 });
});
