/**
 * What `run` pushes, one after the other, also while the consumer is busy: at most `itemsMax` wait, and beyond that only the
 * latest one is kept. Begins `run` with the first item that is asked for; ends and fails as it does, after everything was taken.
 */
export async function* pushedItems<T>(run: (push: (item: T) => void) => Promise<void>, itemsMax: number): AsyncIterable<T> {
  const waiting: T[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let wake = () => {};
  const push = (item: T) => {
    if (waiting.length === itemsMax) waiting.pop();
    waiting.push(item);
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
    while (waiting.length > 0) yield waiting.shift() as T;
    if (ended !== undefined) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  if ('error' in ended) throw ended.error;
}
