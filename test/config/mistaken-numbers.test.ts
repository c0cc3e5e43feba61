// Numbers, amounts and registers that a file may not hold, and what a person is told to write instead.

import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

const device = (more: string) => `${HEAD}devices:\n  it: { ${more} }\n`;

/** A site with one meter of the given readings; `more` stands in its board file, and `parameter` in its `with:`. */
const meter = (readings: string, more: string, parameter = '') =>
  told(device('board: own@1, via: meters'), {
    'boards/own.board.yaml': `schema: board/v1
id: own
version: 1.0.0
label: Own meter
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 }${parameter} }
readings: { ${readings} }
${more}
`,
  });

describe('a factor of nothing', () => {
  it.each([
    ['scale', 'board: sht31@1, via: i2c1, readings: { temperature: { calibrate: { scale: 0 } } }', /^C025 `scale` cannot be 0: /],
    [
      'per_tip',
      'board: rain-gauge@1, via: gpio.pin11, with: { per_tip: 0mm }',
      /^C025 `0mm` is too small for `per_tip`: from 0.01mm to 5mm$/,
    ],
    ['a negative one', 'board: rain-gauge@1, via: gpio.pin11, with: { per_tip: -0.2mm }', /^C025 .*from 0.01mm to 5mm$/],
    [
      'pulses',
      'board: flow-meter@1, via: gpio.pin11, with: { pulses_per_litre: 0 }',
      /^C138 .*: `pulses_per_litre` is more than 0$/,
    ],
  ])('%s', async (_title, text, expected) => {
    const found = await told(device(text));
    expect(found).toEqual([expect.stringMatching(expected)]);
  });

  it('is refused in a board, and a negative factor is not', async () => {
    const power = 'power: { quantity: active_power, unit: W, at: 0';
    expect((await meter(`${power}, scale: 0 }`, '')).join()).toMatch(/C025 `scale` cannot be 0/);
    expect((await meter(`${power}, convert: [{ scale: 0 }] }`, '')).join()).toMatch(/C025 `scale` cannot be 0/);
    expect(await meter(`${power}, scale: -1, convert: [{ scale: -0.1 }] }`, '')).toEqual([]);
  });
});

describe('a reading in a hole of its registers', () => {
  const power = (at: string, more = '') => `power: { quantity: active_power, unit: W, at: ${at}${more} }`;
  const holes = 'modbus: { encoding: float32, holes: [[0x10, 0x20]] }';
  const inHole = expect.stringMatching(/^C156 `power` lies in a hole .*out of \[0x10, 0x20\] under `holes:`$/);

  it.each([
    ['its last register', power('0x0F')],
    ['all of it', power('0x18')],
    ['its first register', power('0x20')],
  ])('%s', async (_title, readings) => {
    expect(await meter(readings, holes)).toContainEqual(inHole);
  });

  it.each([
    ['before', power('0x0E')],
    ['behind', power('0x21')],
    ['a shorter one before', power('0x0F', ', encoding: uint16')],
    ['in another table', power('0x18', ', read_with: holding')],
  ])('is none %s', async (_title, readings) => {
    expect(await meter(readings, holes)).toEqual([]);
  });
});

describe('a number without a unit', () => {
  const bus = (more: string) => `schema: gateway/v1\ngateway: { id: demo }\nbuses: { a: { ${more} } }\n`;

  it.each([
    [
      'of a rain gauge',
      device('board: rain-gauge@1, via: gpio.pin11, with: { debounce: 50 }'),
      'C033 `50` has no unit: write 50ms for milliseconds, or 50s for seconds',
    ],
    [
      'between two questions',
      bus('type: modbus-rtu, port: header, pause: 3'),
      'C033 `3` has no unit: write 3ms for milliseconds, or 3s for seconds',
    ],
    [
      'of an answer',
      bus('type: modbus-rtu, port: header, timeout: 5'),
      'C033 `5` has no unit: write 5ms for milliseconds, or 5s for seconds',
    ],
    [
      'of a device',
      device('board: sht31@1, via: i2c1, every: 30'),
      'C033 `30` has no unit: write 30s for seconds, or 30min for minutes',
    ],
    [
      'of a height',
      device('board: scd41@1, via: i2c1, with: { altitude: 12 }'),
      'C039 `12` has no unit that belongs here: did you mean `12m`?; write it like 10m; units: mm, cm, m, km',
    ],
    [
      'of a height above the ground',
      device('board: sht31@1, via: i2c1, location: { lat: 41, lon: 2, height: 3 }'),
      'C039 `3` has no unit that belongs here: did you mean `3m`?; write it like 2.5m; units: mm, cm, km, m',
    ],
    [
      'of rain',
      device('board: rain-gauge@1, via: gpio.pin11, with: { per_tip: 0.2 }'),
      'C039 `0.2` has no unit that belongs here: did you mean `0.2mm`?; write it like 0.2794mm; units: mm, cm, m, km',
    ],
    [
      'that no proposal would make right',
      device('board: rain-gauge@1, via: gpio.pin11, with: { per_tip: 0 }'),
      'C039 `0` has no unit that belongs here: write it like 0.2794mm; units: mm, cm, m, km',
    ],
  ])('%s', async (_title, text, expected) => {
    expect(await told(text)).toEqual([expected]);
  });
});

describe('the unit of a meter', () => {
  const unit = (via: string, value: string) => device(`board: eastron-sdm120@1, via: ${via}, with: { unit: ${value} }`);
  const lan = (text: string) => text.replace('  meters:', '  lan: { type: modbus-tcp, host: 192.168.1.20 }\n  meters:');

  it.each([
    ['300', 'C025 `300` is too large for `unit`: from 1 to 247'],
    ['255', 'C025 `255` is too large for `unit`: from 1 to 247'],
    ['-1', 'C025 `-1` is too small for `unit`: from 1 to 247'],
    ['0', 'C025 `0` is too small for `unit`: from 1 to 247'],
  ])('is told at once what it can be on a line: %s', async (value, expected) => {
    expect(await told(unit('meters', value))).toEqual([expected]);
  });

  it('is told what it can be on a network', async () => {
    expect(await told(lan(unit('lan', '300')))).toEqual(['C025 `300` is too large for `unit`: from 0 to 255']);
  });
});

describe('several meters of one unit', () => {
  const meters = (count: number, more = '') =>
    `${HEAD}devices:\n${Array.from({ length: count }, (_, index) => `  m${index}: { board: eastron-sdm120@1, via: meters${more} }\n`).join('')}`;
  const proposed = (found: readonly string[]) => found.map((each) => /unit: ([0-9]+) /.exec(each)?.[1]);

  it('are each proposed another one', async () => {
    expect(proposed(await told(meters(4)))).toEqual(['2', '3', '4']);
  });

  it('are proposed none that a device has, and those below when there is none above', async () => {
    const found = await told(`${meters(3, ', with: { unit: 246 }')}  last: { board: eastron-sdm120@1, via: meters }\n`);
    expect(proposed(found)).toEqual(['247', '2']);
  });

  it('are told when there is none left', async () => {
    const found = await told(meters(248));
    expect(new Set(proposed(found).slice(0, 246)).size).toBe(246);
    expect(found.at(-1)).toMatch(/: all units from 1 to 247 are taken: it needs another bus$/);
  });

  it('or chips of one address are proposed what they can be', async () => {
    const found = await told(
      `${HEAD}devices:\n${['a', 'b', 'c'].map((id) => `  ${id}: { board: bme280@1, via: i2c1 }\n`).join('')}`,
    );
    expect(found.map((each) => /address: (0x[0-9]+) /.exec(each)?.[1])).toEqual(['0x77', undefined]);
  });
});

describe('the speed of a bus', () => {
  const bus = (more: string) =>
    `schema: gateway/v1\ngateway: { id: demo }\nbuses: { meters: { type: modbus-rtu, port: header, ${more} } }
devices: { m: { board: eastron-sdm120@1, via: meters } }\n`;
  const codes = async (text: string) => (await told(text, {}, 'note')).map((each) => each.slice(0, 4));

  it.each(['baud: 24OO', 'baud: 24', 'baud: "2400"', 'baud: 2400, format: 8X1'])(
    'that is wrong is compared with no meter: %s',
    async (more) => {
      expect(await told(bus(more))).toHaveLength(1);
      expect(await codes(bus(more))).toEqual(['C061']);
    },
  );

  it.each(['baud: 9600', 'baud: 2400, format: 8E1', 'format: 8N1'])('that is another one is: %s', async (more) => {
    expect(await codes(bus(more))).toEqual(['C061', 'C128']);
  });
});

describe('a baud rate that was mistyped', () => {
  const bus = (rate: string) =>
    `schema: gateway/v1\ngateway: { id: demo }\nbuses: { meters: { type: modbus-rtu, port: header, baud: ${rate} } }
devices: { m: { board: rs485-wind-speed@1, via: meters } }\n`;
  const mistyped = async (rate: string) => (await told(bus(rate))).filter((each) => each.startsWith('C157'));

  it.each([
    ['2401', '2400'],
    ['9800', '9600'],
    ['115000', '115200'],
    ['960', '9600'],
    ['96000', '9600'],
    ['192000', '19200'],
    ['11520', '115200'],
  ])('%s', async (rate, meant) => {
    expect(await mistyped(rate)).toEqual([
      expect.stringContaining(`devices do not run at ${rate} baud: did you mean \`${meant}\`?`),
    ]);
  });

  it.each(['300', '14400', '76800', '10400', '100000', '187500', '250000', '4000000'])(
    '%s is one that devices have',
    async (rate) => {
      expect(await mistyped(rate)).toEqual([]);
    },
  );
});

describe('the limits of a parameter', () => {
  const perTip = (amount: string) => told(device(`board: rain-gauge@1, via: gpio.pin11, with: { per_tip: ${amount} }`));
  const declared = (size: string) => meter('power: { quantity: active_power, unit: W, at: 0 }', '', `, size: ${size}`);

  it('are told with a value outside of them', async () => {
    expect(await perTip('27.94mm')).toEqual([
      expect.stringMatching(/^C025 `27.94mm` is too large for `per_tip`: from 0.01mm to 5mm$/),
    ]);
    expect(await perTip('0.001mm')).toEqual([expect.stringMatching(/^C025 `0.001mm` is too small for `per_tip`: from/)]);
    expect(await perTip('0.1mm')).toEqual([]);
  });

  it.each([
    ['a default outside', '{ type: number, default: 7, valid: [1, 5] }', /C025 `7` is too large for `default`: from 1 to 5/],
    ['the larger one first', '{ type: length, default: 2mm, valid: [5mm, 1mm] }', /C043 .*write \[1mm, 5mm\]/],
    ['of a text', '{ type: text, default: a, valid: [a, b] }', /C158 `valid` makes no sense for `size`/],
    ['beside choices', '{ type: number, default: 1, choices: [1, 2], valid: [1, 2] }', /C158/],
    ['one that is no amount', '{ type: length, default: 2mm, valid: [1, 5mm] }', /C03\d .*`1`/],
  ])('in a board: %s', async (_title, parameter, expected) => {
    expect((await declared(parameter)).join('\n')).toMatch(expected);
  });
});

describe('pairs', () => {
  const power = 'power: { quantity: active_power, unit: W, at: 0 }';
  const points = (text: string) =>
    device(`board: sht31@1, via: i2c1, readings: { temperature: { calibrate: { points: ${text} } } }`);

  it.each([
    [
      '[0x10, 0x20]',
      /^C023 `holes` takes pairs, .*: a hole is its first and its last register; write it like \[\[0x10, 0x20\]\]$/,
    ],
    ['[0x10]', /write it like \[\[0x10, …\]\]$/],
    ['[1, 2, 3, 4]', /write it like \[\[1, 2\], \[3, 4\]\]$/],
    ['[[0x20, 0x10]]', /^C043 .*write \[0x10, 0x20\]$/],
    ['[[1, 2], 3]', /^C023 .*`3` stands here/],
  ])('of registers: %s', async (text, expected) => {
    const found = await meter(power, `modbus: { holes: ${text} }`);
    expect(found.filter((each) => !each.startsWith('C100'))).toEqual([expect.stringMatching(expected)]);
  });

  it.each(['[]', '[[2.7, 0]]'])('of values make no line when there are too few: %s', async (text) => {
    expect(await told(points(text))).toEqual([
      'C046 fewer than 2 points make no line: a second one is missing, at another raw value: such as [[2.71, 0], [1.18, 100]]',
    ]);
  });
});

describe('the address of a probe', () => {
  const probe = (rom: string) =>
    `${HEAD}  w1: { type: onewire, pin: gpio.pin7 }\ndevices: { t: { board: ds18b20@1, via: w1, with: { rom: ${rom} } } }\n`;

  it.each([
    ['28:03:16:a2:79:9d:ff', /^C124 `28:03:.*` is not written as .*: did you mean `28-0316a2799dff`\?/],
    ['28-0316a2799d', /^C124 .* after the family, this has 10: /],
    ['10-0316a2799dff', /^C138 .*: the address of a ds18b20 begins with 28-: this is one of another kind of device$/],
  ])('%s', async (rom, expected) => {
    expect(await told(probe(rom))).toEqual([expect.stringMatching(expected)]);
  });
});

it.each(['timeout', 'pause'])('`%s` of a bus without a unit is meant in milliseconds', async (key) => {
  expect(await told(`${HEAD}  more: { type: modbus-rtu, port: header, ${key}: 300 }\n`)).toEqual([
    'C033 `300` has no unit: write 300ms for milliseconds, or 300s for seconds',
  ]);
});
