/** Counts what a connection was asked, and makes one of the questions fail. */
interface Failing<T> {
  readonly connection: T;
  /** Whether the failure has happened. */
  hasFailed(): boolean;
}

/** Listening and giving back are no questions: they cannot fail. */
const NEVER_FAILS: ReadonlySet<PropertyKey> = new Set(['onBytes', 'onClose', 'changes', 'close', 'isOpen']);

/** The same connection, except that the question of number `at` (from 1) rejects with `error` and does not reach the device. */
export function failingAt<T extends object>(connection: T, at: number, error: Error): Failing<T> {
  let askedCount = 0;
  const wrap = <O extends object>(target: O): O =>
    new Proxy(target, {
      get(object, key) {
        const member: unknown = Reflect.get(object, key, object);
        if (typeof member !== 'function') return member;
        if (NEVER_FAILS.has(key)) return member.bind(object);
        return async (...args: unknown[]) => {
          askedCount += 1;
          if (askedCount === at) throw error;
          const result: unknown = await member.apply(object, args);
          // A port's `open` gives the line itself, whose questions count as well.
          return key === 'open' ? wrap(result as object) : result;
        };
      },
    });
  return { connection: wrap(connection), hasFailed: () => askedCount >= at };
}
