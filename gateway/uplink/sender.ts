import { sleep } from '../../drivers/clock.ts';
import { DiskError, type Host } from '../host.ts';
import { JournalError } from '../journal/journal.ts';
import { type Outcome, type Patience, VERSION_HIDDEN } from './answer.ts';
import { backOffMs, REFUSED_PACE, TRANSPORT_PACE } from './back-off.ts';
import { type Batch, type Covered, type Doubt, halves } from './batch.ts';
import { BatchLimits, isBlamed } from './batch-limits.ts';
import { type City, ReadBackError } from './city.ts';
import { type Entry, sequencesOf } from './entry.ts';
import type { Gate } from './gate.ts';
import type { HeldSensors } from './held.ts';
import { type Jobs, type LookUp, parted } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import type { Quota, Turn } from './quota.ts';
import { Sent } from './sent.ts';
import type { CityProblem } from './status.ts';
import type { Suspects } from './suspects.ts';
import type { Tally } from './tally.ts';

/** Before a batch is looked up whose fate was known and could not be written down. */
const JOURNAL_TROUBLE: Patience = [1_000];
/** Before what was being merged is read again: merging a file takes a moment, and until it is done nothing of it can be sent. */
export const STALE_MS = 200;
/** So often the city may fail at one batch before the fault is looked for in the batch. */
const DOUBTS_MAX = 3;

/** So long before anything is sent again it is asked whether everything is still refused. */
const ASK_AHEAD_MS = 1_000;
/** No answer takes longer. */
const ANSWER_MS_MAX = 16_000;

/** What the sender works with. */
export interface SenderParts {
  readonly host: Pick<Host, 'clock' | 'random'>;
  readonly city: City;
  readonly gate: Gate;
  readonly quota: Quota;
  readonly held: HeldSensors;
  readonly suspects: Suspects;
  readonly jobs: Jobs;
  readonly ledger: Ledger;
  readonly tally: Tally;
  /** The city has taken these. */
  readonly onDelivered: (entries: readonly Entry[]) => void;
  /** Observations that the lanes have passed by are free again. */
  readonly onRelease: () => void;
}

/** Sends one batch and does what its answer asks for. Used by both lanes at the same time. */
export class Sender {
  readonly #parts: SenderParts;
  readonly #sent = new Sent();
  /** Successes of all batches when a single observation was last refused, and when one was that had to be kept. */
  #refusedAt = -1;
  #keptAt = -1;
  /** How large a request may be, as far as the city has let us know. */
  readonly limits: BatchLimits;

  constructor(parts: SenderParts, entriesMax: number) {
    this.#parts = parts;
    this.limits = new BatchLimits(parts.host.clock, entriesMax);
  }

  /** Whether the city is known to hold a value of this sensor that is really of the same second. */
  readonly isSent = (entry: Entry): boolean => this.#sent.covers(entry);

  /**
   * Sends a claimed batch. True when it is finished or handed on to the jobs; false when nothing of it was stored and the
   * caller, who still holds it, is to try again once the gate is open.
   */
  async send(batch: Batch, signal: AbortSignal, lane: Turn = 'backlog'): Promise<boolean> {
    const { gate, quota, city, ledger, held, jobs, onRelease } = this.#parts;
    const pass = gate.pass();
    if (ledger.isStale(batch)) {
      // Some of it was merged into windows for want of room: what the journal holds now is read anew.
      ledger.unclaim(batch);
      held.forget(batch.entries);
      onRelease();
      await sleep(this.#parts.host.clock, STALE_MS, signal);
      return true;
    }
    if (this.limits.isTooLarge(batch.entries)) {
      jobs.resend(...halves(batch));
      return true;
    }
    try {
      if (batch.entries.length > 0) {
        quota.took(lane);
        await ledger.begin(batch.entries);
      }
    } catch (error) {
      this.journalFailed(pass, error);
      return false;
    }
    const outcome: Outcome = batch.entries.length === 0 ? { kind: 'stored' } : await city.publish(batch.entries, signal);
    try {
      return await this.#apply(batch, outcome, pass);
    } catch (error) {
      // The city has acted and the journal could not be told: only the city knows now.
      this.journalFailed(pass, error);
      jobs.lookUp(batch, JOURNAL_TROUBLE);
      return true;
    }
  }

  /** What is left of a claimed batch without the sensors that became suspects since it was built: they have requests of their own. */
  withoutSuspects(batch: Batch): Batch {
    const { ledger, suspects } = this.#parts;
    const failing = batch.entries.filter(({ sensor }) => suspects.has(sensor));
    if (failing.length === 0 || batch.suspect !== undefined) return batch;
    ledger.finish({ entries: failing, covered: [] }, []);
    for (const { sensor, sequence } of failing) suspects.freed(sensor, sequence);
    return { ...batch, entries: batch.entries.filter(({ sensor }) => !suspects.has(sensor)) };
  }

  /** Puts one question about a batch in doubt; after the last one, what is missing is sent again. */
  async lookUp(job: LookUp, signal: AbortSignal): Promise<void> {
    const { host, city, gate, jobs } = this.#parts;
    const pass = gate.pass();
    const [asked = [], ...unasked] = job.unasked;
    const mayAllBeRefused = job.batch.doubt?.isRefused === true && job.batch.suspect === undefined && !job.wasAnswered;
    const release = mayAllBeRefused ? gate.hold(ANSWER_MS_MAX) : () => {};
    try {
      const inCity = await city.find(asked, this.#sent.besides(asked), signal);
      release();
      jobs.answered();
      // One question at a time, so that what was answered stays known and the quota is kept.
      if (inCity === undefined)
        return jobs.goOn({ ...job, unasked: [...parted(asked), ...unasked], attempt: 0, wasAnswered: true });
      // At once, so that another batch in doubt does not take the same values for its own.
      this.#sent.add(asked.filter((entry) => inCity.has(entry.sequence)));
      const found = new Set([...job.found, ...inCity]);
      if (unasked.length > 0) jobs.goOn({ ...job, unasked, found, attempt: 0, wasAnswered: true });
      else await this.#resolve({ ...job, found, wasAnswered: true });
    } catch (error) {
      // In one go with what closes it again.
      release();
      if (error instanceof ReadBackError && error.isRefused && !job.wasAnswered && isSame(job.batch.doubt, error))
        return this.#refusedAll(job, error.problem, pass);
      if (error instanceof ReadBackError && error.isRefused && job.wasAnswered && job.batch.suspect === undefined)
        return this.#refusedOne(job, error.problem);
      const attempt = job.attempt + 1;
      const waitMs = backOffMs(TRANSPORT_PACE, attempt, host.random());
      if (error instanceof ReadBackError) {
        gate.note(error.problem);
        jobs.unanswered(host.random());
      } else this.journalFailed(gate.pass(), error);
      jobs.goOn({ ...job, attempt, notBeforeMs: host.clock.monotonicMs() + waitMs });
    }
  }

  /** The own disk is in trouble: nothing may be sent that cannot be recorded. Rethrows whatever is not that. */
  journalFailed(pass: number, error: unknown): void {
    if (!(error instanceof JournalError || error instanceof DiskError)) throw error;
    const problem: CityProblem = { code: 'S900', parameters: { words: error.message } };
    this.#parts.gate.close(pass, { state: 'waiting', pace: TRANSPORT_PACE, problem });
  }

  /**
   * The question is refused as the batch was: it seems that everything is. What refuses may have passed the batch on all the same, and
   * only the city can say so: nothing else is sent before it was asked again, or with each try one more batch would be in doubt.
   */
  #refusedAll(job: LookUp, problem: CityProblem, pass: number): void {
    const { host, gate, jobs } = this.#parts;
    const isSuspect = job.batch.suspect !== undefined;
    if (!isSuspect) gate.close(pass, { state: 'refused', pace: REFUSED_PACE, problem });
    const ownMs = isSuspect ? backOffMs(REFUSED_PACE, job.attempt + 1, host.random()) : ASK_AHEAD_MS;
    jobs.refused(job, Math.max(ownMs, gate.remainingMs() - ASK_AHEAD_MS));
  }

  /**
   * Others of this batch were asked about, and this question is refused: again and again, it is for the name of its sensor. That stays
   * in doubt by itself, has requests of its own from now on, and nobody waits for it.
   */
  #refusedOne(job: LookUp, problem: CityProblem): void {
    const { host, gate, jobs, suspects } = this.#parts;
    gate.note(problem);
    const attempt = job.attempt + 1;
    const waitMs = backOffMs(TRANSPORT_PACE, attempt, host.random());
    const [asked = [], ...unasked] = job.unasked;
    const [one] = asked;
    if (one === undefined || attempt < DOUBTS_MAX * job.unasked.length) {
      jobs.goOn({ ...job, unasked: [...unasked, asked], attempt, notBeforeMs: host.clock.monotonicMs() + waitMs });
      return;
    }
    suspects.fails(one.sensor, String(problem.parameters['words'] ?? ''));
    const { batch } = job;
    const apart = { ...batch, entries: asked, covered: [], suspect: { sensor: one.sensor, next: one.sequence } };
    jobs.refused({ ...job, batch: apart, unasked: [asked], found: new Set(), attempt: 0 }, waitMs);
    const rest = { ...job, batch: { ...batch, entries: batch.entries.filter((entry) => !asked.includes(entry)) }, attempt };
    // A question about nothing costs no request, and ends it where the own disk may be in trouble.
    jobs.goOn({ ...rest, unasked: unasked.length > 0 ? unasked : [[]] });
  }

  async #resolve(job: LookUp): Promise<void> {
    const { batch, found } = job;
    const missing = batch.entries.filter((entry) => !found.has(entry.sequence));
    const stored = batch.entries.filter((entry) => found.has(entry.sequence));
    if (missing.length === 0) {
      // The request did its work, only its answer was lost: the city is well.
      if (stored.length > 0) this.#parts.gate.open();
      // It costs a question for each sensor, and somebody has to do something about it.
      if (stored.length > 0 && batch.doubt?.problem.code === VERSION_HIDDEN) this.#parts.gate.note(batch.doubt.problem);
      return await this.#finish(batch, stored);
    }
    if (this.#parts.jobs.lookUpLater(job)) return;
    // Where one sensor makes every batch fail, nobody else has a success to show.
    if (stored.length > 0) this.#parts.gate.tookSome();
    this.#parts.onDelivered(stored);
    const covered = [...batch.covered, ...stored.map(({ sequence }): Covered => ({ sequence, why: 'stored' }))];
    const { doubt, ...rest } = batch;
    const isProgress = doubt === undefined || stored.length > 0;
    await this.#again({ ...rest, entries: missing, covered, ...(isProgress ? {} : { doubt }) });
  }

  /** Nothing of this batch is stored. It is sent again, and when it may be the batch itself that the city fails at, in halves. */
  async #again(batch: Batch): Promise<void> {
    const { gate, jobs, suspects } = this.#parts;
    const { doubt, suspect } = batch;
    const [culprit, another] = batch.entries;
    const isInDoubt = doubt !== undefined && doubt.count >= DOUBTS_MAX;
    const isAlone = isInDoubt && another === undefined && gate.successCount > doubt.successCount;
    if (culprit !== undefined && (suspect !== undefined || isAlone)) {
      const words = String(doubt?.problem.parameters['words'] ?? '');
      if (suspect === undefined) suspects.fails(culprit.sensor, words);
      else if (another === undefined) suspects.failedAlone(suspect.sensor, words, suspect.next);
      else suspects.failed(suspect.sensor, culprit.sequence);
      await this.#letSuspectWait(batch, culprit.sensor);
    } else if (isInDoubt && another !== undefined) jobs.resend(...halves(batch));
    else if (isInDoubt) await this.#letOthersGo(batch);
    else jobs.resend(batch);
  }

  async #apply(batch: Batch, outcome: Outcome, pass: number): Promise<boolean> {
    const { gate, held, jobs, ledger } = this.#parts;
    switch (outcome.kind) {
      case 'stored':
        if (batch.entries.length > 0) gate.open();
        await this.#finish(batch, batch.entries);
        return true;
      case 'partial': {
        const accepted = batch.entries.filter((entry) => !outcome.rejected.has(entry.sensor));
        if (accepted.length > 0) gate.open();
        else gate.answered();
        this.#release(accepted);
        held.hold(outcome.rejected);
        for (const entry of batch.entries) held.offer(entry, batch.revision);
        await this.#finish(batch, accepted);
        return true;
      }
      case 'unknown':
        // A suspect has its own pace, and nobody else waits for it.
        if (batch.suspect === undefined) gate.close(pass, outcome.pause);
        // Whoever is between here and the city may fail at a batch, too. In an outage no question is answered, and nothing is sent again.
        jobs.lookUp(
          this.#doubted(batch, outcome.pause.problem, { isRefused: outcome.isRefused }),
          outcome.isRefused
            ? [...new Set(outcome.patience.map((ms) => Math.max(ms, gate.remainingMs() - ASK_AHEAD_MS)))]
            : outcome.patience,
        );
        return true;
      case 'not-stored':
        gate.close(pass, outcome.pause);
        ledger.giveUp(batch.entries);
        return false;
      case 'too-large': {
        const { problem } = outcome;
        if (!isBlamed(batch.entries)) {
          gate.close(pass, { state: 'refused', pace: REFUSED_PACE, problem });
          ledger.giveUp(batch.entries);
          return false;
        }
        this.limits.refused(batch.entries, String(problem.parameters['words'] ?? ''));
        if (batch.entries.length > 1) gate.answered();
        await this.#narrow(batch, 'too-large', problem, pass);
        return true;
      }
      case 'bad-data':
        await this.#narrow(batch, 'refused-by-city', outcome.problem, pass);
        return true;
    }
  }

  /** One observation that has failed alone waits for the others; where many do, it waits in the journal, or what is new had no turn. */
  async #letOthersGo(batch: Batch): Promise<void> {
    const { jobs, onRelease } = this.#parts;
    if (jobs.resendLast(batch)) return;
    await this.#finish(batch, []);
    onRelease();
  }

  /** The backlog lane passes by what is a suspect's: to begin again for it would be to read all that waits at each failure. */
  async #letSuspectWait(batch: Batch, sensor: string): Promise<void> {
    const { suspects, onRelease } = this.#parts;
    await this.#finish(batch, []);
    // It may have ceased to be one while the batch was in doubt.
    if (!suspects.has(sensor)) onRelease();
  }

  #doubted(batch: Batch, problem: CityProblem, { isRefused = false, isUnexplained = true } = {}): Batch {
    const { count, successCount } = batch.doubt ?? { count: 0, successCount: this.#parts.gate.successCount };
    return { ...batch, doubt: { count: isUnexplained ? count + 1 : count, successCount, problem, isRefused } };
  }

  /** Nothing was stored, it seems because of one observation: halve the batch until that one stands alone. */
  async #narrow(batch: Batch, reason: string, problem: CityProblem, pass: number): Promise<void> {
    const { gate, jobs, ledger, tally, suspects } = this.#parts;
    gate.note(problem);
    // It is known why it failed, so that it does not count among those of which nobody knows that.
    const doubted = this.#doubted(batch, problem, { isUnexplained: false });
    const [culprit, another] = batch.entries;
    const isAlone = culprit !== undefined && another === undefined;
    if (isAlone && this.#isToBlame(doubted)) {
      const words = String(problem.parameters['words'] ?? '');
      await tally.refused(culprit, reason, words);
      await this.#finish(batch, [], [culprit]);
      suspects.refused(culprit.sensor, words);
      return;
    }
    ledger.giveUp(batch.entries);
    if (batch.suspect !== undefined) {
      if (isAlone) suspects.passOver(batch.suspect.sensor, batch.suspect.next);
      else suspects.failed(batch.suspect.sensor, culprit?.sequence);
      await this.#letSuspectWait(batch, batch.suspect.sensor);
    } else if (isAlone) {
      // Whatever comes next may show that the city is well; the second time it seems to refuse everything.
      if (this.#keptAt === gate.successCount) gate.close(pass, { state: 'refused', pace: REFUSED_PACE, problem });
      this.#keptAt = gate.successCount;
      await this.#letOthersGo(doubted);
    } else jobs.resend(...halves(doubted));
  }

  /**
   * Whether a refused observation is to be set aside for good: only if the city took others since it was first refused. Each of
   * these proves one refusal, or a city that takes something in between would cost all that wait. A suspect has been proven before.
   */
  #isToBlame({ doubt, suspect }: Batch): boolean {
    const { successCount } = this.#parts.gate;
    const isFirstSince = successCount > this.#refusedAt;
    this.#refusedAt = successCount;
    return isFirstSince && (suspect !== undefined || (doubt !== undefined && successCount > doubt.successCount));
  }

  async #finish(batch: Batch, accepted: readonly Entry[], setAside: readonly Entry[] = []): Promise<void> {
    const { ledger, tally, onDelivered } = this.#parts;
    this.#sent.add(accepted);
    onDelivered(accepted);
    this.#release(accepted);
    await tally.tellInvalid(batch.covered);
    ledger.finish(batch, sequencesOf([...accepted, ...setAside]));
    tally.settled(accepted.length, batch.covered);
    if (batch.suspect !== undefined && accepted.length > 0)
      this.#parts.suspects.succeeded(batch.suspect.sensor, batch.suspect.next);
  }

  #release(accepted: readonly Entry[]): void {
    const sensors = new Set(accepted.map((entry) => entry.sensor));
    let isReleased = false;
    for (const sensor of sensors) isReleased = this.#parts.held.release(sensor) || isReleased;
    if (isReleased) this.#parts.onRelease();
  }
}

/** Whether the question is refused by the same as the batch was. */
function isSame(doubt: Doubt | undefined, { problem }: ReadBackError): boolean {
  return doubt?.isRefused === true && doubt.problem.code === problem.code;
}
