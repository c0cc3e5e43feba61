// Where a device can be plugged in, and what is proposed where it cannot.

import { describe, expect, test } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { HEAD, loadText } from './site-files.ts';

describe('a pin that is proposed', () => {
  /** The pins of the header that carry no line of the chip: Raspberry Pi documentation, "GPIO and the 40-pin header". */
  const NO_LINES = [1, 2, 4, 6, 9, 14, 17, 20, 25, 27, 28, 30, 34, 39];
  /** I2C, serial and SPI have theirs. */
  const OF_BUSES = [3, 5, 8, 10, 19, 21, 23, 24, 26];
  const ALL = Array.from({ length: 40 }, (_, index) => index + 1).filter((pin) => ![...NO_LINES, ...OF_BUSES].includes(pin));

  const contact = (id: string, via: string) => `  ${id}: { board: contact@1, via: ${via} }\n`;
  const proposed = async (devices: string, buses = '') => {
    const { problems } = await loadText(`${HEAD}${buses}devices:\n${devices}`);
    const found = problems.filter(({ severity }) => severity === 'error');
    return found.map(({ code, parameters }) => `${code} ${textOf(en, code, parameters).hints.join(' ')}`).join(' ');
  };
  const COUNTER = '  pins: { board: mcp23017@1, via: i2c1 }\n  rain: { board: rain-gauge@1, via: pins.gpa0 }\n';

  test.each([
    ['as a pin', contact('a', 'gpio.pin11'), ''],
    // Pin 11 is line 17 of the chip.
    ['as a line of the chip', contact('a', 'gpio.17'), ''],
    ['by a bus', '', '  w1: { type: onewire, pin: gpio.pin11 }\n'],
  ])('is not one that is taken %s', async (_title, device, bus) => {
    const said = await proposed(COUNTER + device, bus);
    expect(said).toContain('C150');
    expect(said).toContain('`via: gpio.pin13`');
    expect(said).not.toContain('pin11');
  });

  test.each([
    ['where two devices are on one pin', contact('b', 'gpio.pin11'), 'C132'],
    ['where the pin is one of a bus', contact('b', 'gpio.pin3'), 'C114'],
    ['where the pin carries 3.3 V', contact('b', 'gpio.pin1'), 'C113'],
    ['where the place is of another kind', contact('b', 'i2c1'), 'C112'],
  ])('is free: %s', async (_title, device, code) => {
    const said = await proposed(contact('a', 'gpio.pin11') + device);
    expect(said).toContain(code);
    expect(said).toContain('`gpio.pin13` or `gpio.pin15` or `gpio.pin16`');
  });

  test('is none where all are taken, and another way is told', async () => {
    const taken = ALL.map((pin) => contact(`c${pin}`, `gpio.pin${pin}`)).join('');
    const said = await proposed(`${taken}${contact('last', 'i2c1')}`);
    expect(said).toMatch(/^C112 no pin of the header is free any more: .*mcp23017/);
    expect(await proposed(`${taken}${COUNTER}`)).not.toMatch(/via: gpio|via: `/);
  });
});

describe('what a board needs is said in words', () => {
  const buses = 'schema: gateway/v1\ngateway: { id: demo }\nbuses:\n  i2c1: { type: i2c }\n';
  test.each([
    ['eastron-sdm120@1', 'eastron-sdm120 needs a Modbus bus, but `i2c1` is an I2C bus', 'type: modbus-rtu'],
    ['sds011@1', 'sds011 needs a serial port, but `i2c1` is an I2C bus', 'type: serial'],
    ['ds18b20@1', 'ds18b20 needs a 1-Wire bus, but `i2c1` is an I2C bus', 'type: onewire'],
    ['analog-input@1', 'analog-input needs an analogue input, but `i2c1` is an I2C bus', 'ads1115'],
    ['relay@1', 'relay needs a digital output, but `i2c1` is an I2C bus', 'gpio.pin11'],
  ])('%s', async (board, what, hint) => {
    const { problems } = await loadText(`${buses}devices:\n  it: { board: ${board}, via: i2c1 }\n`);
    const { code, parameters } = problems.find((problem) => problem.code === 'C112') ?? { code: 'C112', parameters: {} };
    const text = textOf(en, code, parameters);
    expect(text.what).toBe(what);
    expect(text.hints.join(' ')).toContain(hint);
  });
});
