/** So many orders at once, and then one for each of these times: six a minute. */
const BURST = 3;
export const RATE_EVERY_MS = 10_000;

/** How often somebody far away may switch an output: what asks for more does not know what it does, and wears it out. */
export interface Rate {
  /** Whether one more may be carried out; `first` where it is the first that may not since one might. */
  take(nowMs: number): 'yes' | 'first' | 'no';
}

export function openRate(): Rate {
  let left = BURST;
  let countedMs = Number.NEGATIVE_INFINITY;
  let isTold = false;
  return {
    take(nowMs) {
      left = Math.min(BURST, left + (nowMs - countedMs) / RATE_EVERY_MS);
      countedMs = nowMs;
      if (left >= 1) {
        left -= 1;
        isTold = false;
        return 'yes';
      }
      const answer = isTold ? 'no' : 'first';
      isTold = true;
      return answer;
    },
  };
}
