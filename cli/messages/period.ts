const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** A length of time that was chosen, exactly: `1240 ms`, `124 s`, `2 min`, `3 h`. */
export function period(ms: number): string {
  if (ms >= HOUR_MS && ms % HOUR_MS === 0) return `${ms / HOUR_MS} h`;
  if (ms >= MINUTE_MS && ms % MINUTE_MS === 0) return `${ms / MINUTE_MS} min`;
  return ms >= 1_000 && ms % 100 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
