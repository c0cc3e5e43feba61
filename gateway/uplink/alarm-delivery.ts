import { sleep } from '../../drivers/clock.ts';
import type { Outbox, WaitingAlarm } from '../alarms/outbox.ts';
import type { Host } from '../host.ts';
import type { AlarmOutcome, AlarmService } from './alarm-service.ts';
import { AFTER_CUT } from './answer.ts';
import { backOffMs, type Pace, REFUSED_PACE, TRANSPORT_PACE } from './back-off.ts';
import type { Gate } from './gate.ts';
import type { CityProblem } from './status.ts';

/** How often it is looked whether anything waits: costs no request. */
const LOOK_MS = 1_000;
/** An alarm that the city did not take for so long is old news, and given up. */
const EXPIRY_MS = 24 * 3_600_000;

export interface AlarmDeliveryOptions {
  readonly service: AlarmService;
  readonly outbox: Outbox;
  readonly gate: Pick<Gate, 'remainingMs' | 'pass' | 'answered' | 'close'>;
}

/** How the delivery of one message stands. */
interface Tried {
  /** When it is looked whether the city has it, monotonic and ascending; empty when it certainly has not. */
  looksMs: readonly number[];
  attempt: number;
  nextMs: number;
}

/**
 * Tells the city what waits, in order for each alert. What may have been taken already is looked up before it is told again: the
 * city has no other way to know two messages for one.
 */
export async function deliverAlarms(
  host: Pick<Host, 'clock' | 'log' | 'random'>,
  { service, outbox, gate }: AlarmDeliveryOptions,
  signal: AbortSignal,
): Promise<never> {
  const { clock } = host;
  const tried = new Map<string, Tried>();

  const later = ({ id }: WaitingAlarm, state: Tried, pace: Pace, problem: CityProblem) => {
    state.attempt += 1;
    state.nextMs = clock.monotonicMs() + backOffMs(pace, state.attempt, host.random());
    outbox.refused(id, problem);
  };
  const refused = (alarm: WaitingAlarm, state: Tried, problem: CityProblem) => {
    if (state.attempt === 0)
      host.log('warning', 'alarm-refused', { alert: alarm.alert, problem: problem.code, ...problem.parameters });
    later(alarm, state, REFUSED_PACE, problem);
  };
  const lookUp = async (alarm: WaitingAlarm, state: Tried) => {
    const looked = await service.look(alarm.alert, alarm.message, signal);
    if ('problem' in looked) later(alarm, state, TRANSPORT_PACE, looked.problem);
    else if (looked.isThere) outbox.settle(alarm.id);
    else {
      state.looksMs = state.looksMs.slice(1);
      state.nextMs = state.looksMs[0] ?? clock.monotonicMs();
    }
  };
  const tell = async (alarm: WaitingAlarm, state: Tried) => {
    const pass = gate.pass();
    const outcome: AlarmOutcome = await service.tell(alarm.alert, alarm.message, signal);
    if (outcome.kind === 'stored') {
      gate.answered();
      outbox.settle(alarm.id);
      return;
    }
    // What the city itself cannot cope with may be this message: readings need not wait for it.
    const isItsOwn = outcome.kind === 'refused' || (outcome.kind === 'unknown' && outcome.isAnswered);
    if (isItsOwn) refused(alarm, state, outcome.kind === 'refused' ? outcome.problem : outcome.pause.problem);
    else gate.close(pass, outcome.pause);
    if (outcome.kind === 'unknown') state.looksMs = outcome.patience.map((afterMs) => clock.monotonicMs() + afterMs);
    state.nextMs = Math.max(state.nextMs, state.looksMs[0] ?? 0);
  };
  const stateOf = ({ id, isDoubtful }: WaitingAlarm): Tried => {
    const known = tried.get(id);
    if (known !== undefined) return known;
    const nowMs = clock.monotonicMs();
    const looksMs = isDoubtful ? AFTER_CUT.map((afterMs) => nowMs + afterMs) : [];
    const made = { looksMs, attempt: 0, nextMs: looksMs[0] ?? nowMs };
    tried.set(id, made);
    return made;
  };

  // Those that were switched on together would look at the same moments for ever.
  await sleep(clock, host.random() * LOOK_MS, signal);
  for (;;) {
    const busy = new Set<string>();
    for (const alarm of outbox.waiting) {
      const state = stateOf(alarm);
      const nowMs = clock.monotonicMs();
      const isFirst = !busy.has(alarm.alert);
      busy.add(alarm.alert);
      if (nowMs - alarm.bornMs > EXPIRY_MS) outbox.settle(alarm.id, 'expired');
      else if (isFirst && gate.remainingMs() === 0 && nowMs >= state.nextMs)
        await (state.looksMs.length > 0 ? lookUp(alarm, state) : tell(alarm, state));
    }
    const waiting = new Set(outbox.waiting.map(({ id }) => id));
    for (const id of tried.keys()) if (!waiting.has(id)) tried.delete(id);
    await sleep(clock, LOOK_MS, signal);
  }
}
