import type { Config } from '../config/config.ts';
import type { Clock } from '../drivers/clock.ts';
import { type Http, HttpError } from '../gateway/host.ts';
import { createRandom } from '../simulator/random.ts';
import { simulate } from '../simulator/run.ts';
import { createCity } from '../simulator/sentilo/city.ts';
import { cityHttp } from '../simulator/sentilo/city-http.ts';
import { cityPush, pushesTo } from '../simulator/sentilo/city-push.ts';
import { worldForSite } from '../simulator/sentilo/world.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { errorOutput } from './journal-progress.ts';
import { text } from './messages/live.ts';
import { text as outputs } from './messages/outputs.ts';
import { orderTable } from './order-table.ts';
import { alarmsOf, troublesOf } from './render-status.ts';
import { readWorld, SIMULATED_TOKEN } from './simulated-city.ts';
import { Moves } from './simulated-moves.ts';
import { showSimulatedTime } from './simulated-progress.ts';
import { isHealthy } from './status.ts';
import { fitted } from './table.ts';

/** A run without `--start` always begins at the same moment, so that traces can be compared. */
const START_DEFAULT_MS = Date.UTC(2026, 0, 1);
/** Orders and rules that are shown; JSON has a thousand. */
const MOVES_SHOWN = 20;
/** A request to a city over a household's line, there and back. */
const CITY_LATENCY_MS = 40;

export interface SimulateOptions {
  readonly seed: number;
  /** Milliseconds of virtual time. */
  readonly for: number;
  readonly start?: number;
  readonly world?: string;
  readonly trace?: boolean;
  readonly json?: boolean;
}

/** Of a site without `sentilo:` nothing is sent. */
const nobody: Http = async ({ url }) => {
  throw new HttpError('ECONNREFUSED', false, `there is no city at ${url}`);
};

/** Runs a site in virtual time, as fast as the machine can, and says what came of it. */
export async function simulateAndReport(config: Config, options: SimulateOptions, io: Io): Promise<void> {
  const hasCity = config.sentilo !== undefined;
  const own = () => (hasCity ? worldForSite(config, SIMULATED_TOKEN) : undefined);
  const world = options.world === undefined ? own() : await readWorld(options.world, io);
  if (world === undefined && (hasCity || options.world !== undefined)) return;
  const city = world === undefined ? undefined : createCity(world);
  const moves = new Moves();
  let clock: Clock | undefined;
  const startedAtMs = performance.now();
  // Between the lines of a trace there is no place for it.
  const place = options.trace === true ? { write: io.err, isTerminal: false } : errorOutput(io.err);
  const endProgress = showSimulatedTime(() => clock?.monotonicMs(), options.for, place);
  const { traceHash, eventCount, virtualMs, status } = await simulate(config, {
    seed: options.seed,
    startWallMs: options.start ?? START_DEFAULT_MS,
    forMs: options.for,
    token: SIMULATED_TOKEN,
    log: (_level, code, fields) => clock && moves.take(clock, code, fields),
    http: (worldClock, ask) => {
      clock = worldClock;
      if (city === undefined) return nobody;
      const callback = config.sentilo?.callback;
      if (callback !== undefined) cityPush(city, worldClock, pushesTo(callback, ask));
      return cityHttp(city, worldClock, {
        faults: [],
        latencyMs: CITY_LATENCY_MS,
        random: createRandom(options.seed).fork('city'),
      });
    },
    ...(options.trace === true ? { listing: (line: string) => io.err(`${line}\n`) } : {}),
  }).finally(endProgress);
  const observations = city?.observations(config.sentilo?.provider ?? '').length ?? 0;
  const realMs = Math.round(performance.now() - startedAtMs);
  const result = {
    seed: options.seed,
    virtualMs: Math.round(virtualMs),
    realMs,
    eventCount,
    observations,
    requests: city?.requestCount ?? 0,
    traceHash,
    moves: moves.newest,
    troubles: troublesOf(status, true),
    alarms: alarmsOf(status),
    readings: status.readings ?? [],
  };
  if (!isHealthy(status)) io.setExitCode(EXIT.problems);
  io.out(
    options.json === true
      ? `${JSON.stringify(result)}\n`
      : fitted(text.simulated(result), io.columns) + movesText(moves, config.gateway, io),
  );
}

/** What outputs and rules did, where there was anything. */
function movesText({ count, newest }: Moves, { timezone }: Config['gateway'], io: Io): string {
  if (count === 0) return '';
  const shown = newest.slice(-MOVES_SHOWN);
  const rows = shown.map(({ time, about, on, forMs, from = '', ...became }) => ({
    wallMs: Date.parse(time),
    about,
    order: on === undefined ? outputs.notOrdered : outputs.ordered(on, forMs),
    from,
    result: outputs.became(became),
  }));
  const table = orderTable(rows, timezone, io);
  return `${fitted(text.moves(count, shown.length), io.columns)}${table.join('\n')}\n`;
}
