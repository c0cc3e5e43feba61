// Readings on their way to a broker that does what a broker should, and to one that does not.

import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { observation } from '../uplink/support.ts';
import { distinct, MqttBench, PREFIX, readings, upTo } from './support.ts';

let bench: MqttBench;
afterEach(() => expect(bench.failures).toEqual([]));

describe('the delivery to a broker', () => {
  it('sends every published observation once, in order, and says when it is there and gone', async () => {
    bench = new MqttBench(readings('air.t', 500));
    await bench.start();
    await bench.clock.advance(10_000);
    await bench.append(
      observation('s', 0, 501, { channel: 'air.t' }),
      observation('s', 0, 7, { channel: 'air.t', publish: false }),
    );
    await bench.clock.advance(1_000);
    expect(bench.values('air.t')).toEqual(upTo(501));
    expect(bench.broker.retained(`${PREFIX}/status`)).toBe('online');
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, deliveredCount: 501 });
    await bench.stop();
    expect(bench.broker.retained(`${PREFIX}/status`)).toBe('offline');
    expect(bench.broker.clientIds).toEqual([]);
  });

  it('keeps the order of 500 readings that were taken while the broker was away (mq-04)', async () => {
    bench = new MqttBench();
    bench.broker.faults.isDown = true;
    await bench.start();
    for (const reading of readings('air.t', 500)) await bench.append(reading);
    await bench.clock.advance(600_000);
    expect(bench.status()).toMatchObject({ state: 'unreachable', waitingCount: 500, problem: { code: 'M000' } });
    bench.broker.faults.isDown = false;
    await bench.clock.advance(70_000);
    expect(bench.values('air.t')).toEqual(upTo(500));
    await bench.stop();
  });

  it('waits ever longer for a broker that is away, at most a minute, and never as long as another gateway', async () => {
    bench = new MqttBench();
    bench.broker.faults.isDown = true;
    const tries = watchedTries();
    bench.random = () => 0.999;
    await bench.start();
    await bench.clock.advance(300_000);
    const pauses = tries.slice(1).map((atMs, index) => Math.round((atMs - (tries[index] ?? 0)) / 1000));
    expect(pauses.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    bench.random = () => 0;
    const before = tries.length;
    await bench.clock.advance(300_000);
    expect(tries.length - before).toBeGreaterThanOrEqual(9);
    expect(bench.codes().filter((code) => code.startsWith('broker-'))).toEqual(['broker-unreachable']);
    await bench.stop();
  });

  it('has no more on its way than the broker takes', async () => {
    bench = new MqttBench(readings('air.t', 300), { inFlightMax: 3 });
    await bench.start();
    await bench.clock.advance(20_000);
    expect(bench.values('air.t')).toEqual(upTo(300));
    expect(bench.codes()).toEqual(['broker-ok']);
    await bench.stop();
  });

  it('sends again what was not acknowledged when the connection broke, and nothing else', async () => {
    bench = new MqttBench(readings('air.t', 1_000));
    await bench.start();
    await bench.clock.advance(2_076);
    bench.broker.cutAll();
    await bench.clock.advance(30_000);
    const values = bench.values('air.t');
    expect(distinct(values)).toEqual(upTo(1_000));
    expect(values.length - 1_000).toBeGreaterThan(0);
    expect(values.length - 1_000).toBeLessThanOrEqual(300);
    await bench.stop();
  });

  it('gives up a connection over which nothing is acknowledged, and sends it again over the next', async () => {
    bench = new MqttBench();
    await bench.start();
    await bench.clock.advance(5_000);
    bench.broker.faults.isMute = true;
    await bench.append(...readings('air.t', 3));
    await bench.clock.advance(40_000);
    expect(bench.status()).toMatchObject({ state: 'unreachable', waitingCount: 3 });
    bench.broker.faults.isMute = false;
    await bench.clock.advance(70_000);
    expect(distinct(bench.values('air.t'))).toEqual(upTo(3));
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    await bench.stop();
  });

  it('waits for a slow broker as long as it answers in time', async () => {
    bench = new MqttBench(readings('air.t', 250));
    bench.broker.faults.ackMs = 9_000;
    await bench.start();
    await bench.clock.advance(90_000);
    expect(bench.values('air.t')).toEqual(upTo(250));
    expect(bench.codes()).toEqual(['broker-ok']);
    await bench.stop();
  });

  it('repeats after a kill at most what was on its way', async () => {
    bench = new MqttBench(readings('air.t', 2_000));
    await bench.start();
    for (let crash = 0; crash < 6; crash += 1) {
      await bench.clock.advance(3_300);
      await bench.crash();
    }
    await bench.clock.advance(30_000);
    const values = bench.values('air.t');
    expect(distinct(values)).toEqual(upTo(2_000));
    const ids = bench.broker.taken
      .filter(({ topic }) => topic === `${PREFIX}/air/t`)
      .map(({ payload }) => JSON.parse(payload).id);
    expect(new Set(ids).size).toBe(2_000);
    await bench.stop();
  });

  it.each([
    [0x86, 'refused', 'M134'],
    [0x87, 'refused', 'M135'],
    [0x88, 'waiting', 'M136'],
  ])('tells that it is refused with 0x%s as %s, and tries again', async (reason, state, code) => {
    bench = new MqttBench(readings('air.t', 2));
    bench.broker.faults.refusal = Number(reason);
    await bench.start();
    await bench.clock.advance(400_000);
    expect(bench.status()).toMatchObject({ state, problem: { code }, waitingCount: 2 });
    bench.broker.faults.refusal = undefined;
    await bench.clock.advance(310_000);
    expect(bench.values('air.t')).toEqual([1, 2]);
    await bench.stop();
  });

  it('shows its login, and only to the broker', async () => {
    const login = { username: 'corner', password: 'canary-7f' };
    bench = new MqttBench(readings('air.t', 1), { login });
    await bench.start();
    await bench.clock.advance(1_000);
    expect(bench.status()).toMatchObject({ state: 'refused' });
    await bench.stop();
    bench.login = login;
    await bench.start();
    await bench.clock.advance(4_000);
    expect(bench.status()).toMatchObject({ state: 'ok' });
    await bench.stop();
    expect(JSON.stringify([bench.logged, bench.status(), bench.broker.taken])).not.toContain('canary-7f');
  });

  it('says which topic it may not write to, and loses nothing until it may', async () => {
    bench = new MqttBench([...readings('air.t', 1), ...readings('soil.t', 1), ...readings('air.t', 1, 2)]);
    bench.broker.faults.denies = (topic) => (topic.includes('/soil/') ? 0x87 : undefined);
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.status()).toMatchObject({
      state: 'refused',
      problem: { code: 'M135', parameters: { topic: `${PREFIX}/soil/t` } },
    });
    bench.broker.faults.denies = () => undefined;
    await bench.clock.advance(310_000);
    expect(distinct(bench.values('soil.t'))).toEqual([1]);
    expect(distinct(bench.values('air.t'))).toEqual([1, 2]);
    await bench.stop();
  });

  it('sets aside a message that the broker will never take, and says so once', async () => {
    bench = new MqttBench([...readings('a.bad', 3), ...readings('air.t', 2)]);
    bench.broker.faults.denies = (topic) => (topic.endsWith('/bad') ? 0x99 : undefined);
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([1, 2]);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { refused: 3 } });
    expect(bench.codes().filter((code) => code === 'observation-set-aside')).toHaveLength(1);
    expect(bench.journal.events.map(({ fields }) => fields['channel'])).toEqual(['a.bad']);
    await bench.stop();
  });

  it('sends no number that JSON has no word for (mq-02)', async () => {
    const bad = [Number.NaN, Number.POSITIVE_INFINITY].map((value) => observation('s', 0, value, { channel: 'air.t' }));
    bench = new MqttBench([...bad, ...readings('air.t', 1)]);
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([1]);
    expect(bench.status()).toMatchObject({ waitingCount: 0, rejected: { 'invalid-value': 2 } });
    await bench.stop();
  });

  it('misses no reading, in whichever moment of its work that comes', async () => {
    bench = new MqttBench();
    let value = 0;
    const measure = () => {
      value += 1;
      bench.journal.records.push(observation('s', bench.clock.monotonicMs(), value, { channel: 'air.t' }));
      bench.uplink?.notify();
    };
    // The next one comes so many turns after the acknowledgement of the one before.
    let turns = 0;
    const { connect } = bench.broker;
    Object.assign(bench.broker, {
      connect: async (...args: Parameters<typeof connect>) => {
        const connection = await connect(...args);
        const publish: typeof connection.publish = async (topic, ...rest) => {
          await connection.publish(topic, ...rest);
          if (topic !== `${PREFIX}/air/t` || value % 2 === 0) return;
          const wait = async () => {
            for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
            measure();
          };
          wait().catch((error: unknown) => bench.failures.push(error));
        };
        return { ...connection, publish };
      },
    });
    await bench.start();
    await bench.clock.advance(10_000);
    for (; turns < 40; turns += 1) {
      measure();
      await bench.clock.advance(200);
      expect({ turns, values: bench.values('air.t') }).toEqual({ turns, values: upTo(2 * turns + 2) });
      await bench.clock.advance(5_000);
    }
    await bench.stop();
  });

  it('leaves nothing behind for each message while its connection stands', async () => {
    bench = new MqttBench(readings('air.t', 10));
    const signals: AbortSignal[] = [];
    const { any } = AbortSignal;
    AbortSignal.any = (sources) => {
      const signal = any.call(AbortSignal, sources);
      signals.push(signal);
      return signal;
    };
    try {
      await bench.start();
      await bench.clock.advance(10_000);
      const before = signals.length;
      for (let value = 11; value <= 40; value += 1) {
        await bench.append(observation('s', bench.clock.monotonicMs(), value, { channel: 'air.t' }));
        await bench.clock.advance(2_000);
      }
      expect(bench.values('air.t')).toEqual(upTo(40));
      expect({ before, more: signals.length - before }).toEqual({ before: 2, more: 0 });
      // What still listens is what waits now, not what has waited.
      for (const signal of signals) expect(getEventListeners(signal, 'abort').length).toBeLessThan(10);
    } finally {
      AbortSignal.any = any;
    }
    await bench.stop();
  });

  it('does not come back as fast as it is thrown out', async () => {
    bench = new MqttBench();
    const tries = watchedTries(() => {
      bench.clock.timer(2_500, () => bench.broker.cutAll());
    });
    await bench.start();
    await bench.clock.advance(600_000);
    expect(bench.codes()).toContain('broker-ok');
    expect(tries.length).toBeGreaterThan(5);
    expect(tries.length).toBeLessThan(20);
    await bench.stop();
  });
});

/** Monotonic times at which a connection was tried. To be called before the start. */
function watchedTries(onTry = () => {}): number[] {
  const tries: number[] = [];
  const { connect } = bench.broker;
  Object.assign(bench.broker, {
    connect: (...args: Parameters<typeof connect>) => {
      tries.push(bench.clock.monotonicMs());
      onTry();
      return connect(...args);
    },
  });
  return tries;
}

describe('the time of a reading', () => {
  it('is waited for, and nothing of the same boot overtakes', async () => {
    bench = new MqttBench(readings('air.t', 3));
    bench.untimed.add('boot');
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.values('air.t')).toEqual([]);
    expect(bench.status()).toMatchObject({ state: 'ok', noTimeCount: 3, waitingCount: 3 });
    bench.untimed.delete('boot');
    bench.timeChanged();
    await bench.clock.advance(1_000);
    expect(bench.values('air.t')).toEqual([1, 2, 3]);
    expect(bench.status()).toMatchObject({ noTimeCount: 0, waitingCount: 0 });
    await bench.stop();
  });

  it('of an earlier boot may never come, and holds nobody else up', async () => {
    const early = readings('air.t', 3).map((one) => ({ ...one, boot: 'early' }));
    bench = new MqttBench([...early, ...readings('air.t', 2, 4)]);
    bench.untimed.add('early');
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([4, 5]);
    expect(bench.status()).toMatchObject({ waitingCount: 3 });
    await bench.crash();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([4, 5]);
    bench.untimed.delete('early');
    bench.timeChanged();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([4, 5, 1, 2, 3]);
    expect(bench.status()).toMatchObject({ waitingCount: 0 });
    await bench.stop();
  });

  it('of a boot that never had one is given up with its readings, which are counted', async () => {
    const early = readings('air.t', 3).map((one) => ({ ...one, boot: 'early' }));
    bench = new MqttBench([...early, ...readings('air.t', 1, 4)]);
    bench.lost.add('early');
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values('air.t')).toEqual([4]);
    expect(bench.status()).toMatchObject({ waitingCount: 0, rejected: { 'no-time': 3 } });
    expect(bench.codes().filter((code) => code === 'observation-set-aside')).toHaveLength(1);
    await bench.stop();
  });
});

describe('an observation that was appended again', () => {
  it('is not sent again by the process that has sent it at its old place', async () => {
    bench = new MqttBench(readings('air.t', 2));
    await bench.start();
    await bench.clock.advance(5_000);
    await bench.append(...readings('air.t', 1).map((one) => ({ ...one, heldFrom: 1 })));
    await bench.clock.advance(5_000);
    expect(bench.values('air.t')).toEqual([1, 2]);
    expect(bench.status()).toMatchObject({ waitingCount: 0 });
    await bench.stop();
  });

  it('is sent at its new place when its old one was settled without it', async () => {
    bench = new MqttBench([...readings('air.t', 2), ...readings('air.t', 1).map((one) => ({ ...one, heldFrom: 1 }))]);
    bench.broker.send(`${PREFIX}/delivered`, '{"sequence":3}', true);
    await bench.start();
    await bench.clock.advance(5_000);
    expect(bench.values('air.t')).toEqual([2, 1]);
    await bench.stop();
  });
});
