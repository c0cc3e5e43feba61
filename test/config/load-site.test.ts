import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../config/config.ts';
import { loadSite } from '../../config/load-site.ts';
import { errors, HEAD, loadText, marks, options, ROOT } from './site-files.ts';

async function configOf(text: string, files: Readonly<Record<string, string>> = {}): Promise<Config> {
  const site = await loadText(text, files);
  if (!site.config) throw new Error(`the site has errors: ${marks(site).join(', ')}`);
  return site.config;
}

describe('the demonstration site', () => {
  const site = loadSite(join(ROOT, 'examples/sites/carrer-demo.gateway.yaml'), options());

  it('has no errors and skips nothing', async () => {
    const { config, problems } = await site;
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect([...(config?.skipped ?? [])]).toEqual([]);
    expect([...(config?.devices.keys() ?? [])]).toEqual([
      'balcony',
      'hall',
      'particles',
      'flat_1',
      'flat_2',
      'door',
      'light',
      'gateway',
    ]);
  });

  it('gives each bus what the file and the boards say', async () => {
    const buses = (await site).config?.buses;
    expect(buses?.get('i2c1')).toEqual({ type: 'i2c', id: 'i2c1', device: '/dev/i2c-1', speedHz: 100_000 });
    expect(buses?.get('pm_usb')).toEqual({ type: 'serial', id: 'pm_usb', port: 'usb:1a86:7523', baud: 9600, format: '8N1' });
    expect(buses?.get('meters')).toMatchObject({
      port: 'header',
      baud: 9600,
      format: '8N1',
      timeoutMs: 1000,
      pauseMs: 0,
      echo: false,
    });
    expect(buses?.get('gpio')).toEqual({ type: 'gpio', id: 'gpio' });
  });

  it('resolves a header pin to the line of the chip', async () => {
    // Header pin 11 is GPIO17, pin 13 is GPIO27.
    const devices = (await site).config?.devices;
    expect(devices?.get('door')?.via).toEqual({ bus: 'gpio', line: 17 });
    expect(devices?.get('light')?.via).toEqual({ bus: 'gpio', line: 27 });
  });

  it('names sensors after component, device and reading', async () => {
    const { config } = await site;
    expect(config?.devices.get('hall')?.channels.map(({ sensor }) => sensor)).toEqual([
      'carrer-demo-hall-temperature',
      'carrer-demo-hall-humidity',
    ]);
  });

  it('asks a driver only for the readings that are switched on', async () => {
    const meter = (await site).config?.devices.get('flat_1');
    const wanted = ['voltage', 'current', 'power', 'energy_in', 'energy_out'];
    expect(meter?.spec.readings.map(({ id }) => id)).toEqual(wanted);
    expect(meter?.channels.map(({ reading }) => reading)).toEqual(wanted);
    // Eastron SDM120 Modbus protocol: total active power in the input registers 0x000C and 0x000D.
    expect(meter?.spec.readings[2]).toEqual({ id: 'power', at: 12, valid: [-15_000, 15_000] });
    expect(meter?.spec.modbus).toEqual({
      readWith: 'input',
      encoding: 'float32',
      byteOrder: 'ABCD',
      registersMax: 40,
      baud: 9600,
      holes: [],
    });
  });

  it('is frozen to the bottom', async () => {
    const { config } = await site;
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config?.devices.get('hall')?.channels[0])).toBe(true);
    expect(Object.isFrozen(config?.devices.get('flat_1')?.spec.modbus)).toBe(true);
  });

  it('holds the name of the secret and no secret', async () => {
    expect((await site).config?.sentilo).toEqual({
      url: 'http://127.0.0.1:8081',
      provider: 'makers-poblenou',
      tokenSecret: 'sentilo_token',
      send: { everyMs: 1000, batch: 100 },
      catalog: 'check',
      ordersFrom: ['street-console'],
      alerts: new Map(),
      component: { type: 'external_ambient_conditions', isPublic: true },
    });
  });
});

describe('the example sites', () => {
  it.each([
    ['armari-energia', [], []],
    ['carrer-demo', [], []],
    // Its wireless nodes wait for MQTT, and so does their board.
    ['districte', [], ['corner_air']],
    ['escola-poblenou', [], []],
    ['hort-urba', [], ['uno', 'bed_tomatoes', 'bed_lettuce']],
  ])('%s is right, or says why not', async (name, codes, skipped) => {
    const site = await loadSite(join(ROOT, `examples/sites/${name}.gateway.yaml`), options());
    expect(errors(site)).toEqual(codes);
    expect(site.config && [...site.config.skipped.keys()]).toEqual(skipped);
  });

  it('armari-energia is told that its three small meters leave the factory at another speed', async () => {
    const site = await loadSite(join(ROOT, 'examples/sites/armari-energia.gateway.yaml'), options());
    const told = site.problems.filter(({ code }) => code === 'C128');
    expect(told.map(({ path, parameters }) => [path, parameters['devices']])).toEqual([
      ['devices.flat_1', ['flat_1', 'flat_2', 'flat_3']],
    ]);
  });
});

describe('a device', () => {
  it('takes what the site says over what the board says', async () => {
    const config = await configOf(`${HEAD}devices:
  air:
    board: bme280@1
    via: i2c1
    every: 2min
    with: { address: 0x77 }
    component: OTHER
    location: { lat: 41.4, lon: 2.2 }
    readings:
      humidity: { enabled: false }
      pressure: { publish: false, send_suspect: true, valid: [900, 1100], max_step: { by: 5, within: 1min } }
      temperature: { calibrate: { offset: -0.8 }, report: { mean_of: 5min }, sentilo: { sensor: T1 } }
`);
    const air = config.devices.get('air');
    expect(air).toMatchObject({ address: 0x77, everyMs: 120_000, spec: { with: { address: 0x77 } } });
    expect(air?.channels).toMatchObject([
      {
        reading: 'temperature',
        sensor: 'T1',
        calibrate: { offset: -0.8, scale: 1 },
        report: { of: 'mean', windowMs: 300_000 },
        location: '41.4 2.2',
      },
      {
        reading: 'pressure',
        sensor: 'OTHER-air-pressure',
        publish: false,
        sendSuspect: true,
        valid: [900, 1100],
        maxStep: { by: 5, withinMs: 60_000 },
      },
    ]);
  });

  it('takes `every` and `report` of the site where it says nothing', async () => {
    const config = await configOf(`${HEAD}defaults: { every: 10s, report: { on_change: 0.5, at_least: 1h } }
devices: { air: { board: sht31@1, via: i2c1 } }
`);
    const air = config.devices.get('air');
    expect(air?.everyMs).toBe(10_000);
    expect(air?.channels[0]?.report).toEqual({ onChange: 0.5, atLeastMs: 3_600_000 });
  });

  it.each([
    ['off', false],
    ['on', true],
    ['false', false],
    ['true', true],
  ])('takes `safe: %s`, also after a YAML 1.1 tool', async (word, safe) => {
    const config = await configOf(`${HEAD}devices:
  light: { board: relay@1, via: gpio.pin11, outputs: { switch: { safe: ${word}, max_on: unlimited } } }
`);
    expect(config.devices.get('light')?.outputs).toMatchObject([{ id: 'switch', safe }]);
  });

  it('is switched on before each read only where that leaves a pause', async () => {
    const particles = (every: string) => configOf(`${HEAD}devices: { pm: { board: sds011@1, via: pm, every: ${every} } }\n`);
    expect((await particles('5min')).devices.get('pm')?.duty).toEqual({ runMs: 30_000 });
    expect((await particles('30s')).devices.get('pm')?.duty).toBeUndefined();
  });

  it('is read as often as its board can when the site asks for more', async () => {
    const site = await loadText(`${HEAD}defaults: { every: 500ms }\ndevices: { air: { board: sht31@1, via: i2c1 } }\n`);
    expect(site.config?.devices.get('air')?.everyMs).toBe(1000);
    expect(marks(site)).toContain('C125 9:12');
  });

  it('that is switched off does not run and takes nothing from others', async () => {
    const config = await configOf(`${HEAD}devices:
  air: { board: bme280@1, via: i2c1 }
  spare: { board: bme280@1, via: i2c1, enabled: false }
`);
    expect([...config.devices.keys()]).toEqual(['air']);
  });
});

describe('a text', () => {
  it('stays as it is written where YAML makes a number of it', async () => {
    const config = await configOf(`${HEAD}devices: { meter: { board: eastron-sdm120@1, via: meters, name: 08001 } }\n`);
    expect(config.buses.get('meters')).toMatchObject({ format: '8E1' });
    expect(config.devices.get('meter')?.name).toEqual({ '*': '08001' });
  });
});

describe('include', () => {
  const files = {
    'parts/meters.yaml':
      'include: [common.yaml]\ndevices:\n  meter: { board: eastron-sdm120@1, via: meters, every: 30s, with: { unit: 7 } }\n',
    'parts/common.yaml': 'buffer: { keep: 10d, sync: 5s }\n',
  };

  it('merges key by key under the file, and paths are relative to the including file', async () => {
    const config = await configOf(
      `include: [parts/meters.yaml]\n${HEAD}buffer: { keep: 20d }\ndevices: { meter: { with: { unit: 9 } } }\n`,
      files,
    );
    expect(config.buffer).toMatchObject({ keepMs: 20 * 86_400_000, syncMs: 5000 });
    expect(config.devices.get('meter')).toMatchObject({ address: 9, everyMs: 30_000 });
  });

  it('shows a problem in the file where it was made', async () => {
    const site = await loadText(`include: [parts/meters.yaml]\n${HEAD}`, {
      ...files,
      'parts/common.yaml': 'buffer:\n  keep: 10\n',
    });
    expect(site.problems.find(({ code }) => code === 'C033')?.place).toMatchObject({
      file: 'parts/common.yaml',
      line: 2,
      column: 9,
    });
  });

  it('takes an absolute path as it is', async () => {
    const site = await loadText(`include: [/etc/parts/common.yaml]\n${HEAD}`, {
      '/etc/parts/common.yaml': 'buffer: { keep: 9d }\n',
    });
    expect(site.config?.buffer.keepMs).toBe(9 * 86_400_000);
  });

  it('that cannot be read is pointed at in the file that names it', async () => {
    const site = await loadText(`include: [a.yaml]\n${HEAD}`, { 'a.yaml': 'include:\n  - gone.yaml\n' });
    expect(site.problems.find(({ code }) => code === 'C001')).toMatchObject({
      path: 'include.0',
      place: { file: 'a.yaml', line: 2, column: 5 },
      parameters: { file: 'gone.yaml' },
    });
  });

  it('finds the certificate authority beside the file that names it', async () => {
    const site = await loadText(`include: [/etc/parts/city.yaml]\n${HEAD}`, {
      '/etc/parts/city.yaml': 'sentilo: { ca: own.pem }\n',
    });
    expect(site.config?.sentilo?.caFile).toBe('/etc/parts/own.pem');
  });

  it('ends in a circle with an error and not with a hang', async () => {
    const site = await loadText(`include: [a.yaml]\n${HEAD}`, {
      'a.yaml': 'include: [b.yaml]\n',
      'b.yaml': 'include: [a.yaml]\n',
    });
    expect(errors(site)).toEqual(['C054']);
  });

  it('has a limit of depth', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [`${index}.yaml`, `include: [${index + 1}.yaml]\n`]),
    );
    expect(errors(await loadText(`include: [0.yaml]\n${HEAD}`, chain))).toEqual(['C055']);
  });
});

describe('a board beside the site file', () => {
  const own = `schema: board/v1
id: bme280
version: 3.0.0
label: Our own
needs: i2c
driver: bme280
with: { address: { type: i2c_address, default: 0x76 } }
readings: { temperature: { quantity: air_temperature, unit: "°C" } }
`;

  it('wins over the one of the package', async () => {
    const config = await configOf(`${HEAD}devices: { air: { board: bme280@3, via: i2c1 } }\n`, {
      'boards/bme280.board.yaml': own,
    });
    expect(config.devices.get('air')?.channels.map(({ reading, unit }) => [reading, unit])).toEqual([['temperature', 'degC']]);
  });

  it('shows its own errors in its own file', async () => {
    const site = await loadText(`${HEAD}devices: { air: { board: bme280@3, via: i2c1 } }\n`, {
      'boards/bme280.board.yaml': own.replace('"°C"', 'hPa'),
    });
    expect(site.problems.filter(({ severity }) => severity === 'error').map(({ code, place }) => [code, place.file])).toEqual([
      ['C100', 'site.gateway.yaml'],
      ['C105', 'boards/bme280.board.yaml'],
    ]);
  });

  it('is found by its file name, and has to say the same', async () => {
    const site = await loadText(`${HEAD}devices: { air: { board: bme281@3, via: i2c1 } }\n`, { 'boards/bme281.board.yaml': own });
    expect(site.problems.find(({ severity }) => severity === 'error')).toMatchObject({ code: 'C118', path: 'devices.air.board' });
  });

  it('is not passed by when its folder cannot be read', async () => {
    const site = await loadSite('site.gateway.yaml', {
      ...options({ 'site.gateway.yaml': `${HEAD}devices: { air: { board: bme280@1, via: i2c1 } }\n` }),
      listFolder: async (path) => {
        if (path === 'boards') throw Object.assign(new Error('no'), { code: 'EACCES' });
        return readdirSync(path);
      },
    });
    expect(site.config).toBeUndefined();
    expect(site.problems.filter(({ severity }) => severity === 'error')).toMatchObject([
      { code: 'C002', place: { file: 'site.gateway.yaml', line: 1 }, parameters: { file: 'boards' } },
    ]);
  });

  it('may not promise what its driver does not give', async () => {
    const site = await loadText(`${HEAD}devices: { air: { board: bme280@3, via: i2c1 } }\n`, {
      'boards/bme280.board.yaml': own.replace('temperature:', 'warmth:'),
    });
    expect(errors(site)).toEqual(['C123']);
  });
});

describe('a driver that this version lacks', () => {
  it('costs its device and nothing else', async () => {
    const devices = 'devices:\n  light: { board: own@1, via: i2c1 }\n  air: { board: sht31@1, via: i2c1 }\n';
    const site = await loadText(`${HEAD}${devices}`, {
      'boards/own.board.yaml': `schema: board/v1
id: own
version: 1.0.0
label: A chip of tomorrow
needs: i2c
driver: chip-of-tomorrow
with: { address: { type: i2c_address, default: 0x23 } }
readings: { light: { quantity: illuminance, unit: lx } }
`,
    });
    expect(site.config && [...site.config.devices.keys()]).toEqual(['air']);
    expect(site.config?.skipped.get('light')).toBe('C136');
  });
});

describe('the address of a Modbus device', () => {
  const at = (bus: string, unit: number) =>
    loadText(`schema: gateway/v1
gateway: { id: street }
buses: { meters: { ${bus} } }
devices: { flat_1: { board: eastron-sdm120@1, via: meters, with: { unit: ${unit} } } }
`);
  const TCP = 'type: modbus-tcp, host: 10.0.0.5';
  const RTU = 'type: modbus-rtu, port: header';

  // On a serial line 0 is for all and 248 to 255 are reserved (V1.02 §2.2); over TCP a device itself is 0 or 255 (V1.0b §4.4.2.1).
  it.each([
    [RTU, 1, []],
    [RTU, 247, []],
    [RTU, 0, ['C025']],
    [RTU, 248, ['C025']],
    [`${TCP}, framing: rtu`, 255, ['C025']],
    [TCP, 0, []],
    [TCP, 255, []],
    [TCP, 256, ['C025']],
  ])('%s takes %i: %j', async (bus, unit, expected) => {
    expect(errors(await at(bus, unit))).toEqual(expected);
  });
});

it('refuses a hole of registers that ends before it begins', async () => {
  const { problems } = await loadText(`${HEAD}devices:\n  light: { board: own@1, via: i2c1 }\n`, {
    'boards/own.board.yaml': `schema: board/v1
id: own
version: 1.0.0
label: A meter
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding, holes: [[10, 5], [7, 7]] }
readings: { power: { at: 0, quantity: power, unit: W } }
simulate: { power: { constant: 5 } }
`,
  });
  expect(problems.filter(({ code }) => code === 'C043').map(({ path }) => path)).toEqual(['modbus.holes.0']);
});

it('refuses several requests in flight where frames do not say which one they answer', async () => {
  const bus = (own: string) =>
    loadText(`schema: gateway/v1
gateway: { id: street }
buses: { meters: { type: modbus-tcp, host: 10.0.0.5, in_flight: 4${own} } }
devices: { flat_1: { board: eastron-sdm120@1, via: meters, with: { unit: 1 } } }
`);
  expect(errors(await bus(', framing: rtu'))).toEqual(['C155']);
  expect(errors(await bus(''))).toEqual([]);
});

describe('placeOf', () => {
  it('says where a dotted path is written', async () => {
    const site = await loadText(`${HEAD}devices:\n  air: { board: sht31@1, via: i2c1 }\n`);
    expect(site.placeOf('devices.air.board')).toMatchObject({ line: 9, column: 17 });
  });
});
