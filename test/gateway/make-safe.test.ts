// `barri outputs safe`: what is done after a gateway that was killed, without one.

import { expect, test } from 'vitest';
import { loadModules } from '../../gateway/modules.ts';
import { makeOutputsSafe } from '../../gateway/outputs/make-safe.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { hex } from '../support/hex.ts';

const SITE = `schema: gateway/v1
gateway: { id: trial }
buses:
  line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms }
  other: { type: modbus-rtu, port: /dev/ttyAMA1, baud: 9600, timeout: 300ms }
devices:
  valve: { board: solenoid-valve@1, via: gpio.pin15, with: { active: low } }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
  fan: { board: relay@1, via: relays.relay2, outputs: { switch: { safe: on, max_on: unlimited } } }
  meter: { board: eastron-sdm120@1, via: other, with: { unit: 11 } }
`;

/** `closeGpio`: what closing the lines of the header does. */
async function made(faults: readonly Fault[] = [], closeGpio?: () => Promise<void>) {
  const { config, problems } = await loadText(SITE);
  if (config === undefined) throw new Error(`the site has errors: ${JSON.stringify(problems)}`);
  const clock = new VirtualClock(START_WALL_MS, turn);
  const disk = new SimulatedDisk({ clock, random: createRandom(1), faults: [], syncMs: 8 });
  const http = () => Promise.reject(new Error('nobody asks the city'));
  const host = await simulatedHost({ config, seed: 1, startWallMs: START_WALL_MS, clock, disk, http, faults, log: () => {} });
  const levels: boolean[] = [];
  const written: string[] = [];
  const opened: string[] = [];
  const buses: typeof host.buses = {
    ...host.buses,
    gpio: async () => {
      const lines = await host.buses.gpio();
      const output: typeof lines.output = (line) => ({
        open: async (level) => {
          levels.push(level);
          return lines.output(line).open(level);
        },
      });
      return { ...lines, output, close: closeGpio ?? (() => lines.close()), input: (line) => lines.input(line) };
    },
    serial: async (options, signal) => {
      opened.push(options.port);
      const stream = await host.buses.serial(options, signal);
      return {
        get isOpen() {
          return stream.isOpen;
        },
        onBytes: (listener) => stream.onBytes(listener),
        onClose: (listener) => stream.onClose(listener),
        close: () => stream.close(),
        write: (bytes) => {
          written.push(hex(bytes).slice(0, 12));
          return stream.write(bytes);
        },
      };
    },
  };
  const fatal: unknown[] = [];
  const modules = await loadModules(config);
  const outcome = await clock.run(
    makeOutputsSafe({ config, host: { ...host, buses }, modules, fatal: (error) => fatal.push(error) }),
  );
  return { outcome, levels, written, opened, tookMs: clock.monotonicMs(), fatal };
}

test('drives each output to its safe state within two seconds, and asks nothing else', async () => {
  const { outcome, levels, written, opened, tookMs, fatal } = await made();
  expect(outcome).toEqual([
    { output: 'valve.open', on: false },
    { output: 'pump.switch', on: false },
    { output: 'fan.switch', on: true },
  ]);
  // The valve is closed by a high level, and no other was ever driven.
  expect(levels).toEqual([true]);
  const orders = written.filter((frame) => frame.startsWith('1e05'));
  expect(new Set(orders)).toEqual(new Set(['1e0500000000', '1e050001ff00']));
  expect(opened).toEqual(['/dev/ttyAMA0']);
  expect(tookMs).toBeLessThan(2_000);
  expect(fatal).toEqual([]);
});

test('one that does not follow keeps back no other, and is named', async () => {
  const { outcome, levels } = await made([{ at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs: 1e9 }]);
  expect(outcome).toEqual([
    { output: 'valve.open', on: false },
    { output: 'pump.switch', on: false, problem: expect.stringContaining('no answer') },
    { output: 'fan.switch', on: true, problem: expect.stringContaining('no answer') },
  ]);
  expect(levels).toEqual([true]);
});

test.each([
  ['does not come back', () => new Promise<void>(() => {})],
  ['fails', () => Promise.reject(new Error('EIO'))],
])('is told also where the closing of a bus %s', async (_what, close) => {
  const { outcome, tookMs } = await made([], close);
  expect(outcome.map(({ output, problem }) => [output, problem])).toEqual([
    ['valve.open', undefined],
    ['pump.switch', undefined],
    ['fan.switch', undefined],
  ]);
  expect(tookMs).toBeLessThan(2_500);
});
