// What is not there at a start may be on when it comes: its outputs are made safe within half a minute, however rarely it is polled and
// though nobody has ordered them.

import { describe, expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import type { Host } from '../../gateway/host.ts';
import type { Fault } from '../../simulator/faults.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { slowDisk } from '../support/slow-disk.ts';
import { startSimulated } from './simulated-gateway.ts';

const BACK_MS = 200_000;
const HOUR_MS = 3_600_000;
/** The longest pause between two tries, and the try with what it waits for. */
const SAFE_MS = 32_000;
const UNIT = 30;

const relays = (every: string) => `  relays: { board: modbus-relay-8@1, via: line, with: { unit: ${UNIT} } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1min } }${every} }
  fan: { board: relay@1, via: relays.relay2, outputs: { switch: { safe: off, max_on: 1min } }${every} }
`;
const siteOf = (every: string) =>
  `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600 } }\ndevices:\n${relays(every)}`;
const SITE = siteOf(', every: 1h');

const silentUntil = (toMs: number): Fault => ({ at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs });

/** The same machine, whose coils are watched, and what was written to them. */
function watched(change: (host: Host) => Host = (host) => host) {
  const writes: CoilWrite[] = [];
  const between = (host: Host) =>
    lossyLines(
      change(host),
      () => false,
      (write) => writes.push(write),
    );
  /** When both were switched off, from when on they could be. */
  const safeMs = (fromMs: number) => {
    const firstMs = (coil: number) => writes.find((write) => write.atMs > fromMs && write.coil === coil && !write.on)?.atMs;
    return Math.max(...[0, 1].map((coil) => firstMs(coil) ?? Number.POSITIVE_INFINITY)) - fromMs;
  };
  return { between, writes, safeMs };
}

describe('outputs are made safe soon after the return', () => {
  test.each(['', ', every: 10min', ', every: 1h'])('of a board that was silent%s', async (every) => {
    const { between, safeMs } = watched();
    const { clock, gateway, stop } = await startSimulated(siteOf(every), { faults: [silentUntil(BACK_MS)], between });
    await clock.runUntil(BACK_MS + HOUR_MS);
    expect(safeMs(BACK_MS)).toBeLessThan(SAFE_MS);
    expect(gateway.outputs.states().map(({ seen }) => seen)).toEqual([false, false]);
    await stop();
  });

  test('of an adapter that was away', async () => {
    const { between, safeMs } = watched((host) => {
      const serial: Host['buses']['serial'] = async (...how) => {
        if (host.clock.monotonicMs() < BACK_MS) throw new BusError('absent', 'no such port');
        return host.buses.serial(...how);
      };
      return { ...host, buses: { ...host.buses, serial } };
    });
    const { clock, stop } = await startSimulated(SITE, { between });
    await clock.runUntil(BACK_MS + HOUR_MS);
    // An adapter is looked for every two seconds.
    expect(safeMs(BACK_MS)).toBeLessThan(SAFE_MS + 2_000);
    await stop();
  });

  test('of a pin that another program had', async () => {
    const openedMs: number[] = [];
    const between = (host: Host): Host => {
      const gpio: Host['buses']['gpio'] = async () => {
        const lines = await host.buses.gpio();
        const output: typeof lines.output = (line) => ({
          open: async (level) => {
            if (host.clock.monotonicMs() < BACK_MS) throw new BusError('busy', 'line 22 is used by another program');
            openedMs.push(host.clock.monotonicMs());
            return lines.output(line).open(level);
          },
        });
        return { ...lines, output, close: () => lines.close(), input: (line) => lines.input(line) };
      };
      return { ...host, buses: { ...host.buses, gpio } };
    };
    const site = `devices:
  valve: { board: solenoid-valve@1, via: gpio.pin15, every: 1h, outputs: { open: { safe: off, max_on: 10min } } }
`;
    const { clock, stop } = await startSimulated(site, { between });
    await clock.runUntil(BACK_MS + HOUR_MS);
    await stop();
    // Once: what is open is not opened again.
    expect(openedMs).toEqual([expect.any(Number)]);
    expect((openedMs[0] ?? Number.NaN) - BACK_MS).toBeLessThan(SAFE_MS);
  });

  test('of a board, while a long journal is still searched', async () => {
    const searchedMs = 600_000;
    let isListed = false;
    const { between, safeMs } = watched((host) => {
      const isSlow = (call: string, path: unknown) => {
        if (isListed || call !== 'readDir' || !String(path).endsWith('/journal')) return false;
        isListed = true;
        return true;
      };
      return { ...host, disk: slowDisk(host.disk, host.clock, searchedMs, isSlow) };
    });
    const { clock, gateway, stop } = await startSimulated(SITE, { faults: [silentUntil(BACK_MS)], between });
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(searchedMs);
    expect(safeMs(BACK_MS)).toBeLessThan(SAFE_MS);
    expect(gateway.outputs.states().map(({ seen }) => seen)).toEqual([false, false]);
    await stop();
  });
});

test('a board that never comes is asked for one of its relays, ever more rarely, and the meters of its line are read on', async () => {
  const site = `${SITE}  meter: { board: eastron-sdm120@1, via: line, with: { unit: 1 }, every: 5s }\n`;
  const { between, writes } = watched();
  const { clock, frames, stop } = await startSimulated(site, { faults: [silentUntil(Number.POSITIVE_INFINITY)], between });
  await clock.runUntil(HOUR_MS);
  const asked = frames.filter(({ direction, bytes }) => direction === 'out' && bytes[0] === 1).map(({ atMs }) => atMs);
  expect(Math.max(...asked.slice(1).map((atMs, i) => atMs - (asked[i] ?? 0)))).toBeLessThan(10_000);
  // A try sends it again and again, for as long as an answer may take.
  const ofBoard = writes.filter(({ unit }) => unit === UNIT).map(({ atMs }) => atMs);
  const triesMs = ofBoard.filter((atMs, i) => atMs > 300_000 && atMs - (ofBoard[i - 1] ?? 0) > 1_000);
  const gapsMs = triesMs.slice(1).map((atMs, i) => atMs - (triesMs[i] ?? 0));
  expect(Math.max(...gapsMs)).toBeLessThan(SAFE_MS);
  // Two a minute for all of its relays together.
  expect(triesMs.length).toBeLessThanOrEqual((HOUR_MS - 300_000) / 30_000);
  await stop();
  const stoppedMs = clock.monotonicMs();
  await clock.runUntil(stoppedMs + HOUR_MS);
  expect(writes.filter(({ atMs }) => atMs > stoppedMs)).toEqual([]);
});
