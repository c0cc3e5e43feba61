import type { SentiloConfig } from '../../config/config.ts';
import { sleep } from '../../drivers/clock.ts';
import type { Host } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalRecord } from '../record.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { maskOf } from './answer.ts';
import { openCatalog } from './catalog.ts';
import type { Wanted } from './catalog-wanted.ts';
import { type City, openCity } from './city.ts';
import { fewConnections } from './few-connections.ts';
import { Gate } from './gate.ts';
import { HeldSensors } from './held.ts';
import { Jobs } from './jobs.ts';
import { type LaneParts, lookAgain, type Positions, REWOUND, runBacklogLane, runFreshLane } from './lanes.ts';
import { Ledger } from './ledger.ts';
import { keepRegistered } from './registrar.ts';
import { Sender } from './sender.ts';
import type { UplinkStatus } from './status.ts';
import { Suspects } from './suspects.ts';
import { Tally } from './tally.ts';
import { Wake } from './wake.ts';

/** Beyond 100 the real server gains nothing and can fail half-way (Sentilo reference §1.5.5). */
const BATCH_MAX = 100;
/** What was settled without another sending becomes durable after this time. */
const FLUSH_MS = 3_000;
/** How often the city is asked whether it is there, when only the time of this machine waits for it. */
const ASK_MS = 60_000;
const DEFAULT_USER_AGENT = 'barri';

/** What the uplink needs from the world. */
export type SentiloHost = Pick<Host, 'clock' | 'http' | 'random' | 'log' | 'bootId'>;

/** The delivery of the journal's observations to the city. */
export interface Uplink {
  /**
   * Delivers until `signal` is aborted, then resolves with everything known made durable; a request on its way is
   * aborted and is looked up at the next start. May be called once. Rejects only when an invariant is broken.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Something was appended and is durable. */
  notify(): void;
  status(): UplinkStatus;
  /** When the city took something last, monotonic; undefined before the first. */
  lastHeardMs(): number | undefined;
}

/** How the uplink is set up: `ca` is PEM text to trust instead of the system's authorities. */
export interface SentiloOptions {
  readonly ca?: string;
  readonly userAgent?: string;
  /** What the city's catalogue is to show; without it nobody looks at that. */
  readonly wanted?: Wanted;
}

/**
 * Prepares the delivery to a Sentilo instance. Nothing is sent before `run`.
 * `token` goes into the request header and nowhere else. `time` says when something was; without that nothing is sent.
 * @throws JournalError
 */
export async function openSentilo(
  config: SentiloConfig,
  token: string,
  host: SentiloHost,
  journal: Journal,
  time: UplinkTime,
  options: SentiloOptions = {},
): Promise<Uplink> {
  const { userAgent = DEFAULT_USER_AGENT, ca, wanted } = options;
  const delivery = await journal.delivery('sentilo');
  const ours = { clock: host.clock, http: fewConnections(host.http) };
  const cityOptions = { config, token, mask: maskOf(token), userAgent, ...(ca === undefined ? {} : { ca }) };
  const city = openCity(ours, cityOptions);
  const wake = new Wake(host.clock);
  const gate = new Gate(host, () => wake.notify());
  const [held, suspects] = [new HeldSensors(host), new Suspects(host)];
  const jobs = new Jobs(host.clock);
  // What the uplink itself appends has to be passed by its lanes like everything else.
  const append = async (record: JournalRecord, urgent = false) => {
    const sequence = await journal.append(record, urgent);
    wake.notify();
    return sequence;
  };
  const ledger = new Ledger(
    {
      append,
      read: (from, limit) => journal.read(from, limit),
      get lastSequence() {
        return journal.lastSequence;
      },
      get revision() {
        return journal.revision;
      },
    },
    delivery,
    (sensor, from, to) => held.moved(sensor, from, to),
  );
  const tally = new Tally(host, { append }, time);
  const fresh = journal.lastSequence + 1;
  const positions: Positions = {
    fresh,
    backlog: REWOUND,
    leading: 0,
    countedFrom: fresh,
    noTimeSeen: { fresh: 0, backlog: 0 },
    noTimeCount: 0,
    untimedEnd: { fresh: 0, backlog: 0 },
  };
  const onRelease = () => {
    positions.backlog = REWOUND;
    wake.notify();
  };
  const sender = new Sender(
    { host, city, gate, held, suspects, jobs, ledger, tally, onRelease },
    Math.min(config.send.batch, BATCH_MAX),
  );
  const oldest = oldestWaiting(journal, ledger, time);

  const parts: LaneParts = {
    clock: host.clock,
    openedMs: host.clock.monotonicMs(),
    journal,
    positions,
    sender,
    gate,
    held,
    suspects,
    jobs,
    ledger,
    wake,
    time,
    bootId: host.bootId,
    everyMs: config.send.everyMs,
  };
  time.onChange(() => lookAgain(parts));
  const mode = config.catalog;
  const catalog = openCatalog(ours, cityOptions);
  const registrar =
    wanted === undefined || mode === 'off'
      ? undefined
      : (signal: AbortSignal) => keepRegistered(host, { catalog, wanted, mode, held, gate }, signal);
  return {
    run: (signal) => run(parts, { registrar, oldest, tally, hearing: openHearing(host, city, gate, time) }, signal),
    notify: () => wake.notify(),
    status: () => statusOf(parts, tally, oldest.wallMs),
    lastHeardMs: () => gate.lastSuccessMs,
  };
}

/** What is looked after every few seconds. */
interface Care {
  readonly oldest: Oldest;
  readonly tally: Tally;
  readonly hearing: Hearing;
  /** Looks after the catalogue, where that is wanted. */
  readonly registrar: ((signal: AbortSignal) => Promise<never>) | undefined;
}

async function run(parts: LaneParts, care: Care, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const inner = AbortSignal.any([signal, stop.signal]);
  const loops = [runFreshLane(parts, inner), runBacklogLane(parts, inner), keepDurable(parts, care, inner)];
  if (care.registrar !== undefined) loops.push(care.registrar(inner));
  try {
    await Promise.race(loops);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(loops);
    if (!signal.aborted) throw error;
  } finally {
    await flush(parts);
  }
}

async function keepDurable(parts: LaneParts, { oldest, tally, hearing }: Care, signal: AbortSignal): Promise<never> {
  const { clock, journal, sender, gate } = parts;
  for (;;) {
    // While the disk refuses, the journal tries it and makes this durable before it writes again: nothing has to wait for it.
    if (!journal.isFailing) await flush(parts);
    try {
      await tally.tellDropped();
      await oldest.refresh();
    } catch (error) {
      sender.journalFailed(gate.pass(), error);
    }
    await hearing.listen(signal);
    await sleep(clock, FLUSH_MS, signal);
  }
}

/** What is not made durable is not lost: it is looked up once more. */
async function flush({ ledger, sender, gate }: LaneParts): Promise<void> {
  try {
    await ledger.flush();
  } catch (error) {
    sender.journalFailed(gate.pass(), error);
  }
}

function statusOf(
  { gate, held, suspects, ledger, jobs, positions }: LaneParts,
  tally: Tally,
  oldestWallMs: number | undefined,
): UplinkStatus {
  const { state, sinceWallMs, attempt, problem, lastSuccessWallMs } = gate.state;
  const nextTryInMs = gate.remainingMs();
  const failing = suspects.list();
  const heldNextTryInMs = Math.min(held.remainingMs(), failing.length > 0 ? suspects.remainingMs() : Number.POSITIVE_INFINITY);
  const waitingCount = ledger.waitingCount;
  return {
    state,
    sinceWallMs,
    waitingCount,
    noTimeCount: positions.noTimeCount,
    attempt,
    held: [...held.list(), ...failing],
    lookUpCount: jobs.lookUpCount,
    deliveredCount: tally.deliveredCount,
    foldedCount: tally.foldedCount,
    rejected: { ...tally.rejected },
    ...(lastSuccessWallMs === undefined ? {} : { lastSuccessWallMs }),
    ...(waitingCount > 0 && oldestWallMs !== undefined ? { oldestWaitingWallMs: oldestWallMs } : {}),
    ...(nextTryInMs > 0 ? { nextTryInMs } : {}),
    ...(problem === undefined ? {} : { problem }),
    ...(Number.isFinite(heldNextTryInMs) ? { heldNextTryInMs } : {}),
  };
}

interface Hearing {
  listen(signal: AbortSignal): Promise<void>;
}

/** Tells whoever keeps the time that the city has answered; asks it when that is waited for, because nothing is sent then. */
function openHearing({ clock }: Pick<Host, 'clock'>, city: City, gate: Gate, time: UplinkTime): Hearing {
  let nextMs = Number.NEGATIVE_INFINITY;
  return {
    async listen(signal) {
      if (gate.successCount > 0) time.heardCity();
      if (!time.waitsForCity || clock.monotonicMs() < nextMs) return;
      nextMs = clock.monotonicMs() + ASK_MS;
      if (await city.isThere(signal)) time.heardCity();
    },
  };
}

interface Oldest {
  readonly wallMs: number | undefined;
  refresh(): Promise<void>;
}

/** Wall time of the oldest record that waits, read anew when it is another one; undefined when its time is not known. */
function oldestWaiting(journal: Journal, ledger: Ledger, { timeOf }: UplinkTime): Oldest {
  let sequence = 0;
  let wallMs: number | undefined;
  return {
    get wallMs() {
      return wallMs;
    },
    async refresh(): Promise<void> {
      if (ledger.waitingCount === 0 || (sequence === ledger.lowWater + 1 && wallMs !== undefined)) return;
      sequence = ledger.lowWater + 1;
      const [stored] = await journal.read(sequence, 1);
      const time = stored && timeOf(stored.record);
      wallMs = time?.kind === 'known' ? time.ms : undefined;
    },
  };
}
