import type { CityProblem } from '../uplink/status.ts';

/** More wait only where the city has been away through a storm; the oldest are given up then. */
const WAITING_MAX = 200;

/** A message that waits to be told to the city. */
export interface WaitingAlarm {
  readonly id: string;
  /** The city's id of the alert. */
  readonly alert: string;
  /** Names the gateway, what it is about and the second, or else its own id: by that it is found again in the city. */
  readonly message: string;
  /** Monotonic time of this process; before its start it is negative or a guess. */
  readonly bornMs: number;
  /** An earlier process may have told it, and ended before it could write that down. */
  readonly isDoubtful: boolean;
}

/** What the city is to be told, the oldest first. What becomes durable of it is the journal's affair. */
export interface Outbox {
  readonly waiting: readonly WaitingAlarm[];
  /** Why one of them was not taken last, while any waits. */
  readonly problem: CityProblem | undefined;
  add(alarm: WaitingAlarm): void;
  /** The city has it, or `reason` says why it never will. */
  settle(id: string, reason?: string): void;
  refused(id: string, problem: CityProblem): void;
  /** Who writes down what became of them. */
  onSettled(listener: (alarm: WaitingAlarm, reason: string | undefined) => void): void;
}

export function openOutbox(): Outbox {
  const waiting = new Map<string, WaitingAlarm>();
  const problems = new Map<string, CityProblem>();
  let tell: (alarm: WaitingAlarm, reason: string | undefined) => void = () => {};
  const settle = (id: string, reason?: string) => {
    const alarm = waiting.get(id);
    waiting.delete(id);
    problems.delete(id);
    if (alarm !== undefined) tell(alarm, reason);
  };
  return {
    get waiting() {
      return [...waiting.values()];
    },
    get problem() {
      return [...problems.values()][0];
    },
    add(alarm) {
      waiting.set(alarm.id, alarm);
      const [oldest] = waiting.keys();
      if (waiting.size > WAITING_MAX && oldest !== undefined) settle(oldest, 'too-many');
    },
    settle,
    refused(id, problem) {
      if (waiting.has(id)) problems.set(id, problem);
    },
    onSettled(listener) {
      tell = listener;
    },
  };
}
