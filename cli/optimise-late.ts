import { setFlagsFromString } from 'node:v8';

/** From this Node on, V8 counts calls; before, it counts the bytes of code that ran. */
const COUNTS_CALLS_SINCE = 22;

/**
 * Lets V8 compile with its optimising compiler only what runs about thirty times as often as it would ask for by itself.
 * A gateway idles nearly always: the optimised copies of what it does twice a second cost 12 MB and gain nothing, while
 * the loops of a long backlog still reach the mark at once.
 *
 * And lets the heap grow by a third between two full collections, as V8 does by itself where there is little memory. On a
 * machine with much it waits until there is four times as much as what is in use, which costs 20 MB.
 */
export function optimiseLate(): void {
  setFlagsFromString('--heap-growing-percent=30');
  const major = Number(process.versions.node.split('.')[0]);
  setFlagsFromString(major < COUNTS_CALLS_SINCE ? '--interrupt-budget=2000000' : '--invocation-count-for-turbofan=90000');
}
