// A machine that is busy while the gateway starts: calls into it take longer, and what they say in the end is what is told.

import { expect, test } from 'vitest';
import { renderStatus } from '../../cli/render-status.ts';
import { sleep } from '../../drivers/clock.ts';
import { BusError } from '../../drivers/errors.ts';
import type { Host } from '../../gateway/host.ts';
import { startSimulated } from './simulated-gateway.ts';

const SITE = `devices:
  gw: { board: gateway-self@1, via: gateway, every: 5s }
  valve: { board: solenoid-valve@1, via: gpio.pin11, outputs: { open: { safe: off, max_on: 10min } } }
`;
/** Longer than a call takes on an idle machine, and than a line of GPIO that is exported anew may take until its owner is right. */
const SLOW_MS = 1_200;

/** The same machine, of which each call takes so long, and which has no GPIO. */
function slowMachine(host: Host): Host {
  const slowly = () => sleep(host.clock, SLOW_MS, new AbortController().signal);
  const { buses } = host;
  return {
    ...host,
    buses: {
      ...buses,
      gpio: async () => {
        await slowly();
        throw new BusError('absent', 'GPIO: found none');
      },
      gateway: async (folder) => {
        await slowly();
        return buses.gateway(folder);
      },
    },
  };
}

test('what a slow machine says of its pins is told, and the gateway itself answers', async () => {
  const running = await startSimulated(SITE, { between: slowMachine });
  await running.clock.runUntil(12_000);
  const { devices, buses } = running.gateway.status();
  expect(devices.map(({ device, state, problem }) => [device, state, problem?.code])).toEqual([
    ['gw', 'ok', undefined],
    ['valve', 'not-answering', 'D201'],
  ]);
  expect(buses.find(({ bus }) => bus === 'gpio')?.problem).toEqual({ code: 'D201', message: 'GPIO: found none' });
  expect(running.log.filter((code) => code === 'device-lost')).toHaveLength(1);
  expect(renderStatus(running.gateway.status(), 200)).not.toContain('RS-485');
  await running.stop();
});
