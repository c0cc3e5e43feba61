import type { DigitalOutputPort } from './bus/gpio.ts';
import { readExchange, USUAL_TURNAROUND_MS } from './bus/modbus-timing.ts';
import type { Ports } from './driver.ts';
import { readSwitch, setSwitch, writeSwitch } from './modbus-output.ts';

/**
 * Relays of a Modbus device, each the output of another device of the site. A relay is where it was left when it is opened, so
 * it is set and read back there; after that whoever owns it reads it back.
 */
export const modbusPorts: Ports<'modbus', { readonly unit: number }> = {
  plan() {
    const { requestBytes, answerBytes } = readExchange(true, 1);
    return [{ writeBytes: requestBytes, readBytes: answerBytes, waitMs: USUAL_TURNAROUND_MS }];
  },

  open(spec) {
    return (port, need, bus): DigitalOutputPort => {
      const place = spec.ports?.find(({ id }) => id === port);
      if (place === undefined || need !== 'digital_out')
        throw new Error(`board ${spec.board} provides no ${need} that is called ${port}`);
      const relay = { bus, unit: spec.with.unit, place, writeWith: spec.modbus?.writeWith };
      return {
        open: async (level) => {
          await setSwitch(relay, level);
          return {
            write: (next, haste) => writeSwitch(relay, next, haste),
            read: (haste) => readSwitch(relay, haste),
            close: async () => {},
          };
        },
      };
    };
  },
};
