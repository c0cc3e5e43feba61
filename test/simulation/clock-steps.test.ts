import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { observationsOf, startSimulated } from '../gateway/simulated-gateway.ts';
import { START_WALL_MS } from '../simulator/site.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SITE = `sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }
buses: { i2c1: { type: i2c } }
devices: { hall: { board: sht31@1, via: i2c1, every: 10s } }
`;

/** A gateway that polls one device every 10 s for `forMs`, and what the city saw of it. */
async function life(faults: readonly Fault[], forMs: number) {
  const requestsMs: number[] = [];
  let inCity = (): number[] => [];
  const running = await startSimulated(SITE, {
    faults,
    http: (clock, config) => {
      const city = createCity(worldForSite(config, 'demo-token'));
      inCity = () => {
        const stored = city.observations('makers').filter(({ sensor }) => sensor === 'trial-hall-temperature');
        return stored.map(({ timestampMs }) => timestampMs - START_WALL_MS);
      };
      const http = cityHttp(city, clock.ofTheWorld(), { faults, latencyMs: 40, random: createRandom(1) });
      return (request, signal) => {
        requestsMs.push(clock.monotonicMs());
        return http(request, signal);
      };
    },
  });
  await running.clock.runUntil(forMs);
  const status = running.gateway.status();
  await running.stop();
  const out = running.frames.filter(({ direction }) => direction === 'out').map(({ atMs }) => atMs);
  // The opening of the journal takes some milliseconds before the first.
  const pollsMs = out
    .filter((atMs, index) => index === 0 || atMs - (out[index - 1] ?? 0) > SECOND_MS)
    .map((atMs) => atMs - (out[0] ?? 0));
  const observations = observationsOf(await running.clock.run(running.records()), 'hall.temperature');
  return { status, pollsMs, requestsMs, observations, inCity: inCity().sort((a, b) => a - b), fatal: running.fatal };
}

/** Every 10 s from `fromMs` to `toMs`, both included. */
function grid(fromMs: number, toMs: number): number[] {
  return Array.from({ length: (toMs - fromMs) / (10 * SECOND_MS) + 1 }, (_, index) => fromMs + index * 10 * SECOND_MS);
}

// Cases ck-02 (an hour back) and ck-03 (a day forward). Nothing is made up for, nothing stands still, nobody gets a burst.
test.each([
  ['an hour back', -HOUR_MS],
  ['a day forward', DAY_MS],
])('a clock that goes %s leaves the polls on their grid and the city at its pace', async (_how, byMs) => {
  const stepMs = 10 * MINUTE_MS + SECOND_MS;
  const lastMs = stepMs - SECOND_MS + HOUR_MS;
  const faults: Fault[] = [{ at: 'clock', kind: 'step', byMs, fromMs: stepMs, toMs: Number.POSITIVE_INFINITY }];
  const { pollsMs, requestsMs, inCity, status, fatal } = await life(faults, lastMs + SECOND_MS / 2);
  expect(pollsMs).toEqual(grid(0, lastMs));
  expect(pollsMs.filter((atMs) => atMs > stepMs)).toHaveLength(360);
  // A request for each poll, before the step and after it.
  const inMinute = (fromMs: number) => requestsMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + MINUTE_MS).length;
  expect(inMinute(stepMs)).toBe(inMinute(stepMs - MINUTE_MS));
  // The second of the last poll is still running.
  expect(inCity).toEqual(grid(0, lastMs - 10 * SECOND_MS));
  expect(status).toMatchObject({
    measuring: { lateMsP99: 0 },
    clock: { doubt: 'stepped', quality: 'holdover', wallMs: START_WALL_MS + lastMs + SECOND_MS / 2 },
    city: { state: 'ok' },
  });
  expect(fatal).toEqual([]);
});

test('what six hours at 1970 have measured reaches the city with the second of its measuring', async () => {
  const darkMs = 6 * HOUR_MS;
  const faults: Fault[] = [{ at: 'clock', kind: 'unset', byMs: 0, fromMs: 0, toMs: darkMs }];
  const endMs = darkMs + 10 * MINUTE_MS;
  const { observations, inCity, status } = await life(faults, endMs + 5 * SECOND_MS);
  const timeless = observations.filter(({ wallQuality }) => wallQuality === 'none');
  expect(timeless).toHaveLength(darkMs / (10 * SECOND_MS));
  expect(timeless[0]?.wallMs).toBeLessThan(SECOND_MS);
  expect(inCity).toEqual(grid(0, endMs));
  expect(status.city).toMatchObject({ waitingCount: 0, noTimeCount: 0, rejected: {} });
});

test('a site without a city writes down what time it is, too', async () => {
  const running = await startSimulated(`buses: { i2c1: { type: i2c } }
devices: { hall: { board: sht31@1, via: i2c1, every: 10min } }
`);
  await running.clock.runUntil(2 * HOUR_MS + MINUTE_MS);
  expect(running.gateway.status().clock).toEqual({
    quality: 'synced',
    wallMs: START_WALL_MS + 2 * HOUR_MS + MINUTE_MS,
    // Half a second, and 100 ppm of the minute since the last anchor.
    errorMs: 506,
    untimedBoots: [],
    untimedBootCount: 0,
  });
  await running.stop();
  const records = await running.clock.run(running.records());
  const anchors = records.filter((record) => record.kind === 'anchor');
  expect(anchors.map(({ monotonicMs }) => monotonicMs - (anchors[0]?.monotonicMs ?? 0))).toEqual([0, HOUR_MS, 2 * HOUR_MS]);
  expect(anchors[0]?.monotonicMs).toBeLessThan(SECOND_MS);
  for (const { monotonicMs, wallMs } of anchors) expect(wallMs).toBe(START_WALL_MS + monotonicMs);
});
