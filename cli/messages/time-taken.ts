/** How long something takes, as short as it can be said: `18 ms`, `1.5 s`, `2 min`. */
export function timeTaken(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms >= 1_000 ? `${Number((ms / 1_000).toPrecision(2))} s` : `${Math.ceil(ms)} ms`;
}
