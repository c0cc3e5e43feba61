import { access, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BusError } from '../errors.ts';

/** The serial port on the header of a Raspberry Pi and its likes, the best name first. */
const HEADER_PORTS = ['serial0', 'ttyAMA0', 'ttyS0'];
/** How far above a tty the USB device can stand in sysfs: tty, port, interface, device, and room for hubs' oddities. */
const PARENTS_MAX = 8;

/** A serial port on a USB adapter. Ids are four lower-case hex digits. */
interface UsbPort {
  /** Such as ttyUSB0. */
  readonly tty: string;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string | undefined;
  readonly label: string | undefined;
}

/**
 * Finds the device file of a port as sites name it: `usb:VID:PID`, `usb:VID:PID@serial`, `by-path:NAME`, `header`, or an
 * absolute path, which is returned as it is. `root` is where /dev and /sys stand.
 *
 * An adapter is found by what it is, since ttyUSB0 and ttyUSB1 change places with the order of plugging in.
 * @throws BusError `no-answer` when nothing fits, `busy` when more than one does: to choose would be to guess
 */
export async function resolvePort(port: string, root = '/'): Promise<string> {
  if (port.startsWith('/')) return port;
  if (port === 'header') return headerPort(root);
  if (port.startsWith('by-path:')) return byPath(port, root);
  const wanted = /^usb:([0-9a-f]{4}):([0-9a-f]{4})(?:@(.+))?$/i.exec(port);
  if (wanted === null) {
    const forms = 'usb:VID:PID, usb:VID:PID@serial, by-path:NAME, header, or a path such as /dev/ttyUSB0';
    throw new BusError('absent', `${port} is not a name of a serial port; write ${forms}`);
  }
  const [, vendor = '', product = '', serial] = wanted;
  const plugged = await usbPorts(root);
  const matching = plugged.filter((usb) => {
    const isKind = usb.vendor === vendor.toLowerCase() && usb.product === product.toLowerCase();
    return isKind && (serial === undefined || usb.serial === serial);
  });
  const [found, second] = matching;
  if (found === undefined) throw new BusError('absent', `${port} is not plugged in; ${listed(plugged)}`);
  if (second !== undefined) throw new BusError('busy', ambiguous(port, matching));
  return join(root, 'dev', found.tty);
}

async function headerPort(root: string): Promise<string> {
  for (const name of HEADER_PORTS) {
    const path = join(root, 'dev', name);
    if (await exists(path)) return path;
  }
  const tried = HEADER_PORTS.map((name) => `/dev/${name}`).join(', ');
  throw new BusError('absent', `header: this machine has none of ${tried}; switch the serial port on in its boot settings`);
}

async function byPath(port: string, root: string): Promise<string> {
  const folder = join(root, 'dev/serial/by-path');
  const name = port.slice('by-path:'.length);
  const names = await namesIn(folder);
  // Only names that stand in the folder: nothing like ../../sda can be meant.
  if (names.includes(name)) return realpath(join(folder, name));
  const others = names.length === 0 ? 'no USB serial adapter is plugged in' : `there are ${names.join(', ')}`;
  throw new BusError('absent', `${port} is not plugged in; ${others}`);
}

/** All serial ports on USB, as sysfs knows them, by name. */
async function usbPorts(root: string): Promise<UsbPort[]> {
  const ttys = join(root, 'sys/class/tty');
  const ports: UsbPort[] = [];
  for (const tty of await namesIn(ttys)) {
    const usb = await usbDeviceOf(join(ttys, tty, 'device'));
    if (usb !== undefined) ports.push({ tty, ...usb });
  }
  return ports;
}

/** Walks up from a tty's device to the USB device it belongs to; undefined for a port that is not on USB. */
async function usbDeviceOf(link: string): Promise<Omit<UsbPort, 'tty'> | undefined> {
  if (!(await exists(link))) return undefined;
  let folder = await realpath(link);
  for (let i = 0; i < PARENTS_MAX; i++) {
    const vendor = await attribute(folder, 'idVendor');
    const product = await attribute(folder, 'idProduct');
    if (vendor !== undefined && product !== undefined) {
      return { vendor, product, serial: await attribute(folder, 'serial'), label: await attribute(folder, 'product') };
    }
    folder = dirname(folder);
  }
  return undefined;
}

function listed(ports: readonly UsbPort[]): string {
  if (ports.length === 0) return 'no USB serial adapter is';
  return `plugged in: ${ports.map(describe).join(', ')}`;
}

function ambiguous(port: string, matching: readonly UsbPort[]): string {
  const serials = new Set(matching.map((usb) => usb.serial));
  const canTell = serials.size === matching.length && !serials.has(undefined);
  const fix = canTell
    ? `write ${port}@ and the serial number of the one you mean`
    : 'they cannot be told apart by number: write by-path: and a name of /dev/serial/by-path, which says the socket';
  return `${port} fits more than one adapter: ${matching.map(describe).join(' and ')}; ${fix}`;
}

function describe({ tty, vendor, product, serial, label }: UsbPort): string {
  const id = `usb:${vendor}:${product}${serial === undefined ? '' : `@${serial}`}`;
  return `${id} (/dev/${tty}${label === undefined ? '' : `, ${label}`})`;
}

/** A folder that does not exist has no names: without USB there is no /dev/serial. */
async function namesIn(folder: string): Promise<string[]> {
  return (await exists(folder)) ? (await readdir(folder)).sort() : [];
}

/** One line of sysfs, or undefined when the device does not have it. */
async function attribute(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  return (await exists(path)) ? (await readFile(path, 'utf8')).trim() : undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
