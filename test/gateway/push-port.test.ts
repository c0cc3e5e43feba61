// Which port the city's pushes are waited for at is said at the start: the address that the city was given need not tell.

import { expect, test } from 'vitest';
import { simulatedPorts } from '../../simulator/local.ts';
import { startSimulated } from './simulated-gateway.ts';

const site = (callback: string, orders: string) => `sentilo:
  url: "http://127.0.0.1:8081"
  provider: garden
  token: { secret: sentilo_token }
  orders_from: [app]
${callback}devices:
  valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 10min, orders: [${orders}] } } }
`;
const CALLBACK = '  callback: { url: "https://garden.test/orders", secret: { secret: callback_key } }\n';

test.each([
  ['that of this gateway', CALLBACK, 'sentilo', { pushPort: 8088, pushListen: 'localhost' }],
  ['no port without an address for pushes', '', 'sentilo', {}],
  ['no port where nothing takes orders of the city', CALLBACK, 'local', {}],
])('%s is said', async (_what, callback, orders, expected) => {
  const started: Readonly<Record<string, unknown>>[] = [];
  const running = await startSimulated(site(callback, orders), {
    http: () => () => Promise.reject(new Error('away')),
    serve: simulatedPorts().serve,
    between: (host) => ({
      ...host,
      log: (level, code, fields = {}) => {
        if (code === 'gateway-started') started.push(fields);
        host.log(level, code, fields);
      },
    }),
  });
  expect(started).toEqual([{ gateway: 'trial', devices: 1, stateFolder: '/state', ...expected }]);
  await running.stop();
});
