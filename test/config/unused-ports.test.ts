import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

/** A converter and relays, with something in a port of the converter and `more`. */
const site = (more: string) => `${HEAD}devices:
  adc: { board: ads1115@1, via: i2c1 }
  soil: { board: analog-input@1, via: adc.ain0 }
  relays: { board: modbus-relay-8@1, via: meters }
  ${more}
`;
const lamp = (id: string, more: string) => site(`${id}: { outputs: { switch: { max_on: 1h } }, ${more} }`);

/** Devices of which it is said that nothing is plugged into them. */
async function unused(text: string): Promise<readonly string[]> {
  const found = await told(text, {}, 'warning');
  return found.flatMap((each) => /^C150 nothing is plugged into `(\w+)`/.exec(each)?.[1] ?? []);
}

describe('relays with a lamp that has mistakes of its own', () => {
  it.each([
    ['an accent in its id', lamp('làmpada', 'board: relay@1, via: relays.relay3')],
    ['a hyphen in its id', lamp('lamp-3', 'board: relay@1, via: relays.relay3')],
    ['a board that there is not', lamp('lamp', 'board: realy@1, via: relays.relay3')],
    ['no board', lamp('lamp', 'via: relays.relay3')],
    ['no place', lamp('lamp', 'board: relay@1')],
    ['no port', lamp('lamp', 'board: relay@1, via: relays')],
    ['a port that there is not', lamp('lamp', 'board: relay@1, via: relays.relay9')],
    ['a device that there is not', lamp('lamp', 'board: relay@1, via: relay.relay3')],
    ['the bus of the relays', lamp('lamp', 'board: relay@1, via: meters.relay3')],
    ['a bus where it does not fit', lamp('lamp', 'board: relay@1, via: i2c1')],
    ['a pin that is taken', site('knob: { board: contact@1, via: gpio.17 }\n  lamp: { board: relay@1, via: gpio.pin11 }')],
    ['a device without ports', site('air: { board: sht31@1, via: i2c1 }\n  lamp: { board: relay@1, via: air }')],
  ])('are used: %s', async (_title, text) => {
    expect(await told(text)).not.toEqual([]);
    expect(await unused(text)).toEqual([]);
  });

  it.each([
    ['there is none', site('')],
    ['it is switched off', lamp('lamp', 'board: relay@1, via: relays.relay3, enabled: false')],
    ['it is plugged in elsewhere', lamp('làmpada', 'board: relay@1, via: gpio.pin11')],
    ['what is wrong is plugged into something else', site('wet: { board: analog-input@1, via: adc.ain9 }')],
    ['what is wrong needs something else', site('wet: { board: analog-input@1, via: i2c1 }')],
  ])('are unused when %s', async (_title, text) => {
    expect(await unused(text)).toEqual(['relays']);
  });
});
