// The gateway itself as the place of a device: `via: gateway`.

import { describe, expect, test } from 'vitest';
import { loadText } from './site-files.ts';
import { told } from './told.ts';

const site = (devices: string, buses = '') =>
  `schema: gateway/v1\ngateway: { id: demo }\nbuses: { i2c1: { type: i2c }, ${buses} }\ndevices:\n${devices}`;
const SELF = '  own: { board: gateway-self@1, via: gateway }\n';

describe('the place `gateway`', () => {
  test('is always there, also where a device is called so', async () => {
    const text = site('  gateway: { board: gateway-self@1, via: gateway }\n  air: { board: bme280@1, via: i2c1 }\n');
    const { config } = await loadText(text);
    expect(config?.devices.get('gateway')?.via).toEqual({ bus: 'gateway' });
    expect(config?.buses.get('gateway')).toEqual({ type: 'gateway', id: 'gateway' });
    const channels = config?.devices.get('gateway')?.channels ?? [];
    expect(channels.map(({ reading, unit, sensor }) => `${reading} ${unit} ${sensor}`)).toEqual([
      'uptime s demo-gateway-uptime',
      'waiting 1 demo-gateway-waiting',
      'processor % demo-gateway-processor',
      'memory % demo-gateway-memory',
      'disk % demo-gateway-disk',
      'temperature degC demo-gateway-temperature',
      'under_voltage bool demo-gateway-under_voltage',
      'clock text demo-gateway-clock',
    ]);
  });

  test('leaves the ports of a device of that name where they are', async () => {
    const relays = '  gateway: { board: mcp23017@1, via: i2c1 }\n  door: { board: contact@1, via: gateway.gpa0 }\n';
    const { config } = await loadText(site(relays + SELF));
    expect(config?.devices.get('door')?.via).toEqual({ bus: 'i2c1', port: { provider: 'gateway', id: 'gpa0' } });
    expect(config?.devices.get('own')?.via).toEqual({ bus: 'gateway' });
  });

  test.each([
    [
      'no other board goes there',
      '  air: { board: bme280@1, via: gateway }\n',
      '',
      'C112 bme280 needs an I2C bus, but `gateway` is the gateway itself: places for it in this site: `i2c1`',
    ],
    [
      'its board goes nowhere else',
      '  own: { board: gateway-self@1, via: i2c1 }\n',
      '',
      'C112 gateway-self needs the gateway itself, but `i2c1` is an I2C bus: places for it in this site: `gateway`',
    ],
    [
      'there is one',
      `${SELF}  too: { board: gateway-self@1, via: gateway }\n`,
      '',
      'C131 `gateway` is already used by `own`: there is one gateway: remove one of the two',
    ],
    [
      'no bus is called so',
      '  meter: { board: eastron-sdm120@1, via: gateway, with: { unit: 1 } }\n',
      'gateway: { type: modbus-tcp, host: 192.168.1.20 }',
      'C144 `gateway` is the gateway itself: choose another id for the bus',
    ],
  ])('is the gateway: %s', async (_title, devices, buses, said) => {
    expect(await told(site(devices, buses))).toContain(said);
  });
});
