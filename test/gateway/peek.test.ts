import { expect, test } from 'vitest';
import type { Host } from '../../gateway/host.ts';
import { loadModules } from '../../gateway/modules.ts';
import { openPeek } from '../../gateway/peek.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { START_WALL_MS } from '../simulator/site.ts';

const BOARD = `schema: board/v1
id: pump
version: 1.0.0
label: Pump controller
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding }
readings: { pressure: { at: 0, quantity: voltage, unit: V, precision: 1 } }
outputs: { pump: { coil: 3, quantity: switch_state, unit: bool, safe: off, max_on: 1h } }
simulate: { pressure: { constant: 5 } }
`;
const SITE = `schema: gateway/v1
gateway: { id: trial }
buses: { line: { type: modbus-rtu, port: header, baud: 9600 } }
devices: { pump: { board: pump@1, via: line } }
`;

test('a read without a gateway writes nothing to a device that has an output beside its readings', async () => {
  const { config } = await loadText(SITE, { 'boards/pump.board.yaml': BOARD });
  if (config === undefined) throw new Error('the site has errors');
  const clock = new VirtualClock(START_WALL_MS, turn);
  const codes: (number | undefined)[] = [];
  const host = await simulatedHost({
    config,
    seed: 1,
    startWallMs: START_WALL_MS,
    clock,
    disk: new SimulatedDisk({ clock, random: createRandom(1), faults: [], syncMs: 8 }),
    http: () => Promise.reject(new Error('nobody asks the city')),
    faults: [],
    log: () => {},
  });
  const watched: Host = {
    ...host,
    buses: {
      ...host.buses,
      serial: async (...port) => {
        const line = await host.buses.serial(...port);
        const write = line.write.bind(line);
        return Object.assign(line, {
          write: (bytes: Uint8Array) => {
            codes.push(bytes[1]);
            return write(bytes);
          },
        });
      },
    },
  };
  const fatal = (error: unknown) => {
    throw error;
  };
  const peek = openPeek({ config, host: watched, modules: await loadModules(config), fatal });
  await clock.run(peek.poll());
  expect(peek.rows()).toMatchObject([{ device: 'pump', reading: 'pressure', quality: 'good', value: 5 }]);
  await clock.run(peek.close());
  // Read holding registers, V1.1b3 §6.3.
  expect(new Set(codes)).toEqual(new Set([3]));
});
