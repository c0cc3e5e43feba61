// Troubles by chance, all kinds at once, for some minutes: then the city is well, and has every reading once.

import { describe, expect, it } from 'vitest';
import { HttpError, type HttpRequest, type HttpResponse } from '../../gateway/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { answerOf, Bench, observation, type Script, SIE03, STARTING, sensorsOf } from './support.ts';

const SENSORS = ['a', 'b', 'c', 'd', 'e'];
const STEPS = 150;
const HALF_HOUR_MS = 1_800_000;
/** Past the end of any request: what the city does with it then, it does to the end. */
const NEVER = new AbortController().signal;
const INTERNAL = answerOf(500, { code: 500, message: 'Something went wrong' });

type Passed = Parameters<Script>;
type Trouble = (passed: Passed, bench: Bench, chance: Chance) => Promise<HttpResponse> | HttpResponse;

interface Chance {
  (): number;
  of<One>(choices: readonly One[]): One;
}

function lost(code: string, maybeSent = true): never {
  throw new HttpError(code, maybeSent, `no answer: ${code}`);
}

/** Each passes a request on, or does not, or a part of it, or late; and says what is or is not true of that. */
const TROUBLES: readonly Trouble[] = [
  async ([request, , city]) => {
    await city(request, NEVER);
    return lost('ECONNRESET');
  },
  () => lost('ECONNRESET'),
  () => lost('ECONNREFUSED', false),
  async ([request, , city], _bench, chance) => {
    await city(request, NEVER);
    return lost(chance.of(['BAD_ANSWER', 'TIMEOUT']));
  },
  async ([request, , , signal], bench) => {
    await bench.pause(request.timeoutMs, signal);
    return lost('TIMEOUT');
  },
  async ([request, , city], _bench, chance) => {
    const part = partOf(request, chance);
    if (part !== undefined) await city(part, NEVER);
    return INTERNAL;
  },
  async ([request, , city], _bench, chance) => {
    await city(request, NEVER);
    return answerOf(chance.of([500, 502, 503, 504, 520, 524, 408]), '<html>');
  },
  async ([request, , city], _bench, chance) => {
    if (chance() < 0.5) await city(request, NEVER);
    return answerOf(chance.of([403, 406, 418]), '<html>');
  },
  async ([request, , city], _bench, chance) => {
    if (chance() < 0.5) await city(request, NEVER);
    return chance.of([answerOf(200, '<html>'), answerOf(503, { code: 14, message: 'upstream reset' })]);
  },
  ([request, , city], bench, chance) => {
    bench.clock.timer(Math.floor(chance() * 85_000), () => void city(request, NEVER));
    return chance() < 0.5 ? lost('ECONNRESET') : answerOf(504, '<html>');
  },
  () => answerOf(503, STARTING),
  () => answerOf(429, { code: 429, message: 'Sent quota exceeded.' }, { 'x-ratelimit-inbound-reset': '1' }),
  () => answerOf(400, { code: 400, message: SIE03, errorDetails: ['java.net.SocketTimeoutException: Read timed out'] }),
];

/** The first observations of a PUT, sensor by sensor; undefined for none of them. */
function partOf(request: HttpRequest, chance: Chance): HttpRequest | undefined {
  if (request.method !== 'PUT') return undefined;
  const all = sensorsOf(request.body ?? new Uint8Array()).flatMap(({ sensor, observations }) =>
    observations.map((one) => ({ sensor, observations: [one] })),
  );
  const sensors = all.slice(0, Math.floor(chance() * (all.length + 1)));
  return sensors.length === 0 ? undefined : { ...request, body: new TextEncoder().encode(JSON.stringify({ sensors })) };
}

describe('after all kinds of trouble', () => {
  it.each(Array.from({ length: 40 }, (_, index) => index + 1))('the city has every reading once (seed %d)', async (seed) => {
    const random = createRandom(seed);
    const chance: Chance = Object.assign(() => random(), {
      of: <One>(choices: readonly One[]) => choices[Math.floor(random() * choices.length)] as One,
    });
    const bench = new Bench([], { quotaPerHour: chance() < 0.2 ? 300 : 0, ...(chance() < 0.3 ? { bodyBytesMax: 600 } : {}) });
    bench.random = random;
    const failing = chance() < 0.4 ? chance.of(SENSORS) : undefined;
    const failure = chance.of([() => INTERNAL, () => lost('ECONNRESET')]);
    let share = chance() * 0.6;
    let isWell = false;
    bench.script = (...passed) => {
      const [request, text, city, signal] = passed;
      if (isWell) return city(request, signal);
      if (request.method === 'PUT' && failing !== undefined && text.includes(`"sensor":"${failing}"`)) return failure();
      return chance() < share ? chance.of(TROUBLES)(passed, bench, chance) : city(request, signal);
    };
    await bench.start();
    const sent: string[] = [];
    for (let step = 0; step < STEPS; step++) {
      const event = chance();
      if (event < 0.02) await bench.crash();
      else if (event < 0.04) bench.unknown.add(chance.of(SENSORS));
      else if (event < 0.07) bench.unknown.clear();
      else if (event < 0.09) share = chance() * 0.8;
      await bench.clock.advance(2_000 + Math.floor(chance() * 15_000));
      const atMs = Math.floor(bench.clock.monotonicMs());
      await bench.append(...SENSORS.map((sensor) => observation(sensor, atMs, step)));
      sent.push(...SENSORS.map((sensor) => `${sensor} ${step}`));
    }
    isWell = true;
    bench.unknown.clear();
    for (let half = 0; half < 12 && bench.status().waitingCount > 0; half++) await bench.clock.advance(HALF_HOUR_MS);
    expect(
      bench
        .stored()
        .map(({ sensor, value }) => `${sensor} ${value}`)
        .sort(),
    ).toEqual(sent.sort());
    expect(bench.status()).toMatchObject({ waitingCount: 0, lookUpCount: 0, rejected: {} });
    await bench.stop();
    expect(bench.failures).toEqual([]);
  });
});
