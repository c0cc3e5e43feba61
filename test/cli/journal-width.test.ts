// What the commands on a journal print fits on a terminal.

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { displayWidth, fitted } from '../../cli/table.ts';
import { barri } from './in-process.ts';
import { damage, hall, keep, temporaryState } from './journal-kit.ts';

let state: string;
let remove: () => void;
beforeEach(() => {
  ({ state, remove } = temporaryState());
});
afterEach(() => remove());

/** A journal of many sensors with something damaged in the middle. */
async function keepDamaged(): Promise<void> {
  const sensors = Array.from({ length: 30 }, (_, index) => `makers-balcony-${index}-temperature`);
  await keep(
    state,
    Array.from({ length: 900 }, (_, minute) => hall(minute, { sensor: sensors[minute % 30] ?? '' })),
  );
  damage(join(state, 'journal'), /^slot-/);
}

describe.each([40, 80, 100])('on %i columns', (columns) => {
  test.each([
    { command: 'inspect', words: () => ['inspect', '--state', state] },
    { command: 'verify', words: () => ['verify', '--state', state] },
    { command: 'salvage', words: () => ['salvage', state, '--out', join(state, 'saved.jsonl')] },
    { command: 'wear without a gateway', words: () => ['wear', '--state', state] },
  ])('every line of $command fits', async ({ words }) => {
    await keepDamaged();
    const { code, out, err } = await barri(['journal', ...words()], {}, columns);
    expect(code).toBe(1);
    expect(wider(out + err, columns)).toEqual([]);
  });

  test('every line of status without a gateway fits', async () => {
    await keepDamaged();
    const { code, out, err } = await barri(['status', '--state', state], {}, columns);
    expect(code).toBe(1);
    expect(wider(out + err, columns)).toEqual([]);
  });

  test.each([
    { says: 'B120', words: () => ['inspect', '--state', join(state, 'nowhere')] },
    { says: 'B122', words: () => ['export', '--state', state, '--from', 'yesterday'] },
    { says: 'B124', words: () => ['export', '--state', state, '--sensor', 'cellar'] },
    { says: 'B129', words: () => ['inspect', state] },
    { says: 'left out', words: () => ['export', '--state', state, '--out', join(state, 'all.csv')] },
  ])('every line of a message fits: $says', async ({ says, words }) => {
    await keepDamaged();
    // What is opened anew gets a gap record, which has no place in a CSV file.
    await keep(state, [hall(901)]);
    const { err } = await barri(['journal', ...words()], {}, columns);
    expect(err).toContain(says);
    expect(wider(err, columns)).toEqual([]);
  });
});

/** A path behind its label is one word, which nothing breaks. */
function wider(text: string, columns: number): string[] {
  return text.split('\n').filter((line) => displayWidth(line) > columns && !/^\w* +\S+$/.test(line));
}

test('a line that is broken keeps its place, and no word is broken', () => {
  const text = `here:\n    ${'word '.repeat(20).trim()}\n   = ${'x'.repeat(90)}\n`;
  expect(fitted(text, 60)).toBe(
    `here:\n    ${'word '.repeat(11).trim()}\n      ${'word '.repeat(9).trim()}\n   =\n     ${'x'.repeat(90)}\n`,
  );
  expect(fitted(text, 200)).toBe(text);
});
