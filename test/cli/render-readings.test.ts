import { describe, expect, test } from 'vitest';
import { renderReadings } from '../../cli/render-readings.ts';
import { displayWidth } from '../../cli/table.ts';
import type { ReadingRow } from '../../gateway/status.ts';

const row = (reading: string, value: ReadingRow['value'], more: Partial<ReadingRow> = {}): ReadingRow => ({
  device: 'lift',
  reading,
  sensor: `demo-lift-${reading}`,
  unit: 'text',
  precision: 1,
  ageMs: 3_000,
  quality: 'good',
  ...(value === undefined ? {} : { value }),
  ...more,
});

/** The cells of the column VALUE, as far as they have no two spaces in them. */
function values(rows: readonly ReadingRow[]): string[] {
  const lines = renderReadings(rows).trimEnd().split('\n').slice(1);
  return lines.map((line) => line.split(/ {2,}/)[2] ?? '');
}

describe('the table of readings', () => {
  test('shows numbers at their precision, states in words, and texts as they are', () => {
    const number = { unit: 'degC', precision: 0.1 };
    expect(
      values([row('a', 21.456, number), row('b', true, { unit: 'bool' }), row('c', 'DOOR OPEN'), row('d', '0012.50')]),
    ).toEqual(['21.5', 'yes', 'DOOR OPEN', '0012.50']);
    expect(values([row('a', 'OK', { quality: 'old' }), row('b', undefined, { quality: 'none' })])).toEqual(['-', '-']);
  });

  test('cuts a text where its column ends, by what a terminal makes of it', () => {
    const long = 'The lift has stopped between two floors';
    expect(values([row('a', long), row('b', 'x'.repeat(24)), row('c', '电'.repeat(20))])).toEqual([
      'The lift has stopped be…',
      'x'.repeat(24),
      `${'电'.repeat(11)}…`,
    ]);
    const lines = renderReadings([row('state', long.repeat(3)), row('made_by', 'é'.repeat(120))]).split('\n');
    expect(lines.filter((line) => displayWidth(line) > 80)).toEqual([]);
  });

  test('leaves age and quality out on a narrow terminal while they say nothing', () => {
    const wide = [row('temperature', 'a warm day'), row('b', 'OK')];
    expect(renderReadings(wide, 80)).toMatch(/^DEVICE +READING +VALUE +UNIT +AGE +QUALITY\n/);
    expect(renderReadings(wide, 40).split('\n')).toHaveLength(4);
    expect(renderReadings(wide, 40)).not.toMatch(/AGE|good/);
    const doubted = renderReadings([...wide, row('c', 'NO', { quality: 'suspect' })], 40);
    expect(doubted).toContain('AGE');
    expect(doubted).toContain('suspect');
  });

  test('sends a terminal nothing that it would obey, whatever a gateway tells', () => {
    const table = renderReadings([row('a', '\u001b[2J\u009b31mred\u202e\u2028\u0000\n')]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(table.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
    expect(table).toContain('red');
    expect(table.trimEnd().split('\n')).toHaveLength(2);
  });
});
