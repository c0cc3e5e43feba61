import { expect, test } from 'vitest';
import { BusError, DeviceError } from '../../drivers/errors.ts';
import { openBoardTries } from '../../gateway/outputs/board-tries.ts';
import { TestClock } from '../support/test-clock.ts';

const silence = new BusError('timeout', 'nobody answers');

/** Counts how often a board is asked; each answer is given by the caller. */
function asked() {
  const answers: ((error: BusError | DeviceError | undefined) => void)[] = [];
  const work = () => new Promise<BusError | DeviceError | undefined>((resolve) => answers.push(resolve));
  return { answers, work };
}

test('a board that does not answer is asked for one of its outputs, and that is what became of the others', async () => {
  const clock = new TestClock();
  const tries = openBoardTries(clock);
  const { answers, work } = asked();
  const all = [tries.ask('board', 0, work), tries.ask('board', 0, work), tries.ask('other', 0, work)];
  expect(answers).toHaveLength(2);
  for (const answer of answers) answer(silence);
  expect(await Promise.all(all)).toEqual([silence, silence, silence]);
  await clock.advance(99);
  expect(await tries.ask('board', 100, work)).toBe(silence);
  await clock.advance(1);
  const again = tries.ask('board', 100, work);
  expect(answers).toHaveLength(3);
  answers[2]?.(undefined);
  expect(await again).toBeUndefined();
});

test.each([
  ['answers', undefined],
  ['refuses', new DeviceError('refused', 'not this one')],
])('a board that %s for one output is asked for the next one', async (_says, answer) => {
  const tries = openBoardTries(new TestClock());
  const { answers, work } = asked();
  const all = [tries.ask('board', 100, work), tries.ask('board', 100, work)];
  answers[0]?.(answer);
  expect(await all[0]).toBe(answer);
  await Promise.resolve();
  expect(answers).toHaveLength(2);
  answers[1]?.(undefined);
  expect(await all[1]).toBeUndefined();
});

test('what waits for its next try is tried as soon as another output of its board was made safe', async () => {
  const clock = new TestClock();
  const tries = openBoardTries(clock);
  const begun: string[] = [];
  tries.later('board', 30_000, () => begun.push('fan'));
  tries.later('board', 30_000, () => begun.push('cancelled'))();
  tries.later('other', 30_000, () => begun.push('pump'));
  for (const answer of [silence, new DeviceError('refused', 'not this one')]) await tries.ask('board', 0, async () => answer);
  expect(begun).toEqual([]);
  await tries.ask('board', 0, async () => undefined);
  expect(begun).toEqual(['fan']);
  await clock.advance(30_000);
  expect(begun).toEqual(['fan', 'pump']);
  expect(clock.timerCount).toBe(0);
});
