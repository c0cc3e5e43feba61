// Orders of the city while something else fails: they are asked for all the same, at a pace that the city bears.

import { describe, expect, test } from 'vitest';
import { type Garden, startGarden, untilPolled } from './garden.ts';

const SECOND_MS = 1_000;

const started = async (options?: Parameters<typeof startGarden>[0]): Promise<Garden> => {
  const garden = await startGarden(options);
  // Past the first answer of the city, before which nothing was meant for this gateway.
  await garden.clock.runUntil(30 * SECOND_MS);
  await untilPolled(garden);
  return garden;
};
const runFor = ({ clock }: Garden, ms: number) => clock.runUntil(clock.monotonicMs() + ms);
const states = (garden: Garden) => garden.openings().map(([state]) => state);

describe('while the card does not come back', () => {
  test('what is safe is polled and done', async () => {
    let hanging: Promise<void> | undefined;
    let goOn = () => {};
    const garden = await started({ syncing: async () => hanging });
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    hanging = new Promise((resolve) => {
      goOn = resolve;
    });
    garden.give('nonsense', 'demo-token');
    await runFor(garden, 20 * SECOND_MS);
    garden.give('off');
    await runFor(garden, 20 * SECOND_MS);
    expect(states(garden)).toEqual(['closed', 'open', 'closed']);
    goOn();
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.answers().map(({ set, result }) => [set, result])).toEqual(
      expect.arrayContaining([
        ['on', 'done'],
        ['off', 'done'],
      ]),
    );
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });
});
