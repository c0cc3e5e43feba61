// Mistakes of people who write their first file, and what they are told: what is wrong, and something that can be written instead.

import { describe, expect, it, test } from 'vitest';
import { closest } from '../../config/closest.ts';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

const GATEWAY = 'schema: gateway/v1\ngateway: { id: demo }\n';
const device = (more: string) => `${HEAD}devices:\n  it: { ${more} }\n`;
const readings = (more: string) => device(`board: sht31@1, via: i2c1, readings: { temperature: { ${more} } }`);

describe('a value, a list and a block in each other’s place', () => {
  it.each([
    [
      'one value of a list',
      `${HEAD.replace('id: demo', 'id: demo, tags: yard')}`,
      /^C023 `tags` takes a list, and `yard` stands here: .*\[yard\]$/,
    ],
    [
      'a list for a value',
      device('board: sht31@1, via: i2c1, every: [30s]'),
      /^C023 `every` takes a text, and a list stands here: .*without \[ \]; such as 30s, 5min$/,
    ],
    [
      'a block for a value',
      device('board: sht31@1, via: { bus: i2c1 }'),
      /^C023 `via` takes a text, and a block of keys stands here: .*`via:`, on the same line$/,
    ],
    [
      'a block for a list',
      `${GATEWAY}sentilo: { url: "https://s.example.cat", provider: p, token: { secret: t }, orders_from: { a: b } }\n`,
      /^C023 `orders_from` takes a list, and a block of keys stands here: .*`- `/,
    ],
    [
      'a board for a device',
      `${HEAD}devices:\n  it: bme280@1\n`,
      /^C023 `it` takes a block of keys, and `bme280@1` stands here: .*two spaces further in: board, via, /,
    ],
    [
      'a list of buses',
      `${GATEWAY}buses:\n  - { type: i2c }\n`,
      /^C023 `buses` takes a block of keys, and a list stands here: write an id before each, without `-` and without \[ \], such as `i2c1:`/,
    ],
    [
      'a list for the keys of a device',
      `${HEAD}devices:\n  it:\n    - board: sht31@1\n    - via: i2c1\n`,
      /^C023 `it` takes a block of keys, and a list stands here: .*without `-` and without \[ \]: board, via, /,
    ],
    [
      'one word for a bus',
      `${GATEWAY}buses: { i2c1: i2c }\n`,
      /^C023 `i2c1` takes a block of keys, and `i2c` stands here: .*: type$/,
    ],
    [
      'the pairs of points as one list',
      readings('calibrate: { points: [2.7, 0] }'),
      /^C023 `points` takes pairs, .*`\[2.7, 0\]` stands here: a point is the raw value, .*write it like \[\[2.7, 0\]\]$/,
    ],
    ['a limit for two', readings('valid: 5'), /^C023 `valid` takes a list, and `5` stands here: write it like \[0, 100\]$/],
    [
      'a word for a number',
      device('board: sht31@1, via: i2c1, location: { lat: north, lon: 2 }'),
      /^C023 `lat` takes a number, and `north` is a text: write a number in its place$/,
    ],
    [
      'a number for a truth',
      device('board: sht31@1, via: i2c1, enabled: 1'),
      /^C023 `enabled` takes true or false, and `1` is a number/,
    ],
    [
      'a list for a word',
      `${GATEWAY}sentilo: { url: "https://s.example.cat", provider: p, token: { secret: t }, catalog: [check] }\n`,
      /^C023 `catalog` takes a text, and a list stands here: .*such as check, apply, off$/,
    ],
    [
      'a list for a length of time or a word',
      device('board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: [1h] } }'),
      /^C023 `max_on` takes a text, and a list stands here: .*such as 30s, 5min$/,
    ],
    [
      'a list for the file',
      '- schema: gateway/v1\n',
      /^C023 a file holds a block of keys, and here stands a list: .*`schema: gateway\/v1`/,
    ],
  ])('%s', async (_title, text, expected) => {
    expect((await told(text))[0]).toMatch(expected);
  });

  it('is told of the block alone whose keys are written, and the right one is accepted', async () => {
    expect(await told(device('board: sht31@1, via: i2c1, every: 30s'))).toEqual([]);
    expect(await told(readings('calibrate: { points: [[2.71, 0], [1.18, 100]] }, valid: [0, 100]'))).toEqual([]);
  });

  it('shows nothing of a secret', async () => {
    const found = (await told(`${HEAD}mqtt: { url: x, password: [hunter22] }\n`)).join();
    expect(found).not.toContain('hunter22');
    for (const key of ['token=Hunter22', 'Password Hunter22', 'api-key Hunter22']) {
      const proposed = (await told(`${HEAD}devices: { "${key}": { board: sht31@1, via: i2c1 } }\n`)).join();
      expect(proposed.toLowerCase()).not.toContain('hunter22');
    }
    const password = (await told(`${HEAD}mqtt: { url: x, token: { secret: [hunter22] } }\n`)).join();
    expect(password).not.toContain('hunter22');
  });
});

describe('a word that is none of those that belong there', () => {
  it.each([
    [
      'type: modbus, port: header',
      /^C024 `type` cannot be `modbus`: did you mean `modbus-rtu` or `modbus-tcp`\?; it can be: i2c, serial, /,
    ],
    ['type: rs485, port: header', /did you mean `modbus-rtu` or `serial`\?/],
    ['type: 1wire, pin: gpio.pin7', /did you mean `onewire`\?/],
    ['type: uart, port: header', /did you mean `serial`\?/],
    ['type: modbus-rtu, port: header, format: 8e1', /^C024 `format` cannot be `8e1`: did you mean `8E1`/],
  ])('%s', async (bus, expected) => {
    expect((await told(`${GATEWAY}buses: { a: { ${bus} } }\n`))[0]).toMatch(expected);
  });

  it.each([
    ['76', /^C024 `address` cannot be `76`: did you mean `0x76` or `0x77`\?; it can be: 0x76, 0x77$/],
    ['sdo', /^C024 `address` cannot be `sdo`: it can be: 0x76, 0x77$/],
    ['0x80', /^C024 `address` cannot be `0x80`: .*it can be: 0x76, 0x77$/],
    ['"0x76"', /^C069 `0x76` is a text because of its quotes: remove the quotes: 0x76$/],
  ])('of an address: %s', async (address, expected) => {
    expect((await told(device(`board: bme280@1, via: i2c1, with: { address: ${address} }`)))[0]).toMatch(expected);
  });

  it('of a parameter of a board', async () => {
    expect(await told(device('board: contact@1, via: gpio.pin11, with: { pull: Up }'))).toEqual([
      'C024 `pull` cannot be `Up`: did you mean `up`?; it can be: up, down, none',
    ]);
    expect(await told(device('board: eastron-sdm120@1, via: meters, with: { unit: 250 }'))).toEqual([
      'C025 `250` is too large for `unit`: from 1 to 247',
    ]);
  });
});

describe('keys of which one belongs there', () => {
  const rule = (more: string) =>
    `${HEAD}devices: { lamp: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } } }\nrules: { night: { ${more} } }\n`;

  it.each([
    [
      'none',
      readings('report: { at_least: 1h }'),
      'C044 `report` needs `mean_of` or `max_of` or `min_of` or `last_of` or `on_change`: write one of them below `report:`; such as mean_of: 5min',
    ],
    [
      'two',
      readings('report: { mean_of: 5min, last_of: 5min }'),
      'C044 `report` takes only one of `mean_of` and `last_of`: keep one of them and remove the others',
    ],
    [
      'no time of a rule',
      rule('do: { alarm: x }'),
      'C044 `night` needs `at` or `when`: write one of them below `night:`; such as at: "06:30"',
    ],
    [
      'nothing to do',
      rule('at: "06:30", do: { set: on }'),
      'C044 `do` needs `output` or `alarm`: write one of them below `do:`; such as output: fan.switch',
    ],
    [
      'two ways to calibrate',
      readings('calibrate: { scale: 2, points: [[0, 1], [1, 2]] }'),
      'C044 `calibrate` takes only one of `scale` and `points`: keep one of them and remove the others',
    ],
    [
      'a calibration without numbers',
      readings('calibrate: { by: somebody }'),
      'C044 `calibrate` needs `offset` or `scale` or `points`: write one of them below `calibrate:`; such as offset: -0.8',
    ],
    [
      'a key of another one',
      readings('report: { mean_of: 5min, at_least: 1h }'),
      'C045 `at_least` does not go with `mean_of`: remove `at_least`; or write what it belongs to: on_change: true',
    ],
    [
      'a word of another signal',
      device('board: sht31@1, via: i2c1, simulate: { temperature: { constant: 3, mean: 4 } }'),
      'C045 `mean` does not go with `constant`: remove `mean`; what goes with `constant`: constant, noise, note',
    ],
  ])('%s', async (_title, text, expected) => {
    expect(await told(text)).toEqual([expected]);
  });
});

describe('a first file that is nearly right', () => {
  const devices = (text: string) => `${HEAD}devices:\n${text}`;
  const buses = (text: string) => `${GATEWAY}buses:\n${text}`;

  it.each([
    [
      'devices that stand at the edge',
      devices('  b: { board: sht31@1, via: i2c1 }\nair:\n  board: bme280@1\n  via: i2c1\n'),
      /^C021 unknown key `air`: a device or bus belongs under `devices:`/,
    ],
    [
      'buses that stand at the edge',
      buses('  a: { type: i2c, device: /dev/i2c-3 }\ni2c1: { type: i2c }\n'),
      /^C021 unknown key `i2c1`: a device or bus belongs under `buses:`/,
    ],
    [
      'a key without its colon',
      `${GATEWAY}devices\n  air: { board: bme280@1, via: i2c1 }\n`,
      /^C006 a colon is missing in this line: /,
    ],
    [
      'keys without a space behind their colon',
      devices('  air:\n    board:bme280@1\n    via:i2c1\n'),
      /^C023 .*: put a space behind each colon: `board: …`/,
    ],
    [
      'no buses',
      `${GATEWAY}devices: { air: { board: bme280@1, via: i2c1 } }\n`,
      /^C110 `i2c1` is neither a bus nor a port of this site: .*under `buses:` the line `i2c1: \{ type: i2c \}`/,
    ],
    [
      'a place that no bus has nearly the name of',
      devices('  air: { board: bme280@1, via: sensors }\n'),
      /^C110 .*: places for it in this site: `i2c1`/,
    ],
    [
      'a key of another program',
      devices('  air: { board: bme280@1, via: i2c1, interval: 60s }\n'),
      /^C021 unknown key `interval`: did you mean `every`\?/,
    ],
    [
      'a parameter beside `with`',
      devices('  m: { board: eastron-sdm120@1, via: meters, unit: 3 }\n'),
      /^C021 unknown key `unit`: did you mean `with`\?/,
    ],
    [
      'a parameter of another board',
      devices('  m: { board: eastron-sdm120@1, via: meters, with: { address: 3 } }\n'),
      /^C121 .*: did you mean `unit`\?.*barri board show eastron-sdm120/,
    ],
    [
      'a parameter of a board without any',
      devices('  p: { board: sds011@1, via: pm, with: { baud: 9600 } }\n'),
      /^C121 sds011 has no parameter `baud`: sds011 takes no parameters: remove `with:`$/,
    ],
    [
      'the speed of a serial bus',
      buses('  a: { type: serial, port: header, baud: 9600 }\n'),
      /^C021 unknown key `baud`: a serial bus is set by the board/,
    ],
    [
      'the path of a port cut short',
      buses('  a: { type: serial, port: ttyAMA0 }\n'),
      /^C117 .*: did you mean `\/dev\/ttyAMA0`\?/,
    ],
    [
      'accents in an id',
      devices('  balcó: { board: bme280@1, via: i2c1 }\n'),
      /^C026 `balcó` cannot be an id: did you mean `balco`\?/,
    ],
    ['hyphens in an id', devices('  air-1: { board: bme280@1, via: i2c1 }\n'), /^C026 .*: did you mean `air_1`\?/],
    [
      'a name for an id',
      'schema: gateway/v1\ngateway: { id: Escola Poblenou 01 }\n',
      /^C041 .*: did you mean `escola-poblenou-01`\?/,
    ],
    ['quotes of a word processor', 'schema: gateway/v1\ngateway: { id: “school-01” }\n', /^C041 .*: did you mean `school-01`\?/],
    [
      'a tag for a secret',
      `${GATEWAY}sentilo: { url: "https://s.example.cat", provider: p, token: !secret t }\n`,
      /^C020 .*: write \{ secret: sentilo_token \}/,
    ],
    ['a size in other letters', `${GATEWAY}buffer: { max_size: 1 gb }\n`, /^C036 .*: did you mean `1GB`\?/],
    ['a speed in other letters', buses('  i2c1: { type: i2c, speed: 400khz }\n'), /^C039 .*: did you mean `400kHz`\?/],
    [
      'no token',
      `${GATEWAY}sentilo: { url: "https://s.example.cat", provider: p }\n`,
      /^C022 `token` is missing: .*such as `token: \{ secret: sentilo_token \}`/,
    ],
    ['no gateway', 'schema: gateway/v1\nbuses: {}\n', /^C022 `gateway` is missing: such as `gateway: \{ id: school-01 \}`$/],
    ['an included file elsewhere', `${GATEWAY}include: [common.yaml]\n`, /^C001 .*it is looked for in \./],
    [
      'a reading that is switched off',
      readings('').replace('temperature: {  }', 'temperature: off'),
      /^C023 .*: to switch it off, write `temperature: \{ enabled: false \}`/,
    ],
    [
      'the beginning of a reading',
      device('board: sht31@1, via: i2c1, readings: { temp: {} }'),
      /^C120 sht31 has no reading `temp`: did you mean `temperature`\?/,
    ],
    [
      'a reading of a relay',
      device('board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } }, readings: { switch: { publish: true } }'),
      /^C120 .*: `switch` is an output of it: write it under `outputs:`; a relay has no readings at all/,
    ],
    [
      'a device for a bus',
      devices('  air: { board: sht31@1, via: i2c1 }\n  soil: { board: analog-input@1, via: air }\n'),
      /^C116 `air` is no bus and has no ports: nothing can be plugged into a sht31: .*barri board show ads1115/,
    ],
    [
      'the number of a port',
      devices(
        '  relays: { board: modbus-relay-8@1, via: meters }\n  fan: { board: relay@1, via: relays.1, outputs: { switch: { max_on: 1h } } }\n',
      ),
      /^C116 `relays` has no port `1`: did you mean `relays.relay1`\?/,
    ],
    [
      'two devices on a serial bus',
      devices('  a: { board: sds011@1, via: pm }\n  b: { board: pms5003@1, via: pm }\n'),
      /^C131 .*: a serial bus carries one device: /,
    ],
    [
      'a probe without its family',
      `${HEAD}  w1: { type: onewire, pin: gpio.pin7 }\ndevices: { t: { board: ds18b20@1, via: w1, with: { rom: 0316a2799dff } } }\n`,
      /^C124 .*: did you mean `28-0316a2799dff`\?/,
    ],
    [
      'a rule on what is not there',
      `${HEAD}rules: { r: { when: { reading: hall.light, above: 3 }, do: { alarm: a } } }\ndevices: { air: { board: sht31@1, via: i2c1 } }\n`,
      /^C139 there is no reading `hall.light`: .*this site has: air.temperature, air.humidity$/,
    ],
    [
      'the second of two at one address',
      devices('  a: { board: bme280@1, via: i2c1 }\n  b: { board: bme280@1, via: i2c1 }\n'),
      /^C130 .*write `with: \{ address: 0x77 \}`/,
    ],
  ])('%s', async (_title, text, expected) => {
    expect((await told(text))[0]).toMatch(expected);
  });

  it.each([
    ['one tab', '  air:\n\tboard: bme280@1\n    via: i2c1\n  soil:\n    board: sht31@1\n', ['C011']],
    ['two', '  air:\n\tboard: bme280@1\n\tvia: i2c1\n  soil:\n    board: sht31@1\n', ['C011']],
    ['what is wrong above', '  air: { board: [sht31@1, via: i2c1 }\n  soil:\n\tboard: sht31@1\n', ['C007', 'C011']],
  ])('is told of tabs without what follows from them: %s', async (_title, text, expected) => {
    expect((await told(devices(text))).map((each) => each.slice(0, 4))).toEqual(expected);
  });

  it('is told nothing of a bus that has mistakes of its own', async () => {
    const found = await told(
      `${GATEWAY}buses: { w1: { type: onewire, pni: gpio.pin7 } }\ndevices: { d: { board: ds18b20@1, via: gpio.pin11, with: { rom: 28-0316a2799dff } } }\n`,
    );
    expect(found.find((each) => each.startsWith('C112'))).toMatch(/: mend what is wrong under `buses:` first$/);
  });

  it('names no missing resistor where a parameter is missing', async () => {
    const found = await told(
      devices('  pins: { board: mcp23017@1, via: i2c1 }\n  water: { board: flow-meter@1, via: pins.gpa0 }\n'),
    );
    expect(found.join()).not.toContain('undefined');
    expect(found.map((each) => each.slice(0, 4))).toEqual(['C122', 'C150']);
  });

  it('is quoted in a few words, however much stands there', async () => {
    const [text = ''] = await told(`${GATEWAY}devices: ${'x'.repeat(3_000)}\n`);
    expect(text).toContain(`\`${'x'.repeat(60)}…\` stands here`);
    expect(text.length).toBeLessThan(300);
  });
});

describe('the nearest words', () => {
  test.each([
    ['sdm120', ['eastron-sdm120', 'eastron-sdm630'], ['eastron-sdm120']],
    ['evry', ['every', 'via'], ['every']],
    // What differs by a letter goes before what it is a part of.
    ['relay', ['relays', 'modbus-relay-8'], ['relays']],
    ['uart', ['i2c1', 'usb'], []],
    ['up', ['pull-up'], []],
  ])('of %s among %s', (word, words, expected) => {
    expect(closest(word, words)).toEqual(expected);
  });
});

describe('a block whose word is missing', () => {
  const DEVICES = '  air: { board: bme280@1, via: i2c1 }\n  soil: { board: sht31@1, via: i2c1 }\n';
  const BUSES = '  i2c1: { type: i2c }\n  w1: { type: onewire, pin: gpio.pin7 }\n';
  const CITY = 'sentilo:\n  url: https://s.example.cat\n  provider: p\n  token: { secret: t }\n';

  it('is told once, and not with every device or bus that stands in the one above', async () => {
    expect(await told(`${GATEWAY}buses:\n${BUSES}${DEVICES}`)).toEqual([
      'C022 `devices` is missing: write `devices:` at the edge of the file, on a line of its own above `air`',
    ]);
    expect(await told(`${GATEWAY}${CITY}${BUSES}devices:\n${DEVICES}`)).toEqual([
      'C022 `buses` is missing: write `buses:` at the edge of the file, on a line of its own above `i2c1`',
    ]);
  });

  it('is not missing where it is written', async () => {
    const found = await told(`${GATEWAY}buses:\n${BUSES}${DEVICES}devices: {}\n`);
    expect(found.map((each) => each.slice(0, 22))).toContain('C022 `type` is missing');
  });
});
