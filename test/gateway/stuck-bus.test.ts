import { describe, expect, test } from 'vitest';
import type { PlaceConfig } from '../../config/config.ts';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { BusError } from '../../drivers/errors.ts';
import { prepareBus } from '../../gateway/buses.ts';
import type { Host } from '../../gateway/host.ts';
import type { Fault } from '../../simulator/faults.ts';
import { TestClock } from '../support/test-clock.ts';
import { startSimulated } from './simulated-gateway.ts';

// A wire that is held low silences all devices of a bus. It is named within five seconds of the first transfer that comes to
// no end, and everybody is back within ten seconds of its release, however long it lasted.

const SECOND_MS = 1000;
const SEEN_MS_MAX = 5 * SECOND_MS;
const BACK_MS_MAX = 10 * SECOND_MS;
const STUCK_FROM_MS = 60 * SECOND_MS;
const EVERY_MS = 10 * SECOND_MS;

const CHIPS = `buses: { i2c1: { type: i2c } }
devices:
  air: { board: bme280@1, via: i2c1, every: 10s }
  hall: { board: sht31@1, via: i2c1, every: 10s }
  lux: { board: bh1750@1, via: i2c1, every: 10s }
`;
const METERS = `buses: { line: { type: modbus-rtu, port: header, baud: 9600 } }
devices:
  a: { board: eastron-sdm120@1, via: line, every: 10s, with: { unit: 1 } }
  b: { board: eastron-sdm120@1, via: line, every: 10s, with: { unit: 2 } }
  c: { board: eastron-sdm120@1, via: line, every: 10s, with: { unit: 3 } }
`;

const EIGHT_OVER_TCP = `buses: { line: { type: modbus-tcp, host: 10.0.0.5 } }
devices:
${[1, 2, 3, 4, 5, 6, 7, 8].map((unit) => `  d${unit}: { board: eastron-sdm120@1, via: line, every: 10s, with: { unit: ${unit} } }`).join('\n')}
`;

const stuck = (bus: string, toMs: number): Fault => ({ at: 'bus', bus, kind: 'stuck', fromMs: STUCK_FROM_MS, toMs });

test('an I2C bus that is stuck is named itself, and so is its release', async () => {
  const running = await startSimulated(CHIPS, { faults: [stuck('i2c1', 3600 * SECOND_MS)] });
  await running.clock.runUntil(STUCK_FROM_MS);
  expect(running.gateway.status().buses).toMatchObject([{ state: 'ok' }]);
  // The next polls of the grid are at most a period away.
  await running.clock.runUntil(STUCK_FROM_MS + EVERY_MS + SEEN_MS_MAX);
  expect(running.gateway.status().buses).toMatchObject([
    { state: 'failed', problem: { code: 'D214', message: expect.stringMatching(/i2c1 is stuck/) } },
  ]);
  await running.clock.runUntil(3600 * SECOND_MS + BACK_MS_MAX);
  expect(running.gateway.status().buses).toMatchObject([{ state: 'ok' }]);
  await running.stop();
  expect(running.log.filter((code) => code.startsWith('bus-'))).toEqual(['bus-lost', 'bus-open']);
});

test('a chip that takes too long is no stuck bus while another one answers, or only refuses its address', async () => {
  const clock = new TestClock();
  const TOO_SLOW = 0x44;
  const kinds = new Map([
    [TOO_SLOW, 'timeout'],
    [0x46, 'no-answer'],
  ] as const);
  const i2c = async () => ({
    transfer: async (address: number, _write: Uint8Array, readLength: number) => {
      const kind = kinds.get(address as 0x44 | 0x46);
      if (kind !== undefined) throw new BusError(kind, `0x${address.toString(16)}`);
      return new Uint8Array(readLength);
    },
    close: async () => {},
  });
  const host = { clock, log: () => {}, buses: { i2c } } as unknown as Host;
  const bus = prepareBus({ type: 'i2c', id: 'i2c1', device: '/dev/i2c-1', speedHz: 100_000 }, host);
  const turn = () => ({ rank: 'live', deadlineMs: 1000 }) as const;
  const device = (await clock.run(bus.connect({} as PlaceConfig, turn))) as I2cBus;
  const failureAfter = async (...addresses: readonly number[]) => {
    for (const address of addresses) await clock.run(device.transfer(address, Uint8Array.of(1), 1)).catch(() => {});
    return bus.failure?.message;
  };
  expect(await failureAfter(TOO_SLOW, TOO_SLOW, 0x45, TOO_SLOW, TOO_SLOW, 0x46, TOO_SLOW, TOO_SLOW)).toBeUndefined();
  expect(await failureAfter(TOO_SLOW)).toMatch(/i2c1 is stuck/);
  expect(await failureAfter(0x46)).toBeUndefined();
});

describe.each([
  ['I2C', 'i2c1', CHIPS, 'D214'],
  ['Modbus RTU', 'line', METERS, 'D204'],
])('after a bus of %s was stuck', (_name, bus, site, code) => {
  test.each([130, 1800, 1810, 1830, 1850])(
    'all devices are back within ten seconds of its release after %d s',
    async (releaseS) => {
      const releaseMs = releaseS * SECOND_MS + 100;
      const running = await startSimulated(site, { faults: [stuck(bus, releaseMs)] });
      await running.clock.runUntil(releaseMs);
      expect(running.gateway.status().devices.every(({ state }) => state === 'not-answering')).toBe(true);
      expect(running.gateway.status().buses).toMatchObject([{ state: 'failed', problem: { code } }]);
      await running.clock.runUntil(releaseMs + BACK_MS_MAX);
      expect(running.gateway.status().devices.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
      expect(running.gateway.status().buses).toMatchObject([{ state: 'ok' }]);
      await running.stop();
    },
  );
});

test.each([12, 31, 90, 200])('behind a Modbus TCP gateway all eight are back after its wire was cut for %d s', async (forS) => {
  const backMs = STUCK_FROM_MS + forS * SECOND_MS;
  const running = await startSimulated(EIGHT_OVER_TCP, { faults: [stuck('line', backMs)] });
  await running.clock.runUntil(backMs);
  const before = running.gateway.status().devices.map(({ pollCount, failedCount }) => pollCount - failedCount);
  // The peer hung up on nobody: it was we who connected anew, because nothing came.
  expect(JSON.stringify(running.gateway.status().buses)).not.toContain('closed by the other side');
  await running.clock.runUntil(backMs + BACK_MS_MAX);
  const after = running.gateway.status().devices.map(({ pollCount, failedCount }) => pollCount - failedCount);
  expect(after.map((count, i) => count > (before[i] ?? 0))).toEqual(Array(8).fill(true));
  await running.stop();
});
