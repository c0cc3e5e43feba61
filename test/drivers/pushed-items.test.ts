import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pushedItems, pushedLevels } from '../../drivers/pushed-items.ts';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

test('of more items than may wait only the latest is kept', async () => {
  const pushing = async (push: (item: number) => void) => [1, 2, 3, 4, 5].forEach(push);
  expect(await all(pushedItems(pushing, 3))).toEqual([1, 2, 5]);
});

test('what was pushed before a failure is given before it', async () => {
  const taken: number[] = [];
  const failing = async () => {
    for await (const item of pushedItems<number>(async (push) => {
      push(1);
      throw new Error('unplugged');
    }, 3))
      taken.push(item);
  };
  await expect(failing()).rejects.toThrow('unplugged');
  expect(taken).toEqual([1]);
});

describe('levels', () => {
  const given = async (levels: readonly boolean[]) => {
    let missedCount = 0;
    const onMissed = () => {
      missedCount += 1;
    };
    const pushing = async (push: (level: boolean) => void) => levels.forEach(push);
    return { taken: await all(pushedLevels(pushing, onMissed)), missedCount };
  };

  test('are all given, however many wait', async () => {
    const levels = Array.from({ length: 100_000 }, (_, i) => i % 2 === 0);
    expect(await given(levels)).toEqual({ taken: levels, missedCount: 0 });
  });

  test('are given as they came, also where two are equal', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 200 }), async (levels) => {
        expect(await given(levels)).toEqual({ taken: levels, missedCount: 0 });
      }),
    ));

  test('that are equal are left out beyond 256 of them, and that is told', async () => {
    const { taken, missedCount } = await given(Array.from({ length: 300 }, () => true));
    expect(taken).toHaveLength(256);
    expect(missedCount).toBe(44);
  });
});
