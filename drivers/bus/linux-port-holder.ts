import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Field of /proc/PID/stat that tells the controlling terminal, counted from behind the program's name (proc(5)). */
const TERMINAL_FIELD = 4;
/** A pseudo terminal is made by a program that has both its ends open, and so have those that it has started. */
const MADE_BY_A_PROGRAM = 'dev/pts/';
const TERMINAL_MAKER = /\/ptmx$/;
const CONSOLE_PROGRAMS = new Set(['agetty', 'getty', 'login']);
const MODEM_MANAGER = 'ModemManager';

/**
 * What uses a serial port beside this program, and what frees it, as the end of a sentence; undefined when nothing is known
 * to. `path` is the device file, `isLocked` that opening it has failed, `root` where /dev and /proc stand.
 *
 * A login console and most terminal programs take no lock, so that a port of theirs can be opened: two would then share its
 * bytes. What a process has open is told only to its own user and to root, its controlling terminal to everybody; and that is
 * how a console has its port.
 */
export async function findHolder(path: string, isLocked: boolean, root = '/'): Promise<string | undefined> {
  const device = await realpath(path).catch(() => undefined);
  if (device === undefined) return undefined;
  const inKernel = await kernelConsole(device, root);
  const isOpenTelling = isLocked || !device.startsWith(join(root, MADE_BY_A_PROGRAM));
  const number = (await stat(device).catch(() => undefined))?.rdev;
  for (const id of await processes(root)) {
    const seen = await lookAt(id, root);
    if (seen === undefined) continue;
    // Zero is no terminal, and a file that is no device.
    const isTerminal = number !== 0 && seen.terminal === number;
    if (!isTerminal && !(isOpenTelling && (await hasOpen(id, device, root)))) continue;
    return described(id, seen.name, { tty: basename(device), inKernel });
  }
  if (inKernel === undefined) return undefined;
  return `the console of the kernel; take ${inKernel} out of /boot/firmware/cmdline.txt, or switch the login shell on the serial port off in raspi-config, and reboot`;
}

/** Who holds a port that could not be opened for it: if this user may not look into that program, what is likely. */
export async function holderOfLocked(path: string, root = '/'): Promise<string> {
  const known = await findHolder(path, true, root);
  if (known !== undefined) return known;
  const certain = `\`sudo fuser -v ${path}\` names it`;
  for (const id of await processes(root)) {
    if ((await lookAt(id, root))?.name !== MODEM_MANAGER) continue;
    return `a program of another user, probably ${modemManager(id)}; ${certain}`;
  }
  return `a program of another user; ${certain}`;
}

function described(id: string, name: string, { tty, inKernel }: { tty: string; inKernel: string | undefined }): string {
  // A console is started anew every few seconds, and a message that changes with it would be told each time.
  if (CONSOLE_PROGRAMS.has(name)) {
    const lasting = inKernel === undefined ? '' : `; it stays free without ${inKernel} in /boot/firmware/cmdline.txt`;
    return `the login console (${name}); \`sudo systemctl mask --now serial-getty@${tty}.service\` frees it${lasting}`;
  }
  if (name === MODEM_MANAGER) return modemManager(id);
  if (id === String(process.pid)) return 'this program itself; two buses of the site name the same port';
  return `${name} (process ${id}); end it, or give the bus another port`;
}

function modemManager(id: string): string {
  return `${MODEM_MANAGER} (process ${id}), which tries every new adapter; \`sudo systemctl disable --now ${MODEM_MANAGER}\` frees it`;
}

/** The `console=` on the kernel's command line that means this device: login and messages of the kernel go there. */
async function kernelConsole(device: string, root: string): Promise<string | undefined> {
  const line = await readFile(join(root, 'proc/cmdline'), 'utf8').catch(() => '');
  for (const word of line.split(/\s+/)) {
    const [, name = ''] = /^console=([^,]+)/.exec(word) ?? [];
    // On a Raspberry Pi serial0 is a link to the port on the header, whichever that is.
    if (name !== '' && (await realpath(join(root, 'dev', name)).catch(() => undefined)) === device) return word;
  }
  return undefined;
}

/** Processes end while we look: what of them cannot be read is passed over, here and below. */
async function processes(root: string): Promise<string[]> {
  return (await readdir(join(root, 'proc')).catch(() => [])).filter((name) => /^\d+$/.test(name));
}

/** A program's name, and the device number of its controlling terminal. */
async function lookAt(id: string, root: string): Promise<{ readonly name: string; readonly terminal: number } | undefined> {
  const line = await readFile(join(root, 'proc', id, 'stat'), 'utf8').catch(() => '');
  // The name stands in brackets and may hold some itself.
  const [, name, rest = ''] = /^\d+ \((.*)\) (.*)/s.exec(line) ?? [];
  return name === undefined ? undefined : { name, terminal: Number(rest.split(' ')[TERMINAL_FIELD]) };
}

async function hasOpen(id: string, device: string, root: string): Promise<boolean> {
  const folder = join(root, 'proc', id, 'fd');
  let isOpen = false;
  for (const descriptor of await readdir(folder).catch(() => [])) {
    const target = await readlink(join(folder, descriptor)).catch(() => '');
    if (TERMINAL_MAKER.test(target)) return false;
    isOpen ||= target === device;
  }
  return isOpen;
}
