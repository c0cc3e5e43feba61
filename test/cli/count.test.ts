// One of a thing is told as one, wherever a command counts.

import { expect, it } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { count } from '../../cli/messages/count.ts';
import { en } from '../../cli/messages/en.ts';
import { text as journal } from '../../cli/messages/journal.ts';
import { text as live } from '../../cli/messages/live.ts';

it.each([
  [0, 'reading', undefined, '0 readings'],
  [1, 'reading', undefined, '1 reading'],
  [2, 'reading', undefined, '2 readings'],
  [1_204, 'reading', undefined, '1,204 readings'],
  [1, 'entry', 'entries', '1 entry'],
  [2, 'entry', 'entries', '2 entries'],
])('%d of %s', (value, one, several, expected) => {
  expect(count(value, one, several)).toBe(expected);
});

it('holds in the texts of the checker', () => {
  expect(en.summary(1, 1, 1, 1)).toBe('1 file: 1 error, 1 warning, 1 note');
  expect(en.summary(2, 0, 2, 3)).toBe('2 files: 0 errors, 2 warnings, 3 notes');
  const list = (amount: number) => textOf(en, 'C046', { kind: 'array-least', amount }).what;
  expect([list(1), list(2)]).toEqual(['this list needs at least 1 entry', 'this list needs at least 2 entries']);
});

it('holds in the texts about a gateway and its journal', () => {
  expect(live.measuring({ deviceCount: 1, answeringCount: 1, observationCount: 0 }, 0)).toBe('1 of 1 device');
  expect(live.tooFewThreads({ found: 1, wanted: 5, busCount: 1 })).toMatch(/1 thread is few for a site with 1 bus of/);
  expect(journal.freeSlots(1)).toBe('1 free slot');
  expect(journal.progress({ what: 'verifying', count: 1, total: undefined, part: undefined, leftMs: undefined })).toBe(
    'verifying: 1 record',
  );
});
