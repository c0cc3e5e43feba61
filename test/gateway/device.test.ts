import { expect, test } from 'vitest';
import type { ChannelConfig, DeviceConfig, OutputConfig } from '../../config/config.ts';
import { sleep } from '../../drivers/clock.ts';
import type { Device, Driver, LastTotal } from '../../drivers/driver.ts';
import { BusError, DeviceError } from '../../drivers/errors.ts';
import { NewestTimes } from '../../drivers/newest-times.ts';
import { openBusLoad } from '../../gateway/bus-load.ts';
import { busQueue } from '../../gateway/bus-queue.ts';
import type { Bus } from '../../gateway/buses.ts';
import { RunningDevice } from '../../gateway/device.ts';
import type { Host } from '../../gateway/host.ts';
import { Moments } from '../../gateway/moments.ts';
import type { Observation } from '../../gateway/record.ts';
import { TestClock } from '../support/test-clock.ts';

const CHANNEL = {
  unit: 'degC',
  precision: 0.1,
  kind: 'gauge',
  publish: true,
  sendSuspect: false,
  reject: [],
  name: {},
  quantity: 'temperature',
  component: 'street',
  cityType: 'temperature',
} as const;

function output(id: string, safe: boolean): OutputConfig {
  const city = { sensor: `street-air-${id}`, component: 'street', quantity: 'switch_state', cityType: 'status' };
  return { id, safe, name: {}, minOffMs: 0, onLostCityMs: 0, neverWith: [], orders: [], expiryMs: 0, ...city };
}

function channel(reading: string): ChannelConfig {
  return { ...CHANNEL, reading, sensor: `street-air-${reading}` };
}

/** As on a bus on which each request takes its own turn: what is under way goes on when its caller has gone. */
function inOwnTurns(_turn: unknown, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work(signal).then(resolve, reject);
  });
}

/** Devices on one bus, each with its own made-up driver. */
function rig({ tried = Promise.resolve(), ownTurns = false } = {}) {
  const clock = new TestClock({ ms: Date.UTC(2026, 10, 25), quality: 'synced' });
  const log: [string, Record<string, unknown>][] = [];
  const host = { clock, bootId: 'boot', log: (_level, code, fields) => log.push([code, { ...fields }]) } as Partial<Host> as Host;
  const stop = new AbortController();
  const queue = busQueue('i2c1', clock);
  const bus = {
    config: { type: 'i2c', id: 'i2c1', device: '/dev/i2c-1', speedHz: 100_000 },
    queue,
    load: openBusLoad(1, () => {}),
    transact: ownTurns ? inOwnTurns : queue.run.bind(queue),
    tried,
  } as unknown as Bus;
  const connect = async () => ({}) as never;
  const moments = new Moments(clock);
  const kept: Observation[] = [];
  const fatal: unknown[] = [];
  const device = (
    id: string,
    made: Partial<Device>,
    over: Partial<DeviceConfig> = {},
    lastTotals?: ReadonlyMap<string, LastTotal>,
    open: () => Promise<Device> = async () => ({ close: async () => {}, ...made }),
  ) => {
    const driver = { plan: () => [], open } as Partial<Driver> as Driver;
    const config = {
      ...{ id, everyMs: 1000, readTimeMs: 0, via: { bus: 'i2c1' }, spec: {}, outputs: [] },
      ...{ channels: [channel('temperature')], ...over },
    } as Partial<DeviceConfig> as DeviceConfig;
    const around = {
      host,
      bus,
      connect,
      driver,
      lateness: new NewestTimes(),
      moments,
      note: () => {},
      fatal: (error: unknown) => fatal.push(error),
    };
    return new RunningDevice(config, { ...around, keep: (observations) => kept.push(...observations) }, lastTotals);
  };
  return { clock, log, stop, kept, fatal, device };
}

const times = (kept: readonly Observation[], name: string) =>
  kept.filter(({ channel: id }) => id.startsWith(`${name}.`)).map(({ monotonicMs }) => monotonicMs);

test('reads at once and then on its grid, whatever its neighbour on the bus does wrong', async () => {
  const { clock, stop, kept, device } = rig();
  const dead = device('dead', { read: (signal) => sleep(clock, 60_000, signal).then(() => []) });
  const live = device('live', { read: async () => [{ id: 'temperature', value: 20 }] });
  const running = [dead.run(stop.signal), live.run(stop.signal)];
  await clock.advance(3050);
  // The dead one costs its neighbour at most its own deadline (100 ms), never a period.
  // After three polls it is silent, and does not even cost that.
  expect(times(kept, 'live')).toEqual([100, 1100, 2100, 3000]);
  expect(dead.health.state).toMatchObject({ state: 'not-answering', problem: { code: 'D204' } });
  stop.abort();
  await Promise.all(running);
});

test('a stop that switches an output while the device is still being opened opens it once', async () => {
  const { clock, stop, device } = rig({ ownTurns: true });
  let openCount = 0;
  const written: unknown[] = [];
  const relay = device('relay', {}, { outputs: [output('pump', false)] }, undefined, async () => {
    openCount += 1;
    await sleep(clock, 50, new AbortController().signal);
    return { read: async () => [], write: async (id: string, on: boolean) => void written.push([id, on]), close: async () => {} };
  });
  const running = relay.run(stop.signal);
  await clock.advance(20);
  stop.abort();
  const safe = relay.toSafe(new AbortController().signal);
  await clock.advance(100);
  await Promise.all([running, safe]);
  expect([openCount, written]).toEqual([1, [['pump', false]]]);
});

test('tries a silent device after 10, 20, 40 and then every 60 s, logs it once, and once when it is back', async () => {
  const { clock, stop, log, device } = rig();
  let isDead = true;
  const asked: number[] = [];
  const air = device('air', {
    read: async () => {
      asked.push(clock.monotonicMs());
      if (isDead) throw new BusError('no-answer', 'nobody at 0x76');
      return [{ id: 'temperature', value: 20 }];
    },
  });
  const running = air.run(stop.signal);
  await clock.advance(199_500);
  isDead = false;
  await clock.advance(62_500);
  stop.abort();
  await running;
  // Alone on its bus it delays nobody, and is tried as soon as it may be: a tenth of the wait earlier.
  expect(asked.slice(0, 8)).toEqual([0, 1000, 2000, 11_000, 29_000, 65_000, 119_000, 173_000]);
  expect(log).toEqual([
    ['device-lost', { device: 'air', problem: 'D204', message: 'nobody at 0x76' }],
    ['device-back', { device: 'air', afterS: 227, tries: 8 }],
  ]);
  // Back on its grid, and what passed meanwhile was not meant to be used.
  expect(asked.slice(8, 11)).toEqual([227_000, 228_000, 229_000]);
  expect(air.use).toMatchObject({ failedCount: 8, skippedCount: 0 });
});

test('keeps the good readings of a read in which another one has no value', async () => {
  const { clock, stop, kept, device } = rig();
  const notAvailable = new DeviceError('not-available', 'the meter shows FFFF');
  const meter = device(
    'meter',
    {
      read: async () => [
        { id: 'voltage', error: notAvailable },
        { id: 'temperature', value: 20 },
      ],
    },
    { channels: [channel('voltage'), channel('temperature')] },
  );
  const running = meter.run(stop.signal);
  await clock.advance(1);
  stop.abort();
  await running;
  expect(kept.map(({ channel: id, value }) => [id, value])).toEqual([['meter.temperature', 20]]);
  expect(meter.health.state.state).toBe('ok');
  expect(meter.health.missing.get('voltage')).toEqual({ code: 'D207', message: 'the meter shows FFFF' });
});

test('keeps the readings of a device with which something else is wrong, and tells that until it is over', async () => {
  const { clock, log, stop, kept, device } = rig();
  const refused = new DeviceError('refused', 'relay is not known to be in its safe state');
  let problem: DeviceError | undefined = refused;
  const made: Device = {
    read: async () => [{ id: 'temperature', value: 20 }],
    close: async () => {},
    get problem() {
      return problem;
    },
  };
  const one = device('one', {}, {}, undefined, async () => made);
  void one.run(stop.signal);
  await clock.advance(2500);
  expect(times(kept, 'one')).toEqual([0, 1000, 2000]);
  expect(one.health.state).toMatchObject({ state: 'faulty', problem: { code: 'D209', message: refused.message } });
  expect(one.isSilent).toBe(false);
  problem = undefined;
  await clock.advance(1000);
  expect(one.health.state.state).toBe('ok');
  expect(log.map(([code]) => code)).toEqual(['device-lost', 'device-back']);
  stop.abort();
});

test('makes a change that the device tells by itself a reading at once', async () => {
  const { clock, stop, kept, device } = rig();
  const door = device(
    'door',
    {
      read: async () => [{ id: 'closed', value: true }],
      watch: async function* (signal) {
        await sleep(clock, 1234, signal).catch(() => {});
        if (!signal.aborted) yield { id: 'closed', value: false };
      },
    },
    { channels: [channel('closed')], everyMs: 60_000 },
  );
  const running = door.run(stop.signal);
  await clock.advance(5000);
  stop.abort();
  await running;
  expect(kept.map(({ value, monotonicMs }) => [value, monotonicMs])).toEqual([
    [true, 0],
    [false, 1234],
  ]);
});

test('drives outputs to safe and survives hardware that refuses', async () => {
  const { clock, stop, device } = rig();
  const written: [string, boolean][] = [];
  const outputs = [output('switch', false), output('vent', true)];
  const write = async (id: string, on: boolean) => {
    written.push([id, on]);
    if (id === 'switch') throw new DeviceError('refused', 'stuck');
  };
  const relay = device('relay', { write }, { channels: [], outputs });
  const safe = relay.toSafe(stop.signal);
  await clock.advance(3_000);
  await safe;
  expect(written.slice(0, 3)).toEqual([
    ['switch', false],
    ['vent', true],
    ['switch', false],
  ]);
  expect(written.filter(([id]) => id === 'vent')).toHaveLength(1);
  expect(relay.health.state.problem?.code).toBe('D209');
});

test('hands a broken invariant on instead of hiding it', async () => {
  const { stop, device } = rig();
  const broken = device('broken', { read: async () => [{ id: 'nobody_asked', value: 1 }] });
  await expect(broken.poll(stop.signal)).rejects.toThrow('nobody asked for');
});

test('takes its first reading as soon as the port is open, not a period later', async () => {
  let open = () => {};
  const tried = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { clock, stop, kept, device } = rig({ tried });
  const meter = device('meter', { read: async () => [{ id: 'temperature', value: 20 }] }, { everyMs: 300_000 });
  const running = meter.run(stop.signal);
  await clock.advance(700);
  open();
  await clock.advance(1);
  expect(times(kept, 'meter')).toEqual([700]);
  stop.abort();
  await running;
});

test('doubts a total that is lower than before the gateway ended', async () => {
  const { clock, stop, kept, device } = rig();
  const total = { ...channel('energy'), kind: 'total' } as const;
  const values = [12, 501];
  const read = async () => [{ id: 'energy', value: values.shift() ?? 502 }];
  const meter = device('meter', { read }, { channels: [total] }, new Map([['energy', { value: 500 }]]));
  const running = meter.run(stop.signal);
  await clock.advance(2050);
  stop.abort();
  await running;
  expect(kept.map(({ value, quality, reason }) => [value, quality, reason])).toEqual([
    [12, 'suspect', 'fell'],
    [501, 'good', undefined],
    [502, 'good', undefined],
  ]);
});
