import type { DeviceProblem } from '../../gateway/device-state.ts';

/** One line for each way a device can fail; the driver's own words follow in brackets. */
const PROBLEMS: Readonly<Record<string, string>> = {
  D201: 'it is not there: plug it in, or switch it on',
  D202: 'another program holds the port',
  D203: 'this user may not open the port',
  D204: 'no answer: look at its supply, its wires and its address',
  D205: 'answers arrive damaged: check cable, baud rate and termination',
  D206: 'the device answers nonsense',
  D207: 'the device has no value now',
  D208: 'not possible on this machine in this version',
  D209: 'the device refuses the question',
  D211: 'the input changes too often to be counted: look for a loose wire, a missing resistor or a cable beside a motor',
  D212: 'the name of the port fits more than one',
  D213: 'its driver hangs',
  D214: 'a wire of the bus is held: unplug its devices one after the other, and look for a short circuit',
  D215: 'no connection: look at its supply, its cable, its address and its port',
  D210: 'more is asked of it than it can carry, so that polls are left out: write a longer `every:` at its devices, or a higher baud rate',
};

const NOT_IN_TIME = 'no answer in time: this machine may be too busy; if it stays so, start it anew';
/** What to look at where nothing answers, by the type of the bus. */
const NO_ANSWERS: Readonly<Record<string, string>> = {
  'modbus-rtu': 'no answer: look at its supply, its wires (on RS-485 A and B may be exchanged), its address and the baud rate',
  'modbus-tcp': 'no answer: look at its supply, its cable and its `unit`',
  serial: 'no answer: look at its supply and its wires (what one side sends goes to where the other receives)',
  i2c: 'no answer: look at its supply, its wires and its address',
  onewire: 'no answer: look at its supply and its wires, and at the resistor between data and supply',
  gpio: NOT_IN_TIME,
  gateway: NOT_IN_TIME,
};

/** What is wrong with a device, and what to look at. `type`: of its bus, where it is known. */
export function problemText({ code, message }: DeviceProblem, type?: string): string {
  const words = (code === 'D204' ? NO_ANSWERS[type ?? ''] : undefined) ?? PROBLEMS[code] ?? '';
  return `${code} ${words} (${message})`;
}
