import type { OutputConfig } from '../../config/config.ts';
import { durationText } from '../../config/duration.ts';
import { NOT_SHOWN } from '../../drivers/reading.ts';
import type { OrderOutcome, Refusal } from '../outputs/output.ts';
import type { JournalRecord, Observation, Stamp } from '../record.ts';
import type { Subject } from './copy.ts';

/** Longest reason that an answer gives. */
const WHY_MAX = 120;
const SENDER_MAX = 100;
/** UCUM's way of saying that it is no measurement. */
const TEXT_UNIT = '{text}';

/** What became of an order of the city. */
export type Result =
  | 'done'
  /** Its text asks for nothing that the output knows. */
  | 'not-understood'
  /** Nobody has said that this sender may order. */
  | 'sender'
  /** It was for all sensors of the provider at once. */
  | 'provider-wide'
  /** One with its id came before. */
  | 'duplicate'
  /** The gateway ended before it knew what became of it: it is not repeated. */
  | 'unknown'
  | Refusal;

/** The end of an order. */
export interface Answer {
  readonly result: Result;
  /** How long it is carried out, milliseconds, where that is shorter than was asked; `why` says what ends it. */
  readonly forMs?: number;
  /** For people. */
  readonly why?: string;
}

/** What is answered to an order that was carried out, or was not. */
export function answerOf(outcome: OrderOutcome): Answer {
  if (!outcome.done) return { result: outcome.reason, why: outcome.message };
  const { onlyForMs } = outcome;
  return { result: 'done', ...(onlyForMs !== undefined && { forMs: onlyForMs, why: 'max_on' }) };
}

/** An output whose orders are answered. */
export type Answered = Pick<OutputConfig, 'location'> & {
  /** `device.output` */
  readonly id: string;
  readonly answers: NonNullable<OutputConfig['answers']>;
};

/**
 * The answer to an order, as an observation of the output's own text sensor:
 * `{"at":1795608000123,"from":"app","set":"on","id":"a1","result":"done","for":"10min","why":"max_on"}`, `at` being the city's time of
 * the order, `for` how long it is carried out where that is shorter than was asked, `why` the reason of that or of a refusal. It is one of many in a second if need be, each about another order, so that none takes the place of another.
 */
export function answerTo(
  { id: channel, answers, location }: Answered,
  timeMs: number,
  subject: Subject,
  answer: Answer,
  stamp: Stamp,
): Observation {
  return {
    kind: 'observation',
    sensor: answers.sensor,
    channel: `${channel}_ack`,
    value: shown({
      ...headOf(timeMs, subject),
      ...(subject.on !== undefined && { set: subject.on ? 'on' : 'off' }),
      ...(subject.id !== undefined && { id: subject.id }),
      result: answer.result,
      ...(answer.forMs !== undefined && { for: durationText(answer.forMs) }),
      ...(answer.why !== undefined && { why: answer.why.slice(0, WHY_MAX) }),
    }),
    unit: TEXT_UNIT,
    precision: 1,
    readingKind: 'answer',
    quality: 'good',
    publish: true,
    ...(location !== undefined && { location }),
    ...stamp,
  };
}

/** Whether a record of the journal is the answer of this output to an order of that time and sender. */
export function isAnswerTo(record: JournalRecord, { answers }: Answered, timeMs: number, subject: Subject): boolean {
  if (record.kind !== 'observation' || record.sensor !== answers.sensor || typeof record.value !== 'string') return false;
  // It was written above, and begins in the same way. Of whom there was no room to remember only the time is known.
  const head = subject.sender === '' ? { at: timeMs } : headOf(timeMs, subject);
  return record.value.startsWith(`${shown(head).slice(0, -1)},`);
}

/** How every answer to an order begins. */
function headOf(timeMs: number, { sender }: Subject): object {
  return { at: timeMs, from: sender.slice(0, SENDER_MAX) };
}

/** As text, without what cannot be shown: the uplink takes no other. */
function shown(answer: object): string {
  return JSON.stringify(answer).replaceAll(new RegExp(NOT_SHOWN, 'gu'), ' ');
}
