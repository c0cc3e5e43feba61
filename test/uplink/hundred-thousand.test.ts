import { describe, expect, it } from 'vitest';
import { sleep } from '../../drivers/clock.ts';
import { HttpError, type HttpRequest } from '../../gateway/host.ts';
import type { Observation } from '../../gateway/record.ts';
import type { Fault } from '../../simulator/faults.ts';
import { CITY_URL, compare, District, tokenOf } from './district.ts';
import { MemoryJournal } from './memory-journal.ts';
import { observation } from './support.ts';

const READING_COUNT = process.env['BARRI_DEEP'] === '1' ? 100_000 : 10_000;
const SENSORS = Array.from({ length: 50 }, (_, index) => `sensor-${index}`);
const SECOND_COUNT = READING_COUNT / SENSORS.length;
const PROVIDER = 'makers';
const SECOND_MS = 1_000;
const BATCH = 100;
const DROPPED = 0.1;
const CUT = 0.05;
/** Longer than anything of it takes. */
const PATIENCE_MS = 6 * 3_600_000;

/** A fault meets what none before it has met. */
const FAULTS: readonly Fault[] = [
  { at: 'city', kind: 'drop-answer', rate: DROPPED, fromMs: 0, toMs: Number.POSITIVE_INFINITY },
  { at: 'city', kind: 'partial', rate: CUT / (1 - DROPPED), fromMs: 0, toMs: Number.POSITIVE_INFINITY },
];

/** Every sensor has one reading in each second, with a value that no other reading has. */
function readingsOf(second: number): Observation[] {
  return SENSORS.map((sensor, index) =>
    observation(sensor, second * SECOND_MS, (second + SECOND_COUNT) * SENSORS.length + index),
  );
}

/** Half was measured while nobody could be reached, half is measured while that is sent. */
const BACKLOG = Array.from({ length: SECOND_COUNT / 2 }, (_, index) => readingsOf(index - SECOND_COUNT / 2)).flat();
const LIVE = Array.from({ length: SECOND_COUNT / 2 }, (_, second) => readingsOf(second));
const MEASURED = [...BACKLOG, ...LIVE.flat()];

function districtOf(seed: number): District {
  return new District({ providers: [PROVIDER], sensors: SENSORS, seed, faults: FAULTS });
}

/** What became of the batches: the two faults must have met about as many as they are said to meet. */
function tell(who: string, seed: number, district: District) {
  const puts = district.requests.filter(({ method }) => method === 'PUT');
  const droppedCount = puts.filter(({ status }) => status === undefined).length;
  const cutCount = puts.filter(({ status }) => status === 500).length;
  const { lostCount, extraCount } = compare(MEASURED, district.stored(PROVIDER));
  const faults = `${droppedCount} answers dropped, ${cutCount} cut with 500`;
  process.stdout.write(
    `${who}, seed ${seed}: ${READING_COUNT} readings, ${puts.length} batches (${faults}): ${lostCount} lost, ${extraCount} duplicated\n`,
  );
  return { lostCount, extraCount, droppedShare: droppedCount / puts.length, cutShare: cutCount / puts.length };
}

async function deliver(seed: number): Promise<District> {
  const district = districtOf(seed);
  const journal = new MemoryJournal(BACKLOG);
  const uplink = await district.start(PROVIDER, journal);
  for (const readings of LIVE) {
    await Promise.all(readings.map((one) => journal.append(one)));
    uplink.notify();
    await district.pass(SECOND_MS);
  }
  while (uplink.status().waitingCount > 0 && district.clock.monotonicMs() < PATIENCE_MS) await district.pass(10 * SECOND_MS);
  expect(uplink.status()).toMatchObject({ waitingCount: 0, foldedCount: 0, rejected: {}, held: [] });
  await district.stop();
  expect(district.failures).toEqual([]);
  return district;
}

/** What gateways commonly do: a batch is sent until the city says that it was taken. */
async function deliverNaively(seed: number): Promise<District> {
  const district = districtOf(seed);
  const { clock, http } = district;
  const { signal } = new AbortController();
  const isTaken = async (batch: readonly Observation[]) => {
    try {
      return (await http(naivePut(batch), signal)).status === 200;
    } catch (error) {
      if (error instanceof HttpError) return false;
      throw error;
    }
  };
  const run = async () => {
    for (let from = 0; from < MEASURED.length; from += BATCH) {
      while (!(await isTaken(MEASURED.slice(from, from + BATCH)))) await sleep(clock, SECOND_MS, signal);
    }
  };
  await clock.run(run());
  return district;
}

function naivePut(batch: readonly Observation[]): HttpRequest {
  const sensors = batch.map(({ sensor, value, wallMs }) => {
    const [date = '', time] = new Date(wallMs).toISOString().split(/[T.]/);
    const timestamp = `${date.split('-').reverse().join('/')}T${time}`;
    return { sensor, observations: [{ value: String(value), timestamp }] };
  });
  return {
    method: 'PUT',
    url: `${CITY_URL}/data/${PROVIDER}`,
    headers: { IDENTITY_KEY: tokenOf(PROVIDER), 'Content-Type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify({ sensors })),
    timeoutMs: 15_000,
    responseBytesMax: 1_048_576,
  };
}

describe(`${READING_COUNT} readings through a city that loses a tenth of its answers and cuts a twentieth of the batches`, () => {
  it.each([1, 2, 3])(
    'are there once (seed %d), where who sends a batch again after any failure leaves duplicates',
    async (seed) => {
      const ours = tell('the uplink', seed, await deliver(seed));
      const naive = tell('a naive client', seed, await deliverNaively(seed));
      expect(ours).toMatchObject({ lostCount: 0, extraCount: 0 });
      // What the city kept of batches of which it did not say so: a comparison that sees these would see ours.
      const tooMany = READING_COUNT * ((DROPPED + CUT / 2) / (1 - DROPPED - CUT));
      expect(naive.lostCount).toBe(0);
      expect(naive.extraCount).toBeGreaterThan(tooMany / 2);
      expect(naive.extraCount).toBeLessThan(tooMany * 2);
      for (const { droppedShare, cutShare } of [ours, naive]) {
        expect(droppedShare).toBeGreaterThan(DROPPED / 2);
        expect(cutShare).toBeGreaterThan(CUT / 3);
      }
    },
    120_000,
  );
});
