// One frame that gets lost, or one transfer that a chip does not acknowledge, leaves no output on where there is time to drive it again:
// at a stop, and where outputs are made safe without a gateway.

import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import type { Host } from '../../gateway/host.ts';
import { loadModules } from '../../gateway/modules.ts';
import { makeOutputsSafe } from '../../gateway/outputs/make-safe.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { startSimulated } from './simulated-gateway.ts';

const I2C = `buses: { i2c1: { type: i2c } }
devices:
  io: { board: mcp23017@1, via: i2c1 }
  pump: { board: relay@1, via: io.gpa0, outputs: { switch: { safe: off, max_on: 1h } } }
`;
const MODBUS = `buses: { line: { type: modbus-tcp, host: 10.0.0.5, timeout: 300ms } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
`;
/** The latch of the chip's port A (MCP23017, DS20001952C table 3-1), and the pin that switches the pump. */
const OLATA = 0x14;
const PUMP = 0b1;
/** Read coils (Modbus V1.1b3 §6.1), by which the state is read back, behind the header and the unit. */
const [FUNCTION_AT, READ_COILS] = [7, 1];

/** The same machine, whose chip does not acknowledge so many of the transfers that are meant, and what its latch was set to. */
function refusingChip(isMeant: (write: Uint8Array) => boolean) {
  const lost = { count: 0 };
  const latch: number[] = [];
  const between = (host: Host): Host => {
    const i2c: Host['buses']['i2c'] = async (...how) => {
      const bus = await host.buses.i2c(...how);
      return {
        close: () => bus.close(),
        transfer: async (address, write, readLength) => {
          if (lost.count > 0 && isMeant(write)) {
            lost.count -= 1;
            throw new BusError('no-answer', 'nobody acknowledges');
          }
          if (isLatch(write)) latch.push(write[1] ?? Number.NaN);
          return bus.transfer(address, write, readLength);
        },
      };
    };
    return { ...host, buses: { ...host.buses, i2c } };
  };
  return { lost, latch, between };
}

function isLatch(write: Uint8Array): boolean {
  return write[0] === OLATA && write.length === 2;
}

const ON = { output: 'pump.switch', on: true, source: 'local', by: 'test' } as const;

test.each([1, 4])('a stop switches off what did not take that %i times', async (count) => {
  const { lost, latch, between } = refusingChip(isLatch);
  const { clock, gateway, stop } = await startSimulated(I2C, { between });
  await clock.runUntil(10_000);
  expect(await clock.run(gateway.outputs.order(ON))).toEqual({ done: true });
  expect((latch.at(-1) ?? 0) & PUMP).toBe(PUMP);
  lost.count = count;
  await stop();
  expect((latch.at(-1) ?? PUMP) & PUMP).toBe(0);
  expect(await gateway.outputsSafe).toEqual([]);
});

// On a serial line an answer may be late by three seconds, so that nobody could tell whose it was.
test('a stop over a network looks again where it was lost that an output is off', async () => {
  const writes: CoilWrite[] = [];
  let lostCount = 0;
  const isLost = (frame: Uint8Array) => {
    if (lostCount === 0 || frame[FUNCTION_AT] !== READ_COILS) return false;
    lostCount -= 1;
    return true;
  };
  const between = (host: Host) => lossyLines(host, isLost, (write) => writes.push(write));
  const { clock, gateway, stop } = await startSimulated(MODBUS, { between });
  await clock.runUntil(10_000);
  expect(await clock.run(gateway.outputs.order(ON))).toEqual({ done: true });
  lostCount = 2;
  await stop();
  expect(writes.at(-1)?.on).toBe(false);
  expect(await gateway.outputsSafe).toEqual([]);
});

test.each<[number, string | undefined]>([
  [1, undefined],
  [5, undefined],
  [Number.POSITIVE_INFINITY, 'nobody acknowledges'],
])('without a gateway: %d transfers are not acknowledged', async (count, problem) => {
  const { config } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${I2C}`);
  if (config === undefined) throw new Error('the site has errors');
  const clock = new VirtualClock(START_WALL_MS, turn);
  const disk = new SimulatedDisk({ clock, random: createRandom(1), faults: [], syncMs: 8 });
  const http = () => Promise.reject(new Error('nobody asks the city'));
  const machine = { config, seed: 1, startWallMs: START_WALL_MS, clock, disk, http, faults: [], log: () => {} };
  const { lost, between } = refusingChip(() => true);
  lost.count = count;
  const host = between(await simulatedHost(machine));
  const fatal: unknown[] = [];
  const around = { config, host, modules: await loadModules(config), fatal: (error: unknown) => fatal.push(error) };
  const made = await clock.run(makeOutputsSafe(around));
  expect(made).toEqual([{ output: 'pump.switch', on: false, ...(problem !== undefined && { problem }) }]);
  // Whoever waits for it is not kept for all of its time by what is gone for good.
  expect(clock.monotonicMs()).toBeLessThan(3_000);
  expect(fatal).toEqual([]);
});
