import { describe, expect, it, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { compare, District } from './district.ts';
import { MemoryJournal } from './memory-journal.ts';
import { observation } from './support.ts';

const GATEWAY_COUNT = process.env['BARRI_DEEP'] === '1' ? 1_000 : 100;
const SENSORS = ['temperature', 'humidity', 'noise', 'dust'];
/** What each gateway asks the city for; the pushing of orders every other one. */
const SERVICES = ['data', 'order', 'subscribe', 'catalog', 'alarm'] as const;
const SECOND_MS = 1_000;
const MOMENT_MS = 100;
const MINUTE_MS = 60 * SECOND_MS;
/** What the city is asked in is counted: a second of a thousand gateways, ten seconds of a hundred, in which as many requests fall. */
const COUNTED_MS = (SECOND_MS * 1_000) / GATEWAY_COUNT;
/** Each sensor was measured once a minute. */
const BACKLOG_MINUTES = 120;
const AWAY_MS = 5 * MINUTE_MS;
const AFTERWARDS_MS = 3 * MINUTE_MS;
const PROVIDERS = Array.from({ length: GATEWAY_COUNT }, (_, index) => `gateway-${index}`);
const BACKLOG = Array.from({ length: BACKLOG_MINUTES }, (_, index) =>
  SENSORS.map((sensor) => observation(sensor, (index - BACKLOG_MINUTES) * MINUTE_MS, index)),
).flat();

const WAYS: readonly { readonly how: string; readonly backMs: number; readonly faults: readonly Fault[] }[] = [
  { how: 'the city was away', backMs: AWAY_MS, faults: [{ at: 'city', kind: 'refuse', rate: 1, fromMs: 0, toMs: AWAY_MS }] },
];

/** From `phaseMs` on every sensor is measured once a minute, beside what waits. */
function goOn({ clock }: District, journal: MemoryJournal, notify: () => void, phaseMs: number): void {
  const measure = (minute: number) => {
    const readings = SENSORS.map((sensor) => observation(sensor, clock.monotonicMs(), BACKLOG_MINUTES + minute));
    void Promise.all(readings.map((one) => journal.append(one))).then(notify);
    clock.timer(MINUTE_MS, () => measure(minute + 1));
  };
  clock.timer(phaseMs, () => measure(0));
}

/** The busiest stretch, and how many requests a stretch of the minute around it has on average. */
function peakOf({ requests }: District, backMs: number) {
  const perMinute = MINUTE_MS / COUNTED_MS;
  const counts: number[] = new Array((AFTERWARDS_MS / MINUTE_MS) * perMinute).fill(0);
  for (const { atMs } of requests) {
    const stretch = Math.floor((atMs - backMs) / COUNTED_MS);
    if (stretch >= 0 && stretch < counts.length) counts[stretch] = (counts[stretch] ?? 0) + 1;
  }
  const peak = Math.max(...counts);
  const minute = Math.floor(counts.indexOf(peak) / perMinute);
  const around = counts.slice(minute * perMinute, (minute + 1) * perMinute);
  return { peak, mean: around.reduce((sum, count) => sum + count, 0) / perMinute };
}

/** How many requests one service of the city answered, and how many of them came within one moment at most. */
function busiestOf({ requests }: District, service: string) {
  const answered = requests.filter((request) => request.service === service && request.status === 200);
  const starts = answered.map(({ atMs }) => Math.floor(atMs / MOMENT_MS));
  const counts = new Map<number, number>();
  for (const moment of starts) counts.set(moment, (counts.get(moment) ?? 0) + 1);
  return { service, count: starts.length, within: Math.max(...counts.values()) };
}

test(`${GATEWAY_COUNT} gateways that are switched on at once do not all ask the same at once`, async () => {
  const district = new District({ providers: PROVIDERS, sensors: SENSORS, seed: 1, hasEverything: true });
  for (const provider of PROVIDERS) await district.start(provider, new MemoryJournal(BACKLOG.slice(-1)));
  await district.pass(2 * MINUTE_MS);
  const busiest = SERVICES.map((service) => busiestOf(district, service));
  for (const line of busiest) process.stdout.write(`${GATEWAY_COUNT} gateways switched on at once: ${JSON.stringify(line)}\n`);
  for (const { count } of busiest) expect(count).toBeGreaterThanOrEqual(GATEWAY_COUNT / 2);
  for (const { within } of busiest) expect(within).toBeLessThanOrEqual(GATEWAY_COUNT / 10);
  await district.stop();
  expect(district.failures).toEqual([]);
}, 120_000);

describe(`${GATEWAY_COUNT} gateways, each with a backlog of hours, that can all send at the same moment because`, () => {
  it.each(WAYS)(
    '$how meet it with at most twice the requests that the minute has on average',
    async ({ how, backMs, faults }) => {
      const district = new District({ providers: PROVIDERS, sensors: SENSORS, seed: 1, faults, hasEverything: true });
      const random = createRandom('when each of them measures');
      for (const provider of PROVIDERS) {
        const journal = new MemoryJournal(BACKLOG);
        const uplink = await district.start(provider, journal);
        goOn(district, journal, () => uplink.notify(), Math.floor(random() * MINUTE_MS));
      }
      await district.pass(backMs + AFTERWARDS_MS);
      const { peak, mean } = peakOf(district, backMs);
      const stretch = `${COUNTED_MS / SECOND_MS} s`;
      process.stdout.write(
        `${GATEWAY_COUNT} gateways, ${how}: ${peak} requests in the busiest ${stretch}, ${mean.toFixed(1)} on average over its minute\n`,
      );
      expect(peak / mean).toBeLessThanOrEqual(2);
      for (const service of SERVICES) {
        const { count, within } = busiestOf(district, service);
        expect(count).toBeGreaterThanOrEqual(GATEWAY_COUNT / 2);
        expect(within).toBeLessThanOrEqual(GATEWAY_COUNT / 10);
      }
      for (const provider of PROVIDERS) expect(compare(BACKLOG, district.stored(provider)).lostCount).toBe(0);
      await district.stop();
      expect(district.failures).toEqual([]);
    },
    120_000,
  );
});
