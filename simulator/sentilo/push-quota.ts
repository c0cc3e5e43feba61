const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;

/** A bucket of tokens, one for each push, filled anew every hour from its first use on (sentilo.md §1.10). */
export class PushQuota {
  readonly #quotaPerHour: number;
  #refillMs: number | undefined;
  #left: number;

  /** @param quotaPerHour more than 0 */
  constructor(quotaPerHour: number) {
    this.#quotaPerHour = quotaPerHour;
    this.#left = quotaPerHour;
  }

  /** Takes a token if there is one. The headers are named as constants in the real code are, not as its documentation says. */
  take(nowMs: number): { readonly isAllowed: boolean; readonly headers: Readonly<Record<string, string>> } {
    this.#refillMs ??= nowMs + MS_PER_HOUR;
    if (nowMs >= this.#refillMs) {
      this.#refillMs += MS_PER_HOUR * (1 + Math.floor((nowMs - this.#refillMs) / MS_PER_HOUR));
      this.#left = this.#quotaPerHour;
    }
    const isAllowed = this.#left > 0;
    if (isAllowed) this.#left -= 1;
    // Whole minutes; some of the current one has always gone by.
    const resetMinutes = Math.floor((this.#refillMs - nowMs - 1) / MS_PER_MINUTE);
    return {
      isAllowed,
      headers: {
        X_RL_OUTPUT_LIMIT: String(this.#quotaPerHour),
        X_RL_OUTPUT_REMAINING: String(this.#left),
        X_RL_OUTPUT_RESET: String(resetMinutes),
      },
    };
  }
}
