// The garden that newcomers copy does all that its file says, without hardware.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { barri, ROOT } from './in-process.ts';

const MINUTE_MS = 60_000;

test('a simulated morning of the small garden waters the bed, fills the tank, and nothing is wrong', async () => {
  const site = join(ROOT, 'examples/sites/hort-petit.gateway.yaml');
  // The day begins at 1:00 there; the bed is watered at 6:30 for eight minutes.
  const { code, out } = await barri(['sim', 'run', site, '--for', '345min', '--seed', '7', '--json']);
  expect(code).toBe(0);
  const { moves, troubles } = JSON.parse(out) as {
    moves: { time: string; about: string; on: boolean; from: string }[];
    troubles: unknown[];
  };
  const lengthOf = (output: string, from: string) => {
    const start = moves.findIndex((move) => move.about === output && move.on && move.from === from);
    const end = moves.find((move, at) => at > start && move.about === output && !move.on);
    return Math.round((Date.parse(end?.time ?? '') - Date.parse(moves[start]?.time ?? '')) / MINUTE_MS);
  };
  expect(lengthOf('valve.open', 'rules: water_bed')).toBe(8);
  expect(lengthOf('pump.switch', 'rules: fill_tank')).toBe(5);
  expect(troubles).toEqual([]);
}, 180_000);
