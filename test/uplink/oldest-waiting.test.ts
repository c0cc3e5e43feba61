// Since when something waits for an uplink.

import { expect, it } from 'vitest';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { oldestWaiting } from '../../gateway/uplink/oldest-waiting.ts';

/** Each record was measured at a thousand times its sequence. */
const read = (sequence: number) => Promise.resolve([{ sequence, record: { wallMs: 1_000 * sequence } } as StoredRecord]);
const timeOf = ({ wallMs }: { readonly wallMs: number }) => ({ kind: 'known', ms: wallMs }) as const;

it('tells the time of the record behind those that are settled', async () => {
  const waiting = { lowWater: 6, waitingCount: 2 };
  const oldest = oldestWaiting({ read }, waiting, { timeOf });
  await oldest.refresh();
  expect(oldest.wallMs).toBe(7_000);
  waiting.lowWater = 7;
  await oldest.refresh();
  expect(oldest.wallMs).toBe(8_000);
});

it('forgets it when nothing waits, so that what comes hours later is not taken for old', async () => {
  const waiting = { lowWater: 6, waitingCount: 1 };
  const oldest = oldestWaiting({ read }, waiting, { timeOf });
  await oldest.refresh();
  waiting.lowWater = 7;
  waiting.waitingCount = 0;
  await oldest.refresh();
  waiting.waitingCount = 1;
  expect(oldest.wallMs).toBeUndefined();
});
