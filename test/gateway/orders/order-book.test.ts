import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openBookFile, REMEMBERED_MAX } from '../../../gateway/orders/book-file.ts';
import { copyOf, type Way } from '../../../gateway/orders/copy.ts';
import { EMPTY_BOOK, OrderBook } from '../../../gateway/orders/order-book.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import { SimulatedDisk } from '../../../simulator/disk.ts';
import { createRandom } from '../../../simulator/random.ts';
import { turn } from '../../../simulator/wire/turn.ts';

/** Nothing is too old to be shown. */
const NOTHING_SEEN = Number.NEGATIVE_INFINITY;
/** Later than any order of these. */
const LATEST_MS = 9e15;

const copy = (via: Way, timeMs: number, text = 'on', sender = 'app', sensor = 'valve') =>
  copyOf({ sensor, sender, text, timeMs }, via);

/** Orders are taken as they come: what is new is added. */
function taken(book: OrderBook, ...copies: ReturnType<typeof copy>[]): number[] {
  const fresh = book.recognise(copies, LATEST_MS);
  for (const each of fresh) book.add(each, true, NOTHING_SEEN);
  return fresh.map(({ timeMs }) => timeMs);
}

describe('the two copies of an order', () => {
  test('are one, whichever comes first, and however often each comes again', () => {
    for (const [first, second] of [['push', 'poll'] as const, ['poll', 'push'] as const]) {
      const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
      expect(taken(book, copy(first, 1_000_000))).toEqual([1_000_000]);
      expect(taken(book, copy(first, 1_000_000), copy(second, 1_000_013), copy(second, 1_000_013))).toEqual([]);
      expect(taken(book, copy(second, 1_000_013), copy(first, 1_000_000))).toEqual([]);
    }
  });

  test('are told from those of the same order given a second later', () => {
    const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
    expect(taken(book, copy('push', 1_000_000))).toEqual([1_000_000]);
    // Its push was lost: only the poll tells that there are two.
    expect(taken(book, copy('poll', 1_000_002), copy('poll', 1_001_000))).toEqual([1_001_000]);
    expect(taken(book, copy('push', 1_001_001))).toEqual([]);
  });

  test('are one when the copy that is nearest is taken, although another is near', () => {
    const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
    taken(book, copy('push', 1_003_000));
    expect(taken(book, copy('poll', 1_000_000), copy('poll', 1_003_004))).toEqual([1_000_000]);
  });

  test('are not one with another text, sender or sensor', () => {
    const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
    taken(book, copy('push', 1_000_000));
    expect(taken(book, copy('poll', 1_000_000, 'off'))).toHaveLength(1);
    expect(taken(book, copy('poll', 1_000_000, 'on', 'other'))).toHaveLength(1);
    expect(taken(book, copy('poll', 1_000_000, 'on', 'app', 'pump'))).toHaveLength(1);
    expect(taken(book, copy('poll', 1_006_000))).toHaveLength(1);
  });
});

test('of any orders, each pushed at most once and polled at most once in any sequence, none is new twice', () => {
  const order = fc.record({
    timeMs: fc.integer({ min: 1_000_000, max: 1_020_000 }),
    text: fc.constantFrom('on', 'off', '{"set":"on","id":"a"}'),
    delayMs: fc.integer({ min: 0, max: 13 }),
    isPushed: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(order, { selector: ({ timeMs, text }) => `${timeMs} ${text}`, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      (orders, chance) => {
        const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
        const copies = orders.flatMap(({ timeMs, text, delayMs, isPushed }) => [
          copy('poll', timeMs, text),
          copy('poll', timeMs, text),
          ...(isPushed ? [copy('push', timeMs + delayMs, text), copy('push', timeMs + delayMs, text)] : []),
        ]);
        const shuffled = copies
          .map((each) => ({ each, at: Number(chance.next().value) }))
          .sort((a, b) => a.at - b.at)
          .map(({ each }) => each);
        const newCount = shuffled.reduce((count, each) => count + taken(book, each).length, 0);
        return newCount === orders.length;
      },
    ),
  );
});

describe('a book that is full', () => {
  const full = () => {
    const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
    for (let count = 0; count < 180; count++) {
      for (const each of book.recognise([copy('poll', 1_000_000 + count * 1_000)], LATEST_MS)) {
        const order = book.add(each, true, NOTHING_SEEN);
        // The first is never answered.
        if (count > 0) order.open = undefined;
      }
    }
    return book;
  };

  test('forgets the oldest that was answered, and lets nothing in again that is as old', () => {
    const book = full();
    expect(book.state.orders).toHaveLength(60);
    expect(book.open.map(({ timeMs }) => timeMs)).toEqual([1_000_000]);
    const all = Array.from({ length: 180 }, (_, count) => copy('poll', 1_000_000 + count * 1_000));
    expect(book.recognise(all, LATEST_MS)).toEqual([]);
    expect(book.recognise([copy('poll', 1_050_500)], LATEST_MS)).toEqual([]);
    expect(book.recognise([copy('poll', 1_180_000)], LATEST_MS)).toHaveLength(1);
  });

  test('takes what comes after the clock of the city was set back to before all that', () => {
    expect(full().recognise([copy('poll', 500_000)], 510_000)).toHaveLength(1);
  });
});

describe('the file of a book', () => {
  const disk = () => {
    const clock = new VirtualClock(1_795_608_000_000, turn);
    return { clock, disk: new SimulatedDisk({ clock, random: createRandom(1), faults: [], syncMs: 0 }) };
  };

  test('gives back a full book of what nobody has answered', async () => {
    const { clock, disk: ours } = disk();
    const full = (size: number) => {
      const book = new OrderBook(EMPTY_BOOK, size);
      for (let count = 0; count < 120; count++) {
        const text = `{"set":"on","id":"${'n'.repeat(60)}${count}"}`;
        const via = count % 2 === 0 ? 'poll' : 'push';
        const [fresh] = book.recognise([copy(via, 1_795_608_000_000 + count, text, 'some-application')], LATEST_MS);
        if (fresh !== undefined) book.add(fresh, true, NOTHING_SEEN).otherMs = 1_795_608_001_000 + count;
      }
      return book;
    };
    const book = full(REMEMBERED_MAX.book);
    const refusedBook = full(REMEMBERED_MAX.refusedBook);
    const file = await clock.run(openBookFile(ours, '/state/orders'));
    await clock.run(
      file.write({
        book: book.state,
        refusedBook: refusedBook.state,
        cursorMs: 1_795_608_000_123,
        beganMs: undefined,
        answersFrom: 77,
      }),
    );
    const { state } = await clock.run(openBookFile(ours, '/state/orders'));
    expect(state.cursorMs).toBe(1_795_608_000_123);
    expect(state.answersFrom).toBe(77);
    expect(state.book.floorMs).toBe(book.state.floorMs);
    const bare = ({ state: { orders } }: OrderBook) => orders.map((order) => ({ ...order, open: { sender: '' } }));
    // So many long ids do not fit their page: their answers do without.
    expect(state.book.orders).toEqual(bare(book));
    expect(state.refusedBook.orders).toEqual(bare(refusedBook));
  });

  test('gives back who ordered what, as long as it fits', async () => {
    const { clock, disk: ours } = disk();
    const book = new OrderBook(EMPTY_BOOK, REMEMBERED_MAX.book);
    for (const each of [copy('push', 1_795_608_000_000, '{"set":"off","id":"a"}'), copy('poll', 1_795_608_000_001, 'nonsense')])
      book.add(each, true, NOTHING_SEEN);
    const file = await clock.run(openBookFile(ours, '/state/orders'));
    expect(file.state).toEqual({
      book: EMPTY_BOOK,
      refusedBook: EMPTY_BOOK,
      cursorMs: undefined,
      beganMs: undefined,
      answersFrom: 1,
    });
    await clock.run(
      file.write({ book: book.state, refusedBook: EMPTY_BOOK, cursorMs: undefined, beganMs: undefined, answersFrom: 1 }),
    );
    const { state } = await clock.run(openBookFile(ours, '/state/orders'));
    expect(state.book).toEqual(book.state);
    expect(state.book.orders.map(({ open }) => open)).toEqual([{ sender: 'app', on: false, id: 'a' }, { sender: 'app' }]);
  });
});
