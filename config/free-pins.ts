import { HEADER_SERIAL_LINES, I2C1_LINES, lineOfPin, parsePin } from './header-pins.ts';
import type { GatewayFile } from './schema-gateway.ts';

/**
 * Pins for proposals, those first that nothing else can use: 7 is the usual one of 1-Wire, 3, 5, 8 and 10 are buses, and so is
 * SPI. Those that are pulled up come last, as few outputs can be there.
 */
const PINS = [11, 13, 15, 16, 18, 22, 32, 33, 35, 36, 37, 38, 40, 12, 29, 31, 7];

/** Pins of the header that no device and no bus of the site takes, as `via:` names them. */
export function freePins({ buses = {}, devices = {} }: Pick<GatewayFile, 'buses' | 'devices'>): string[] {
  const taken = new Set<number>([...I2C1_LINES, ...HEADER_SERIAL_LINES]);
  const named = [
    ...Object.values(devices).map(({ via }) => via),
    ...Object.values(buses).flatMap((bus) => (bus.type === 'onewire' ? [bus.pin] : [])),
  ];
  for (const name of named) {
    const pin = parsePin(name.replace(/^gpio\./, ''));
    if ('line' in pin) taken.add(pin.line);
  }
  return PINS.filter((pin) => !taken.has(lineOfPin(pin) ?? 0)).map((pin) => `gpio.pin${pin}`);
}
