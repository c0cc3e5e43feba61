// Runs a script of city-scripts.ts with the production gateway, and counts what a bystander at the network and in the city sees.

import type { Config } from '../../config/config.ts';
import { type Clock, sleep, withDeadline } from '../../drivers/clock.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type Http, HttpError, type HttpRequest, type HttpResponse } from '../../gateway/host.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { createRandom } from '../../simulator/random.ts';
import { simulate } from '../../simulator/run.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { loadText } from '../config/site-files.ts';
import { SIE03, sensorsOf } from '../uplink/support.ts';
import { START_WALL_MS } from './card-world.ts';
import { BEGIN_MS, type CityScript, HEALING_MS, HOUR_MS, MINUTE_MS, type Mishap, SECOND_MS } from './city-scripts.ts';
import { differences, forTheCity, namedHoles, readStored } from './comparison.ts';

const TOKEN = 'demo-token';
const OTHERS_TOKEN = 'others-token';
const LATENCY_MS = 40;
const LONG_BYTES = 10_000_000;
/** What was measured shortly before the end may still be on its way. */
const LAST_MS = 30 * SECOND_MS;

/** Five readings, sent as often as they are measured. */
function siteText({ every = '10s', ...script }: CityScript): string {
  return `schema: gateway/v1
gateway: { id: trial }
sentilo: { url: "https://city.test", provider: makers, token: { secret: sentilo_token }, catalog: ${script.catalog ?? 'off'}, send: { every: ${every} } }
defaults: { every: ${every} }
buses: { i2c1: { type: i2c } }
devices:
  air: { board: bme280@1, via: i2c1, with: { address: 0x76 } }
  damp: { board: sht31@1, via: i2c1, with: { address: 0x44 } }
`;
}

/** What was seen of one run. Times are virtual milliseconds. */
export interface Run {
  readonly virtualMs: number;
  readonly readingCount: number;
  readonly requestCount: number;
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly invented: readonly string[];
  readonly setAsideCount: number;
  /** The longest of any reading, from measuring to its arrival in the city. */
  readonly waitMs: number;
  /** What arrived while there was trouble. */
  readonly arrivedCount: number;
  readonly busiestHourCount: number;
  /** From one request to the next during the trouble, in whole milliseconds. */
  readonly gapsMs: readonly number[];
  readonly inFlightMax: number;
  readonly lookUpMax: number;
  readonly heldMax: number;
  /** Power cuts that met a request on its way. */
  readonly cutRequestCount: number;
}

/** Everything that is noted while a run goes on. */
class Watch {
  readonly requestsMs: number[] = [];
  inFlight = 0;
  inFlightMax = 0;
  lookUpMax = 0;
  heldMax = 0;
  cutRequestCount = 0;
  gateway: Gateway | undefined;

  #look(): void {
    const city = this.gateway?.status().city;
    this.lookUpMax = Math.max(this.lookUpMax, city?.lookUpCount ?? 0);
    this.heldMax = Math.max(this.heldMax, city?.held.length ?? 0);
  }

  async during<T>(atMs: number, work: () => Promise<T>): Promise<T> {
    this.requestsMs.push(atMs);
    this.#look();
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    try {
      return await work();
    } finally {
      this.inFlight -= 1;
    }
  }
}

export async function runScript(script: CityScript, seed: number): Promise<Run> {
  const { config, problems } = await loadText(siteText(script));
  if (config === undefined) throw new Error(`the site has errors: ${JSON.stringify(problems)}`);
  const random = createRandom(seed);
  const city = createCity(worldOf(config, script));
  const watch = new Watch();
  const forMs = BEGIN_MS + script.troubleMs + HEALING_MS;
  const faults = script.faults ?? [];
  let disk: SimulatedDisk | undefined;
  let worldClock: Clock | undefined;
  const { status } = await simulate(config, {
    seed,
    startWallMs: START_WALL_MS,
    forMs,
    token: TOKEN,
    faults,
    started: (gateway) => {
      watch.gateway = gateway;
    },
    disk: (clock) => {
      disk = new SimulatedDisk({ clock, random: random.fork('disk'), faults, syncMs: 8 });
      return disk;
    },
    http: (clock) => {
      worldClock = clock;
      watchPower(script, clock, watch);
      useUp(city, script, clock);
      const http = network(script, city, clock, random.fork('network'));
      return (request, signal) => watch.during(clock.monotonicMs(), () => http(request, signal));
    },
  });
  if (disk === undefined || worldClock === undefined) throw new Error('the simulation made no disk or no city');
  const records = await readStored(disk, '/state/journal', worldClock);
  const kept = forTheCity(records.map(({ record }) => record));
  const stored = city.observations(config.sentilo?.provider ?? '');
  const aheadMs = script.cityAheadMs ?? 0;
  const isTrouble = (atMs: number) => atMs >= BEGIN_MS && atMs < BEGIN_MS + script.troubleMs;
  const troubled = watch.requestsMs.filter(isTrouble);
  return {
    virtualMs: forMs,
    readingCount: kept.length,
    requestCount: watch.requestsMs.length,
    ...differences(kept, stored, START_WALL_MS + forMs - (script.behindMs ?? LAST_MS), namedHoles(records)),
    setAsideCount: Object.values(status.city?.rejected ?? {}).reduce((sum, count) => sum + count, 0),
    waitMs: stored.reduce((most, { arrivalMs, timestampMs }) => Math.max(most, arrivalMs - aheadMs - timestampMs), 0),
    arrivedCount: stored.filter(({ arrivalMs }) => isTrouble(arrivalMs - aheadMs - START_WALL_MS - LATENCY_MS)).length,
    busiestHourCount: busiestHour(troubled),
    gapsMs: troubled.slice(1).map((atMs, index) => Math.round(atMs - (troubled[index] ?? atMs))),
    inFlightMax: watch.inFlightMax,
    lookUpMax: watch.lookUpMax,
    heldMax: watch.heldMax,
    cutRequestCount: watch.cutRequestCount,
  };
}

function worldOf(config: Config, { quotaPerHour = 0, usedUpQuota = 0 }: CityScript): ReturnType<typeof worldForSite> {
  const world = worldForSite(config, TOKEN);
  const entities = world.entities.map((entity) => ({ ...entity, quotaPerHour }));
  const others = entities.map((entity) => ({ ...entity, id: 'others', token: OTHERS_TOKEN }));
  return { ...world, entities: [...entities, ...others], settings: { ...world.settings, quotaPerHour: usedUpQuota } };
}

/** What others do in the city. */
function useUp(city: City, { usedUpQuota = 0 }: CityScript, clock: Clock): void {
  const request = {
    method: 'GET',
    target: '/data/others',
    headers: [['IDENTITY_KEY', OTHERS_TOKEN]],
    body: new Uint8Array(),
  } as const;
  clock.timer(BEGIN_MS, () => {
    for (let count = 0; count < usedUpQuota; count += 1) city.handle(request, clock.wall().ms);
  });
}

/** Looks at the network whenever the power goes. */
function watchPower({ faults = [] }: CityScript, clock: Clock, watch: Watch): void {
  for (const { at, fromMs } of faults) {
    if (at !== 'power') continue;
    clock.timer(fromMs, () => {
      if (watch.inFlight > 0) watch.cutRequestCount += 1;
    });
  }
}

function busiestHour(timesMs: readonly number[]): number {
  return timesMs.reduce((most, fromMs, from) => {
    const past = timesMs.findIndex((atMs) => atMs >= fromMs + HOUR_MS);
    return Math.max(most, (past < 0 ? timesMs.length : past) - from);
  }, 0);
}

/** The network of a script with the simulated city at its other end. */
function network(script: CityScript, city: City, clock: Clock, random: () => number): Http {
  const { mishaps = [], faults = [], cityAheadMs = 0 } = script;
  const wall = () => ({ ...clock.wall(), ms: clock.wall().ms + cityAheadMs });
  const cityClock: Clock = { ...clock, wall };
  const whole = cityHttp(city, cityClock, { faults, latencyMs: LATENCY_MS, random });
  const cut: Http = cityHttp(city, cityClock, {
    faults: [{ at: 'city', kind: 'partial', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY }],
    latencyMs: LATENCY_MS,
    random,
  });
  return async (request, signal) => {
    const nowMs = clock.monotonicMs();
    const mishap = mishaps.find(({ fromMs, toMs, rate }) => fromMs <= nowMs && nowMs < toMs && (rate >= 1 || random() < rate));
    if (mishap === undefined) return await whole(request, signal);
    return await meet(mishap, request, { clock, whole, cut, signal });
  };
}

interface Way {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly whole: Http;
  /** Stores a prefix. */
  readonly cut: Http;
}

async function meet(mishap: Mishap, request: HttpRequest, { clock, signal, whole, cut }: Way): Promise<HttpResponse> {
  const lost = (code: string, maybeSent: boolean) => new HttpError(code, maybeSent, `no answer from city.test: ${code}`);
  switch (mishap.kind) {
    case 'name-unknown':
      throw lost('ENOTFOUND', false);
    case 'body-cut':
      await sleep(clock, LATENCY_MS, signal);
      throw lost('ECONNRESET', true);
    case 'prefix-then-gone':
      await cut(request, signal);
      throw lost('ECONNRESET', true);
    case 'answer-long': {
      const answer = await whole(request, signal);
      if (request.responseBytesMax < LONG_BYTES) throw lost('TOO_LONG', true);
      return { ...answer, body: new Uint8Array(LONG_BYTES) };
    }
    case 'answer-half': {
      const answer = await whole(request, signal);
      // An empty answer breaks off in its head; of the others a proxy has made two halves, each with a length that is right.
      if (answer.body.length === 0) throw lost('ECONNRESET', true);
      return { ...answer, body: answer.body.subarray(0, answer.body.length >> 1) };
    }
    case 'redirect':
      await sleep(clock, LATENCY_MS, signal);
      return { status: 302, headers: { location: 'http://portal.test/login' }, body: new TextEncoder().encode('<h1>Found</h1>') };
    case 'slow': {
      // Whether anybody still waits or not.
      const nobody = new AbortController().signal;
      const acted = async () => {
        await sleep(clock, mishap.byMs / 2, nobody);
        const answer = await whole(request, nobody);
        await sleep(clock, mishap.byMs / 2, nobody);
        return answer;
      };
      return await withDeadline(clock, request.timeoutMs, signal, () => lost('TIMEOUT', true), acted);
    }
    case 'poison':
      return isPoisoned(request, mishap) ? refusal() : await whole(request, signal);
  }
}

function isPoisoned(
  { method, body = new Uint8Array() }: HttpRequest,
  { sensor, fromMs }: Extract<Mishap, { kind: 'poison' }>,
): boolean {
  if (method !== 'PUT') return false;
  const seconds = Array.from({ length: 10 }, (_, second) => cityTime(START_WALL_MS + fromMs + second * SECOND_MS));
  return sensorsOf(body).some(
    (one) => one.sensor === sensor && one.observations.some(({ timestamp }) => seconds.includes(timestamp)),
  );
}

/** `dd/MM/yyyyTHH:mm:ss` (sentilo.md §1.5.3) */
function cityTime(wallMs: number): string {
  const [date = '', time] = new Date(wallMs).toISOString().split(/[T.]/);
  return `${date.split('-').reverse().join('/')}T${time}`;
}

function refusal(): HttpResponse {
  const error = { code: 400, message: SIE03, errorDetails: ['Wrong timestamp value: poison'] };
  return { status: 400, headers: {}, body: new TextEncoder().encode(JSON.stringify(error)) };
}

/** The runs as a table for a person. */
export function tableOf(runs: readonly { readonly script: CityScript; readonly run: Run }[]): string {
  const head = ['script', 'virtual h', 'readings', 'requests', 'in the busiest hour', 'duplicates', 'lost', 'longest wait, min'];
  const lines = runs.map(({ script, run }) => [
    script.name,
    (run.virtualMs / HOUR_MS).toFixed(1),
    `${run.readingCount}`,
    `${run.requestCount}`,
    `${run.busiestHourCount}`,
    `${run.twice.length}`,
    `${run.lost.length}${run.setAsideCount > 0 ? ` (${run.setAsideCount} set aside)` : ''}`,
    (run.waitMs / MINUTE_MS).toFixed(1),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)));
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
