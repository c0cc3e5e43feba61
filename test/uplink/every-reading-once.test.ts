import { describe, expect, it } from 'vitest';
import { HttpError, type HttpResponse } from '../../gateway/host.ts';
import type { Observation } from '../../gateway/record.ts';
import { answerOf, Bench, observation, type Script, START_WALL_MS, STARTING, sensorsOf } from './support.ts';

const SEED_COUNT = process.env['BARRI_DEEP'] === undefined ? 40 : 600;
const SENSORS = ['a', 'b', 'c', 'd', 'e'];
const STEP_COUNT = 150;

/** A small generator with a seed (mulberry32), so that a failing run can be repeated. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** The body of a batch cut after its first `count` observations in the order of sending, as a 500 leaves it in the city. */
function prefixOf(body: Uint8Array, count: number): Uint8Array {
  let left = count;
  const sensors = sensorsOf(body).flatMap(({ sensor, observations }) => {
    const kept = observations.slice(0, Math.max(0, left));
    left -= observations.length;
    return kept.length === 0 ? [] : [{ sensor, observations: kept }];
  });
  return new TextEncoder().encode(JSON.stringify({ sensors }));
}

/** A network and a city that fail in every way that is known of them, each request with the given probability. */
function faulty(bench: Bench, random: () => number, rate: number): Script {
  const sizeOf = (body: Uint8Array) => sensorsOf(body).flatMap((one) => one.observations).length;
  return async (request, _text, city, signal) => {
    const lost = (code: string): HttpResponse => {
      throw new HttpError(code, true, `no answer: ${code}`);
    };
    if (random() >= rate) return await city(request, signal);
    const body = request.body;
    switch (Math.floor(random() * 9)) {
      case 0:
        throw new HttpError('ECONNREFUSED', false, 'refused');
      case 1:
        await city(request, signal);
        return lost('ECONNRESET');
      case 2:
        await city(request, signal);
        await bench.pause(14_900, signal);
        return lost('TIMEOUT');
      case 3:
        // The city acts on it only after the sender has gone, which may be long after.
        bench.clock.timer(random() * 80_000, () => void city(request, signal));
        return lost('ECONNRESET');
      case 4:
        if (body !== undefined && sizeOf(body) > 1) {
          await city({ ...request, body: prefixOf(body, Math.ceil(random() * (sizeOf(body) - 1))) }, signal);
        }
        return answerOf(500, { code: 500, message: 'Something went wrong' });
      case 5:
        return answerOf(503, STARTING);
      case 6:
        await city(request, signal);
        return answerOf(200, '<html>Please sign in</html>');
      case 7:
        return answerOf(401, { code: 401, message: 'Invalid credential x' });
      default: {
        const answer = await city(request, signal);
        await bench.pause(random() * 5_000, signal);
        return answer;
      }
    }
  };
}

/** An observation, and the second that the city should have it at. */
interface Measured extends Observation {
  readonly second: number;
}

function isOneSecond(a: Measured, b: Measured): boolean {
  const isSecond = a.second === b.second;
  return a.sensor === b.sensor && isSecond && Math.abs(a.monotonicMs - b.monotonicMs) < 1000;
}

/** With `isTimeKept` the clock is set only after a while, and what stamps say counts for nothing where an anchor knows better. */
async function run(seed: number, isTimeKept: boolean): Promise<{ bench: Bench; measured: readonly Measured[] }> {
  const random = generator(seed);
  const bench = new Bench();
  const measured: Measured[] = [];
  const diskMs = random() * 5;
  bench.journal.pause = () => bench.pause(random() * diskMs, new AbortController().signal);
  bench.random = random;
  bench.config = { ...bench.config, send: { everyMs: 1 + Math.floor(random() * 3000), batch: 1 + Math.floor(random() * 30) } };
  bench.script = faulty(bench, random, random() * 0.5);
  const crashRate = random() * 0.1;
  bench.isTimeKept = isTimeKept;
  const setAtMs = isTimeKept ? random() * 90_000 : 0;
  let value = 0;
  let wallMs = START_WALL_MS;
  await bench.clock.run(bench.start());
  for (let step = 0; step < STEP_COUNT; step++) {
    bench.quality = bench.clock.monotonicMs() < setAtMs ? 'none' : 'synced';
    // The wall clock that stamps is set back or forward now and then, never by so little that a second could go on after it.
    if (random() < 0.03) wallMs += (random() < 0.5 ? -1 : 1) * (2_000 + random() * 60_000);
    for (const sensor of SENSORS) {
      if (random() < 0.2) continue;
      const nowMs = Math.floor(bench.clock.monotonicMs());
      const stamp = { wallMs: wallMs + nowMs, wallQuality: bench.quality };
      const one = observation(sensor, nowMs, value++, { ...stamp, publish: random() > 0.1 });
      const second = Math.floor((isTimeKept ? START_WALL_MS + nowMs : one.wallMs) / 1000);
      // Acknowledged is what the journal has made durable; what a crash catches before that was promised to nobody.
      void bench.journal.append(one).then(
        () => {
          measured.push({ ...one, second });
          bench.uplink?.notify();
        },
        () => undefined,
      );
    }
    if (random() < 0.05) bench.unknown.add(SENSORS[Math.floor(random() * SENSORS.length)] ?? 'a');
    if (random() < 0.05) bench.unknown.clear();
    await bench.clock.advance(Math.round(random() * 1500));
    if (random() < crashRate) await bench.crash();
  }
  bench.script = undefined;
  bench.quality = 'synced';
  bench.unknown.clear();
  // One more, so that the city is heard also where a crash came last and left nothing to send.
  const nowMs = Math.floor(bench.clock.monotonicMs());
  const last = observation('last', nowMs, value, { wallMs: wallMs + nowMs, wallQuality: 'synced', publish: true });
  await bench.clock.run(bench.journal.append(last));
  bench.uplink?.notify();
  await bench.clock.advance(30 * 60_000);
  return { bench, measured };
}

describe('every published reading', () => {
  const seeds = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);
  it.each(
    seeds.flatMap((seed) => [
      { seed, how: 'stamp', isTimeKept: false },
      { seed, how: 'anchor', isTimeKept: true },
    ]),
  )('is in the city once and with the second of its $how, whatever fails (seed $seed)', async ({ seed, isTimeKept }) => {
    const { bench, measured } = await run(seed, isTimeKept);
    const arrived = new Map<string, number>();
    for (const { sensor, value } of bench.stored())
      arrived.set(`${sensor} ${value}`, (arrived.get(`${sensor} ${value}`) ?? 0) + 1);
    const twice = [...arrived].filter(([, count]) => count > 1);
    const missing = measured.filter(({ sensor, value, publish }) => publish && !arrived.has(`${sensor} ${value}`));
    // Folded: of the values of a sensor in one second the city holds one.
    const kept = measured.filter(({ sensor, value }) => arrived.has(`${sensor} ${value}`));
    const lost = missing.filter((one) => !kept.some((other) => isOneSecond(one, other)));
    const leaked = measured.filter(({ sensor, value, publish }) => !publish && arrived.has(`${sensor} ${value}`));
    const seconds = new Map(bench.stored().map((one) => [`${one.sensor} ${one.value}`, one.timestampMs / 1000]));
    const late = kept.filter((one) => seconds.get(`${one.sensor} ${one.value}`) !== one.second);
    const namesOf = (ones: readonly Measured[]) => ones.map((one) => [one.sensor, one.value, one.second]);
    expect({ twice, lost: namesOf(lost), leaked, late: namesOf(late) }).toEqual({ twice: [], lost: [], leaked: [], late: [] });
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, held: [], rejected: {} });
    expect(bench.failures).toEqual([]);
    expect(bench.journal.rangesSeenMax).toBeLessThanOrEqual(32);
    await bench.stop();
    expect(bench.clock.timerCount).toBe(0);
  });
});
