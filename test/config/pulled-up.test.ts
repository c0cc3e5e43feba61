import { describe, expect, it } from 'vitest';
import { lineOfPin } from '../../config/header-pins.ts';
import { loadText } from './site-files.ts';
import { told } from './told.ts';

const HEAD = 'schema: gateway/v1\ngateway: { id: demo }\n';
const site = (device: string, more = '') => `${HEAD}devices:\n  gate: { ${device} }\n${more}`;
const VALVE = 'board: solenoid-valve@1';

async function warnings(text: string): Promise<readonly string[]> {
  const { problems } = await loadText(text);
  return problems.filter(({ severity }) => severity !== 'note').map(({ code, path }) => `${code} ${path}`);
}

describe('an output on a pin that is pulled up until the gateway runs', () => {
  it('is told, with pins that are not and with what to write for the other kind of relay', async () => {
    expect(await told(site(`${VALVE}, via: gpio.pin7`), {}, 'warning')).toEqual([
      'C159 pin 7 (GPIO4) is pulled up from power-on: `gate.open` can be on until the gateway runs: ' +
        'move the wire to a pin that is pulled down: `gpio.pin11` or `gpio.pin13` or `gpio.pin15`; ' +
        'or write `with: { active: low }`, if a low level is what switches it on',
    ]);
  });

  // BCM2835 ARM Peripherals (2012), table 6-31: the default pull of GPIO0 to GPIO8 is high, that of GPIO9 to GPIO27 low.
  it.each(Array.from({ length: 40 }, (_, index) => index + 1).filter((pin) => lineOfPin(pin) !== undefined))(
    'pin %d',
    async (pin) => {
      const isUp = (lineOfPin(pin) ?? 0) <= 8;
      expect(await warnings(site(`${VALVE}, via: gpio.pin${pin}`))).toEqual(isUp ? ['C159 devices.gate.via'] : []);
    },
  );

  it.each([
    [`${VALVE}, via: gpio.4, with: { active: high }`, ['C159 devices.gate.via']],
    ['board: relay@1, via: gpio.4, outputs: { switch: { safe: off, max_on: 1h } }', ['C159 devices.gate.via']],
    ['board: relay@1, via: gpio.4, outputs: { switch: { safe: on, max_on: unlimited } }', []],
    ['board: relay@1, via: gpio.4, outputs: { switch: { enabled: false } }', ['C135 devices.gate']],
    [`${VALVE}, via: gpio.4, with: { active: low }`, []],
    [`${VALVE}, via: gpio.4, enabled: false`, []],
    ['board: contact@1, via: gpio.4', []],
  ])('%s', async (device, expected) => {
    expect(await warnings(site(device))).toEqual(expected);
  });

  it('is not told beside the bus that has the pin', async () => {
    expect(await warnings(site(`${VALVE}, via: gpio.pin3`, 'buses: { i2c1: { type: i2c } }\n'))).toEqual([
      'C114 devices.gate.via',
    ]);
  });

  it('proposes no pin that is pulled up too, and none where all others are taken', async () => {
    const pins = [11, 13, 15, 16, 18, 22, 32, 33, 35, 36, 37, 38, 40, 12];
    const doors = pins.map((pin) => `  door${pin}: { board: contact@1, via: gpio.pin${pin} }\n`).join('');
    const [first] = await told(`${site(`${VALVE}, via: gpio.pin7`)}${doors}`, {}, 'warning');
    expect(first).toContain('until the gateway runs: or write');
  });
});
