import { sleep } from '../../../drivers/clock.ts';
import { type BookFile, type OrdersState, openBookFile } from '../../../gateway/orders/book-file.ts';
import { openOrders } from '../../../gateway/orders/orders.ts';
import type { OrderRequest } from '../../../gateway/outputs/output.ts';
import { openOutputs } from '../../../gateway/outputs/outputs.ts';
import type { Observation } from '../../../gateway/record.ts';
import { maskOf } from '../../../gateway/uplink/answer.ts';
import { requestsOf } from '../../../gateway/uplink/city.ts';
import { CityClock } from '../../../gateway/uplink/city-clock.ts';
import { overheard } from '../../../gateway/uplink/overheard.ts';
import { SimulatedDisk } from '../../../simulator/disk.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { simulatedPorts } from '../../../simulator/local.ts';
import { powerOn } from '../../../simulator/power.ts';
import { cityHttp } from '../../../simulator/sentilo/city-http.ts';
import { cityPush } from '../../../simulator/sentilo/city-push.ts';
import type { Push } from '../../../simulator/sentilo/push-queue.ts';
import { pushSignature } from '../../../simulator/sentilo/push-signature.ts';
import type { MemoryJournal } from '../../uplink/memory-journal.ts';

import {
  APART_MS,
  CALM_MS,
  CONFIG,
  EXPIRY_MS,
  KEY,
  OUTPUT,
  PORT,
  PROVIDER,
  SECOND_MS,
  SENSOR,
  SENTILO,
  STORM_COUNT,
  TROUBLE_MS,
  Trial,
  type Verdict,
} from './schedule-trial.ts';

/** Runs one schedule: the same seed gives the same. */
export async function runSchedule(seed: number): Promise<Verdict> {
  const trial = new Trial(seed);
  const { clock, random } = trial;
  pushAround(trial);
  let running = boot(trial);
  // Past the first answer of the city, before which nothing is meant for this gateway.
  await clock.runUntil(12 * SECOND_MS);
  disturb(trial);
  setClock(trial);
  giveOrders(trial);
  const crashes = Array.from({ length: Math.floor(random() * 3) }, () =>
    trial.between(12 * SECOND_MS, 12 * SECOND_MS + TROUBLE_MS),
  );
  for (const atMs of crashes.sort((a, b) => a - b)) {
    await clock.runUntil(atMs);
    running.cut();
    // Nobody listens there any more.
    trial.ports = simulatedPorts();
    trial.crashCount += 1;
    trial.journal = trial.journal.crashed();
    trial.kept = await asRead(trial.kept);
    await clock.runUntil(atMs + trial.between(0, 8 * SECOND_MS));
    running = boot(trial);
  }
  await clock.runUntil(12 * SECOND_MS + TROUBLE_MS + CALM_MS);
  running.cut();
  return verdictOf(trial);
}

/** What is durable, as the next process reads it from the file. */
async function asRead(kept: OrdersState): Promise<OrdersState> {
  const disk = new SimulatedDisk();
  const file = await openBookFile(disk, '/orders');
  await file.write(kept);
  await file.close();
  return (await openBookFile(disk, '/orders')).state;
}

/** Starts the gateway's taking of orders, with an output that takes its time and a card that takes its own. */
function boot(trial: Trial): { cut(): void } {
  const { clock, random, journal } = trial;
  const power = powerOn(clock);
  const own = power.bootClock;
  const bootMs = clock.monotonicMs();
  const never = new AbortController().signal;
  const pause = (mostMs: number) =>
    random() < 0.5 ? Promise.resolve() : sleep(own, random() * mostMs, new AbortController().signal);
  const card = {
    append: async (...[record, isUrgent]: Parameters<MemoryJournal['append']>) => {
      await pause(60);
      const sequence = await journal.append(record, isUrgent);
      await pause(60);
      return sequence;
    },
    read: journal.read.bind(journal),
    get lastSequence() {
      return journal.lastSequence;
    },
  };
  const file: BookFile = {
    state: trial.kept,
    write: async (state) => {
      const copy = structuredClone(state);
      await pause(60);
      trial.kept = copy;
      await pause(60);
    },
    close: async () => {},
  };
  const device = {
    config: { id: 'valve', outputs: [OUTPUT] },
    safeMs: 0,
    holdFor: () => () => {},
    switchTo: async (_output: string, on: boolean) => {
      const nowMs = own.monotonicMs();
      const isOrdered = trial.placed.some(
        ({ request, bootMs: of }) => of === bootMs && request.on && nowMs <= (request.untilMs ?? Number.NEGATIVE_INFINITY),
      );
      if (on && !isOrdered) trial.faults.push(`opened at ${nowMs} without an order that may be carried out then`);
      await pause(300);
      return undefined;
    },
  };
  const fatal = (error: unknown) => trial.faults.push(`broken: ${error instanceof Error ? error.stack : String(error)}`);
  const bootId = `boot-${trial.crashCount}`;
  const outputs = openOutputs([device], {
    clock: own,
    bootId,
    log: () => {},
    journal: card,
    fatal,
    keep: () => {},
    latest: () => undefined,
    lastHeardMs: () => undefined,
  });
  outputs.opened('valve', undefined);
  const cityOptions = { config: SENTILO, token: PROVIDER, mask: maskOf(PROVIDER), userAgent: 'test' };
  const network = { faults: trial.cityFaults, latencyMs: 40, random };
  const cityClock = new CityClock(own);
  const http = power.reach(cityHttp(trial.city, trial.cityClock, network));
  const orders = openOrders(CONFIG, {
    host: { clock: own, random, log: () => {}, bootId, serve: trial.ports.serve },
    journal: card,
    link: {
      http: overheard(http, own, (heard) => cityClock.heard(heard)),
      cityClock,
      request: requestsOf(cityOptions),
      mask: cityOptions.mask,
      city: SENTILO,
    },
    file,
    key: KEY,
    refused: (one) => outputs.refused(one),
    order: (request) => {
      // It may begin once it is remembered.
      request.kept?.then((isKept) => isKept && trial.placed.push({ request, bootMs }), fatal);
      return outputs.order(request);
    },
    answered: () => {},
    fatal,
  });
  orders?.run(never).catch(fatal);
  return power;
}

/** Every push is delivered late, twice, again after a while, or never. */
function pushAround(trial: Trial): void {
  const { city, clock } = trial;
  const deliver = (push: Push) => {
    const { method, headers, body } = earlier(push, trial.pushEarlierMs);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    // Nobody hears what a gateway answers that is gone meanwhile.
    trial.ports.request(PORT, { method, path: '/orders', headers: lower, body })?.catch(() => {});
  };
  cityPush(city, trial.cityClock, (push) => {
    const isCalm = clock.monotonicMs() > 12 * SECOND_MS + TROUBLE_MS;
    const copies = isCalm ? 1 : Math.floor(trial.random() * 4);
    for (let copy = 0; copy < copies; copy++)
      trial.at(trial.between(0, trial.random() < 0.5 ? 100 : 40 * SECOND_MS), () => deliver(push));
    return 200;
  });
}

/** The same push, as the server makes it that looks at its clock once more before it files the order. */
function earlier(push: Push, byMs: number): Push {
  const text = Buffer.from(push.body).toString();
  const body = Buffer.from(text.replace(/"(publishedAt|time)":(\d+)/g, (_, key, ms) => `"${key}":${Number(ms) - byMs}`));
  const date = push.headers['X-Sentilo-Date'] ?? '';
  const hmac = pushSignature({ secret: KEY, body, date, endpoint: SENTILO.callback.endpoint });
  return { ...push, body, headers: { ...push.headers, 'X-Sentilo-Content-Hmac': hmac } };
}

function disturb(trial: Trial): void {
  const nowMs = trial.clock.monotonicMs();
  for (const kind of ['timeout', 'drop-answer', 'status', 'refuse'] as const) {
    if (trial.random() < 0.6) continue;
    const fromMs = nowMs + trial.between(0, TROUBLE_MS);
    const toMs = Math.min(nowMs + TROUBLE_MS, fromMs + trial.between(0, 20 * SECOND_MS));
    trial.cityFaults.push({
      at: 'city',
      kind,
      rate: 0.5 + trial.random() / 2,
      fromMs,
      toMs,
      ...(kind === 'status' && { status: 500 }),
    } as Fault);
  }
}

/** Somebody sets the city's clock, by more than what passes between two askings: of less nobody can know. */
function setClock(trial: Trial): void {
  if (trial.random() < 0.8) return;
  const byMs = (trial.random() < 0.5 ? -1 : 1) * trial.between(200 * SECOND_MS, 3_600 * SECOND_MS);
  trial.at(trial.between(0, TROUBLE_MS), () => {
    trial.aheadMs += byMs;
    if (byMs < 0) trial.setBackMs = trial.clock.monotonicMs();
  });
}

function giveOrders(trial: Trial): void {
  const { city, given } = trial;
  const isStorm = trial.random() < 0.005;
  const count = isStorm ? STORM_COUNT : 1 + Math.floor(trial.random() * 6);
  const stormMs = trial.between(0, TROUBLE_MS / 2);
  const apartMs = isStorm ? trial.between(APART_MS, 150) : APART_MS;
  const taken = new Set<number>();
  for (let number = 0; number < count; number++) {
    const isForAll = trial.random() < 0.08;
    const sender = trial.random() < 0.08 ? 'stranger' : 'app';
    const text = textOf(trial, number);
    const body = Buffer.from(JSON.stringify({ order: text }));
    const path = isForAll ? `/order/${PROVIDER}` : `/order/${PROVIDER}/${SENSOR}`;
    let place = isStorm ? number : trial.between(0, (TROUBLE_MS - 2 * SECOND_MS) / apartMs);
    while (taken.has(place)) place += 1;
    taken.add(place);
    trial.at((isStorm ? stormMs : 0) + place * apartMs, () => {
      const atMs = trial.cityClock.wall().ms;
      const { status } = city.handle({ method: 'PUT', target: path, headers: [['IDENTITY_KEY', sender]], body }, atMs);
      if (status === 200) given.push({ text, sender, isForAll, atMs, monotonicMs: trial.clock.monotonicMs() });
    });
  }
}

/** Each but a plain `off` says for how long, by which it is told from all others. */
function textOf({ random }: Trial, number: number): string {
  const chance = random();
  if (chance < 0.5) return JSON.stringify({ set: 'on', for: `${3_000 + number}ms`, ...(random() < 0.3 && { id: 'again' }) });
  if (chance < 0.8) return 'off';
  return chance < 0.9 ? JSON.stringify({ set: 'off', for: `${3_000 + number}ms` }) : 'toggle';
}

function verdictOf(trial: Trial): Verdict {
  const { given, placed, pushEarlierMs, setBackMs, crashCount } = trial;
  const faults = [...trial.faults];
  for (const { request, bootMs } of placed) {
    if (request.by !== 'app') faults.push(`carried out for ${request.by}`);
    // The moment up to which it may begin; what is safe is done late, too, where nobody knows how old it is.
    const untilMs = bootMs + (request.untilMs ?? Number.POSITIVE_INFINITY);
    const possible = given.filter(
      ({ text, monotonicMs, isForAll, sender }) =>
        !isForAll &&
        sender === 'app' &&
        isOf(text, request) &&
        (untilMs <= monotonicMs + EXPIRY_MS || (monotonicMs < setBackMs && !request.on)),
    );
    if (possible.length === 0) faults.push(`carried out and never given, or longer than it may: ${JSON.stringify(request)}`);
  }
  for (const text of new Set(given.map((one) => one.text))) {
    const placedCount = placed.filter(({ request }) => isOf(text, request)).length;
    // What is safe is done again where so much was forgotten that nobody knows, after the clock was set back.
    const isHarmless = text.includes('off') && given.length >= STORM_COUNT && Number.isFinite(setBackMs);
    if (placedCount > given.filter((one) => one.text === text && !one.isForAll).length && !isHarmless)
      faults.push(`carried out ${placedCount} times: ${text}`);
  }
  if (
    placed.filter(({ request }) => request.forMs !== undefined).length > new Set(placed.map(({ request }) => request.forMs)).size
  )
    faults.push('one order was carried out twice');
  const answers = trial.journal.records
    .filter((record): record is Observation => record.kind === 'observation' && record.sensor === `${SENSOR}_ack`)
    .map(({ value }) => JSON.parse(String(value)) as { at: number; from: string; result: string });
  for (const { atMs, sender, text, monotonicMs } of given) {
    const isAt = (at: number) => atMs - pushEarlierMs <= at && at <= atMs;
    const count = answers.filter(({ at, from }) => isAt(at) && from === sender).length;
    // Of one text, sender and moment there is nothing by which two could be told apart.
    const sameCount = new Set(
      given
        .filter((one) => Math.abs(one.atMs - atMs) <= pushEarlierMs && one.sender === sender)
        .map((one) => `${one.isForAll} ${one.text}`),
    ).size;
    // What was given before the clock was set back, and not seen by then, is looked at when that time comes again.
    const isAhead = monotonicMs < setBackMs && count === 0;
    // Of a storm more than is remembered may be without an answer in a crash, or come again with the time.
    if (given.length >= STORM_COUNT && (crashCount > 0 || Number.isFinite(setBackMs))) continue;
    if (count !== sameCount && !isAhead) faults.push(`answered ${count} times: ${text} of ${atMs}`);
  }
  return {
    givenCount: given.length,
    placedCount: placed.length,
    crashCount,
    results: answers.map(({ result }) => result),
    faults,
  };
}

function isOf(text: string, request: OrderRequest): boolean {
  if (text === 'off') return !request.on && request.forMs === undefined;
  if (!text.startsWith('{')) return false;
  const { set, for: time } = JSON.parse(text) as { set: string; for?: string };
  return (set === 'on') === request.on && (time === undefined ? request.forMs === undefined : `${request.forMs}ms` === time);
}
