import type { SentiloConfig } from '../../config/config.ts';
import { sleep } from '../../drivers/clock.ts';
import type { Outbox } from '../alarms/outbox.ts';
import type { Host, Http } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalRecord } from '../record.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { deliverAlarms } from './alarm-delivery.ts';
import { type AlarmService, openAlarmService } from './alarm-service.ts';
import { type Mask, maskOf, problemOf } from './answer.ts';
import { type Catalog, openCatalog } from './catalog.ts';
import type { Wanted } from './catalog-wanted.ts';
import { type City, openCity, requestsOf } from './city.ts';
import { CityClock } from './city-clock.ts';
import { Confirmation } from './confirmation.ts';
import { fewConnections } from './few-connections.ts';
import { Gate } from './gate.ts';
import { HeldSensors } from './held.ts';
import { Jobs } from './jobs.ts';
import { type LaneParts, runBacklogLane, runFreshLane } from './lanes.ts';
import { Ledger, type LedgerJournal } from './ledger.ts';
import { type Oldest, oldestWaiting } from './oldest-waiting.ts';
import { type Heard, overheard } from './overheard.ts';
import { lookAgain, REWOUND, startPositions } from './positions.ts';
import { Quota, withinQuota } from './quota.ts';
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

/** The city's clock and this machine's are told to differ from here on. */
const CLOCKS_APART_MS = 5_000;

/** What the uplink needs from the world. */
export type SentiloHost = Pick<Host, 'clock' | 'http' | 'random' | 'log' | 'bootId'>;

/** The delivery of the journal's observations to somebody. */
export interface Uplink {
  /**
   * Delivers until `signal` is aborted, then resolves with everything known made durable; a request on its way is
   * aborted and is looked up at the next start. May be called once. Rejects only when an invariant is broken.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Something was appended and is durable. */
  notify(): void;
  status(): UplinkStatus;
}

/** The delivery to the city. */
export interface SentiloUplink extends Uplink {
  /** For what else is asked of the city. */
  readonly link: CityLink;
}

/** The way to the city: at most two requests at once, whoever makes them. */
export interface CityLink {
  readonly http: Http;
  readonly request: ReturnType<typeof requestsOf>;
  /** Takes the token out of what the city says. */
  readonly mask: Mask;
  readonly city: Pick<SentiloConfig, 'url' | 'provider'>;
  /** By the answers to all of them. */
  readonly cityClock: CityClock;
}

/** How the uplink is set up: `ca` is PEM text to trust instead of the system's authorities. */
export interface SentiloOptions {
  readonly ca?: string;
  readonly userAgent?: string;
  /** What the city's catalogue is to show; without it nobody looks at that. */
  readonly wanted?: Wanted;
  /** Observations of one request at most, where that is not Sentilo: a bench asks what the pipe could do. */
  readonly batchMax?: number;
  /** Alarms that the city is to be told. */
  readonly outbox?: Outbox;
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
): Promise<SentiloUplink> {
  const { userAgent = DEFAULT_USER_AGENT, ca, wanted, outbox, batchMax = BATCH_MAX } = options;
  const delivery = await journal.delivery('sentilo');
  const line = openLine(host);
  const { http, quota, cityClock } = line;
  const ours = { clock: host.clock, http };
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
  const ledger = new Ledger(ownJournal(journal, append), delivery, (sensor, from, to) => held.moved(sensor, from, to));
  const tally = new Tally(host, { append }, time);
  const positions = startPositions(journal.lastSequence + 1);
  const onRelease = () => {
    positions.backlog = REWOUND;
    wake.notify();
  };
  const components = new Map(wanted?.sensors.map(({ sensor, component }) => [sensor, component]));
  const confirmation = new Confirmation({
    ...{ host, city, gate, quota, jobs, tally },
    componentOf: (sensor) => components.get(sensor),
    onError: (error) => sender.journalFailed(gate.pass(), error),
  });
  const onDelivered = confirmation.delivered.bind(confirmation);
  const sender = new Sender(
    { host, city, gate, quota, held, suspects, jobs, ledger, tally, onDelivered, onRelease },
    Math.min(config.send.batch, batchMax),
  );
  const oldest = oldestWaiting(journal, ledger, time);

  const parts: LaneParts = {
    clock: host.clock,
    openedMs: host.clock.monotonicMs(),
    journal,
    positions,
    sender,
    gate,
    quota,
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
  const catalog = openCatalog(ours, cityOptions);
  const alarms = openAlarmService(ours, cityOptions);
  const others = othersOf(host, { mode: config.catalog, catalog, wanted, alarms, outbox, held, gate, confirmation });
  return {
    run: (signal) => run(parts, { others, oldest, tally, hearing: openHearing(host, city, gate, time) }, signal),
    notify: () => wake.notify(),
    status: () => ({
      ...statusOf(parts, { tally, oldestWallMs: oldest.wallMs, mask: cityOptions.mask }),
      ...clockStatus(cityClock, host.clock),
      catalog: config.catalog,
      ...confirmation.status(),
    }),
    link: { http: ours.http, request: requestsOf(cityOptions), mask: cityOptions.mask, city: config, cityClock },
  };
}

/** What every request goes through: two at most at a time, none while the quota is gone, and what each answer says of the city itself is heard. */
function openLine({ http, clock, random }: SentiloHost) {
  const quota = new Quota({ clock, random });
  const cityClock = new CityClock(clock);
  const listen = (heard: Heard) => {
    quota.heard(heard);
    cityClock.heard(heard);
  };
  const asked = withinQuota(overheard(http, clock, listen), quota);
  return { http: fewConnections(asked), quota, cityClock };
}

/** The journal with another way of appending. */
function ownJournal(journal: Journal, append: Journal['append']): LedgerJournal {
  return {
    append,
    read: (from, limit) => journal.read(from, limit),
    get lastSequence() {
      return journal.lastSequence;
    },
    get revision() {
      return journal.revision;
    },
  };
}

/** What is looked after every few seconds. */
interface Care {
  readonly oldest: Oldest;
  readonly tally: Tally;
  readonly hearing: Hearing;
  /** What runs beside the lanes. */
  readonly others: readonly ((signal: AbortSignal) => Promise<never>)[];
}

interface OtherParts {
  readonly mode: SentiloConfig['catalog'];
  readonly catalog: Catalog;
  readonly wanted: Wanted | undefined;
  readonly alarms: AlarmService;
  readonly outbox: Outbox | undefined;
  readonly confirmation: Confirmation;
  readonly held: HeldSensors;
  readonly gate: Gate;
}

/** Reads values back; looks after the catalogue and tells alarms, each where that is wanted. */
function othersOf(
  host: SentiloHost,
  { mode, catalog, wanted, alarms, outbox, confirmation, held, gate }: OtherParts,
): Care['others'] {
  const others: ((signal: AbortSignal) => Promise<never>)[] = [(signal) => confirmation.run(signal)];
  if (wanted !== undefined && mode !== 'off')
    others.push((signal) => keepRegistered(host, { catalog, wanted, mode, held, gate }, signal));
  if (outbox !== undefined) others.push((signal) => deliverAlarms(host, { service: alarms, outbox, gate }, signal));
  return others;
}

async function run(parts: LaneParts, care: Care, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const inner = AbortSignal.any([signal, stop.signal]);
  const lanes = [runFreshLane(parts, inner), runBacklogLane(parts, inner), keepDurable(parts, care, inner)];
  const loops = [...lanes, ...care.others.map((other) => other(inner))];
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
  // Those that were switched on together would ask at the same of these moments, however they begin.
  await sleep(clock, gate.startsInMs() % FLUSH_MS, signal);
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
  parts: LaneParts,
  { tally, oldestWallMs, mask }: { readonly tally: Tally; readonly oldestWallMs: number | undefined; readonly mask: Mask },
): Omit<UplinkStatus, 'differing'> {
  const { quota, held, suspects, ledger, jobs, positions, everyMs } = parts;
  const { state, sinceWallMs, attempt, problem, lastSuccessWallMs, nextTryInMs } = stateOf(parts, mask);
  const failing = suspects.list();
  const heldNextTryInMs = Math.min(held.remainingMs(), failing.length > 0 ? suspects.remainingMs() : Number.POSITIVE_INFINITY);
  const waitingCount = ledger.waitingCount;
  const pacing = quota.status(everyMs);
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
    ...(pacing === undefined ? {} : { quota: pacing }),
    ...(problem === undefined ? {} : { problem }),
    ...(Number.isFinite(heldNextTryInMs) ? { heldNextTryInMs } : {}),
  };
}

/** What keeps readings from the city, and for how long. What the gate was closed for is not tried before the quota lets it. */
function stateOf({ clock, gate, quota }: LaneParts, mask: Mask) {
  const { state } = gate;
  const closedMs = gate.remainingMs();
  if (state.state === 'ok' || state.state === 'starting') return { ...state, nextTryInMs: closedMs };
  const nextTryInMs = Math.max(closedMs, Math.min(quota.pauseMs('fresh'), quota.pauseMs('backlog')));
  const refusal = quota.refusal();
  if (refusal === undefined || state.problem?.code === 'S429') return { ...state, nextTryInMs };
  const gone = {
    state: 'waiting',
    sinceWallMs: clock.wall().ms - quota.refusedForMs,
    problem: problemOf(refusal, mask),
  } as const;
  return { ...state, ...gone, nextTryInMs };
}

/** Only what a person has to know: below that it is chance, or of no consequence. */
function clockStatus(cityClock: CityClock, clock: Host['clock']): { readonly cityClockAheadMs?: number } {
  const { ms, quality } = clock.wall();
  const aheadMs = quality === 'none' ? 0 : cityClock.aheadMs(ms);
  return Math.abs(aheadMs) < CLOCKS_APART_MS ? {} : { cityClockAheadMs: aheadMs };
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
      if (!time.waitsForCity || gate.startsInMs() > 0 || clock.monotonicMs() < nextMs) return;
      nextMs = clock.monotonicMs() + ASK_MS;
      if (await city.isThere(signal)) time.heardCity();
    },
  };
}
