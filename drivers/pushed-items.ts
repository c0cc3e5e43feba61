/** What was pushed and not yet taken. */
interface Waiting<T> {
  put(item: T): void;
  /** The oldest; undefined when nothing waits. */
  take(): T | undefined;
}

/** As many different runs of levels wait at most; what is beyond is a line of which hardly any edge arrives in its order. */
const RUNS_WAITING_MAX = 256;

/**
 * What `run` pushes, one after the other, also while the consumer is busy: at most `itemsMax` wait, and beyond that only the
 * latest one is kept. Begins `run` with the first item that is asked for; ends and fails as it does, after everything was taken.
 */
export function pushedItems<T>(run: (push: (item: T) => void) => Promise<void>, itemsMax: number): AsyncIterable<T> {
  const items: T[] = [];
  const put = (item: T) => {
    if (items.length === itemsMax) items.pop();
    items.push(item);
  };
  return pushed(run, { put, take: () => items.shift() });
}

/**
 * The same for the levels of an input, of which none is lost however many wait: they take turns, so that the first and their
 * number say them all. Only a level that comes twice in a row begins anew; of too many of those the second is left out, and
 * `onMissed` is called.
 */
export function pushedLevels(
  run: (push: (level: boolean) => void) => Promise<void>,
  onMissed: () => void,
): AsyncIterable<boolean> {
  const runs: { level: boolean; count: number }[] = [];
  const put = (level: boolean) => {
    const last = runs.at(-1);
    const expected = last === undefined ? undefined : last.level === (last.count % 2 === 0);
    if (last !== undefined && level === expected) last.count += 1;
    else if (runs.length < RUNS_WAITING_MAX) runs.push({ level, count: 1 });
    else onMissed();
  };
  const take = () => {
    const [first] = runs;
    if (first === undefined) return undefined;
    const { level } = first;
    first.level = !level;
    first.count -= 1;
    if (first.count === 0) runs.shift();
    return level;
  };
  return pushed(run, { put, take });
}

async function* pushed<T>(run: (push: (item: T) => void) => Promise<void>, waiting: Waiting<T>): AsyncIterable<T> {
  let ended: { readonly error?: unknown } | undefined;
  let wake = () => {};
  const push = (item: T) => {
    waiting.put(item);
    wake();
  };
  const end = (how: { readonly error?: unknown }) => {
    ended = how;
    wake();
  };
  run(push).then(
    () => end({}),
    (error: unknown) => end({ error }),
  );
  for (;;) {
    for (let item = waiting.take(); item !== undefined; item = waiting.take()) yield item;
    if (ended !== undefined) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  if ('error' in ended) throw ended.error;
}
