/**
 * The whole number in [low, high] at which the rising function `f` first reaches `target`; `low` or `high` when it is
 * beyond what `f` reaches. By bisection: it asks nothing of `f` but that it never falls.
 */
export function invert(f: (raw: number) => number, target: number, low: number, high: number): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = from + Math.floor((to - from) / 2);
    if (f(middle) < target) from = middle + 1;
    else to = middle;
  }
  return from;
}
