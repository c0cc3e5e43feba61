/**
 * Counts that fade, of what happens now and not of what once was: whenever `per` was counted `perMax` times, all that was
 * counted before counts half.
 */
export class RecentCounts<Kind extends string> {
  readonly #counts = new Map<Kind, number>();
  readonly #per: Kind;
  readonly #perMax: number;

  constructor(per: Kind, perMax: number) {
    this.#per = per;
    this.#perMax = perMax;
  }

  add(kind: Kind): void {
    this.#counts.set(kind, this.of(kind) + 1);
    if (kind !== this.#per || this.of(kind) < this.#perMax) return;
    for (const [each, count] of this.#counts) this.#counts.set(each, count / 2);
  }

  of(kind: Kind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** How often `kind` came for each `per`; 0 before the first. */
  share(kind: Kind): number {
    return this.of(kind) / Math.max(1, this.of(this.#per));
  }
}
