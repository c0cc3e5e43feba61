import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolvePort } from '../../drivers/bus/linux-ports.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'barri-ports-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function file(path: string, text = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

/** What a kernel shows of an adapter: /dev, its by-path name, and the tree of sysfs with its link in class/tty. */
function plugIn(tty: string, socket: string, usb: { vendor: string; product: string; serial?: string; label?: string }): void {
  const device = `sys/devices/pci0000:00/usb1/${socket}`;
  file(`dev/${tty}`);
  link(`dev/serial/by-path/platform-usb-0:${socket.replace('1-', '')}:1.0-port0`, `../../${tty}`);
  file(`${device}/idVendor`, `${usb.vendor}\n`);
  file(`${device}/idProduct`, `${usb.product}\n`);
  if (usb.serial !== undefined) file(`${device}/serial`, `${usb.serial}\n`);
  if (usb.label !== undefined) file(`${device}/product`, `${usb.label}\n`);
  file(`${device}/${socket}:1.0/${tty}/uevent`);
  link(`sys/class/tty/${tty}/device`, `../../../devices/pci0000:00/usb1/${socket}/${socket}:1.0/${tty}`);
}

const CH340 = { vendor: '1a86', product: '7523', label: 'USB Serial' };
const FTDI = { vendor: '0403', product: '6001', serial: 'A50285BI', label: 'FT232R USB UART' };

describe('a USB adapter', () => {
  it('is found by what it is, whatever its name is today', async () => {
    plugIn('ttyUSB0', '1-1.2', FTDI);
    plugIn('ttyUSB1', '1-1.3', CH340);
    expect(await resolvePort('usb:1a86:7523', root)).toBe(join(root, 'dev/ttyUSB1'));
    expect(await resolvePort('usb:0403:6001@A50285BI', root)).toBe(join(root, 'dev/ttyUSB0'));
    expect(await resolvePort('usb:1A86:7523', root)).toBe(join(root, 'dev/ttyUSB1'));
  });

  it('is found by the socket it is in', async () => {
    plugIn('ttyUSB0', '1-1.2', CH340);
    plugIn('ttyUSB1', '1-1.3', CH340);
    expect(await resolvePort('by-path:platform-usb-0:1.3:1.0-port0', root)).toBe(join(root, 'dev/ttyUSB1'));
  });

  it('is not taken for the one that was in its socket before: the names of udev come behind what the kernel does', async () => {
    plugIn('ttyUSB0', '1-1.2', CH340);
    // Pulled out, and another one plugged in elsewhere that got its device file; the link is still there.
    rmSync(join(root, 'sys/class/tty/ttyUSB0'), { recursive: true });
    rmSync(join(root, 'dev/serial/by-path/platform-usb-0:1.2:1.0-port0'));
    plugIn('ttyUSB0', '1-1.4', CH340);
    link('dev/serial/by-path/platform-usb-0:1.2:1.0-port0', '../../ttyUSB0');
    await expect(resolvePort('by-path:platform-usb-0:1.2:1.0-port0', root)).rejects.toMatchObject({ kind: 'absent' });
    expect(await resolvePort('by-path:platform-usb-0:1.4:1.0-port0', root)).toBe(join(root, 'dev/ttyUSB0'));
  });

  it.each([
    // Newer versions of udev name the version of USB.
    'pci-0000:00:14.0-usbv2-0:1.2:1.0-port0',
    // What is no USB socket cannot be compared.
    'pci-0000:04:00.0-platform-serial8250',
  ])('is found by %s', async (name) => {
    plugIn('ttyUSB0', '1-1.2', CH340);
    link(`dev/serial/by-path/${name}`, '../../ttyUSB0');
    expect(await resolvePort(`by-path:${name}`, root)).toBe(join(root, 'dev/ttyUSB0'));
  });

  it('two alike are both refused, by name, with the way to tell them apart', async () => {
    plugIn('ttyUSB0', '1-1.2', CH340);
    plugIn('ttyUSB1', '1-1.3', CH340);
    const result = resolvePort('usb:1a86:7523', root);
    await expect(result).rejects.toMatchObject({ name: 'BusError', kind: 'ambiguous' });
    const sockets = ['1.2', '1.3'].map((socket, i) => `by-path:platform-usb-0:${socket}:1.0-port0 for /dev/ttyUSB${i}`);
    await expect(result).rejects.toThrow(sockets.join(', or '));
  });

  it.each([
    ['equal serial numbers', '0001', '0001', 'usb:10c4:ea60@0001'],
    ['a serial number and none', '0001', undefined, 'usb:10c4:ea60'],
  ])('two alike with %s are told apart by their sockets', async (_, first, second, port) => {
    const cp2102 = { vendor: '10c4', product: 'ea60' };
    plugIn('ttyUSB0', '1-1.2', { ...cp2102, ...(first === undefined ? {} : { serial: first }) });
    plugIn('ttyUSB1', '1-1.3', { ...cp2102, ...(second === undefined ? {} : { serial: second }) });
    const result = resolvePort(port, root);
    await expect(result).rejects.toMatchObject({ kind: 'ambiguous' });
    await expect(result).rejects.toThrow(/by-path:.*0:1\.2.*ttyUSB0.*by-path:.*0:1\.3.*ttyUSB1/);
  });

  it('two alike without udev, as in a container: the way is told all the same', async () => {
    plugIn('ttyUSB0', '1-1.2', CH340);
    plugIn('ttyUSB1', '1-1.3', CH340);
    rmSync(join(root, 'dev/serial'), { recursive: true });
    await expect(resolvePort('usb:1a86:7523', root)).rejects.toThrow('a name of /dev/serial/by-path');
  });

  it('two with serial numbers: the fix is the number', async () => {
    plugIn('ttyUSB0', '1-1.2', FTDI);
    plugIn('ttyUSB1', '1-1.3', { ...FTDI, serial: 'A50999ZZ' });
    await expect(resolvePort('usb:0403:6001', root)).rejects.toThrow(/@A50285BI.*@A50999ZZ.*serial number/);
    expect(await resolvePort('usb:0403:6001@A50999ZZ', root)).toBe(join(root, 'dev/ttyUSB1'));
  });

  it('that is not there is named together with what is', async () => {
    plugIn('ttyUSB0', '1-1.2', FTDI);
    file('sys/class/tty/tty0/uevent');
    file('sys/devices/platform/serial8250/tty/ttyS0/uevent');
    link('sys/class/tty/ttyS0/device', '../../../devices/platform/serial8250');
    const result = resolvePort('usb:1a86:7523', root);
    await expect(result).rejects.toMatchObject({ kind: 'absent' });
    await expect(result).rejects.toThrow('plugged in: usb:0403:6001@A50285BI (/dev/ttyUSB0, FT232R USB UART)');
    await expect(resolvePort('by-path:nothing', root)).rejects.toThrow('platform-usb-0:1.2:1.0-port0');
  });

  it('that vanishes while it is looked for is not there, and nothing else is wrong', async () => {
    plugIn('ttyUSB0', '1-1.2', FTDI);
    // udev takes the link away after the kernel has taken the device file.
    rmSync(join(root, 'dev/ttyUSB0'));
    await expect(resolvePort('by-path:platform-usb-0:1.2:1.0-port0', root)).rejects.toMatchObject({ kind: 'absent' });
    // A file of sysfs that is listed and cannot be read any more.
    rmSync(join(root, 'sys/devices/pci0000:00/usb1/1-1.2/idProduct'));
    mkdirSync(join(root, 'sys/devices/pci0000:00/usb1/1-1.2/idProduct'));
    await expect(resolvePort('usb:0403:6001', root)).rejects.toMatchObject({ kind: 'absent' });
    rmSync(join(root, 'sys/class/tty'), { recursive: true });
    file('sys/class/tty');
    await expect(resolvePort('usb:0403:6001', root)).rejects.toMatchObject({ kind: 'absent' });
  });

  it('on a machine without any', async () => {
    await expect(resolvePort('usb:1a86:7523', root)).rejects.toThrow('no USB serial adapter is');
    await expect(resolvePort('by-path:x', root)).rejects.toThrow('no other USB serial adapter is');
  });
});

describe('other names', () => {
  it('an absolute path is taken as it is', async () => {
    expect(await resolvePort('/dev/ttyNOPE', root)).toBe('/dev/ttyNOPE');
  });

  it.each([
    [['serial0', 'ttyAMA0', 'ttyS0'], 'serial0'],
    [['ttyAMA0', 'ttyS0'], 'ttyAMA0'],
    [['ttyS0'], 'ttyS0'],
  ])('the header of a machine with %j is %s', async (names, expected) => {
    for (const name of names) file(`dev/${name}`);
    expect(await resolvePort('header', root)).toBe(join(root, 'dev', expected));
  });

  it('a machine without a header port says what was tried', async () => {
    await expect(resolvePort('header', root)).rejects.toThrow('/dev/serial0, /dev/ttyAMA0, /dev/ttyS0');
  });

  it.each(['usb:1a86', 'usb:1a86:75234', 'usb:zzzz:0000', 'ttyUSB0', ''])('%j is not a name of a port', async (name) => {
    await expect(resolvePort(name, root)).rejects.toThrow('is not a name of a serial port');
  });

  it('by-path cannot leave its folder', async () => {
    plugIn('ttyUSB0', '1-1.2', FTDI);
    file('dev/sda');
    await expect(resolvePort('by-path:../../sda', root)).rejects.toMatchObject({ kind: 'absent' });
  });
});
