import { describe, expect, it } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { errors, HEAD, loadText, marks } from './site-files.ts';

const device = (id: string, more: string) => `${HEAD}devices:\n  ${id}: { ${more} }\n`;

/** What the problems of a site propose, with their codes. */
async function proposalsOf(text: string): Promise<string> {
  const { problems } = await loadText(text);
  return problems.map(({ code, parameters }) => `${code} ${textOf(en, code, parameters).hints.join(' ')}`).join('\n');
}

describe('a proposal does not repeat the mistake', () => {
  it.each([
    ['board: BME280@1, via: i2c1', 'C099', '`bme280@1`'],
    ['board: bme280, via: i2c1', 'C099', '`bme280@1`'],
    ['board: bem280, via: i2c1', 'C099', '`bme280@1`'],
    ['board: __proto__@1, via: i2c1', 'C099', '`bme280@1`'],
    ['board: ../../x@1, via: i2c1', 'C099', '`bme280@1`'],
    ['board: contact@1, via: GPIO17', 'C111', 'did you mean `gpio.17`?'],
    ['board: contact@1, via: gpio17', 'C111', 'did you mean `gpio.17`?'],
    ['board: contact@1, via: pin11', 'C111', 'did you mean `gpio.pin11`?'],
    ['board: contact@1, via: gpio.GPIO17', 'C111', 'did you mean `gpio.17`?'],
    ['board: contact@1, via: gpio.Pin11', 'C111', 'did you mean `gpio.pin11`?'],
    ['board: contact@1, via: 17', 'C111', 'did you mean `gpio.17`?'],
    ['board: sht31@1, via: i2c1, every: 60 s', 'C035', 'did you mean `60s`?'],
    ['board: sht31@1, via: i2c1, every: 1 min', 'C035', 'did you mean `1min`?'],
    ['board: sht31@1, via: i2c1, every: 5minutes', 'C035', 'did you mean `5min`?'],
    ['board: sht31@1, via: i2c1, every: "1,5 hores"', 'C035', 'did you mean `1.5h`?'],
    ['board: relay@1, via: gpio.17, outputs: { switch: { safe: off, max_on: 5m } }', 'C034', 'write 5min'],
    ['board: relay@1, via: gpio.17, outputs: { switch: { safe: off, max_on: 30 } }', 'C033', 'write 30s'],
    ['board: relay@1, via: gpio.17, outputs: { switch: { safe: off, max_on: unlimted } }', 'C024', 'did you mean `unlimited`?'],
    ['board: sht31@1, via: i2c1, location: { lat: "41.4", lon: 2 }', 'C069', 'remove the quotes: 41.4'],
    ['board: sht31@1, via: i2c1, location: { lat: "41,4", lon: 2 }', 'C070', 'write 41.4'],
    ['board: sht31@1, via: i2c1, location: { lat: 41,4, lon: 2 }', 'C070', 'write 41.4'],
    ['board: sht31@1, via: i2c1, readings: { temperature: { calibrate: { offset: -0,8 } } }', 'C070', 'write -0.8'],
    ['board: eastron-sdm120@1, via: meters, with: { unit: 1,5 }', 'C070', 'write 1.5'],
    ['board: eastron-sdm120@1, via: meters, with: { unit: "7" }', 'C069', 'remove the quotes: 7'],
    ["board: sht31@1, via: i2c1, name: 'Pati de l'escola'", 'C064', '"Pati de l\'escola"'],
    ["board: sht31@1, via: i2c1, name: { ca: 'Pati de l'escola', es: Patio }", 'C064', '"Pati de l\'escola"'],
    ['board: sht31@1, via: i2c1, name: { ca: Pati, gran, es: Patio }', 'C014', '"…, …"'],
  ])('%s', async (text, code, proposal) => {
    const found = await proposalsOf(device('d', text));
    expect(
      found
        .split('\n')
        .filter((line) => line.startsWith(code))
        .join('\n'),
    ).toContain(proposal);
    expect(found).not.toMatch(/C023|C029|C030/);
  });
});

describe('how much the journal keeps', () => {
  const buffer = (text: string) => `schema: gateway/v1\ngateway: { id: demo }\nbuffer: { ${text} }\n`;

  it.each([
    ['max_size: 0MiB', 'C025 at least 1MiB'],
    ['max_size: -1MiB', 'C025 at least 1MiB'],
    ['max_size: -5GiB', 'C025 at least 1MiB'],
    ['max_size: 0.5KiB', 'C025 at least 1MiB'],
    ['max_size: 1KiB', 'C025 at least 1MiB'],
    ['max_size: 1023KiB', 'C025 at least 1MiB'],
    ['max_size: 1024.5TiB', 'C025 at most 1024TiB'],
    ['max_size: 99999999999999TiB', 'C025 at most 1024TiB'],
    [
      'max_size: 99999TB',
      'C036 a number with a unit: `500MiB`, `1GiB`; units: kB, KiB, MB, MiB, GB, GiB, TiB from 1MiB to 1024TiB',
    ],
    ['keep: 99999999999999999999d', 'C025 at most 400d'],
    ['keep: 500 days', 'C035 a number with ms, s, min, h or d: `30s`, `5min`, `1h30min`; at most 400d'],
    ['keep: [1]', 'C023 write one value behind `keep:`, without `-` and without [ ] such as 30s, 5min'],
    ['max_size: { size: 1GiB }', 'C023 write one value behind `max_size:`, on the same line such as 1GiB'],
  ])('cannot be %s', async (text, proposal) => {
    const { problems } = await loadText(buffer(text));
    const found = problems.filter(({ severity }) => severity === 'error');
    expect(found.map(({ code, parameters }) => `${code} ${textOf(en, code, parameters).hints.join(' ')}`)).toEqual([proposal]);
    expect(found[0]?.place.line).toBe(3);
  });

  it.each([
    ['sync: 2min', '`2min` is too large for `sync`'],
    ['sync: 500ms', '`500ms` is too small for `sync`'],
    ['sync: 0min', '`0min` is too small for `sync`'],
  ])('is quoted as it is written: %s', async (text, what) => {
    const { problems } = await loadText(buffer(text));
    const found = problems.filter(({ severity }) => severity === 'error');
    expect(found.map(({ code, parameters }) => textOf(en, code, parameters).what)).toEqual([what]);
  });

  it('quotes a period of zero as it is written', async () => {
    const { problems } = await loadText(device('d', 'board: sht31@1, via: i2c1, every: 0min'));
    const found = problems.filter(({ severity }) => severity === 'error');
    expect(found.map(({ code, parameters }) => textOf(en, code, parameters).what)).toEqual(['`0min` is too small for `every`']);
  });

  it.each(['max_size: 1MiB', 'max_size: 1024KiB', 'max_size: 1024TiB', 'keep: 400d'])('can be %s', async (text) => {
    expect(errors(await loadText(buffer(text)))).toEqual([]);
  });
});

describe('a 1-Wire address', () => {
  const site = (rom: string) =>
    `${HEAD}  w1: { type: onewire, pin: gpio.4 }\ndevices: { t: { board: ds18b20@1, via: w1, with: { rom: ${rom} } } }\n`;

  it('may have capital letters', async () => {
    expect(errors(await loadText(site('28-0316A2799DFF')))).toEqual([]);
  });

  it.each([
    ['280316A2799DFF', '`28-0316a2799dff`'],
    ['28.0316a2799dff', '`28-0316a2799dff`'],
  ])('%s is proposed in the right form', async (rom, proposal) => {
    expect(await proposalsOf(site(rom))).toContain(proposal);
  });

  it.each([
    ['28-0316a2799dfg', ['g'], []],
    ['28-O316a2799dff', ['O'], ['28-0316a2799dff']],
    ['28-O316a2799dfg', ['O', 'g'], []],
    ['28-03l6a2799dff', ['l'], ['28-0316a2799dff']],
    ['O316a2799dff', ['O'], ['28-0316a2799dff']],
  ])('%s is told with the letters that are no digits', async (rom, letters, candidates) => {
    const { problems } = await loadText(site(rom));
    expect(problems.find(({ code }) => code === 'C124')?.parameters).toMatchObject({ kind: 'letters', letters, candidates });
  });

  it.each([
    ['28031612799e05', '28-031612799e05'],
    ['031612799e05', '28-031612799e05'],
    ['031612799105', '28-031612799105'],
  ])('%s is no number, whatever YAML makes of it', async (rom, proposal) => {
    const { problems } = await loadText(site(rom));
    expect(problems.map(({ code }) => code)).toEqual(['C124']);
    expect(await proposalsOf(site(rom))).toContain(`\`${proposal}\``);
  });
});

describe('one mistake', () => {
  it.each([
    ['a space that is none in a key', `${HEAD}devices:\n  d: { board: sht31@1, via\u2009: i2c1 }\n`, ['C015']],
    ['a soft hyphen in a key', `${HEAD}devices:\n  d: { board: sht31@1, vi\u00ada: i2c1 }\n`, ['C015']],
    ['a non-breaking space behind a colon', 'schema: gateway/v1\ngateway:\n  id:\u00a0demo\n', ['C015']],
    ['a narrow space behind a colon, in braces', 'schema: gateway/v1\ngateway: { id:\u2009demo }\n', ['C015']],
    ['an alias without an anchor', `${HEAD}devices:\n  d: { board: *b, via: i2c1 }\n`, ['C016']],
    ['a comma in the only text', `${HEAD}gateway: { id: x, y }\n`.replace('gateway: { id: demo }\n', ''), ['C014']],
  ])('is told once: %s', async (_title, text, expected) => {
    expect(errors(await loadText(text))).toEqual(expected);
  });

  it('shows a standard tag as it is written', async () => {
    const { problems } = await loadText(`${HEAD}devices:\n  d: { board: !!str sht31@1, via: i2c1 }\n`);
    expect(problems.find(({ code }) => code === 'C020')?.parameters).toMatchObject({ tag: '!!str' });
  });
});

describe('two things that are one', () => {
  const buses = (more: string, devices = '') => `${HEAD}${more}${devices === '' ? '' : `devices:\n${devices}`}`;
  const tcp = (id: string, host: string) => `  ${id}: { type: modbus-tcp, host: ${host} }\n`;
  const meter = (id: string, via: string, unit: number) =>
    `  ${id}: { board: eastron-sdm120@1, via: ${via}, with: { unit: ${unit} } }\n`;

  it.each([
    ['a bus called gpio', buses('  gpio: { type: serial, port: header }\n'), ['C144 8:3']],
    ['a device called gpio', buses('', '  gpio: { board: sht31@1, via: i2c1 }\n'), ['C144 9:3']],
    ['a bus and a device', buses('', '  pm: { board: sht31@1, via: i2c1 }\n'), ['C144 9:3']],
    ['one adapter in two spellings', buses('  b: { type: serial, port: "usb:1A86:7523" }\n'), ['C133 8:28']],
    [
      'one path in two spellings',
      buses('  a: { type: serial, port: /dev/ttyAMA0 }\n  b: { type: serial, port: /dev//ttyAMA0 }\n'),
      ['C133 9:28'],
    ],
    [
      'one adapter with and without its path',
      buses('  a: { type: serial, port: "by-path:x" }\n  b: { type: serial, port: /dev/serial/by-path/x }\n'),
      ['C133 9:28'],
    ],
    ['an adapter with and without its serial number', buses('  b: { type: serial, port: "usb:1a86:7523@A1" }\n'), ['C145 6:29']],
    [
      'one unit of one converter on two buses',
      buses(tcp('a', 'plc.local') + tcp('b', 'PLC.local'), meter('x', 'a', 3) + meter('y', 'b', 3)),
      ['C130 12:3'],
    ],
    ['two units of one converter', buses(tcp('a', 'plc') + tcp('b', 'plc'), meter('x', 'a', 3) + meter('y', 'b', 4)), []],
  ])('%s', async (_title, text, expected) => {
    expect(marks(await loadText(text))).toEqual(expected);
  });

  it.each(['""', '"http://10.0.0.7"', '10.0.0.7:502', '"a b"'])('a host cannot be %s', async (host) => {
    expect(errors(await loadText(buses(tcp('a', host))))).toEqual([host === '""' ? 'C029' : 'C147']);
  });

  it.each(['10.0.0.7', 'plc-1.local', '"fe80::1"', '"[fe80::1%eth0]"'])('a host can be %s', async (host) => {
    expect(errors(await loadText(buses(tcp('a', host))))).toEqual([]);
  });
});

describe('a device that is switched off', () => {
  it('is told nothing about the speed of its bus', async () => {
    const site = await loadText(
      `${HEAD.replace('2400, format: 8E1', '19200')}devices: { m: { board: eastron-sdm120@1, via: meters, enabled: false } }\n`,
    );
    expect(marks(site)).toEqual([]);
  });
});

describe('a word for on or off', () => {
  const choices = 'it can be: on, off';

  it.each([
    ...['no', 'No', 'NO', 'n', '0', '"false"', 'Off', 'OFF', '" off"', 'apagat'].map((word) => [word, 'off']),
    ...['yes', 'Yes', 'y', '1', '"true"', 'On', 'ON', 'sí'].map((word) => [word, 'on']),
  ])('%s is proposed as %s', async (word, meant) => {
    for (const text of [
      device('gate', `board: solenoid-valve@1, via: gpio.17, outputs: { open: { safe: ${word} } }`),
      `${device('gate', 'board: solenoid-valve@1, via: gpio.17')}rules: { a: { at: "06:30", do: { output: gate.open, set: ${word} } } }`,
    ]) {
      const found = (await proposalsOf(text)).split('\n').filter((line) => line.startsWith('C024'));
      expect(found).toEqual([`C024 did you mean \`${meant}\`? ${choices}`]);
    }
  });

  it.each(['open', 'closed', 'shut', 'high', '2', 'obert', 'tancat', 'abierto'])('%s is not guessed', async (word) => {
    const text = device('gate', `board: solenoid-valve@1, via: gpio.17, outputs: { open: { safe: ${word} } }`);
    const found = (await proposalsOf(text)).split('\n').filter((line) => line.startsWith('C024'));
    expect(found).toEqual([expect.stringContaining(choices)]);
    expect(found.join()).not.toContain('did you mean');
  });
});

describe('something else where a block of keys belongs', () => {
  it('an address is written behind its key', async () => {
    const found = await proposalsOf('schema: gateway/v1\ngateway: { id: demo }\nmqtt: mqtt://127.0.0.1\n');
    expect(found).toContain('C023 write it behind `url:`, on a line of its own below `mqtt:` that stands two spaces further in');
    expect(found).not.toContain('a space behind each colon');
  });

  it('a list in brackets gets ids', async () => {
    const found = await proposalsOf(`${HEAD.replace('token:', 'alerts: [PALLARS], token:')}devices: {}\n`);
    expect(found).toContain('C023 write an id before each, without `-` and without [ ], such as `leak:`');
  });
});
