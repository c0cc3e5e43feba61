// Rules of a site: what they become, and what is told of those that could never do what they say.

import { describe, expect, it } from 'vitest';
import { errors, HEAD, loadText, marks } from './site-files.ts';
import { told } from './told.ts';

const DEVICES = `devices:
  hall: { board: sht31@1, via: i2c1 }
  yard: { board: sht31@1, via: i2c1, enabled: false, with: { address: 0x45 } }
  door: { board: contact@1, via: gpio.pin11 }
  fan: { board: relay@1, via: gpio.pin13, outputs: { switch: { safe: off, max_on: 1h } } }
  lamp: { board: relay@1, via: gpio.pin15, outputs: { switch: { safe: off, max_on: unlimited, orders: [local] } } }
`;
const site = (rule: string, more = '') => `${HEAD}${DEVICES}rules:\n  r: { ${rule} }\n${more}`;
const FAN = 'do: { output: fan.switch, set: on }';
/** The same with a fan that is switched off. */
const withoutFan = (rule: string) => site(rule).replace('max_on: 1h', 'max_on: 1h, enabled: false');
const when = (condition: string) => site(`when: { reading: hall.temperature, ${condition} }, ${FAN}`);

describe('a rule', () => {
  it('becomes plain data that nobody can change', async () => {
    const { config, problems } = await loadText(
      `${HEAD}${DEVICES}rules:
  morning:
    at: ["6:30", "20:30", "06:30"]
    only_if: [{ reading: hall.humidity, below: 60 }]
    do: { output: fan.switch, set: on, for: 8min }
  hot:
    when: { reading: hall.temperature, above: 30, below: 50, for: 2min, and_outputs_off: [fan.switch] }
    do: { alarm: hot, say: { ca: Fa calor, en: It is hot } }
  open: { when: { reading: door.closed, below: 0.5 }, do: { alarm: open_door } }
`.replace('token:', 'alerts: { hot: CITY_HOT, silent: CITY_SILENT }, token:'),
    );
    expect(problems).toEqual([]);
    expect([...(config?.rules.values() ?? [])]).toEqual([
      {
        id: 'morning',
        trigger: { at: ['06:30', '20:30'] },
        onlyIf: [{ reading: 'hall.humidity', below: 60 }],
        action: { output: 'fan.switch', on: true, forMs: 480_000 },
      },
      {
        id: 'hot',
        trigger: { when: { reading: 'hall.temperature', above: 30, below: 50, forMs: 120_000, outputsOff: ['fan.switch'] } },
        onlyIf: [],
        action: { alarm: 'hot', say: { ca: 'Fa calor', en: 'It is hot' } },
      },
      {
        id: 'open',
        trigger: { when: { reading: 'door.closed', below: 0.5, forMs: 0, outputsOff: [] } },
        onlyIf: [],
        action: { alarm: 'open_door', say: { '*': 'open_door' } },
      },
    ]);
    expect([...(config?.sentilo?.alerts ?? [])]).toEqual([
      ['hot', 'CITY_HOT'],
      ['silent', 'CITY_SILENT'],
    ]);
    expect(Object.isFrozen(config?.rules.get('hot')?.trigger)).toBe(true);
  });

  it('goes by the languages of the site, the first of them first', async () => {
    const languages = async (more: string) => (await loadText(`${HEAD}${DEVICES}${more}`)).config?.gateway.languages;
    expect(await languages('')).toEqual(['ca', 'es', 'en']);
    expect(await languages('web: { languages: [es, ca] }\n')).toEqual(['es', 'ca']);
  });
});

describe('a rule that could never do what it says', () => {
  it.each([
    [
      'orders what takes no orders of rules',
      site('at: "06:30", do: { output: lamp.switch, set: on }'),
      'C170 lamp.switch takes no orders of rules: write at it: `orders: [rules, local]`',
    ],
    ['has no limit', when('for: 2min'), /^C171 a condition needs a limit, and `hall.temperature` has none/],
    ['has a band without anything in it', when('above: 30, below: 20'), /^C172 nothing is above 30 and below 20/],
    [
      'has a band of one number',
      when('above: 20, below: 20'),
      'C172 nothing is above 20 and below 20: write a higher `below`, or leave one of the two out',
    ],
    // The board's limits are those of the chip: -40 to 125 °C.
    ['waits for what is not valid', when('above: 125'), /^C172 this never holds: `hall.temperature` lies from -40 to 125/],
    ['waits for more than yes', site(`when: { reading: door.closed, above: 1 }, ${FAN}`), /^C172 this never holds.* from 0 to 1/],
    ['does not say what to set', site('at: "06:30", do: { output: fan.switch }'), /^C174 `fan.switch` is to be set/],
    [
      'ends what is safe',
      site('at: "06:30", do: { output: fan.switch, set: off, for: 5min }'),
      /^C174 `for` makes no sense here: this is the safe state of fan.switch/,
    ],
    ['says something to an output', site('at: "06:30", do: { output: fan.switch, set: on, say: Hello }'), /^C174 `say` belongs/],
    ['sets an alarm', site('at: "06:30", do: { alarm: a, set: on }'), /^C174 `set` belongs to an output/],
    ['ends an alarm', site('at: "06:30", do: { alarm: a, for: 5min }'), /^C174 `for` belongs to an output/],
    [
      'waits for what is not read',
      when('above: 30').replace('i2c1 }', 'i2c1, readings: { temperature: { enabled: false } } }'),
      'C175 `hall.temperature` is not read, so that this rule would never hold: write `enabled: true` at devices.hall.readings.temperature',
    ],
    ['sets what is switched off', withoutFan(`at: "06:30", ${FAN}`), /^C175 `fan.switch` is switched off/],
    [
      'looks at what is switched off',
      withoutFan('when: { reading: hall.temperature, above: 30, and_outputs_off: [fan.switch] }, do: { alarm: a }'),
      /^C175 `fan.switch` is switched off/,
    ],
    [
      'raises what cannot be a name',
      site('at: "06:30", do: { alarm: Leak 1 }'),
      'C177 `Leak 1` cannot be the name of an alarm: small letters, digits and `_`, a letter first; did you mean `leak_1`?',
    ],
    ['raises what the gateway raises', site('at: "06:30", do: { alarm: disk }'), /^C177 the gateway itself raises `disk`/],
  ])('%s', async (_what, text, expected) => {
    expect(await told(text)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });

  it('is told of a text', async () => {
    const board = `schema: board/v1
id: own
version: 1.0.0
label: Own meter
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
readings: { serial_number: { at: 0, registers: 4, encoding: text, kind: state, quantity: text, unit: text } }
`;
    const text = `${HEAD}devices: { meter: { board: own@1, via: meters } }
rules: { r: { when: { reading: meter.serial_number, above: 1 }, do: { alarm: a } } }\n`;
    expect(await told(text, { 'boards/own.board.yaml': board })).toEqual([
      expect.stringMatching(/^C173 a text is neither above nor below: `meter.serial_number`/),
    ]);
  });
});

describe('a mistake in a rule is told once', () => {
  const leak = (rules: string) =>
    `${site('at: "06:30", do: { alarm: a }')}${rules}`.replace('token:', 'alerts: { leak: LEAK }, token:');

  it.each([
    ['a limit that is no number', when('above: thirty'), ['C023']],
    ['a limit that is true', when('above: true'), ['C023']],
    ['a limit of `only_if`', site(`at: "06:30", only_if: [{ reading: hall.humidity, below: x }], ${FAN}`), ['C023']],
    ['what no output is set to', site('at: "06:30", do: { output: fan.switch, set: toggle }'), ['C024']],
    [
      'who gives orders',
      `${HEAD.replace('token:', 'orders_from: console, token:')}${DEVICES.replace('[local]', '[sentilo]')}`,
      ['C023'],
    ],
    ['an alarm that is a list', leak('  s: { at: "06:30", do: { alarm: [leak] } }\n'), ['C023']],
    ['the name of an alarm', leak('  s: { at: "06:30", do: { alarm: Leak } }\n'), ['C177']],
    ['rules in a list', leak('').replace('  r: {', '  - {'), ['C023']],
  ])('%s', async (_what, text, codes) => {
    const { problems } = await loadText(text);
    expect(problems.filter(({ severity }) => severity !== 'note').map(({ code }) => code)).toEqual(codes);
  });
});

describe('a rule that may be meant so', () => {
  it.each([
    ['has a limit that says nothing', when('above: -41'), /^C172 this always holds: `hall.temperature` lies from -40 to 125/],
    [
      'goes by a device that is switched off',
      site(`when: { reading: yard.temperature, above: 30 }, ${FAN}`),
      /^C176 `yard.temperature` is not there for this rule: yard is switched off/,
    ],
    [
      'orders more than an output may be on',
      site('at: "06:30", do: { output: fan.switch, set: on, for: 2h }'),
      'C179 2h is more than fan.switch may be on: it goes back after 1h: write `for: 1h`; or a longer `max_on:` at it, where that is safe',
    ],
  ])('is warned of: %s', async (_what, text, expected) => {
    expect(errors(await loadText(text))).toEqual([]);
    expect(await told(text, {}, 'warning')).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });
});

describe('two rules that switch one output', () => {
  const pair = (on: string, off: string) =>
    `${site(`when: { reading: ${on} }, ${FAN}`)}  s: { when: { reading: ${off} }, do: { output: fan.switch, set: off } }\n`;

  it('at one number are warned of', async () => {
    expect(await told(pair('hall.temperature, above: 30', 'hall.temperature, below: 30'), {}, 'warning')).toEqual([
      'C181 fan.switch goes on and off at the same 30 of `hall.temperature`: each value that trembles there would switch it, ' +
        'which wears it out: leave a gap between the limits of the two rules; or write `for:` below their `when:`, such as `for: 2min`',
    ]);
    expect(await told(pair('hall.temperature, below: 5', 'hall.temperature, above: 5'), {}, 'warning')).toHaveLength(1);
  });

  it.each([
    ['with a gap', pair('hall.temperature, above: 30', 'hall.temperature, below: 28')],
    ['after some time', pair('hall.temperature, above: 30, for: 2min', 'hall.temperature, below: 30')],
    ['by another reading', pair('hall.temperature, above: 30', 'hall.humidity, below: 30')],
    ['by what is yes or no', pair('door.closed, above: 0.5', 'door.closed, below: 0.5')],
  ])('%s are not', async (_what, text) => {
    expect(await told(text, {}, 'warning')).toEqual([]);
  });
});

describe('an alarm that is told to the city', () => {
  const alerts = (map: string) => site('at: "06:30", do: { alarm: leak }').replace('token:', `alerts: ${map}, token:`);

  it('that nobody raises is warned of, with what may be meant', async () => {
    expect(await told(alerts('{ leek: CITY_LEAK }'), {}, 'warning')).toEqual([
      'C178 nobody raises an alarm `leek`: did you mean `leak`?; known here: silent, buffer_filling, output_fault, disk, leak; ' +
        'an alarm of your own is raised by a rule: `do: { alarm: leek, say: … }`',
    ]);
  });

  it('has an id that can be one in the city', async () => {
    const text = alerts('{ leak: "CITY LEAK" }');
    const column = (text.split('\n')[2]?.indexOf('"CITY') ?? 0) + 1;
    expect(marks(await loadText(text))).toEqual([`C042 3:${column}`]);
  });

  it('is one of a rule or of the gateway itself', async () => {
    const text = alerts('{ leak: A, silent: B, buffer_filling: C, output_fault: D, disk: E }');
    expect((await loadText(text)).problems).toEqual([]);
  });
});
