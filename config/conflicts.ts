import { posix } from 'node:path';
import { freePins } from './free-pins.ts';
import { HEADER_SERIAL_LINES, I2C1_LINES, meantPins, parsePin, pinOfLine } from './header-pins.ts';
import { hex, show } from './parameters.ts';
import { warnPulledUp } from './pulled-up.ts';
import type { BoardFile } from './schema-board.ts';
import type { BusEntry } from './schema-gateway.ts';
import type { Plugged, Site, Via } from './site.ts';

/** Free pins that a message names. */
const PINS_SHOWN = 3;

/** The address on the bus, and the parameter that sets it when one does. */
export interface Address {
  readonly value: number;
  readonly parameter?: string;
  readonly type: 'i2c_address' | 'modbus_unit';
}

/** Where a device answers on its bus; undefined for buses without addresses. */
export function addressOf({ board, parameters }: Pick<Plugged, 'board' | 'parameters'>): Address | undefined {
  for (const [name, { type }] of Object.entries(board.with ?? {})) {
    const value = parameters?.[name];
    if ((type === 'i2c_address' || type === 'modbus_unit') && typeof value === 'number') return { value, parameter: name, type };
  }
  const fixed = board.needs === 'i2c' ? board.identify?.find((probe) => probe.i2c_address !== undefined)?.i2c_address : undefined;
  return fixed === undefined ? undefined : { value: fixed, type: 'i2c_address' };
}

/** Finds what two devices cannot have both: an address, a serial port, a GPIO line, a port of another device. */
export function checkConflicts(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const owners = new Map<string, string>();
  /** The earlier owner of a thing, or undefined when it was free. */
  const take = (thing: string, owner: string): string | undefined => {
    const earlier = owners.get(thing);
    if (earlier === undefined) owners.set(thing, owner);
    return earlier;
  };
  checkIds(site);
  checkPorts(site, take);
  checkUsbKinds(site);
  takeLinesOfBuses(site, take);
  const used = addressesByBus(devices);
  const usedOn = (bus: string) => used.get(bus) ?? new Set<number>();
  for (const device of devices.values()) {
    if (device.entry.enabled) checkDevice(site, device, usedOn, take);
  }
}

function addressesByBus(devices: ReadonlyMap<string, Plugged>): ReadonlyMap<string, Set<number>> {
  const used = new Map<string, Set<number>>();
  for (const device of devices.values()) {
    const address = addressOf(device);
    if (!address || device.via?.kind !== 'bus') continue;
    const own = used.get(device.via.bus) ?? new Set();
    used.set(device.via.bus, own.add(address.value));
  }
  return used;
}

/** Addresses on a bus that somebody has, or has been told to take. */
type Used = (bus: string) => Set<number>;

type Take = (thing: string, owner: string) => string | undefined;

/** The device file of an I2C bus: as written, or from an id such as `i2c1`. Undefined when neither says it. */
export function i2cDevice(id: string, device: string | undefined): string | undefined {
  const number = /^i2c([0-9]+)$/.exec(id)?.[1];
  return device ?? (number === undefined ? undefined : `/dev/i2c-${number}`);
}

/** `via:` names buses, devices and `gpio`: the header wins over what is called like it, and a bus over a device. */
function checkIds(site: Site): void {
  const { buses = {}, devices = {} } = site.file;
  for (const [block, ids] of [
    ['buses', Object.keys(buses)],
    ['devices', Object.keys(devices)],
  ] as const) {
    if (ids.includes('gpio')) site.report('C144', [block, 'gpio'], { kind: 'reserved', id: 'gpio' }, 'error', 'key');
  }
  // A device may be called so: it is `via: gateway` without a port that means the gateway itself.
  if (Object.hasOwn(buses, 'gateway')) site.report('C144', ['buses', 'gateway'], { kind: 'self', id: 'gateway' }, 'error', 'key');
  for (const id of Object.keys(devices)) {
    if (Object.hasOwn(buses, id)) site.report('C144', ['devices', id], { kind: 'bus', id }, 'warning', 'key');
  }
}

/** One spelling for each port: hexadecimal in small letters, paths without double slashes, a long name in short. */
function onePort(port: string): string {
  const usb = /^(usb:[0-9a-f]{4}:[0-9a-f]{4})(.*)$/i.exec(port);
  if (usb) return `${usb[1]?.toLowerCase()}${usb[2]}`;
  return port.startsWith('/') ? posix.normalize(port).replace('/dev/serial/by-path/', 'by-path:') : port;
}

/** An adapter that is named by its kind alone can be the very one that another bus names with its serial number. */
function checkUsbKinds(site: Site): void {
  const ports = Object.entries(site.file.buses ?? {}).flatMap(([id, bus]) =>
    bus.type === 'serial' || bus.type === 'modbus-rtu' ? [[id, onePort(bus.port)] as const] : [],
  );
  const withSerial = new Map(
    ports.filter(([, port]) => /^usb:.*@/.test(port)).map(([id, port]) => [port.replace(/@.*/, ''), id]),
  );
  for (const [id, port] of ports) {
    const other = withSerial.get(port);
    if (other !== undefined) site.report('C145', ['buses', id, 'port'], { port, other }, 'warning');
  }
}

function checkPorts(site: Site, take: Take): void {
  for (const [id, bus] of Object.entries(site.file.buses ?? {})) {
    if (bus.type === 'i2c') {
      const device = i2cDevice(id, bus.device);
      const path = ['buses', id, 'device'];
      if (device === undefined) site.report('C022', path, { key: 'device', parent: `buses.${id}` });
      else takePort(site, path, device, id, take);
    }
    if (bus.type !== 'serial' && bus.type !== 'modbus-rtu') continue;
    const path = ['buses', id, 'port'];
    takePort(site, path, bus.port, id, take);
    if (/^\/dev\/tty(?:USB|ACM)[0-9]+$/.test(bus.port)) site.report('C115', path, { port: bus.port }, 'warning');
    else if (!/^(?:usb:[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(?:@.+)?|by-path:.+|header|\/.+)$/.test(bus.port)) {
      site.report('C117', path, { port: bus.port, candidates: /^tty\w+$/.test(bus.port) ? [`/dev/${bus.port}`] : [] });
    }
  }
}

function takePort(site: Site, path: readonly string[], port: string, bus: string, take: Take): void {
  const other = take(`port ${onePort(port)}`, bus);
  if (other !== undefined) site.report('C133', path, { port, other });
}

/** A bus that goes over pins of the header takes their lines. */
function takeLinesOfBuses(site: Site, take: Take): void {
  for (const [id, bus] of Object.entries(site.file.buses ?? {})) {
    const isFirstI2c = bus.type === 'i2c' && i2cDevice(id, bus.device) === '/dev/i2c-1';
    const isHeader = (bus.type === 'serial' || bus.type === 'modbus-rtu') && bus.port === 'header';
    for (const line of isFirstI2c ? I2C1_LINES : isHeader ? HEADER_SERIAL_LINES : []) take(`line ${line}`, id);
    if (bus.type !== 'onewire') continue;
    const path = ['buses', id, 'pin'];
    const pin = parsePin(bus.pin.replace(/^gpio\./, ''));
    if ('unknown' in pin) site.report('C111', path, { via: bus.pin, candidates: meantPins(bus.pin) });
    else if ('carries' in pin) site.report('C113', path, { pin: pin.pin, carries: pin.carries, free: proposals(site) });
    else takeLine(site, path, pin.line, id, take);
  }
}

/** Takes a line of the chip. Says whether it was free. */
function takeLine(site: Site, path: readonly string[], line: number, owner: string, take: Take): boolean {
  const other = take(`line ${line}`, owner);
  if (other === undefined) return true;
  // A bus needs its pins; two devices could be exchanged.
  const code = Object.hasOwn(site.file.buses ?? {}, other) ? 'C114' : 'C132';
  site.report(code, path, { pin: pinOfLine(line) ?? 0, line, other, free: proposals(site) });
  return false;
}

/** A few pins that are free. */
function proposals({ file }: Site): string[] {
  return freePins(file).slice(0, PINS_SHOWN);
}

function checkDevice(site: Site, device: Plugged, used: Used, take: Take): void {
  const { id, via } = device;
  if (via?.kind === 'line') {
    if (takeLine(site, ['devices', id, 'via'], via.line, id, take)) warnPulledUp(site, device, via.line);
  } else if (via?.kind === 'port') takeWhole(site, device, { kind: 'port', what: `${via.device}.${via.port}` }, take);
  else if (via?.kind === 'gateway') takeWhole(site, device, { kind: 'gateway', what: 'gateway' }, take);
  else if (via?.entry.type === 'serial') takeWhole(site, device, { kind: 'serial', what: via.bus }, take);
  else if (via) {
    takeRom(site, device, via.bus, take);
    takeAddress(site, device, via, used, take);
  }
}

/** A serial bus, a port of another device, or the gateway itself, carries one device. */
function takeWhole(site: Site, { id }: Plugged, whole: { readonly kind: string; readonly what: string }, take: Take): void {
  const other = take(`whole ${whole.what}`, id);
  if (other !== undefined) site.report('C131', ['devices', id, 'via'], { ...whole, other });
}

function takeRom(site: Site, { id, board, parameters }: Plugged, bus: string, take: Take): void {
  for (const [name, { type }] of Object.entries(board.with ?? {})) {
    const rom = parameters?.[name];
    if (type !== 'onewire_rom' || rom === undefined) continue;
    const other = take(`rom ${bus} ${rom}`, id);
    if (other !== undefined) site.report('C131', ['devices', id, 'with', name], { kind: 'rom', what: String(rom), other });
  }
}

/** Addresses of single devices on a serial line (Modbus over serial line V1.02 §2.2); 0 is broadcast. */
const SERIAL_UNIT = { least: 1, most: 247 };

function isSerialLine(bus: BusEntry): boolean {
  return bus.type === 'modbus-rtu' || (bus.type === 'modbus-tcp' && bus.framing === 'rtu');
}

/** The first and the last unit on a bus, for a message. */
export function unitsOf(bus: BusEntry): { readonly from: number; readonly to: number } {
  return isSerialLine(bus) ? { from: SERIAL_UNIT.least, to: SERIAL_UNIT.most } : { from: 0, to: 255 };
}

function checkUnit(
  site: Site,
  { id }: Plugged,
  { value, parameter, type }: Address,
  { entry }: Extract<Via, { kind: 'bus' }>,
): void {
  if (type !== 'modbus_unit' || !isSerialLine(entry) || (value >= SERIAL_UNIT.least && value <= SERIAL_UNIT.most)) return;
  const bound = value < SERIAL_UNIT.least ? 'least' : 'most';
  const parameters = { key: parameter ?? '', written: String(value), bound, of: 'number', ...unitsOf(entry) };
  site.report('C025', ['devices', id, 'with', parameter ?? ''], parameters);
}

function takeAddress(site: Site, device: Plugged, via: Extract<Via, { kind: 'bus' }>, used: Used, take: Take): void {
  const { id, board } = device;
  const address = addressOf(device);
  if (!address) return;
  checkUnit(site, device, address, via);
  const { bus, entry } = via;
  // Two buses can lead to one converter or meter.
  const wire = entry.type === 'modbus-tcp' ? `${entry.host.toLowerCase()}:${entry.tcp_port}` : bus;
  const other = take(`address ${wire} ${address.value}`, id);
  if (other === undefined) return;
  const isUnit = address.type === 'modbus_unit';
  const free = freeAddresses(board, address, used(bus));
  // The next one that is told of the same address needs another.
  if (free[0] !== undefined) used(bus).add(Number(free[0]));
  site.report('C130', ['devices', id], {
    kind: isUnit ? 'unit' : 'address',
    address: isUnit ? String(address.value) : hex(address.value),
    bus,
    other,
    board: board.id,
    parameter: address.parameter ?? '',
    free,
    first: free[0] ?? '',
    all: isUnit && free.length === 0 ? `${SERIAL_UNIT.least} to ${SERIAL_UNIT.most}` : '',
  });
}

/** Other addresses that the board can have and nobody on the bus has yet. */
function freeAddresses(board: BoardFile, { type, parameter, value }: Address, used: ReadonlySet<number>): string[] {
  if (parameter === undefined) return [];
  const choices = board.with?.[parameter]?.choices;
  if (choices) return choices.filter((choice) => !used.has(Number(choice))).map((choice) => show(type, choice));
  if (type !== 'modbus_unit') return [];
  const { least, most } = SERIAL_UNIT;
  // The next ones first, then those from the beginning.
  const units = Array.from({ length: most }, (_, step) => least + ((value - least + 1 + step) % most));
  return units
    .filter((unit) => unit >= least && !used.has(unit))
    .slice(0, 1)
    .map(String);
}
