import { describe, expect, it } from 'vitest';
import { HttpError, type HttpRequest } from '../../gateway/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { TestClock } from '../support/test-clock.ts';
import { Bench, history, observation } from './support.ts';

const DEEP = process.env['BARRI_DEEP'] === '1';

/** Gateways of one district on one clock, in front of one city that serves ten requests at a time. */
class District {
  readonly clock = new TestClock({ ms: 1_795_608_000_000, quality: 'synced' });
  readonly gateways: Bench[];
  readonly contacts: number[] = [];
  isAway = false;
  inServiceMax = 0;
  #inService = 0;
  readonly #workers = Array.from({ length: 10 }, () => 0);

  constructor(count: number, waiting: number) {
    this.gateways = Array.from({ length: count }, (_, index) => {
      const bench = new Bench(history('a', waiting), {}, this.clock);
      const random = createRandom(index);
      bench.random = random;
      bench.startChance = random();
      bench.script = async (request, _text, city, signal) => {
        this.contacts.push(this.clock.monotonicMs());
        if (this.isAway) throw new HttpError('ECONNREFUSED', false, 'nobody there');
        await this.#serve(bench, request, signal);
        return await city(request, signal);
      };
      return bench;
    });
  }

  /** About 1 ms an observation, and ten at a time (sentilo.md §1.1, §1.5.5). */
  async #serve(bench: Bench, request: HttpRequest, signal: AbortSignal): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    const worker = this.#workers.indexOf(Math.min(...this.#workers));
    const doneMs = Math.max(nowMs, this.#workers[worker] ?? 0) + 4 + (request.body?.length ?? 0) / 60;
    this.#workers[worker] = doneMs;
    this.inServiceMax = Math.max(this.inServiceMax, ++this.#inService);
    await bench.pause(doneMs - nowMs, signal);
    this.#inService--;
  }

  async measure(forMs: number): Promise<void> {
    for (let ms = 0; ms < forMs; ms += 10_000) {
      for (const bench of this.gateways) await bench.append(observation('a', this.clock.monotonicMs(), ms));
      await this.clock.advance(10_000);
    }
  }

  /** Requests in the fullest second and in an average one, of the minute from `fromMs` on. */
  load(fromMs: number): { readonly peak: number; readonly mean: number } {
    const seconds = Array.from({ length: 60 }, () => 0);
    for (const atMs of this.contacts) {
      const second = Math.floor((atMs - fromMs) / 1000);
      if (second >= 0 && second < 60) seconds[second] = (seconds[second] ?? 0) + 1;
    }
    return { peak: Math.max(...seconds), mean: seconds.reduce((sum, one) => sum + one, 0) / 60 };
  }
}

describe('a district of gateways', () => {
  it('that is switched on at once begins within seconds, not in one', async () => {
    const district = new District(200, 1);
    for (const bench of district.gateways) await bench.start();
    await district.clock.advance(60_000);
    const starts = district.contacts.filter((atMs) => atMs < 5_100);
    expect(starts).toHaveLength(200);
    const bySecond = [0, 1, 2, 3, 4].map((second) => starts.filter((atMs) => Math.floor(atMs / 1000) === second).length);
    // Forty each on average.
    expect(Math.max(...bySecond)).toBeLessThan(60);
    for (const bench of district.gateways) expect(bench.values()).toHaveLength(1);
    for (const bench of district.gateways) await bench.stop();
  });

  it('that comes back with a backlog each is spread over the minute and never fills the city’s queue, and all of it arrives once', {
    timeout: 120_000,
  }, async () => {
    const district = new District(DEEP ? 300 : 100, 0);
    for (const bench of district.gateways) await bench.start();
    await district.measure(60_000);
    district.isAway = true;
    for (const bench of district.gateways) await bench.append(...history('b', 2_500));
    await district.measure(240_000);
    district.isAway = false;
    district.inServiceMax = 0;
    const fromMs = district.clock.monotonicMs();
    await district.clock.advance(240_000);
    const { peak, mean } = district.load(fromMs);
    expect(peak).toBeLessThan(2 * mean);
    // Ten are served and a hundred wait; beyond that the city resets connections (sentilo.md §1.1).
    expect(district.inServiceMax).toBeLessThan(110);
    for (const bench of district.gateways) expect(bench.values('b')).toHaveLength(2_500);
    for (const bench of district.gateways) expect(bench.values('a')).toHaveLength(30);
    for (const bench of district.gateways) await bench.stop();
  });

  it('asks for nothing before it has begun, not even for what the process before had on its way', async () => {
    const bench = new Bench(history('a', 3));
    bench.script = () => {
      throw new HttpError('ECONNRESET', true, 'cut');
    };
    await bench.start();
    await bench.clock.advance(1_000);
    bench.startChance = 0.9;
    bench.script = undefined;
    const crashedMs = bench.clock.monotonicMs();
    await bench.crash();
    await bench.clock.advance(200_000);
    const [, next] = bench.traffic;
    expect(next?.method).toBe('GET');
    expect((next?.atMs ?? 0) - crashedMs).toBeGreaterThanOrEqual(4_500);
    expect(bench.values()).toEqual(['1', '2', '3']);
    await bench.stop();
  });
});
