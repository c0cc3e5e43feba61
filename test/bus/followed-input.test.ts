import { expect, test } from 'vitest';
import { type EdgeListener, type FollowedLine, followedInput } from '../../drivers/bus/followed-input.ts';
import { drain, TestClock } from '../support/test-clock.ts';

/** An input on a line that is at `level` when it is looked at; `told` has its changes, and ! where some may have been missed. */
async function followed(level: boolean) {
  const clock = new TestClock();
  let listener: EdgeListener | undefined;
  const line: FollowedLine = {
    look: async () => level,
    follow: (each, signal) => {
      listener = each;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  };
  const input = await followedInput(line, { line: 17, debounceMs: 50, clock });
  const told: string[] = [];
  const stop = new AbortController();
  const listen = async () => {
    for await (const each of input.changes(stop.signal, () => told.push('!'))) told.push(each ? 'H' : 'L');
  };
  const listening = listen();
  await drain();
  const edge = (after: boolean, atMs: number, lateMs = 0) => {
    clock.timer(atMs + lateMs, () => listener?.onEdge({ level: after, atMs }));
  };
  const end = async () => {
    await clock.advance(1000);
    stop.abort();
    await listening;
    return told;
  };
  return { edge, end };
}

test.each([
  { says: 'closed', level: false, expected: ['H', '!', 'L'] },
  { says: 'open', level: true, expected: ['L', '!', 'H'] },
])(
  'of a contact that was $says, and of which the first edge says so again, both changes are told',
  async ({ level, expected }) => {
    const { edge, end } = await followed(level);
    edge(level, 500);
    expect((await end()).toSorted()).toEqual(expected.toSorted());
  },
);

test('of a contact of which the first edge is the other level only that one is told', async () => {
  const { edge, end } = await followed(true);
  edge(false, 500);
  expect(await end()).toEqual(['L']);
});

test('an edge that comes long after its bounce was settled is said to those who count', async () => {
  const { edge, end } = await followed(true);
  // One tip of a bucket; the last edge of its bounce waits for the program that sees it.
  edge(false, 100);
  edge(true, 103);
  edge(false, 105, 90);
  edge(true, 300);
  expect((await end()).toSorted()).toEqual(['!', 'H', 'H', 'L', 'L']);
});
