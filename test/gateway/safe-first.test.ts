// At a start the outputs are made safe before anything is measured on any bus, and an output that does not answer keeps nobody from it
// for long. Neither waits for the disk.

import { expect, test } from 'vitest';
import { DiskError, type Host } from '../../gateway/host.ts';
import type { Fault } from '../../simulator/faults.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { slowDisk } from '../support/slow-disk.ts';
import { observationsOf, startSimulated } from './simulated-gateway.ts';

const SITE = `buses:
  meters: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 }
  line: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600 }
devices:
  meter: { board: eastron-sdm120@1, via: meters, with: { unit: 1 } }
  near: { board: eastron-sdm120@1, via: line, with: { unit: 1 } }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
  fan: { board: relay@1, via: relays.relay2, outputs: { switch: { safe: off, max_on: 1h } } }
`;

test('the outputs come first', async () => {
  const { clock, frames, stop } = await startSimulated(SITE);
  await clock.runUntil(5_000);
  const asked = frames.filter(({ direction }) => direction === 'out').map(({ bus, bytes }) => `${bus} ${bytes[0]} ${bytes[1]}`);
  // Two relays, each written and read back; then the meters of both buses.
  expect(asked.slice(0, 4).toSorted()).toEqual(['line 30 1', 'line 30 1', 'line 30 5', 'line 30 5']);
  expect(asked).toContain('meters 1 4');
  expect(asked).toContain('line 1 4');
  await stop();
});

test('a board that does not answer keeps nobody from measuring for longer than two and a half seconds', async () => {
  const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  const slow = SITE.replace('ttyAMA1, baud: 9600', 'ttyAMA1, baud: 9600, timeout: 2s');
  const { clock, frames, log, stop } = await startSimulated(slow, { faults: [silent] });
  await clock.runUntil(5_000);
  const first = frames.find(({ bus }) => bus === 'meters');
  expect(first?.atMs).toBeLessThanOrEqual(2_600);
  expect(log).toContain('outputs-not-answering');
  await stop();
});

test('a stop meanwhile is not kept waiting', async () => {
  const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  const { clock, log, stop } = await startSimulated(SITE, { faults: [silent] });
  await clock.runUntil(200);
  await stop();
  expect(clock.monotonicMs()).toBeLessThanOrEqual(5_000);
  expect(log).not.toContain('outputs-not-answering');
});

/** The machine whose card takes `tookMs` to list the journal for the first time, and what its coils were written. */
function withSlowJournal(tookMs: number) {
  const writes: CoilWrite[] = [];
  let isListed = false;
  const isSlow = (call: string, path: unknown) => {
    if (isListed || call !== 'readDir' || !String(path).endsWith('/journal')) return false;
    isListed = true;
    return true;
  };
  const between = (host: Host): Host => ({
    ...lossyLines(
      host,
      () => false,
      (write) => writes.push(write),
    ),
    disk: slowDisk(host.disk, host.clock, tookMs, isSlow),
  });
  return { between, writes };
}

test('a card that takes long for the journal keeps no output on, and the states that were taken meanwhile are kept', async () => {
  const { between, writes } = withSlowJournal(40_000);
  const { clock, gateway, frames, stop, records } = await startSimulated(SITE, { between });
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(40_000);
  expect(writes.map(({ coil, on }) => [coil, on])).toEqual([
    [0, false],
    [1, false],
  ]);
  expect(Math.max(...writes.map(({ atMs }) => atMs))).toBeLessThan(1_000);
  // Measuring begins when it can be kept.
  expect(frames.filter(({ bus, atMs }) => bus === 'meters' && atMs < 40_000)).toEqual([]);
  await clock.runUntil(50_000);
  expect(gateway.outputs.states().map(({ seen }) => seen)).toEqual([false, false]);
  await stop();
  const kept = await records();
  const states = ['pump.switch', 'fan.switch'].map((output) => observationsOf(kept, output).map(({ value }) => value));
  expect(states).toEqual([[false], [false]]);
});

// Its folder and its lock come first: nobody else may have these outputs.
test.each(['size', 'open', 'fsyncDir'])('a card that takes long for each file keeps no output on: %s', async (call) => {
  const writes: CoilWrite[] = [];
  const between = (host: Host): Host => ({
    ...lossyLines(
      host,
      () => false,
      (write) => writes.push(write),
    ),
    disk: slowDisk(host.disk, host.clock, 40_000, (name) => name === call),
  });
  const { clock, stop } = await startSimulated(SITE, { between });
  await clock.runUntil(5_000);
  expect(writes.slice(0, 2).map(({ coil, on }) => [coil, on])).toEqual([
    [0, false],
    [1, false],
  ]);
  expect(writes[1]?.atMs).toBeLessThan(2_000);
  await stop();
});

test('a gateway that does not start leaves its outputs safe, and no bus open', async () => {
  const writes: CoilWrite[] = [];
  const closed: string[] = [];
  const between = (host: Host): Host => {
    const lossy = lossyLines(
      host,
      () => false,
      (write) => writes.push(write),
    );
    const serial: Host['buses']['serial'] = async (options, signal) => {
      const stream = await lossy.buses.serial(options, signal);
      stream.onClose(() => closed.push(options.port));
      return stream;
    };
    // The last of what a start does.
    const listen: Host['listen'] = () => Promise.reject(new DiskError('EACCES', 'the socket is not allowed'));
    return { ...lossy, buses: { ...lossy.buses, serial }, listen };
  };
  await expect(startSimulated(SITE, { between })).rejects.toThrow('the socket is not allowed');
  expect(writes.map(({ coil, on }) => [coil, on])).toEqual([
    [0, false],
    [1, false],
  ]);
  expect(closed.toSorted()).toEqual(['/dev/ttyAMA0', '/dev/ttyAMA1']);
});
