/** How long something takes, as short as it can be said and never too short: `18 ms`, `1.5 s`, `2 min`. */
export function timeTaken(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  return period(ms < 10_000 ? Math.ceil(ms / 100) * 100 : Math.ceil(ms / 1_000) * 1_000);
}

/** A length of time that was chosen, exactly: `1240 ms`, `124 s`, `2 min`. */
export function period(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms >= 1_000 && ms % 100 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
