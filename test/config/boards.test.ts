import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBoardFile } from '../../config/board-library.ts';
import type { BoardFile, BoardReading } from '../../config/schema-board.ts';
import { options, ROOT } from './site-files.ts';

const FILES = readdirSync(join(ROOT, 'boards')).filter((name) => name.endsWith('.board.yaml'));

/** Boards of which nobody has said everything yet: their driver, or the ports that they have or need, are to come. */
const TO_COME = ['firmata-uno'];
/** It has no wires, is not to be found, and says of itself how it is, simulated or not. */
const SELF = 'gateway-self';

describe('the library of boards', () => {
  it('has the 37 boards of this version', () => {
    expect(FILES).toHaveLength(37);
  });

  it.each(FILES)('%s has no problem', async (name) => {
    const { board, problems } = await loadBoardFile(join(ROOT, 'boards', name), options());
    // A key that no code acts on yet is a note.
    expect(problems.filter(({ code, severity }) => code !== 'C060' || severity !== 'note')).toEqual([]);
    expect(board).toMatchObject({
      id: name.replace('.board.yaml', ''),
      label: { ca: expect.any(String), es: expect.any(String), en: expect.any(String) },
    });
  });

  it('says of every board how it is wired, how it is found, what it can measure, and what it shows without hardware', async () => {
    const boards = await Promise.all(FILES.map((name) => loadBoardFile(join(ROOT, 'boards', name), options())));
    const lacking = boards.flatMap(({ board }) => {
      if (board === undefined || TO_COME.includes(board.id)) return [];
      if (board.id === SELF) return [];
      const lacks = lacksOf(board);
      return lacks.length === 0 ? [] : [`${board.id}: ${lacks.join(', ')}`];
    });
    expect(lacking).toEqual([]);
  });
});

/** What a board file does not say. */
function lacksOf({ needs, wiring, identify, readings = {}, simulate = {} }: BoardFile): string[] {
  // Nothing can be asked of what is no more than a level or a voltage on a pin.
  const isAsked = needs !== 'digital_in' && needs !== 'digital_out' && needs !== 'analog';
  // A total may be anything, and what came since the last reading depends on when that was.
  const isBounded = ({ kind, unit }: BoardReading) => unit !== 'bool' && kind !== 'total' && kind !== 'delta';
  return [
    ...(wiring === undefined ? ['wiring'] : []),
    ...(isAsked && identify === undefined ? ['identify'] : []),
    ...Object.entries(readings).flatMap(([id, reading]) => [
      ...(isBounded(reading) && reading.valid === undefined ? [`valid of ${id}`] : []),
      ...(simulate[id] === undefined ? [`simulate of ${id}`] : []),
    ]),
  ];
}
