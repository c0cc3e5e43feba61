// A broker that is killed comes back with what it had written down before: acknowledged messages are gone, with whatever it
// kept for subscribers. Nothing acknowledged may be missing in the end.

import { afterEach, describe, expect, it } from 'vitest';
import { markText } from '../../gateway/mqtt/mark.ts';
import { createRandom } from '../../simulator/random.ts';
import { observation } from '../uplink/support.ts';
import { distinct, MqttBench, PREFIX, readings, upTo } from './support.ts';

const TOPIC = `${PREFIX}/air/t`;
let bench: MqttBench;
afterEach(() => expect(bench.failures).toEqual([]));

/** What a subscriber has in the end that the broker keeps everything for. */
function kept(): number[] {
  return bench.broker.kept.filter(({ topic }) => topic === TOPIC).map(({ payload }) => JSON.parse(payload).value);
}

async function measure(first: number, last: number): Promise<void> {
  for (let value = first; value <= last; value += 1) {
    await bench.append(observation('s', bench.clock.monotonicMs(), value, { channel: 'air.t' }));
    await bench.clock.advance(1_000);
  }
}

describe('a broker that has lost acknowledged messages', () => {
  it('gets them again', async () => {
    bench = new MqttBench(readings('air.t', 20));
    await bench.start();
    await bench.clock.advance(10_000);
    bench.broker.save();
    await measure(21, 60);
    expect(kept()).toEqual(upTo(60));
    bench.broker.crash();
    expect(kept()).toEqual(upTo(20));
    await bench.clock.advance(10_000);
    expect(distinct(kept())).toEqual(upTo(60));
    expect(bench.logged.find(({ code }) => code === 'broker-lost-messages')?.fields).toMatchObject({ last: 60 });
    await bench.stop();
  });

  it('gets them again from the next process, when the power failed for both', async () => {
    bench = new MqttBench(readings('air.t', 20));
    await bench.start();
    await bench.clock.advance(10_000);
    bench.broker.save();
    await measure(21, 60);
    bench.broker.crash();
    await bench.crash();
    await bench.clock.advance(10_000);
    expect(distinct(kept())).toEqual(upTo(60));
    await bench.stop();
  });

  it('gets the last half hour again when it keeps nothing at all', async () => {
    bench = new MqttBench(readings('air.t', 20));
    await bench.start();
    await bench.clock.advance(5_000);
    await measure(21, 60);
    bench.broker.crash();
    expect(kept()).toEqual([]);
    await bench.clock.advance(10_000);
    expect(distinct(kept())).toEqual(upTo(60));
    await bench.stop();
  });

  it('gets the last half hour again where some of it was measured before the clock was set', async () => {
    const set = readings('air.t', 5_000);
    const firstMs = set[0]?.wallMs ?? 0;
    // A quarter of an hour ago a boot began whose clock stood in 1970 for two minutes.
    bench = new MqttBench(set.map((each, i) => (i >= 4_000 && i < 4_120 ? { ...each, wallMs: each.wallMs - firstMs } : each)));
    bench.timeOfWall = (wallMs) => (wallMs < firstMs ? wallMs + firstMs : wallMs);
    await bench.start();
    await bench.clock.advance(20_000);
    bench.broker.crash();
    await bench.crash();
    await bench.clock.advance(20_000);
    expect(distinct(kept()).at(-1)).toBe(5_000);
    expect(new Set(kept()).size).toBeGreaterThanOrEqual(1_800);
    await bench.stop();
  });

  it('gets the last half hour again from the next process, when neither remembers', async () => {
    bench = new MqttBench(readings('air.t', 5_000));
    await bench.start();
    await bench.clock.advance(20_000);
    bench.broker.crash();
    await bench.crash();
    await bench.clock.advance(20_000);
    expect(distinct(kept()).at(-1)).toBe(5_000);
    // One a second: 31 minutes of them, and the rest of a page.
    expect(new Set(kept()).size).toBeGreaterThanOrEqual(1_860);
    expect(new Set(kept()).size).toBeLessThan(1_860 + 500);
    await bench.stop();
  });

  it('is not told from one that never keeps anything, which gets nothing twice for it', async () => {
    bench = new MqttBench(readings('air.t', 20));
    bench.broker.faults.isForgetful = true;
    await bench.start();
    await bench.clock.advance(20_000);
    for (let each = 0; each < 5; each += 1) {
      bench.broker.cutAll();
      await bench.clock.advance(120_000);
    }
    await bench.crash();
    await bench.clock.advance(20_000);
    expect(bench.values('air.t')).toEqual(upTo(20));
    expect(bench.codes()).toContain('broker-keeps-nothing');
    await bench.stop();
  });

  it('gets nothing again that it has', async () => {
    bench = new MqttBench(readings('air.t', 20));
    await bench.start();
    await bench.clock.advance(10_000);
    await measure(21, 30);
    await bench.clock.advance(5_000);
    bench.broker.save();
    bench.broker.crash();
    await bench.clock.advance(10_000);
    await bench.crash();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual(upTo(30));
    expect(bench.codes()).not.toContain('broker-lost-messages');
    await bench.stop();
  });

  it('is not told from one whose mark was on its way when the connection broke, which is no warning', async () => {
    bench = new MqttBench(readings('air.t', 20));
    await bench.start();
    await bench.clock.advance(10_000);
    const twoAtOnce = async (value: number) => {
      for (const each of [value, value + 1]) {
        await bench.append(observation('s', bench.clock.monotonicMs(), each, { channel: 'air.t' }));
        await bench.clock.advance(100);
      }
      expect(bench.broker.retained(`${PREFIX}/delivered`)).toBe(markText(value));
    };
    await twoAtOnce(21);
    bench.broker.cutAll();
    await bench.clock.advance(10_000);
    await twoAtOnce(23);
    await bench.stop();
    await bench.start();
    await bench.clock.advance(10_000);
    expect(distinct(kept())).toEqual(upTo(24));
    expect(bench.logged.filter(({ level, code }) => level === 'warning' || code === 'broker-sent-again')).toEqual([
      { level: 'warning', code: 'broker-unreachable', fields: expect.anything() },
      { level: 'info', code: 'broker-sent-again', fields: { first: 22, last: 22 } },
      { level: 'info', code: 'broker-sent-again', fields: { first: 24, last: 24 } },
    ]);
    await bench.stop();
  });

  it.each(['x', '{"sequence":-1}', '{"sequence":1e99}', '{"sequence":999999999999999}', '{"sequence":9999999999999999}', '[]'])(
    'is not taken for one over a mark that says %s',
    async (mark) => {
      bench = new MqttBench(readings('air.t', 20));
      await bench.start();
      await bench.clock.advance(10_000);
      await bench.stop();
      bench.broker.send(`${PREFIX}/delivered`, mark, true);
      await bench.start();
      await bench.clock.advance(10_000);
      expect(bench.values('air.t')).toEqual(upTo(20));
      expect(bench.status()).toMatchObject({ state: 'ok' });
      await bench.stop();
    },
  );

  it('gets at most everything once more, whatever somebody wrote into its mark', async () => {
    bench = new MqttBench(readings('air.t', 20));
    await bench.start();
    await bench.clock.advance(10_000);
    await bench.stop();
    bench.broker.send(`${PREFIX}/delivered`, markText(0), true);
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([...upTo(20), ...upTo(20)]);
    expect(JSON.parse(bench.broker.retained(`${PREFIX}/delivered`) ?? '')).toEqual({ sequence: 20 });
    await bench.stop();
  });
});

const SEEDS = process.env['BARRI_DEEP'] === '1' ? 200 : 20;

it(`misses nothing after ${SEEDS} hours of cuts, kills, crashes and silence of either side`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = createRandom(seed);
    bench = new MqttBench();
    bench.random = random;
    await bench.start();
    let value = 0;
    let savedMs = 0;
    const save = () => {
      bench.broker.save();
      return bench.clock.monotonicMs();
    };
    for (let minute = 0; minute < 60; minute += 1) {
      for (let each = 0; each < 5; each += 1) {
        value += 1;
        await bench.append(observation('s', bench.clock.monotonicMs(), value, { channel: 'air.t' }));
      }
      await bench.clock.advance(random() * 5_000);
      // As Mosquitto does by itself (autosave_interval).
      if (bench.clock.monotonicMs() - savedMs >= 1_700_000) savedMs = save();
      const fate = random();
      if (fate < 0.1) bench.broker.cutAll();
      else if (fate < 0.2) await bench.crash();
      else if (fate < 0.3) bench.broker.crash();
      else if (fate < 0.5) savedMs = save();
      else if (fate < 0.6) bench.broker.faults.isMute = !bench.broker.faults.isMute;
      else if (fate < 0.7) bench.broker.faults.isDown = !bench.broker.faults.isDown;
      await bench.clock.advance(random() * 60_000);
    }
    Object.assign(bench.broker.faults, { isMute: false, isDown: false });
    await bench.clock.advance(200_000);
    expect({ seed, waiting: bench.status().waitingCount }).toEqual({ seed, waiting: 0 });
    const have = new Set(kept());
    expect({ seed, missing: upTo(value).filter((each) => !have.has(each)) }).toEqual({ seed, missing: [] });
    await bench.stop();
  }
}, 120_000);
