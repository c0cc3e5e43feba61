import { access, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BusError } from '../errors.ts';

/** The serial port on the header of a Raspberry Pi and its likes, the best name first. */
const HEADER_PORTS = ['serial0', 'ttyAMA0', 'ttyS0'];
/** Where udev names ports by the socket that they are plugged into. */
const BY_PATH = 'dev/serial/by-path';
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
 * @throws BusError `absent` when nothing fits, `ambiguous` when more than one does: to choose would be to guess
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
  if (second !== undefined) throw new BusError('ambiguous', ambiguous(port, matching, await namesByPath(root)));
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
  const folder = join(root, BY_PATH);
  const name = port.slice('by-path:'.length);
  const names = await namesIn(folder);
  // Only names that stand in the folder: nothing like ../../sda can be meant.
  const path = names.includes(name) ? await target(join(folder, name)) : undefined;
  if (path !== undefined && (await isInSocket(join(folder, name), name, root))) return path;
  const rest = names.filter((each) => each !== name);
  const others = rest.length === 0 ? 'no other USB serial adapter is' : `there are ${rest.join(', ')}`;
  throw new BusError('absent', `${port} is not plugged in; ${others}`);
}

/**
 * Whether a tty is in the socket that its name by path tells. udev follows what the kernel does: for a moment after a replug
 * a name leads to whatever has got the device file since.
 */
async function isInSocket(link: string, name: string, root: string): Promise<boolean> {
  // `usb-0:1.3:1.0` is what the kernel calls 1-1.3:1.0: the bus, the sockets on the way, configuration and interface.
  const [, socket] = /-?usb(?:v\d)?-\d+:([\d.]+:\d+\.\d+)/.exec(name) ?? [];
  const tty = await ttyOf(link);
  const device = tty === undefined ? undefined : await target(join(root, 'sys/class/tty', tty, 'device'));
  if (socket === undefined || device === undefined) return true;
  return device.split('/').some((folder) => /^\d+-(.*)/.exec(folder)?.[1] === socket);
}

/** The name by path of each tty, where udev has made one. */
async function namesByPath(root: string): Promise<ReadonlyMap<string, string>> {
  const folder = join(root, BY_PATH);
  const names = new Map<string, string>();
  for (const name of await namesIn(folder)) {
    const tty = await ttyOf(join(folder, name));
    // Newer versions of udev make two names for each.
    if (tty !== undefined && !names.has(tty)) names.set(tty, name);
  }
  return names;
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
  let folder = await target(link);
  for (let i = 0; folder !== undefined && i < PARENTS_MAX; i++) {
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

function ambiguous(port: string, matching: readonly UsbPort[], byPath: ReadonlyMap<string, string>): string {
  const serials = new Set(matching.map((usb) => usb.serial));
  const canTell = serials.size === matching.length && !serials.has(undefined);
  const names = matching.flatMap(({ tty }) => {
    const name = byPath.get(tty);
    return name === undefined ? [] : `by-path:${name} for /dev/${tty}`;
  });
  const sockets = names.length === matching.length ? names.join(', or ') : `by-path: and a name of /${BY_PATH}`;
  const fix = canTell
    ? `write ${port}@ and the serial number of the one you mean`
    : `they cannot be told apart by number: name the socket that it is in, ${sockets}`;
  return `${port} fits more than one adapter: ${matching.map(describe).join(' and ')}; ${fix}`;
}

function describe({ tty, vendor, product, serial, label }: UsbPort): string {
  const id = `usb:${vendor}:${product}${serial === undefined ? '' : `@${serial}`}`;
  return `${id} (/dev/${tty}${label === undefined ? '' : `, ${label}`})`;
}

// What is looked for may be pulled out at any moment: whatever cannot be read is not there.

/** A folder that does not exist has no names: without USB there is no /dev/serial. */
async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/** One line of sysfs, or undefined when the device does not have it. */
async function attribute(folder: string, name: string): Promise<string | undefined> {
  return (await readFile(join(folder, name), 'utf8').catch(() => undefined))?.trim();
}

/** What udev's link to a tty names, such as ttyUSB0. */
async function ttyOf(link: string): Promise<string | undefined> {
  const path = await readlink(link).catch(() => undefined);
  return path === undefined ? undefined : basename(path);
}

/** Where a link leads, or undefined when it leads nowhere. */
function target(link: string): Promise<string | undefined> {
  return realpath(link).catch(() => undefined);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
