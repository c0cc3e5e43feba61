// What is refused is in the order log, and a flood of it neither fills the journal nor hides what others are refused.

import { expect, it } from 'vitest';
import { openRefusals } from '../../gateway/outputs/refusals.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { VirtualClock } from '../../simulator/clock.ts';

const VALVE = { output: 'valve.open', on: true, reason: 'sender: orders_from does not name it' };

function opened() {
  const clock = new VirtualClock(1_795_608_000_000, async () => {});
  const kept: Readonly<Record<string, unknown>>[] = [];
  const journal = {
    append: async (record: JournalRecord) => {
      if (record.kind === 'event') kept.push(record.fields);
      return kept.length;
    },
  };
  return { clock, kept, refused: openRefusals({ clock, bootId: 'boot', journal }) };
}

it('of a flood that ends it is told how many more there were', async () => {
  const { clock, kept, refused } = opened();
  for (let i = 0; i < 100; i++) refused({ ...VALVE, from: 'sentilo: stranger' });
  await clock.runUntil(3_600_000);
  expect(kept).toHaveLength(4);
  expect(kept.at(-1)).toMatchObject({ leftOut: 96 });
});

it('a flood that goes on takes one line in ten seconds', async () => {
  const { clock, kept, refused } = opened();
  for (let second = 0; second < 600; second++) {
    refused({ ...VALVE, from: 'mqtt: stranger' });
    await clock.runUntil(1_000 * (second + 1));
  }
  await clock.runUntil(3_600_000);
  expect(kept.length).toBeLessThanOrEqual(3 + 600 / 10 + 1);
  const told = kept.reduce((sum, { leftOut }) => sum + 1 + Number(leftOut ?? 0), 0);
  expect(told).toBe(600);
});

it('one on another way, or of another output, is told beside a flood', async () => {
  const { kept, refused } = opened();
  for (let i = 0; i < 100; i++) refused({ ...VALVE, from: 'mqtt: stranger' });
  refused({ ...VALVE, from: 'local: technician' });
  refused({ ...VALVE, output: 'pump.switch', from: 'mqtt: stranger' });
  expect(kept.slice(3)).toMatchObject([{ from: 'local: technician' }, { output: 'pump.switch' }]);
});
