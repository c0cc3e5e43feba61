import type { Clock } from '../../drivers/clock.ts';
import { hex } from './hex.ts';

/** Counts what a connection was asked, and makes one of the questions fail. */
interface Failing<T> {
  readonly connection: T;
  /** Whether the failure has happened. */
  hasFailed(): boolean;
}

/** Listening and giving back are no questions: they cannot fail. */
const NO_QUESTIONS: ReadonlySet<PropertyKey> = new Set(['onBytes', 'onClose', 'changes', 'close', 'isOpen']);

/** The same connection, except that the question of number `at` (from 1) rejects with `error` and does not reach the device. */
export function failingAt<T extends object>(connection: T, at: number, error: Error): Failing<T> {
  let askedCount = 0;
  const count = () => {
    askedCount += 1;
    if (askedCount === at) throw error;
  };
  return { connection: watched(connection, count), hasFailed: () => askedCount >= at };
}

/** The same connection, and every question that it was asked, in order, each with its time. */
export function noting<T extends object>(
  connection: T,
  clock: Clock,
): { readonly connection: T; readonly asked: readonly string[] } {
  const asked: string[] = [];
  const note = (question: string) => {
    asked.push(`${clock.monotonicMs()} ms: ${question}`);
  };
  return { connection: watched(connection, note), asked };
}

/** The same connection; `before` is told each question before it is asked, and may throw what it is to fail with. */
function watched<T extends object>(connection: T, before: (question: string) => void): T {
  return new Proxy(connection, {
    get(object, key) {
      const member: unknown = Reflect.get(object, key, object);
      if (typeof member !== 'function') return member;
      if (NO_QUESTIONS.has(key)) return member.bind(object);
      return async (...args: unknown[]) => {
        before(`${String(key)} ${args.map(textOf).join(' ')}`);
        const result: unknown = await member.apply(object, args);
        // A port's `open` gives the line itself, whose questions count as well.
        return key === 'open' ? watched(result as object, before) : result;
      };
    },
  });
}

function textOf(arg: unknown): string {
  return arg instanceof Uint8Array ? hex(arg) : JSON.stringify(arg);
}
