import { describe, expect, it } from 'vitest';
import { HEAD, loadText } from './site-files.ts';
import { told } from './told.ts';

const RELAYS = '  relays: { board: modbus-relay-8@1, via: meters }\n';
const valve = (id: string, via: string, more = '') => `  ${id}: { board: solenoid-valve@1, via: ${via}${more} }\n`;
const fan = (via: string, maxOn: string) =>
  `  fan: { board: relay@1, via: ${via}, outputs: { switch: { safe: off, max_on: ${maxOn} } } }\n`;

const site = (...devices: string[]) => `${HEAD}devices:\n${devices.join('')}`;

async function notes(text: string, code: string, files: Readonly<Record<string, string>> = {}): Promise<string[]> {
  return [...(await told(text, files, 'note'))].filter((line) => line.startsWith(code));
}

describe('an output that stays as it is when the gateway fails', () => {
  it('is told once for each board, with its name, whoever gives its max_on', async () => {
    const text = site(RELAYS, valve('valve', 'relays.relay1'), fan('relays.relay2', '1h'));
    expect(await notes(text, 'C160')).toEqual([
      'C160 `relays` leaves its outputs as they are when the gateway or its machine fails: ' +
        '`valve.open` and `fan.switch` can be on for longer than `max_on`: ' +
        'use a modbus-relay-8 only for loads that are safe when left on; ' +
        'or a board that is told with each order when to switch off by itself: `waveshare-relay-8`; ' +
        'or one that switches off by itself when it hears nothing: its manual calls that a watchdog or a communication time-out',
    ]);
    const { problems } = await loadText(text);
    expect(problems.filter(({ code }) => code === 'C160').map(({ path }) => path)).toEqual(['devices.valve.outputs.open']);
  });

  it.each([
    ['a pin of the header', [valve('valve', 'gpio.pin11')]],
    ['a load that may stay on', [RELAYS, fan('relays.relay2', 'unlimited')]],
    ['a device that is switched off', [RELAYS, valve('valve', 'relays.relay1', ', enabled: false')]],
    ['an output that is switched off', [RELAYS, valve('valve', 'relays.relay1', ', outputs: { open: { enabled: false } }')]],
  ])('is not told of %s', async (_what, devices) => {
    expect(await notes(site(...devices), 'C160')).toEqual([]);
  });

  it('is told of an output of a Modbus board itself', async () => {
    const board = `schema: board/v1
id: own
version: 1.0.0
label: Own pump
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
outputs: { pump: { quantity: switch_state, unit: bool, safe: off, max_on: 1h, coil: 3 } }
`;
    const found = await notes(site('  own: { board: own@1, via: meters }\n'), 'C160', { 'boards/own.board.yaml': board });
    expect(found.map((line) => line.split(': use')[0])).toEqual([
      'C160 `own` leaves its outputs as they are when the gateway or its machine fails: `own.pump` can be on for longer than `max_on`',
    ]);
  });
});

describe('an output whose board is told with each order when to switch off by itself', () => {
  const TIMED = '  relays: { board: waveshare-relay-8@1, via: meters }\n';

  // The board counts to 3276.7 s: 3242 s with a hundredth of it and two seconds is less, 3243 s is more.
  it.each([
    ['as its board has it', [valve('valve', 'relays.relay1')]],
    ['of 3242 s', [fan('relays.relay2', '3242s')]],
    ['that never ends', [fan('relays.relay2', 'unlimited')]],
    [
      'that ends nothing, as it is safe when it is on',
      ['  fan: { board: relay@1, via: relays.relay2, outputs: { switch: { safe: on, max_on: 1d } } }\n'],
    ],
  ])('is not told with a max_on %s', async (_what, devices) => {
    expect(await notes(site(TIMED, ...devices), 'C160')).toEqual([]);
  });

  it('is told with a max_on that is longer than the board can count, and with one that is on while its relay is off', async () => {
    const text = site(
      TIMED,
      fan('relays.relay2', '3243s'),
      valve('first', 'relays.relay3', ', with: { active: low }'),
      valve('second', 'relays.relay4', ', with: { active: low }'),
      valve('third', 'relays.relay5'),
    );
    expect(await notes(text, 'C160')).toEqual([
      'C160 `relays` switches off by itself what may be on for 3242s at most: ' +
        '`fan.switch` can be on for longer than `max_on` when the gateway or its machine fails: ' +
        'write `max_on: 3242s` or less; or use a waveshare-relay-8 there only for loads that are safe when left on',
      'C160 `relays` switches off by itself what is on while its relay is on: ' +
        '`first.open` and `second.open` can be on for longer than `max_on` when the gateway or its machine fails: ' +
        'wire the load to the contact that is closed while the relay is on (NO), and write `with: { active: high }`; ' +
        'or use a waveshare-relay-8 there only for loads that are safe when left on',
    ]);
  });

  it('is told where its own board has no such time, and not where it has', async () => {
    const board = (onFor: string) => ({
      'boards/own.board.yaml': `schema: board/v1
id: own
version: 1.0.0
label: Own pump
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
outputs: { pump: { quantity: switch_state, unit: bool, safe: off, max_on: 1min, coil: 3${onFor} } }
`,
    });
    const text = site('  own: { board: own@1, via: meters }\n');
    expect(await notes(text, 'C160', board(', on_for: { coil: 19, step: 1s, most: 5min }'))).toEqual([]);
    expect(await notes(text, 'C160', board(', on_for: { coil: 19, step: 1s, most: 1min }'))).toHaveLength(1);
    expect(await notes(text, 'C160', board(''))).toHaveLength(1);
  });
});

describe('outputs that are never on together', () => {
  const safe = (id: string, pin: string, state: string, never: string) =>
    `  ${id}: { board: relay@1, via: gpio.${pin}, outputs: { switch: { safe: ${state}, max_on: 1h${never} } } }\n`;
  const errors = async (...devices: string[]) =>
    (await loadText(site(...devices))).problems
      .filter(({ severity }) => severity === 'error')
      .map(({ code, path, parameters }) => `${code} ${path} ${parameters['output']}`);

  it('are all safe when they are off, whichever of the two names the other', async () => {
    const never = (other: string) => `, never_with: [${other}.switch]`;
    expect(await errors(safe('up', 'pin11', 'off', never('down')), safe('down', 'pin13', 'off', ''))).toEqual([]);
    expect(await errors(safe('up', 'pin11', 'on', never('down')), safe('down', 'pin13', 'off', ''))).toEqual([
      'C162 devices.up.outputs.switch.never_with up.switch',
    ]);
    expect(await errors(safe('up', 'pin11', 'off', never('down')), safe('down', 'pin13', 'on', ''))).toEqual([
      'C162 devices.up.outputs.switch.never_with.0 down.switch',
    ]);
  });
});

it('an output that is never on together with itself is an error', async () => {
  const text = site(
    '  up: { board: relay@1, via: gpio.pin11, outputs: { switch: { safe: off, max_on: 1h, never_with: [up.switch] } } }\n',
  );
  expect(await told(text)).toEqual([
    'C168 `never_with` of up.switch names up.switch itself, which then could never be on: ' +
      'name the other output that it is never on together with, or remove `never_with:`',
  ]);
});

describe('what is expected of an output', () => {
  const expecting = (
    what: string,
    output = 'safe: off',
  ) => `buses: { line: { type: modbus-rtu, port: header }, i2c1: { type: i2c } }
devices:
  air: { board: sht31@1, via: i2c1, every: 10s }
  meter: { board: eastron-sdm120@1, via: line, every: 10s, readings: { current: { enabled: false } } }
  door: { board: contact@1, via: gpio.pin13 }
  pump: { board: relay@1, via: gpio.pin11, outputs: { switch: { ${output}, max_on: 1h, expect: ${what} } } }
`;
  const errors = async (text: string) =>
    (await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${text}`)).problems
      .filter(({ severity }) => severity === 'error')
      .map(({ code, path }) => `${code} ${path}`);
  const PATH = 'devices.pump.outputs.switch.expect';

  it.each<[string, string, string[]]>([
    ['is possible', '{ reading: meter.power, above: 50, within: 20s }', []],
    ['is a reading that exists', '{ reading: meter.watts, above: 50, within: 20s }', [`C139 ${PATH}.reading`]],
    ['has numbers', '{ reading: door.closed, above: 0, within: 5min }', [`C163 ${PATH}.reading`]],
    ['is taken', '{ reading: meter.current, above: 0, within: 5min }', [`C164 ${PATH}.reading`]],
    ['has a limit', '{ reading: meter.power, within: 20s }', [`C165 ${PATH}`]],
    [
      'has a limit, and one that is no number is told as that',
      '{ reading: meter.power, above: fifty, within: 20s }',
      [`C023 ${PATH}.above`],
    ],
    ['is a band with something in it', '{ reading: meter.power, above: 99, below: 10, within: 20s }', [`C169 ${PATH}.below`]],
    ['is not a band of one number', '{ reading: meter.power, above: 50, below: 50, within: 20s }', [`C169 ${PATH}.below`]],
    ['lies where the reading is', '{ reading: air.humidity, above: 150, within: 20s }', [`C169 ${PATH}.above`]],
    ['has time enough', '{ reading: meter.power, above: 50, within: 10s }', [`C167 ${PATH}.within`]],
  ])('%s', async (_what, what, found) => {
    expect(await errors(expecting(what))).toEqual(found);
  });

  it('is no output, and a rule switches no reading', async () => {
    const expected = expecting('{ reading: pump.switch, above: 0, within: 20s }');
    const rule = 'rules: { r: { at: "06:30", do: { output: door.closed, set: on } } }\n';
    const lines = await told(`schema: gateway/v1\ngateway: { id: trial }\n${expected}${rule}`, {}, 'error');
    expect([...lines].filter((line) => line.startsWith('C139'))).toEqual([
      expect.stringContaining('there is no reading `pump.switch`: `pump.switch` is an output: a rule goes by readings'),
      expect.stringContaining('there is no output `door.closed`: `door.closed` is a reading: nothing can be switched by it'),
    ]);
  });

  it('is warned of where it is seen whatever the output does', async () => {
    expect(
      await told(
        `schema: gateway/v1\ngateway: { id: trial }\n${expecting('{ reading: air.humidity, above: -1, within: 20s }')}`,
        {},
        'warning',
      ),
    ).toEqual(['C169 this is seen whatever the output does: `air.humidity` lies from 0 to 100: write a limit between the two']);
  });

  it('makes it safe, so it is safe when it is off', async () => {
    expect(await errors(expecting('{ reading: meter.power, above: 50, within: 20s }', 'safe: on'))).toEqual([`C166 ${PATH}`]);
  });

  it('is built with its limits, and with fifteen minutes without the city where nothing else is said', async () => {
    const text = expecting('{ reading: meter.power, above: 50, below: 90, within: 20s }');
    const { config } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${text}`);
    expect(config?.devices.get('pump')?.outputs).toEqual([
      expect.objectContaining({
        expect: { reading: 'meter.power', above: 50, below: 90, withinMs: 20_000 },
        onLostCityMs: 900_000,
      }),
    ]);
  });
});
