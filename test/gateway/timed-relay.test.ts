// A relay board that switches off by itself, in the production gateway: what goes over the wire, and what the relay did. A
// meter shows that: the flow that it counts follows the simulated valve, whatever the gateway believes.

import { describe, expect, test } from 'vitest';
import type { Config, PlaceConfig } from '../../config/config.ts';
import { lossyLines } from '../support/lossy-lines.ts';
import { observationsOf, type Surroundings, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
const START_MS = 15 * SECOND_MS;
const UNIT = 30;

interface Valve {
  readonly limits?: string;
  readonly more?: string;
  readonly board?: string;
}

const siteOf = ({ limits = 'max_on: 10min', more = '', board = 'waveshare-relay-8' }: Valve) => `buses:
  line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 }
devices:
  relays: { board: ${board}@1, via: line, with: { unit: ${UNIT} } }
  valve: { board: solenoid-valve@1, via: relays.relay2, every: 10s, outputs: { open: { ${limits} } }${more} }
  water:
    board: flow-meter@1
    via: gpio.pin13
    every: 1s
    with: { pulses_per_litre: 450 }
    simulate: { flow: { follows: valve.open, on: 10, off: 0 } }
`;

/** A gateway that has run for 15 s, and what it wrote to the relay since. */
async function start(valve: Valve = {}, around: Surroundings = {}) {
  const running = await startSimulated(siteOf(valve), around);
  const { clock, gateway, frames } = running;
  await clock.runUntil(START_MS);
  return {
    ...running,
    order: (on: boolean, forMs?: number) => {
      const request = { output: 'valve.open', on, source: 'local', by: 'test', ...(forMs !== undefined && { forMs }) } as const;
      return clock.run(gateway.outputs.order(request));
    },
    advance: (ms: number) => clock.runUntil(clock.monotonicMs() + ms),
    /** Requests with function 5, without unit and checksum. */
    writes: () =>
      frames
        .filter(({ atMs, direction, bytes }) => atMs >= START_MS && direction === 'out' && bytes[0] === UNIT && bytes[1] === 5)
        .map(({ bytes }) => Buffer.from(bytes.subarray(2, 6)).toString('hex')),
    /** Seconds in which water ran, by the meter, from the first to the last. */
    ranS: async () => {
      const flow = observationsOf(await running.records(), 'water.flow').filter(({ value }) => Number(value) > 0);
      return ((flow.at(-1)?.monotonicMs ?? 0) - (flow[0]?.monotonicMs ?? 0)) / SECOND_MS;
    },
    finish: async () => {
      await running.stop();
      expect(running.fatal).toEqual([]);
    },
  };
}

const OFF = '00010000';
const PLAIN = '0001ff00';

describe('an order is written with its time', () => {
  // 30 s, 0.3 s and 2 s are 323 steps, 0x0143; ten minutes are 6080, 0x17c0. Relay 2 is the one at 0x0201.
  test.each<[string, number | undefined, Valve, string]>([
    ['of its own', 30_000, {}, '02010143'],
    ['that max_on leaves it', undefined, {}, '020117c0'],
    ['of its own, where it may be on for ever', 30_000, { limits: 'max_on: unlimited' }, '02010143'],
    ['never, where it may be on for ever', undefined, { limits: 'max_on: unlimited' }, PLAIN],
    ['never, where that is longer than the board can count', undefined, { limits: 'max_on: 1h' }, PLAIN],
    ['that is short, where max_on is longer than the board can count', 30_000, { limits: 'max_on: 1h' }, '02010143'],
    ['never, on a board that has no time-out', 30_000, { board: 'modbus-relay-8' }, PLAIN],
    ['never, where the valve is open while the relay is off', 30_000, { more: ', with: { active: low }' }, OFF],
  ])('%s', async (_, forMs, valve, written) => {
    const { order, writes, finish } = await start(valve);
    expect(await order(true, forMs)).toEqual({ done: true });
    expect(writes()).toEqual([written]);
    await finish();
  });

  test('and it is the gateway that ends it, in time, with a relay that was never found where nobody drove it', async () => {
    const { order, advance, writes, ranS, log, finish } = await start({ limits: 'max_on: 1min' });
    await order(true);
    await advance(120 * SECOND_MS);
    // 60 s, 0.6 s and 2 s are 626 steps, 0x0272.
    expect(writes()).toEqual(['02010272', OFF]);
    await finish();
    expect(await ranS()).toBeLessThanOrEqual(60);
    expect(log).not.toContain('output-fault');
  });

  test('anew where it is ordered on again, and not after it was switched off before', async () => {
    const { order, advance, writes, ranS, log, finish } = await start();
    await order(true, 30_000);
    await advance(25 * SECOND_MS);
    await order(true, 60_000);
    await advance(40 * SECOND_MS);
    await order(false);
    await advance(60 * SECOND_MS);
    await finish();
    // 60 s are 626 steps; the last is that of the stop.
    expect(writes()).toEqual(['02010143', '02010272', OFF, OFF]);
    // For 65 s, and what the meter needs to see that it has ended.
    expect(await ranS()).toBeGreaterThan(63);
    expect(await ranS()).toBeLessThan(72);
    expect(log).not.toContain('output-fault');
  });

  test('that a plain order to stay on ends', async () => {
    const { order, advance, ranS, finish } = await start({ limits: 'max_on: 1h' });
    await order(true, 30_000);
    await order(true);
    await advance(100 * SECOND_MS);
    await finish();
    expect(await ranS()).toBeGreaterThan(95);
  });
});

describe('when the gateway is not heard any more', () => {
  // What it may be on for, and two seconds and a hundredth, and what the meter needs to see it.
  const run = async (valve: Valve, forMs?: number) => {
    let isCut = false;
    const cut: Surroundings = {
      between: (host) =>
        lossyLines(
          host,
          () => isCut,
          () => {},
        ),
    };
    const { order, advance, ranS, finish } = await start(valve, cut);
    await order(true, forMs);
    await advance(5 * SECOND_MS);
    isCut = true;
    await advance(300 * SECOND_MS);
    isCut = false;
    await advance(120 * SECOND_MS);
    await finish();
    return ranS();
  };

  test('the relay goes off after the time of its order', async () => {
    const ranS = await run({}, 60_000);
    expect(ranS).toBeGreaterThan(58);
    expect(ranS).toBeLessThan(60 + 2.6 + 2);
  });

  test('the relay goes off after max_on', async () => {
    const ranS = await run({ limits: 'max_on: 2min' });
    expect(ranS).toBeGreaterThan(118);
    expect(ranS).toBeLessThan(120 + 3.2 + 2);
  });

  test('a relay of a board that has no time-out stays on', async () => {
    expect(await run({ board: 'modbus-relay-8' }, 60_000)).toBeGreaterThan(290);
  });
});

test('a board that takes no time refuses the order, and says which board it is', async () => {
  const without = ({ spec, ...place }: PlaceConfig): PlaceConfig => ({
    ...place,
    spec: { ...spec, ports: (spec.ports ?? []).map(({ onFor: _onFor, ...port }) => port) },
  });
  const hardware = (config: Config): Config => ({
    ...config,
    providers: new Map([...config.providers].map(([id, place]) => [id, without(place)])),
  });
  const { order, writes, ranS, finish } = await start({}, { hardware });
  expect(await order(true, 30_000)).toEqual({
    done: false,
    reason: 'failed',
    message:
      'relay2: this board has no time-out of its own: it takes no time at coil 0x0201 (exception 3); ' +
      'use the board modbus-relay-8 for it, or one without `on_for`; it was made safe',
  });
  expect(writes()).toEqual(['02010143', OFF]);
  await finish();
  expect(await ranS()).toBe(0);
});
