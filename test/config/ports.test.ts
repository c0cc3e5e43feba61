import { describe, expect, it, test } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { loadText } from './site-files.ts';

const HEAD = `schema: gateway/v1
gateway: { id: trial }
buses:
  i2c1: { type: i2c }
  meters: { type: modbus-rtu, port: header, baud: 9600, format: 8N1 }
devices:
`;

async function load(devices: string, files: Readonly<Record<string, string>> = {}) {
  const site = await loadText(HEAD + devices, files);
  const said = site.problems
    .filter(({ code }) => !['C060', 'C061', 'C160'].includes(code))
    .map(
      (problem) => `${problem.severity} ${problem.code} ${problem.path}: ${textOf(en, problem.code, problem.parameters).what}`,
    );
  return { ...site, said };
}

const FAN = '  fan: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }\n';

describe('a device at a port', () => {
  test('is on the bus of what provides it, which has nothing to be asked itself', async () => {
    const { config, said } = await load(`  relays: { board: modbus-relay-8@1, via: meters, with: { unit: 30 } }\n${FAN}`);
    expect(said).toEqual([]);
    expect([...(config?.devices.keys() ?? [])]).toEqual(['fan']);
    expect(config?.devices.get('fan')?.via).toEqual({ bus: 'meters', port: { provider: 'relays', id: 'relay1' } });
    const provider = config?.providers.get('relays');
    expect(provider).toMatchObject({ driver: 'modbus-map', address: 30, via: { bus: 'meters' } });
    expect(provider?.spec.ports?.[7]).toEqual({ id: 'relay8', coil: 7 });
  });

  test('costs its bus what the port costs', async () => {
    const { plans } = await load(`  relays: { board: modbus-relay-8@1, via: meters, with: { unit: 30 } }
${FAN}  adc: { board: ads1115@1, via: i2c1 }
  battery: { board: analog-input@1, via: adc.ain0, every: 1s }
  pins: { board: mcp23017@1, via: i2c1 }
  door: { board: contact@1, via: pins.gpa0, every: 1min }
`);
    const of = (bus: string) => plans.find((plan) => plan.bus === bus)?.devices;
    // Modbus V1.1b3 §6.1: 8 bytes ask for a coil and 6 answer, and two silences of 3.5 bytes; a byte of 11 bits takes 1.146 ms.
    expect(of('meters')?.map(({ device, requests }) => [device, Math.round(requests[0]?.lineMs ?? 0)])).toEqual([['fan', 24]]);
    // Set, look, take and look again: 4 bytes, and three times 2 + 3, of nine bits at 100 kHz.
    const [battery, door] = of('i2c1') ?? [];
    expect(battery?.requests.map(({ lineMs }) => Math.round(100 * lineMs))).toEqual([36, 45, 45, 45]);
    expect(battery?.requests[0]?.readings).toEqual(['value']);
    // Its pin is looked at ten times a second, whatever `every` says.
    expect(door).toMatchObject({ device: 'door', everyMs: 100 });
    expect(door?.requests).toHaveLength(1);
  });
});

describe('what keeps a device at a port from running is said', () => {
  it.each<[string, string, string[]]>([
    [
      'its provider is switched off',
      `  relays: { board: modbus-relay-8@1, via: meters, with: { unit: 30 }, enabled: false }\n${FAN}`,
      ['warning C150 devices.fan.via: fan cannot run: `relays`, into which it is plugged, is switched off'],
    ],
    [
      'its provider has no driver',
      '  uno: { board: firmata-uno@1, via: meters }\n  bed: { board: soil-moisture-capacitive@1, via: uno.a0 }\n',
      [
        'error C112 devices.uno.via: firmata-uno needs a serial port, but `meters` is a Modbus bus',
        'warning C136 devices.uno: uno cannot run: this version has no driver `firmata` for firmata-uno',
        'warning C150 devices.bed.via: bed cannot run: `uno`, into which it is plugged, cannot run',
      ],
    ],
    [
      'it counts pulses and its port is only looked at',
      '  pins: { board: mcp23017@1, via: i2c1 }\n  rain: { board: rain-gauge@1, via: pins.gpa0, with: { per_tip: 0.2mm } }\n',
      [
        'error C150 devices.rain.via: rain counts pulses, and a port of mcp23017 is only looked at every 100ms: pulses would be missed',
      ],
    ],
    [
      'its port has no such resistor',
      '  pins: { board: mcp23017@1, via: i2c1 }\n  door: { board: contact@1, via: pins.gpa0, with: { pull: down } }\n',
      ['error C150 devices.door.with.pull: a port of mcp23017 has no resistor for `pull: down`'],
    ],
    [
      'it is asked more often than its provider can be',
      '  adc: { board: ads1115@1, via: i2c1 }\n  a: { board: analog-input@1, via: adc.ain0, every: 20ms }\n',
      ['error C125 devices.a.every: ads1115 cannot be read every 20ms'],
    ],
    [
      'a period is written at what only provides ports',
      '  adc: { board: ads1115@1, via: i2c1, every: 5s }\n  a: { board: analog-input@1, via: adc.ain0 }\n',
      ['warning C150 devices.adc.every: `every` says nothing for adc: it is not asked itself'],
    ],
    [
      'it is an input, and its port only an output',
      '  pins: { board: mcp23017@1, via: i2c1 }\n  door: { board: contact@1, via: pins.gpa7 }\n',
      ['error C112 devices.door.via: contact needs a digital input, but `pins.gpa7` is a digital output'],
    ],
    [
      'there is no such port',
      '  adc: { board: ads1115@1, via: i2c1 }\n  bed: { board: soil-moisture-capacitive@1, via: adc.ain4 }\n',
      ['error C116 devices.bed.via: `adc` has no port `ain4`'],
    ],
    [
      'its points are no voltages of a port',
      '  adc: { board: ads1115@1, via: i2c1 }\n  bed: { board: soil-moisture-capacitive@1, via: adc.ain0, readings: { moisture: { calibrate: { date: 2026-04-11, points: [[2.71, 0], [1180, 100]] } } } }\n',
      ['error C154 devices.bed.readings.moisture.calibrate.points.1: no analogue input gives 1180 V'],
    ],
    [
      'two are plugged into one port',
      '  adc: { board: ads1115@1, via: i2c1 }\n  a: { board: analog-input@1, via: adc.ain0 }\n  b: { board: analog-input@1, via: adc.ain0 }\n',
      ['error C131 devices.b.via: `adc.ain0` is already used by `a`'],
    ],
    [
      'nothing is plugged into what only provides ports',
      '  adc: { board: ads1115@1, via: i2c1 }\n',
      ['warning C150 devices.adc: nothing is plugged into `adc`, and it measures nothing itself'],
    ],
  ])('%s', async (_, devices, expected) => {
    expect((await load(devices)).said.sort()).toEqual(expected.sort());
  });
});

describe('a board of one’s own', () => {
  const own = (more: string) => ({
    'boards/own.board.yaml': `schema: board/v1\nid: own\nversion: 1.0.0\nlabel: Own\n${more}`,
  });
  const device = '  own: { board: own@1, via: i2c1 }\n  bed: { board: analog-input@1, via: own.ain9 }\n';
  const address = 'with: { address: { type: i2c_address, default: 0x48 }, range: { type: voltage, default: 4.096V } }';

  test('with a port that the driver does not have is told so', async () => {
    const { said } = await load(device, own(`needs: i2c\ndriver: ads1115\n${address}\nprovides: { ain9: analog }\n`));
    expect(said).toContain('error C151 devices.own.board: the driver `ads1115` has no port `ain9`, which own provides');
  });

  test('with a relay that lies nowhere is told so', async () => {
    const { said } = await load(
      '  own: { board: own@1, via: meters }\n',
      own(
        'needs: modbus\ndriver: modbus-map\nwith: { unit: { type: modbus_unit, default: 1 } }\nprovides: { a: { kind: digital_out }, b: digital_in }\n',
      ),
    );
    expect(said).toContain('error C044 provides.a: `a` needs `coil` or `register`');
    expect(said).toContain('error C045 provides.b: `digital_in` does not go with `driver: modbus-map`');
  });

  test('with a time-out that its driver does not know is told so', async () => {
    const port = 'provides: { ain0: { kind: analog, on_for: { coil: 1, step: 1s, most: 1h } } }';
    const { said } = await load(device.replace('ain9', 'ain0'), own(`needs: i2c\ndriver: ads1115\n${address}\n${port}\n`));
    expect(said).toContain('error C045 provides.ain0.on_for: `on_for` does not go with `driver: ads1115`');
  });

  test('in which two names are one relay is told so', async () => {
    const { said } = await load(
      '  own: { board: own@1, via: meters }\n',
      own(
        'needs: modbus\ndriver: modbus-map\nwith: { unit: { type: modbus_unit, default: 1 } }\nprovides: { a: { kind: digital_out, coil: 0 }, b: { kind: digital_out, coil: 0 } }\n',
      ),
    );
    expect(said).toContain('error C131 provides.b: `coil 0` is already used by `a`');
  });

  const probe = (convert: string) =>
    own(`needs: analog\ndriver: analog\nreadings: { level: { quantity: voltage, unit: V, convert: ${convert} } }\n`);
  const plugged = '  adc: { board: ads1115@1, via: i2c1 }\n  own: { board: own@1, via: adc.ain0 }\n';

  it.each([
    ['[{ points: [[0, 0], [3, 100]], clamp: [0, 1] }]', 'readings.level.convert.0', 'C044'],
    ['[{}]', 'readings.level.convert.0', 'C044'],
    ['[{ points: [[0, 0], [0, 100]] }]', 'readings.level.convert.0.points', 'C048'],
    ['[]', 'readings.level.convert', 'C046'],
  ])('whose conversion is %s is told where it is wrong', async (convert, path, code) => {
    const { problems } = await load(plugged, probe(convert));
    expect(problems.filter(({ severity }) => severity === 'error').map((each) => [each.code, each.path])).toContainEqual([
      code,
      path,
    ]);
  });

  test('converts step by step', async () => {
    const { config, said } = await load(plugged, probe('[{ scale: 2 }, { offset: -1 }, { clamp: [0, 5] }]'));
    expect(said).toEqual([]);
    expect(config?.devices.get('own')?.channels[0]?.convert).toEqual([
      { scale: 2, offset: 0 },
      { scale: 1, offset: -1 },
      { clamp: [0, 5] },
    ]);
  });
});

describe('where it can be plugged in is said', () => {
  const ADC = '  adc: { board: ads1115@1, via: i2c1 }\n  bed: { board: soil-moisture-capacitive@1, via: adc.ain0 }\n';

  async function hints(devices: string): Promise<readonly string[]> {
    const { problems } = await loadText(HEAD + devices);
    return problems
      .filter(({ severity }) => severity === 'error')
      .flatMap(({ code, parameters }) => textOf(en, code, parameters).hints);
  }

  it.each([
    ['a port without its device', 'analog-input@1, via: ain1', 'did you mean `adc.ain1`?'],
    ['a port of a device that is written wrong', 'analog-input@1, via: acd.ain1', 'did you mean `adc.ain1`?'],
    ['a port that is not there', 'analog-input@1, via: adc.ain7', 'did you mean `adc.ain0` or `adc.ain1` or `adc.ain2`?'],
    ['a device without its port', 'analog-input@1, via: adc', 'write one of adc.ain0, adc.ain1, adc.ain2, adc.ain3'],
    [
      'a port of the wrong kind',
      'contact@1, via: adc.ain1',
      'places for it in this site: `gpio.pin11` or `gpio.pin13` or `gpio.pin15`',
    ],
    [
      'a port where another one is taken',
      'analog-input@1, via: i2c1',
      'places for it in this site: `adc.ain1` or `adc.ain2` or `adc.ain3`',
    ],
  ])('for %s', async (_, board, hint) => {
    expect(await hints(`${ADC}  new: { board: ${board} }\n`)).toContain(hint);
  });

  it('for a device that is plugged into itself', async () => {
    expect(await hints('  pins: { board: mcp23017@1, via: pins.gpa3 }\n')).toContain('write the bus that it is wired to: i2c1');
  });

  it('for a device that is written wrong and has nearly the same name as its own port', async () => {
    const said = await hints('  ioo: { board: mcp23017@1, via: i2c1 }\n  door: { board: contact@1, via: io.gpa0 }\n');
    expect(said).toContain('did you mean `ioo.gpa0`?');
  });
});
